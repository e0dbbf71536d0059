// The line around a nodule's outline where a plane cuts it.

import type { Vec3 } from "../types.ts";
import type { Cube } from "./cube.ts";
import { add } from "./grid.ts";

/** smooth is the mask between its voxels: trilinear, 0 outside. */
export function smooth(cube: Cube, p: Vec3): number {
  const [nz, ny, nx] = cube.size;
  const x = (p[0] - cube.origin[0]) / cube.spacing;
  const y = (p[1] - cube.origin[1]) / cube.spacing;
  const z = (p[2] - cube.origin[2]) / cube.spacing;
  const [x0, y0, z0] = [Math.floor(x), Math.floor(y), Math.floor(z)];
  if (x0 < -1 || y0 < -1 || z0 < -1 || x0 >= nx || y0 >= ny || z0 >= nz) return 0;
  let sum = 0;
  for (let corner = 0; corner < 8; corner++) {
    const [i, j, k] = [x0 + (corner & 1), y0 + ((corner >> 1) & 1), z0 + (corner >> 2)];
    if (i < 0 || j < 0 || k < 0 || i >= nx || j >= ny || k >= nz) continue;
    const v = cube.data[(k * ny + j) * nx + i] ?? 0;
    if (v === 0) continue;
    sum += v * (1 - Math.abs(x - i)) * (1 - Math.abs(y - j)) * (1 - Math.abs(z - k));
  }
  return sum;
}

const boxes = new WeakMap<Cube, Vec3[]>();

/** box is the corners of what the mask fills, with a voxel around it; none where it is empty. */
export function box(cube: Cube): Vec3[] {
  const known = boxes.get(cube);
  if (known) return known;
  const [nz, ny, nx] = cube.size;
  const low = [nx, ny, nz];
  const high = [-1, -1, -1];
  cube.data.forEach((v, i) => {
    if (v === 0) return;
    [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))].forEach((n, a) => {
      low[a] = Math.min(low[a] ?? n, n);
      high[a] = Math.max(high[a] ?? n, n);
    });
  });
  const out: Vec3[] = [];
  for (let corner = 0; corner < 8 && (high[0] ?? -1) >= 0; corner++) {
    const side = (a: number): number => cube.origin[a as 0 | 1 | 2] + cube.spacing * ((corner >> a) & 1 ? (high[a] ?? 0) + 1 : (low[a] ?? 0) - 1);
    out.push([side(0), side(1), side(2)]);
  }
  boxes.set(cube, out);
  return out;
}

export type Segment = [number, number, number, number]; // x, y to x, y

/**
 * segments is the line at one half in a field of cols × rows samples (marching
 * squares), in units of samples.
 */
export function segments(field: Float32Array, cols: number, rows: number): Segment[] {
  const out: Segment[] = [];
  const at = (c: number, r: number): number => field[r * cols + c] ?? 0;
  for (let r = 0; r + 1 < rows; r++) {
    for (let c = 0; c + 1 < cols; c++) {
      const [a, b, d, e] = [at(c, r), at(c + 1, r), at(c + 1, r + 1), at(c, r + 1)]; // around the square
      const crossed: [number, number][] = [];
      const edge = (v: number, w: number, x0: number, y0: number, x1: number, y1: number): void => {
        if (v >= 0.5 === w >= 0.5) return;
        const t = (0.5 - v) / (w - v);
        crossed.push([x0 + t * (x1 - x0), y0 + t * (y1 - y0)]);
      };
      edge(a, b, c, r, c + 1, r);
      edge(b, d, c + 1, r, c + 1, r + 1);
      edge(d, e, c + 1, r + 1, c, r + 1);
      edge(e, a, c, r + 1, c, r);
      for (let i = 0; i + 1 < crossed.length; i += 2) {
        const [p, q] = [crossed[i], crossed[i + 1]];
        if (p && q) out.push([p[0], p[1], q[0], q[1]]);
      }
    }
  }
  return out;
}

/** Canvas is what contour needs of a view. */
export interface Canvas {
  toCanvas: (p: Vec3) => [number, number];
  toWorld: (x: number, y: number) => Vec3;
}

/** contour is the line around the outline in a view of w × h pixels. */
export function contour(cube: Cube, view: Canvas, w: number, h: number, step = 2): Segment[] {
  const points = box(cube).map((p) => view.toCanvas(p));
  if (points.length === 0) return [];
  const left = Math.max(0, Math.floor(Math.min(...points.map((p) => p[0]))));
  const top = Math.max(0, Math.floor(Math.min(...points.map((p) => p[1]))));
  const right = Math.min(w, Math.ceil(Math.max(...points.map((p) => p[0]))));
  const bottom = Math.min(h, Math.ceil(Math.max(...points.map((p) => p[1]))));
  const cols = Math.ceil((right - left) / step) + 1;
  const rows = Math.ceil((bottom - top) / step) + 1;
  if (cols < 2 || rows < 2) return [];
  const start = view.toWorld(left, top);
  const dx = add(view.toWorld(left + step, top), start, -1);
  const dy = add(view.toWorld(left, top + step), start, -1);
  const field = new Float32Array(cols * rows);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) field[r * cols + c] = smooth(cube, add(add(start, dx, c), dy, r));
  }
  return segments(field, cols, rows).map(([x0, y0, x1, y1]) => [left + step * x0, top + step * y0, left + step * x1, top + step * y1]);
}
