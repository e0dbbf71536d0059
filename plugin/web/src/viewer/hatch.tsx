// What has not arrived is hatched: it is no air, and no picture.

import type { ComponentChildren } from "preact";
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
export function hatch(view: View, grid: Grid, runs: [number, number][], pieces: readonly Bounds[]): ComponentChildren {
  if (runs.length === 0) return null;
  const range = sliceRange(grid, view);
  const [w, h] = view.size();
  const middle = toIndex(grid, view.toWorld(w / 2, h / 2)).map(Math.round) as Vec3;
  const [cols, rows] = grid.dims;
  const [all, holes]: [Corners[], Corners[]] = [[], []];
  for (const [from, to] of runs) {
    if (to < range[0] || from > range[1]) continue;
    const at = view.plane === "axial" ? range[0] : from;
    for (const p of pieces) {
      if (p.low[2] > to || p.high[2] < from || !crosses(view.plane, p, middle)) continue;
      holes.push(corners(view, grid, [p.low[0], p.low[1], view.plane === "axial" ? at : Math.max(from, p.low[2])], [p.high[0], p.high[1], view.plane === "axial" ? at : Math.min(to, p.high[2])]));
    }
    all.push(corners(view, grid, [0, 0, at], [cols - 1, rows - 1, view.plane === "axial" ? at : to]));
  }
  if (all.length === 0) return null;
  const [pattern, mask] = [`hatch-${view.plane}`, `holes-${view.plane}`];
  return (
    <g data-part="hatch">
      <pattern id={pattern} patternUnits="userSpaceOnUse" width={spacing} height={spacing}>
        <rect width={spacing} height={spacing} fill={colours.ground} />
        <path d={line} fill={colours.line} />
      </pattern>
      {holes.length > 0 && (
        <mask id={mask} maskUnits="userSpaceOnUse" x="0" y="0" width={w} height={h}>
          <rect width={w} height={h} fill="#fff" />
          <path d={holes.map(trace).join("")} fill="#000" />
        </mask>
      )}
      <path d={all.map(trace).join("")} fill={`url(#${pattern})`} mask={holes.length > 0 ? `url(#${mask})` : undefined} />
    </g>
  );
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

// line is that of one period of the pattern, pixel by pixel.
const line = Array.from({ length: spacing }, (_, i) => `M${i} ${spacing - 1 - i}h1v1h-1z`).join("");

const trace = (around: Corners): string => `M${around.map(([x, y]) => `${x} ${y}`).join("L")}Z`;
