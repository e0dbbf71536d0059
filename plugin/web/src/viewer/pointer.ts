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
const touchStep = 12; // pixels of a finger that make one slice
const stillPX = 8; // a finger that moves less is held
const longPress = 500; // ms

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

  // One finger scrolls where the tool is the crosshair, and puts it where it is held;
  // two zoom and pan, whatever the tool.
  const fingers = new Map<number, [number, number]>();
  let pressing = 0;
  let travelled = 0; // pixels of one finger
  const release = (): void => window.clearTimeout(pressing);
  const touchDown = (e: PointerEvent): void => {
    fingers.set(e.pointerId, at(e));
    release();
    travelled = 0;
    held = 0;
    if (fingers.size > 1) drag = null;
    else if (does.tool() === "cross") pressing = window.setTimeout(() => cross(e), longPress);
  };
  const touchMove = (e: PointerEvent): boolean => {
    const from = fingers.get(e.pointerId);
    if (!from) return false;
    const to = at(e);
    if (fingers.size === 2) {
      const other = [...fingers].find(([id]) => id !== e.pointerId)?.[1] ?? from;
      const apart = (p: [number, number]): number => Math.max(1, Math.hypot(p[0] - other[0], p[1] - other[1]));
      planes.zoom(plane, apart(to) / apart(from));
      planes.pan(plane, -(to[0] - from[0]) / 2, -(to[1] - from[1]) / 2); // the middle of the two
    } else if (does.tool() === "cross") {
      travelled += Math.abs(to[1] - from[1]) + Math.abs(to[0] - from[0]);
      if (travelled > stillPX) release();
      held += from[1] - to[1];
      const slices = Math.trunc(held / touchStep);
      held -= slices * touchStep;
      if (slices !== 0) planes.scroll(plane, plane === "coronal" ? -slices : slices);
    } else {
      fingers.set(e.pointerId, to);
      return false; // as a mouse does
    }
    fingers.set(e.pointerId, to);
    return true;
  };
  const touchUp = (e: PointerEvent): void => {
    release();
    fingers.delete(e.pointerId);
  };

  const down = (e: PointerEvent): void => {
    if (e.pointerType === "touch") touchDown(e);
    does.touched();
    does.active(plane);
    element.closest<HTMLElement>(".view")?.focus({ preventScroll: true });
    if (e.button !== 0) return;
    const [x, y] = at(e);
    if (does.tool() === "cross" && e.pointerType === "touch") {
      element.setPointerCapture(e.pointerId);
      return;
    }
    if (does.tool() === "cross") {
      drag = { x, y, window: planes.window };
      cross(e);
    } else if (does.tool() === "window") {
      drag = { x, y, window: planes.window };
    } else return;
    element.setPointerCapture(e.pointerId);
  };

  const move = (e: PointerEvent): void => {
    if (e.pointerType === "touch" && touchMove(e)) return;
    if (!drag) return;
    if (does.tool() === "cross") {
      soon(() => drag && cross(e));
      return;
    }
    const [x, y] = at(e);
    const from = drag;
    soon(() => does.window({ width: from.window.width + 3 * (x - from.x), center: from.window.center + 2 * (y - from.y) }));
  };

  const up = (e: PointerEvent): void => {
    if (e.pointerType === "touch") touchUp(e);
    drag = null;
  };

  element.addEventListener("wheel", wheel, { passive: false });
  element.addEventListener("pointerdown", down);
  element.addEventListener("pointermove", move);
  element.addEventListener("pointerup", up);
  element.addEventListener("pointercancel", up);
  return () => {
    release();
    element.removeEventListener("wheel", wheel);
    element.removeEventListener("pointerdown", down);
    element.removeEventListener("pointermove", move);
    element.removeEventListener("pointerup", up);
    element.removeEventListener("pointercancel", up);
  };
}
