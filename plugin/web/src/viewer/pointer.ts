// Mouse, pen and touch on a plane, beside what the library's own tools do:
// scrolling, the crosshair, the window.

import type { Plane } from "./cube.ts";
import { add, dot } from "./grid.ts";
import type { Planes, Tool, Window } from "./planes.ts";

interface Does {
  tool: () => Tool;
  window: (w: Window) => void;
  active: (plane: Plane) => void;
  thickness: (mm: number) => void; // of the slab, by so much
  touched: () => void; // by wheel or button
}

const wheelStep = 40; // pixels of fine wheels that make one slice

/** attach listens on a plane until the function that it returns is called. */
export function attach(element: HTMLDivElement, plane: Plane, planes: Planes, does: Does): () => void {
  let held = 0; // wheel movement that did not make a slice yet
  let drag: { x: number; y: number; window: Window } | null = null;
  let queued: (() => void) | null = null;

  // Many events come within one frame; the last one counts.
  const soon = (f: () => void): void => {
    const waiting = queued !== null;
    queued = f;
    if (waiting) return;
    window.requestAnimationFrame(() => {
      const run = queued;
      queued = null;
      run?.();
    });
  };

  const at = (e: MouseEvent): [number, number] => {
    const box = element.getBoundingClientRect();
    return [e.clientX - box.left, e.clientY - box.top];
  };

  let turns = 0;
  const wheel = (e: WheelEvent): void => {
    e.preventDefault();
    does.active(plane);
    if (e.shiftKey) { // some browsers turn it into a horizontal wheel
      does.thickness(-Math.sign(e.deltaY || e.deltaX));
      return;
    }
    does.touched();
    if (e.ctrlKey) {
      planes.zoom(plane, e.deltaY < 0 ? 1.1 : 1 / 1.1);
      return;
    }
    const coarse = e.deltaMode !== WheelEvent.DOM_DELTA_PIXEL || Math.abs(e.deltaY) >= 2 * wheelStep;
    let slices = 0;
    if (coarse) slices = -Math.sign(e.deltaY);
    else {
      held -= e.deltaY;
      slices = Math.trunc(held / wheelStep);
      held -= slices * wheelStep;
    }
    turns += plane === "coronal" ? -slices : slices;
    if (turns !== 0) {
      soon(() => {
        planes.scroll(plane, turns);
        turns = 0;
      });
    }
  };

  const cross = (e: PointerEvent): void => {
    const [x, y] = at(e);
    const view = planes.views[plane];
    const on = view.toWorld(x, y);
    // The plane itself stays: only what lies within it changes.
    const normal = view.normal();
    planes.moveTo(add(on, normal, dot(add(planes.point, on, -1), normal)));
  };

  const down = (e: PointerEvent): void => {
    does.touched();
    does.active(plane);
    element.closest<HTMLElement>(".view")?.focus({ preventScroll: true });
    if (e.button !== 0) return;
    const [x, y] = at(e);
    if (does.tool() === "cross") {
      drag = { x, y, window: planes.window };
      cross(e);
    } else if (does.tool() === "window") {
      drag = { x, y, window: planes.window };
    } else return;
    element.setPointerCapture(e.pointerId);
  };

  const move = (e: PointerEvent): void => {
    if (!drag) return;
    if (does.tool() === "cross") {
      soon(() => drag && cross(e));
      return;
    }
    const [x, y] = at(e);
    const from = drag;
    soon(() => does.window({ width: from.window.width + 3 * (x - from.x), center: from.window.center + 2 * (y - from.y) }));
  };

  const up = (): void => {
    drag = null;
  };

  element.addEventListener("wheel", wheel, { passive: false });
  element.addEventListener("pointerdown", down);
  element.addEventListener("pointermove", move);
  element.addEventListener("pointerup", up);
  element.addEventListener("pointercancel", up);
  return () => {
    element.removeEventListener("wheel", wheel);
    element.removeEventListener("pointerdown", down);
    element.removeEventListener("pointermove", move);
    element.removeEventListener("pointerup", up);
    element.removeEventListener("pointercancel", up);
  };
}
