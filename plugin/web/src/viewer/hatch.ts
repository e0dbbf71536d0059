// What has not arrived is hatched: it is no air, and no picture.

import type { Grid } from "./grid.ts";
import { toIndex, toPosition } from "./grid.ts";
import type { Plane } from "./cube.ts";
import type { View } from "./planes.ts";
import type { Bounds } from "./region.ts";
import type { Vec3 } from "../types.ts";

const spacing = 12; // CSS pixels between two lines
const colours = { ground: "#1b222a", line: "#5b6a78" };

/** sliceRange are the first and the last slice that a plane shows, those of a slab of so many slices included. */
export function sliceRange(grid: Grid, view: View): [number, number] {
  const [w, h] = view.size();
  const at = ([[0, 0], [w, 0], [0, h], [w, h]] as const).map(([x, y]) => toIndex(grid, view.toWorld(x, y))[2]);
  return [Math.round(Math.min(...at)), Math.round(Math.max(...at))];
}

type Corners = [number, number][];

/** hatch covers what a plane shows of runs of slices, first and last of each, but for the pieces that have come. */
export function hatch(ctx: CanvasRenderingContext2D, view: View, grid: Grid, runs: [number, number][], pieces: readonly Bounds[]): void {
  const range = sliceRange(grid, view);
  const [w, h] = view.size();
  const middle = toIndex(grid, view.toWorld(w / 2, h / 2)).map(Math.round) as Vec3;
  const [cols, rows] = grid.dims;
  for (const [from, to] of runs) {
    if (to < range[0] || from > range[1]) continue;
    const at = view.plane === "axial" ? range[0] : from;
    const holes = pieces.filter((p) => p.low[2] <= to && p.high[2] >= from && crosses(view.plane, p, middle)).map((p) =>
      corners(view, grid, [p.low[0], p.low[1], view.plane === "axial" ? at : Math.max(from, p.low[2])], [p.high[0], p.high[1], view.plane === "axial" ? at : Math.min(to, p.high[2])]));
    fill(ctx, corners(view, grid, [0, 0, at], [cols - 1, rows - 1, view.plane === "axial" ? at : to]), holes);
  }
}

// crosses tells whether a plane through a voxel shows something of a box.
function crosses(plane: Plane, box: Bounds, voxel: Vec3): boolean {
  const along = plane === "axial" ? 2 : plane === "coronal" ? 1 : 0;
  return voxel[along] >= box.low[along] && voxel[along] <= box.high[along];
}

// corners are those of a box of voxels as a plane shows it.
function corners(view: View, grid: Grid, low: Vec3, high: Vec3): Corners {
  const [c0, r0, k0] = [low[0] - 0.5, low[1] - 0.5, low[2] - 0.5];
  const [c1, r1, k1] = [high[0] + 0.5, high[1] + 0.5, high[2] + 0.5];
  const all: Vec3[] = view.plane === "axial"
    ? [[c0, r0, low[2]], [c1, r0, low[2]], [c1, r1, low[2]], [c0, r1, low[2]]]
    : view.plane === "coronal"
      ? [[c0, 0, k0], [c1, 0, k0], [c1, 0, k1], [c0, 0, k1]]
      : [[0, r0, k0], [0, r1, k0], [0, r1, k1], [0, r0, k1]];
  return all.map((c) => view.toCanvas(toPosition(grid, c)));
}

// tile is one period of the pattern: filling with it costs no more than one colour.
let tile: HTMLCanvasElement | null = null;
function makeTile(): HTMLCanvasElement {
  const c = document.createElement("canvas");
  c.width = spacing;
  c.height = spacing;
  const ctx = c.getContext("2d");
  if (!ctx) return c;
  ctx.fillStyle = colours.ground;
  ctx.fillRect(0, 0, spacing, spacing);
  ctx.fillStyle = colours.line;
  for (let i = 0; i < spacing; i++) ctx.fillRect(i, spacing - 1 - i, 1, 1);
  return c;
}

function fill(ctx: CanvasRenderingContext2D, outside: Corners, holes: Corners[]): void {
  const pattern = ctx.createPattern((tile ??= makeTile()), "repeat");
  if (!pattern) return;
  ctx.fillStyle = pattern;
  ctx.save();
  for (const hole of holes) { // one after the other: two may overlap
    ctx.beginPath();
    ctx.rect(0, 0, ctx.canvas.width, ctx.canvas.height);
    trace(ctx, hole);
    ctx.clip("evenodd");
  }
  ctx.beginPath();
  trace(ctx, outside);
  ctx.fill();
  ctx.restore();
}

function trace(ctx: CanvasRenderingContext2D, around: Corners): void {
  around.forEach(([x, y], i) => (i === 0 ? ctx.moveTo(x, y) : ctx.lineTo(x, y)));
  ctx.closePath();
}
