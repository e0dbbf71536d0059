// The words over a plane, and what they tell of its quality.

import { place } from "../format.ts";
import type { Vec3 } from "../types.ts";
import { sliceRange } from "./hatch.tsx";
import { Quality } from "./order.ts";
import { letters } from "./overlay.tsx";
import type { Planes, View } from "./planes.ts";
import { slabOf } from "./slab.ts";
import type { SeriesVolume } from "./volume.ts";
import { texts } from "../texts.ts";

export interface Texts {
  image: string; // its number in other viewers, where the plane is one of the scan's images
  slice: string;
  position: string;
  hu: string;
  quality: string; // where it is not that of the images
  distance: string; // from the mark, where there is one
  slab: string; // what is projected, where that is so
  letters: [string, string, string, string]; // top, right, bottom, left
  scale: string;
}

/** describe is what stands over a plane. */
export function describe(p: Planes, v: SeriesVolume, view: View, slab: number): Texts {
  const { plane } = view;
  const right = view.right();
  const down = view.down();
  const minus = (a: Vec3): Vec3 => [-a[0], -a[1], -a[2]];
  const [at, of] = p.position(plane);
  const hu = v.hu(p.point);
  const away = p.fromMark();
  const axis = plane === "axial" ? 2 : plane === "coronal" ? 1 : 0;
  return {
    image: plane === "axial" ? v.image(p.point) : "",
    slice: texts.describe.slice(at, of, plane === "axial" && v.gap(p.point) ? " (missing)" : ""),
    position: place(p.point).split("  ")[axis] + " mm",
    hu: hu === null ? "" : measurable(v, [p.point]) ? `${hu} HU` : texts.describe.huReducedQuality(hu),
    quality: qualityOf(p, v, view, slab),
    distance: away === null ? "" : texts.describe.mmFromTheMark(away.toFixed(1)),
    slab: slab > 0 ? texts.describe.mipMm(+slabOf(v.grid, plane, p.point, slab).mm.toFixed(1)) : "",
    letters: [letters(minus(down)), letters(right), letters(down), letters(minus(right))],
    scale: texts.describe.pxMm((1 / view.mmPerPixel()).toFixed(1)),
  };
}

/** measurable tells whether positions, and what is between them, came without loss. */
export const measurable = (v: SeriesVolume, at: Vec3[]): boolean => v.lossless(at);

function qualityOf(p: Planes, v: SeriesVolume, view: View, slab: number): string {
  const { plane } = view;
  let [from, to] = sliceRange(v.grid, view);
  if (plane === "axial" && slab > 0) {
    const s = slabOf(v.grid, plane, p.point, slab);
    [from, to] = [s.first, s.first + s.count - 1];
  }
  const worst = v.worst(from, to);
  return worst === Quality.whole ? "" : worst === Quality.reduced ? texts.describe.reducedQuality : texts.describe.notAllHasArrived;
}

/** noteFirstView keeps the time from asking for the page to the finding's slice on the screen, for whoever measures it. */
export function noteFirstView(box: HTMLDivElement | null, v: SeriesVolume, p: Planes, opened: number): void {
  if (!box || box.dataset.firstView || !v.has(p.point)) return;
  const now = performance.now();
  box.dataset.firstView = String(Math.round(now - opened));
  performance.measure("first view of the finding", { start: opened, end: now });
}
