// Whether what is seen at a place of a plane is what lies there: the check that
// the page makes of itself.

import type { Vec3 } from "../types.ts";
import { toIndex, type Grid } from "./grid.ts";

/** canvasSize is that of a picture that fills an element, in its own pixels. */
export function canvasSize(element: { clientWidth: number; clientHeight: number }): [number, number] {
  const ratio = window.devicePixelRatio || 1;
  return [Math.round(element.clientWidth * ratio), Math.round(element.clientHeight * ratio)];
}

/**
 * between is the HU at a position, weighed of the eight voxels around it; null
 * outside the grid, or where voxel has none of them.
 */
export function between(grid: Grid, voxel: (column: number, row: number, slice: number) => number | null, p: Vec3): number | null {
  const index = toIndex(grid, p);
  const low = index.map((v) => Math.floor(v + 1e-4)) as Vec3;
  let sum = 0;
  for (let corner = 0; corner < 8; corner++) {
    let weight = 1;
    const at = low.map((v, a) => {
      const share = Math.max(0, index[a as 0 | 1 | 2] - v);
      const upper = (corner >> a) & 1;
      weight *= upper ? share : 1 - share;
      return v + upper;
    }) as Vec3;
    if (weight < 1e-3) continue;
    const v = voxel(...at);
    if (v === null) return null;
    sum += weight * v;
  }
  return sum;
}

/** Sight is a plane as it is seen: positions are CSS pixels of the plane. */
export interface Sight {
  size: [number, number];
  draw: (ctx: OffscreenCanvasRenderingContext2D) => void; // the picture, as the browser shows it
  toWorld: (x: number, y: number) => Vec3;
  grey: (p: Vec3) => number | null; // 0 to 255, what is to be seen at a position
}

const half = 80; // CSS pixels around the middle that are compared
const step = 5;
const fewest = 60; // samples

/**
 * difference is the mean difference, of 255, between what is seen around a
 * place of the plane and what is to be seen there; null where that cannot be
 * told: too little in sight, or all of one grey.
 */
export function difference(sight: Sight, middle: [number, number]): number | null {
  const [w, h] = sight.size;
  const left = Math.round(Math.min(Math.max(middle[0] - half, 0), Math.max(0, w - 2 * half)));
  const top = Math.round(Math.min(Math.max(middle[1] - half, 0), Math.max(0, h - 2 * half)));
  const width = Math.min(2 * half, w - left);
  const height = Math.min(2 * half, h - top);
  if (width < step || height < step) return null;
  const scratch = new OffscreenCanvas(width, height);
  const ctx = scratch.getContext("2d", { willReadFrequently: true });
  if (!ctx) return null;
  ctx.translate(-left, -top);
  sight.draw(ctx);
  const { data } = ctx.getImageData(0, 0, width, height);
  let [n, off, least, most] = [0, 0, 255, 0];
  for (let y = step; y < height - 1; y += step) {
    for (let x = step; x < width - 1; x += step) {
      const want = sight.grey(sight.toWorld(left + x + 0.5, top + y + 0.5));
      if (want === null) continue;
      n++;
      off += Math.abs(want - (data[4 * (y * width + x)] ?? 0));
      least = Math.min(least, want);
      most = Math.max(most, want);
    }
  }
  return n < fewest || most - least < 40 ? null : off / n;
}
