// Drawing an outline with mouse, pen or finger.

import type { Vec3 } from "../types.ts";
import { grow, paint, type Grown } from "./brush.ts";
import type { Cube, Plane } from "./cube.ts";
import { add, dot } from "./grid.ts";
import type { Planes, Tool } from "./planes.ts";
import { texts } from "../texts.ts";

/** draws tells whether a tool draws an outline. */
export const draws = (t: Tool): boolean => t === "brush" || t === "erase" || t === "grow";

export const refusals: Record<Exclude<Grown, "grown">, string> = {
  outside: texts.paint.outside,
  limits: texts.paint.beyondLimits,
  missing: texts.paint.slicesMissing,
};

export interface Painting {
  tool: () => Tool;
  radius: () => number;
  limits: () => [number, number]; // HU
  hu: (p: Vec3) => number | null;
  begin: () => Cube | null; // a copy of the outline to be changed; null: not here, or not now
  live: (cube: Cube | null) => void; // while it is drawn; null: as before
  end: (cube: Cube, grown: boolean) => void;
  hover: (at: { plane: Plane; x: number; y: number } | null) => void;
  refused: (why: Exclude<Grown, "grown">) => void;
}

/** attachBrush listens on a plane until the function that it returns is called. */
export function attachBrush(element: HTMLDivElement, plane: Plane, planes: Planes, d: Painting): () => void {
  let cube: Cube | null = null; // that is drawn in
  let pointer = 0;
  let last: Vec3 | null = null;
  let erase = false;
  let changed = false;

  const at = (e: PointerEvent): [number, number] => {
    const box = element.getBoundingClientRect();
    return [e.clientX - box.left, e.clientY - box.top];
  };
  // On the slice that is shown, whatever the library takes for its plane.
  const place = (e: PointerEvent): Vec3 => {
    const [x, y] = at(e);
    const on = planes.views[plane].toWorld(x, y);
    const normal = planes.views[plane].normal();
    return add(on, normal, dot(add(planes.point, on, -1), normal));
  };
  const stroke = (from: Vec3, to: Vec3): void => {
    if (!cube) return;
    const next = { ...cube, data: cube.data.slice() }; // what is drawn of a cube is remembered by the cube
    if (!paint(next, { from, to, normal: planes.views[plane].normal(), radius: d.radius(), slice: planes.step(plane) }, !erase)) return;
    cube = next;
    changed = true;
    d.live(cube);
  };
  const stop = (keep: boolean): void => {
    const made = cube;
    cube = null;
    last = null;
    d.live(null);
    if (keep && made && changed) d.end(made, false);
  };

  const down = (e: PointerEvent): void => {
    if (!draws(d.tool())) return;
    if (cube) { // a second finger: it was meant for something else
      stop(false);
      return;
    }
    if (e.button !== 0 || (e.pointerType === "touch" && !e.isPrimary)) return;
    const copy = d.begin();
    if (!copy) return;
    e.preventDefault();
    if (d.tool() === "grow") {
      const how = grow(copy, place(e), d.limits(), d.hu);
      if (how === "grown") d.end(copy, true);
      else d.refused(how);
      return;
    }
    cube = copy;
    pointer = e.pointerId;
    erase = d.tool() === "erase" || e.shiftKey;
    changed = false;
    last = place(e);
    element.setPointerCapture(e.pointerId);
    stroke(last, last);
  };
  const move = (e: PointerEvent): void => {
    if (!draws(d.tool())) return;
    const [x, y] = at(e);
    d.hover({ plane, x, y });
    if (!cube || !last || e.pointerId !== pointer) return;
    const to = place(e);
    stroke(last, to);
    last = to;
  };
  const up = (e: PointerEvent): void => {
    if (cube && e.pointerId === pointer) stop(true);
    if (e.pointerType === "touch") d.hover(null);
  };
  const cancel = (e: PointerEvent): void => {
    if (cube && e.pointerId === pointer) stop(false);
    d.hover(null);
  };
  const leave = (): void => d.hover(null);

  const listeners = { pointerdown: down, pointermove: move, pointerup: up, pointercancel: cancel, pointerleave: leave } as const;
  for (const [name, f] of Object.entries(listeners)) element.addEventListener(name as "pointerdown", f);
  return () => {
    for (const [name, f] of Object.entries(listeners)) element.removeEventListener(name as "pointerdown", f);
  };
}
