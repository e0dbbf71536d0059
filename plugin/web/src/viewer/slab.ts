// A slab of several slices as one picture: the maximum of each line of voxels
// through it (MIP). It lies over the slice that the library draws.

import type { Plane } from "./cube.ts";
import { canvasSize } from "./fit.ts";
import { toIndex, toPosition, type Grid } from "./grid.ts";
import type { View, Window } from "./planes.ts";
import type { Vec3 } from "../types.ts";

export const thinnest = 5; // mm
export const thickest = 15;

type Voxel = (c: number, r: number, k: number) => number | null;

/** axesOf are the axes of the grid that a plane shows to the right or left, up or down, and that it looks along. */
const axesOf: Record<Plane, [0 | 1, 1 | 2, 0 | 1 | 2]> = { axial: [0, 1, 2], coronal: [0, 2, 1], sagittal: [1, 2, 0] };

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

interface Made {
  key: string;
  picture: HTMLCanvasElement;
}

/** Slabs draws the slabs of all planes, and keeps the newest of each. */
export class Slabs {
  private readonly made: Partial<Record<Plane, Made>> = {};

  /** draw puts a slab on a canvas over the view; loaded tells one state of the voxels from another. */
  draw(canvas: HTMLCanvasElement, view: View, volume: { grid: Grid; voxel: Voxel; loaded: number }, p: Vec3, w: Window, mm: number): void {
    const [wide, high] = canvasSize(view.element);
    if (canvas.width !== wide || canvas.height !== high) {
      canvas.width = wide;
      canvas.height = high;
    }
    const ctx = canvas.getContext("2d");
    if (!ctx) return;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, wide, high);
    const { grid } = volume;
    const picture = this.picture(view.plane, volume, slabOf(grid, view.plane, p, mm), w);
    const [u, v, along] = axesOf[view.plane];
    const index = toIndex(grid, p);
    index[along] = Math.round(index[along]);
    const at = (i: number, j: number): [number, number] => {
      const q: Vec3 = [...index];
      q[u] = i;
      q[v] = j;
      return view.toCanvas(toPosition(grid, q));
    };
    const [x0, y0] = at(0, 0);
    const [xu, yu] = at(100, 0);
    const [xv, yv] = at(0, 100);
    const ratio = (window.devicePixelRatio || 1) / 100;
    ctx.fillRect(0, 0, wide, high); // nothing of the slice below shines through
    ctx.setTransform(ratio * (xu - x0), ratio * (yu - y0), ratio * (xv - x0), ratio * (yv - y0), 100 * ratio * x0, 100 * ratio * y0);
    ctx.drawImage(picture, -0.5, -0.5); // index 0 is the middle of the first voxel
  }

  private picture(plane: Plane, volume: { grid: Grid; voxel: Voxel; loaded: number }, slab: { first: number; count: number }, w: Window): HTMLCanvasElement {
    const key = [slab.first, slab.count, volume.loaded, w.center, w.width].join();
    const kept = this.made[plane];
    if (kept?.key === key) return kept.picture;
    const { grid } = volume;
    const [u, v] = axesOf[plane];
    const hu = project(grid, volume.voxel, plane, slab.first, slab.count);
    const pixels = new ImageData(grid.dims[u], grid.dims[v]);
    const low = w.center - w.width / 2;
    hu.forEach((value, i) => {
      const grey = Number.isNaN(value) ? 0 : Math.min(Math.max((255 * (value - low)) / w.width, 0), 255);
      pixels.data.fill(grey, 4 * i, 4 * i + 3);
      pixels.data[4 * i + 3] = 255;
    });
    const picture = kept?.picture ?? document.createElement("canvas");
    picture.width = grid.dims[u];
    picture.height = grid.dims[v];
    picture.getContext("2d")?.putImageData(pixels, 0, 0);
    this.made[plane] = { key, picture };
    return picture;
  }
}

/** thicker is the next thickness that a key chooses, 0 for none: 5, 10, 15 mm, none. */
export const thicker = (mm: number): number => (mm >= thickest ? 0 : Math.floor(mm / 5) * 5 + 5);

/** turned is a thickness changed by the wheel, by millimetres. */
export const turned = (mm: number, by: number): number => (mm === 0 ? (by > 0 ? thinnest : 0) : Math.min(Math.max(mm + by, thinnest), thickest));

