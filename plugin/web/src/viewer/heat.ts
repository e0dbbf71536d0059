// The heat map over a plane.

import { heatTable, residualFull } from "./colour.ts";
import { corners, value, type Cube } from "./cube.ts";
import { add } from "./grid.ts";
import type { View } from "./planes.ts";

const step = 2; // CSS pixels

/**
 * drawHeat colours what of the cube lies in the plane, from one voxel to the nearest, at
 * every second pixel. The canvas covers that part of the view alone, and nothing without a cube.
 */
export function drawHeat(canvas: HTMLCanvasElement, view: View, cube: Cube | null): void {
  const [w, h] = view.size();
  const points = cube ? corners(cube).map((p) => view.toCanvas(p)) : [[0, 0] as const];
  const left = Math.max(0, Math.floor(Math.min(...points.map((p) => p[0]))));
  const top = Math.max(0, Math.floor(Math.min(...points.map((p) => p[1]))));
  const right = Math.min(w, Math.ceil(Math.max(...points.map((p) => p[0]))));
  const bottom = Math.min(h, Math.ceil(Math.max(...points.map((p) => p[1]))));
  const cols = Math.max(0, Math.ceil((right - left) / step));
  const rows = Math.max(0, Math.ceil((bottom - top) / step));
  if (canvas.width !== cols || canvas.height !== rows) {
    canvas.width = cols;
    canvas.height = rows;
  }
  if (!cube || cols === 0 || rows === 0) return;
  Object.assign(canvas.style, { left: `${left}px`, top: `${top}px`, width: `${cols * step}px`, height: `${rows * step}px` });
  const picture = new ImageData(cols, rows);
  const start = view.toWorld(left, top);
  const dx = add(view.toWorld(left + step, top), start, -1);
  const dy = add(view.toWorld(left, top + step), start, -1);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) {
      const v = value(cube, add(add(start, dx, c + 0.5), dy, r + 0.5));
      if (!(v > 0)) continue;
      const share = Math.min(v / residualFull, 1);
      const at = (r * cols + c) * 4;
      const colour = Math.round(share * 255) * 3;
      picture.data[at] = heatTable[colour] ?? 0;
      picture.data[at + 1] = heatTable[colour + 1] ?? 0;
      picture.data[at + 2] = heatTable[colour + 2] ?? 0;
      picture.data[at + 3] = Math.round(210 * Math.min(1, share * 2.5));
    }
  }
  canvas.getContext("2d")?.putImageData(picture, 0, 0);
}
