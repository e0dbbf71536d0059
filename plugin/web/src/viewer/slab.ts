// A slab of several slices as one picture: the maximum of each line of voxels
// through it (MIP). It lies over the slice that the library draws.

import type { Plane } from "./cube.ts";
import { toIndex, type Grid } from "./grid.ts";
import type { View, Window } from "./planes.ts";
import { axesOf, greyTable, lay } from "./slice.ts";
import type { Vec3 } from "../types.ts";

export const thinnest = 5; // mm
export const thickest = 15;

type Voxel = (c: number, r: number, k: number) => number | null;

/** slabOf is which slices of a plane make a slab of about so many mm around a position: first, how many, and their thickness in mm. */
export function slabOf(grid: Grid, plane: Plane, p: Vec3, mm: number): { first: number; count: number; mm: number } {
  const along = axesOf[plane][2];
  const step = grid.spacing[along];
  const count = Math.max(1, Math.min(Math.round(mm / step), grid.dims[along]));
  const at = Math.round(toIndex(grid, p)[along]);
  const first = Math.min(Math.max(at - Math.floor((count - 1) / 2), 0), grid.dims[along] - count);
  return { first, count, mm: count * step };
}

/** project is the maximum along a slab, row by row; NaN where no voxel is there (yet). */
export function project(grid: Grid, voxel: Voxel, plane: Plane, first: number, count: number): Float32Array {
  const [u, v, along] = axesOf[plane];
  const [wide, high] = [grid.dims[u], grid.dims[v]];
  const out = new Float32Array(wide * high).fill(NaN);
  const at: Vec3 = [0, 0, 0];
  for (let k = first; k < first + count; k++) {
    at[along] = k;
    for (let j = 0; j < high; j++) {
      at[v] = j;
      for (let i = 0; i < wide; i++) {
        at[u] = i;
        const hu = voxel(at[0], at[1], at[2]);
        if (hu !== null && !(hu <= (out[j * wide + i] ?? NaN))) out[j * wide + i] = hu;
      }
    }
  }
  return out;
}

/** Slabs draws the slabs of all planes, and keeps the newest of each. */
export class Slabs {
  private readonly made: Partial<Record<Plane, { key: string; grid: Grid }>> = {};

  /** draw puts a slab on a canvas over the view; loaded tells one state of the voxels from another. */
  draw(canvas: HTMLCanvasElement, view: View, volume: { grid: Grid; voxel: Voxel; loaded: number }, p: Vec3, w: Window, mm: number): void {
    const { grid } = volume;
    const slab = slabOf(grid, view.plane, p, mm);
    const key = [slab.first, slab.count, volume.loaded, w.center, w.width].join();
    const [u, v] = axesOf[view.plane];
    const made = this.made[view.plane];
    if (made?.key !== key || made.grid !== grid || canvas.width !== grid.dims[u]) {
      const hu = project(grid, volume.voxel, view.plane, slab.first, slab.count);
      const pixels = new ImageData(grid.dims[u], grid.dims[v]);
      const out = new Uint32Array(pixels.data.buffer);
      const table = greyTable(w);
      const black = table[0x8000] ?? 0; // the lowest HU
      hu.forEach((value, i) => (out[i] = Number.isNaN(value) ? black : (table[value & 0xffff] ?? 0)));
      canvas.width = grid.dims[u];
      canvas.height = grid.dims[v];
      canvas.getContext("2d")?.putImageData(pixels, 0, 0);
      this.made[view.plane] = { key, grid };
    }
    lay(canvas, view, grid);
  }
}

/** thicker is the next thickness that a key chooses, 0 for none: 5, 10, 15 mm, none. */
export const thicker = (mm: number): number => (mm >= thickest ? 0 : Math.floor(mm / 5) * 5 + 5);

/** turned is a thickness changed by the wheel, by millimetres. */
export const turned = (mm: number, by: number): number => (mm === 0 ? (by > 0 ? thinnest : 0) : Math.min(Math.max(mm + by, thinnest), thickest));

