// What has not arrived is hatched: it is no air, and no picture.

import type { Grid } from "./grid.ts";
import { toIndex, toPosition } from "./grid.ts";
import type { View } from "./planes.ts";
import type { Vec3 } from "../types.ts";

const spacing = 12; // CSS pixels between two lines
const colours = { ground: "#1b222a", line: "#5b6a78" };

/** sliceRange are the first and the last slice that a plane shows, those of a slab of so many slices included. */
export function sliceRange(grid: Grid, view: View): [number, number] {
  const [w, h] = view.size();
  const at = ([[0, 0], [w, 0], [0, h], [w, h]] as const).map(([x, y]) => toIndex(grid, view.toWorld(x, y))[2]);
  return [Math.round(Math.min(...at)), Math.round(Math.max(...at))];
}

/** hatch covers what a plane shows of runs of slices: first and last of each. */
export function hatch(ctx: CanvasRenderingContext2D, view: View, grid: Grid, runs: [number, number][]): void {
  const [first, last] = sliceRange(grid, view);
  const [cols, rows] = grid.dims;
  for (const [from, to] of runs) {
    if (to < first || from > last) continue;
    const corners: Vec3[] = view.plane === "axial"
      ? [[-0.5, -0.5, first], [cols - 0.5, -0.5, first], [cols - 0.5, rows - 0.5, first], [-0.5, rows - 0.5, first]]
      : view.plane === "coronal"
        ? [[-0.5, 0, from - 0.5], [cols - 0.5, 0, from - 0.5], [cols - 0.5, 0, to + 0.5], [-0.5, 0, to + 0.5]]
        : [[0, -0.5, from - 0.5], [0, rows - 0.5, from - 0.5], [0, rows - 0.5, to + 0.5], [0, -0.5, to + 0.5]];
    fill(ctx, corners.map((c) => view.toCanvas(toPosition(grid, c))));
  }
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

function fill(ctx: CanvasRenderingContext2D, corners: [number, number][]): void {
  const pattern = ctx.createPattern((tile ??= makeTile()), "repeat");
  if (!pattern) return;
  ctx.fillStyle = pattern;
  ctx.beginPath();
  corners.forEach(([x, y], i) => (i === 0 ? ctx.moveTo(x, y) : ctx.lineTo(x, y)));
  ctx.fill();
}
