// Geometry of the volume on the screen: a regular grid of voxels made of
// slices that may be tilted, missing, or listed from head to feet.
//
// Positions are LPS millimetres. A grid index is (column, row, slice) along the
// three direction vectors.

import type { Geometry, Vec3 } from "../types.ts";

export const dot = (a: Vec3, b: Vec3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const add = (a: Vec3, b: Vec3, scale = 1): Vec3 => [a[0] + scale * b[0], a[1] + scale * b[1], a[2] + scale * b[2]];
export const length = (a: Vec3): number => Math.hypot(a[0], a[1], a[2]);
export const unit = (a: Vec3): Vec3 => {
  const n = length(a);
  return [a[0] / n, a[1] / n, a[2] / n];
};
export const cross = (a: Vec3, b: Vec3): Vec3 => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

/** Place is where a slice of the series goes in the grid. */
export interface Place {
  slice: number; // of the series
  shift: [number, number]; // columns and rows by which its first pixel lies from the grid's
}

export interface Grid {
  dims: Vec3; // columns, rows, slices
  spacing: Vec3; // mm, in the same order
  origin: Vec3; // centre of voxel (0, 0, 0)
  axes: [Vec3, Vec3, Vec3]; // unit vectors of columns, rows, slices; at right angles
  places: (Place | null)[]; // by slice of the grid; null where the series has none
  missing: number;
}

const maxSlices = 4096;

/**
 * makeGrid lays a grid over the slices. Tilted slices are shifted in their
 * plane, so that the grid has right angles; where a slice is missing the grid
 * has a gap.
 */
export function makeGrid(g: Geometry): Grid {
  const columnAxis = unit(g.col_step_mm);
  const rowAxis = unit(g.row_step_mm);
  const sliceAxis = unit(cross(columnAxis, rowAxis));
  const line = g.line ?? g.normal;
  const first = g.offsets_mm[0] ?? 0;
  const corners = g.offsets_mm.map((offset) => add([0, 0, 0], line, offset - first));
  const depths = corners.map((c) => dot(c, sliceAxis));
  const lowest = Math.min(...depths);
  const step = sliceStep(depths);
  const count = Math.min(maxSlices, Math.round((Math.max(...depths) - lowest) / step) + 1);

  const dx = length(g.col_step_mm);
  const dy = length(g.row_step_mm);
  const shifts = corners.map((c): [number, number] => [dot(c, columnAxis) / dx, dot(c, rowAxis) / dy]);
  const left = Math.floor(Math.min(...shifts.map((s) => s[0])) + 1e-3);
  const top = Math.floor(Math.min(...shifts.map((s) => s[1])) + 1e-3);
  const right = Math.ceil(Math.max(...shifts.map((s) => s[0])) - 1e-3);
  const bottom = Math.ceil(Math.max(...shifts.map((s) => s[1])) - 1e-3);

  const places: (Place | null)[] = new Array<Place | null>(count).fill(null);
  const distance = new Array<number>(count).fill(Infinity);
  depths.forEach((depth, slice) => {
    const at = (depth - lowest) / step;
    const k = Math.round(at);
    const off = Math.abs(at - k);
    if (k < 0 || k >= count || off >= (distance[k] ?? 0)) return;
    const [sx, sy] = shifts[slice] ?? [0, 0];
    distance[k] = off;
    places[k] = { slice, shift: [settle(sx - left), settle(sy - top)] };
  });
  let origin = add(g.origin_lps_mm, sliceAxis, lowest);
  origin = add(add(origin, columnAxis, left * dx), rowAxis, top * dy);
  return {
    dims: [g.cols + right - left, g.rows + bottom - top, count],
    spacing: [dx, dy, step],
    origin,
    axes: [columnAxis, rowAxis, sliceAxis],
    places,
    missing: places.filter((p) => p === null).length,
  };
}

// What is less than a hundredth of a pixel is rounding of the positions.
const settle = (pixels: number): number => (Math.abs(pixels - Math.round(pixels)) < 0.01 ? Math.round(pixels) : pixels);

function sliceStep(depths: number[]): number {
  const sorted = [...depths].sort((a, b) => a - b);
  const steps = sorted.slice(1).map((d, i) => d - (sorted[i] ?? 0)).filter((d) => d > 1e-3).sort((a, b) => a - b);
  return steps[Math.floor(steps.length / 2)] ?? 1;
}

/** toIndex is the continuous index (column, row, slice) of a position. */
export function toIndex(grid: Grid, p: Vec3): Vec3 {
  const d = add(p, grid.origin, -1);
  return [
    dot(d, grid.axes[0]) / grid.spacing[0],
    dot(d, grid.axes[1]) / grid.spacing[1],
    dot(d, grid.axes[2]) / grid.spacing[2],
  ];
}

/** toPosition is the inverse of toIndex. */
export function toPosition(grid: Grid, index: Vec3): Vec3 {
  let p = grid.origin;
  for (const a of [0, 1, 2] as const) p = add(p, grid.axes[a], index[a] * grid.spacing[a]);
  return p;
}

/** inside moves a position into the grid. */
export function inside(grid: Grid, p: Vec3): Vec3 {
  const index = toIndex(grid, p);
  const held = index.map((v, a) => Math.min(Math.max(v, 0), (grid.dims[a] ?? 1) - 1)) as Vec3;
  return held.every((v, a) => v === index[a]) ? p : toPosition(grid, held);
}

/** onSlice is the position moved along an axis of the grid (0 columns, 1 rows, 2 slices) to the nearest voxel. */
export function onSlice(grid: Grid, p: Vec3, axis: 0 | 1 | 2): Vec3 {
  const index = toIndex(grid, p);
  index[axis] = Math.round(index[axis]);
  return toPosition(grid, index);
}

/**
 * placeSlice writes the pixels of a slice into the grid's slice, shifted by
 * place.shift. What the slice does not cover stays as it is.
 */
export function placeSlice(out: Int16Array, cols: number, rows: number, pixels: Int16Array, sourceCols: number, sourceRows: number, place: Place): void {
  const [sx, sy] = place.shift;
  const ix = Math.floor(sx);
  const iy = Math.floor(sy);
  const fx = sx - ix;
  const fy = sy - iy;
  if (fx === 0 && fy === 0) {
    if (ix === 0 && cols === sourceCols) {
      out.set(pixels.subarray(0, Math.min(sourceRows, rows - iy) * cols), iy * cols);
      return;
    }
    for (let r = 0; r < sourceRows && r + iy < rows; r++) {
      out.set(pixels.subarray(r * sourceCols, (r + 1) * sourceCols), (r + iy) * cols + ix);
    }
    return;
  }
  const at = (r: number, c: number): number =>
    pixels[Math.min(Math.max(r, 0), sourceRows - 1) * sourceCols + Math.min(Math.max(c, 0), sourceCols - 1)] ?? 0;
  for (let r = 0; r <= sourceRows && r + iy < rows; r++) {
    for (let c = 0; c <= sourceCols && c + ix < cols; c++) {
      const above = at(r - 1, c - 1) * fx + at(r - 1, c) * (1 - fx);
      const below = at(r, c - 1) * fx + at(r, c) * (1 - fx);
      out[(r + iy) * cols + c + ix] = Math.round(above * fy + below * (1 - fy));
    }
  }
}
