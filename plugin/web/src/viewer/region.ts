// What surrounds a finding: a box of voxels that comes without loss before whole
// slices do, as a slow line takes long for those.

import { toIndex, type Grid } from "./grid.ts";
import type { Vec3 } from "../types.ts";

const wideMM = 96; // in the slices: what a close-up shows
const highMM = 20; // across them

/** Bounds are those of a box of the grid: first and last voxel of columns, rows and slices. */
export interface Bounds {
  low: Vec3;
  high: Vec3;
}

/** Window is what is asked of the service: slices of the series, columns and rows of its images. */
export interface Asked {
  first: number;
  count: number;
  left: number;
  top: number;
  cols: number;
  rows: number;
}

/** around is the box around a position, null where it cannot be cut from the images as they are: of a tilted series. */
export function around(grid: Grid, at: Vec3, images: { rows: number; cols: number }): { bounds: Bounds; asked: Asked } | null {
  const index = toIndex(grid, at);
  const reach = [wideMM, wideMM, highMM].map((mm, a) => Math.ceil(mm / 2 / (grid.spacing[a] ?? 1)));
  const low = index.map((v, a) => Math.max(0, Math.round(v) - (reach[a] ?? 0))) as Vec3;
  const high = index.map((v, a) => Math.min((grid.dims[a] ?? 1) - 1, Math.round(v) + (reach[a] ?? 0))) as Vec3;
  const places = grid.places.slice(low[2], high[2] + 1).filter((p) => p !== null);
  const shift = places[0]?.shift;
  if (!shift || places.some((p) => p.shift[0] !== shift[0] || p.shift[1] !== shift[1]) || shift.some((s) => s !== Math.round(s))) return null;
  for (const a of [0, 1] as const) {
    low[a] = Math.max(low[a], shift[a]);
    high[a] = Math.min(high[a], shift[a] + (a === 0 ? images.cols : images.rows) - 1);
  }
  const slices = places.map((p) => p.slice);
  const first = Math.min(...slices);
  const asked = {
    first, count: Math.max(...slices) - first + 1, left: low[0] - shift[0], top: low[1] - shift[1], cols: high[0] - low[0] + 1, rows: high[1] - low[1] + 1,
  };
  return asked.cols < 2 || asked.rows < 2 ? null : { bounds: { low, high }, asked };
}

interface Region extends Bounds {
  slices: Map<number, Int16Array>; // by slice of the grid
}

/** Regions are those that have come. */
export class Regions {
  private readonly all: Region[] = [];

  /** add takes a region in, its pixels by slice of the grid. */
  add(bounds: Bounds, slices: Map<number, Int16Array>): void {
    this.all.push({ ...bounds, slices });
  }

  get list(): readonly Bounds[] {
    return this.all;
  }

  /** holds tells whether one of them has a voxel. */
  holds(c: number, r: number, k: number): boolean {
    return this.covers([c, r, k], [c, r, k]);
  }

  /** covers tells whether one of them has all voxels from one to another. */
  covers(low: Vec3, high: Vec3): boolean {
    return this.all.some((b) => low.every((v, a) => v >= b.low[a as 0 | 1 | 2]) && high.every((v, a) => v <= b.high[a as 0 | 1 | 2]));
  }

  /** place writes what they have of a slice of the grid into it. */
  place(k: number, slice: Int16Array, cols: number): void {
    for (const b of this.all) {
      const pixels = b.slices.get(k);
      if (!pixels) continue;
      const wide = b.high[0] - b.low[0] + 1;
      for (let r = b.low[1]; r <= b.high[1]; r++) slice.set(pixels.subarray((r - b.low[1]) * wide, (r - b.low[1] + 1) * wide), r * cols + b.low[0]);
    }
  }

  /** forget gives the pixels of a slice back, which is there without loss. */
  forget(k: number): void {
    for (const b of this.all) b.slices.delete(k);
  }
}
