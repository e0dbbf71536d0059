// A slice as a picture of its voxels, which the browser enlarges. One of the size of the
// plane takes a browser that composes in software five times its pixels, and is drawn and
// copied for every slice.

import type { Plane } from "./cube.ts";
import { toIndex, toPosition, type Grid } from "./grid.ts";
import type { View, Window } from "./planes.ts";
import type { SeriesVolume } from "./volume.ts";
import type { Vec3 } from "../types.ts";

/** axesOf are the axes of the grid that a plane shows to the right or left, up or down, and that it looks along. */
export const axesOf: Record<Plane, [0 | 1, 1 | 2, 0 | 1 | 2]> = { axial: [0, 1, 2], coronal: [0, 2, 1], sagittal: [1, 2, 0] };

/** lay puts a picture, a pixel a voxel of the grid, where a view shows the slice. */
export function lay(canvas: HTMLCanvasElement, view: View, grid: Grid): void {
  const [u, v] = axesOf[view.plane];
  const [w, h] = view.size();
  const index = toIndex(grid, view.toWorld(w / 2, h / 2));
  const at = (i: number, j: number): [number, number] => {
    const q: Vec3 = [...index];
    q[u] = i - 0.5; // index 0 is the middle of the first voxel
    q[v] = j - 0.5;
    return view.toCanvas(toPosition(grid, q));
  };
  const [wide, high] = [grid.dims[u], grid.dims[v]];
  const [x, y] = at(0, 0);
  const [xu, yu] = at(wide, 0);
  const [xv, yv] = at(0, high);
  canvas.style.transform = `matrix(${[(xu - x) / wide, (yu - y) / wide, (xv - x) / high, (yv - y) / high, x, y].join()})`;
}

/** seen draws a picture on a canvas of CSS pixels as the browser shows it in its view. */
export function seen(ctx: OffscreenCanvasRenderingContext2D, canvas: HTMLCanvasElement): void {
  const m = new DOMMatrix(getComputedStyle(canvas).transform);
  ctx.transform(m.a, m.b, m.c, m.d, m.e, m.f);
  ctx.drawImage(canvas, 0, 0);
}

const table = new Uint32Array(65536);
let tableOf = ""; // the window

/** greyTable is the pixel, opaque and little endian, of each HU by its 16 bits, until it is asked for with another window. */
export function greyTable(w: Window): Uint32Array {
  const key = `${w.center} ${w.width}`;
  if (tableOf === key) return table;
  tableOf = key;
  const low = w.center - w.width / 2;
  for (let hu = -32768; hu < 32768; hu++) {
    const grey = Math.round(Math.min(Math.max((255 * (hu - low)) / w.width, 0), 255));
    table[hu & 0xffff] = 0xff000000 | (grey * 0x010101);
  }
  return table;
}

/** SlicePicture is the slice that one plane shows. */
export class SlicePicture {
  readonly canvas = document.createElement("canvas");
  private made = "";

  constructor() {
    this.canvas.className = "slice";
    this.canvas.width = this.canvas.height = 0;
  }

  /** draw shows the slice that a view looks at. Where only the view has changed, the picture is the same. */
  draw(view: View, volume: SeriesVolume, w: Window): void {
    const [u, v, along] = axesOf[view.plane];
    const { grid } = volume;
    const [wide, high] = view.size();
    const k = Math.min(Math.max(Math.round(toIndex(grid, view.toWorld(wide / 2, high / 2))[along]), 0), grid.dims[along] - 1);
    const made = [k, w.center, w.width, volume.ready].join();
    if (this.made !== made) {
      const picture = new ImageData(grid.dims[u], grid.dims[v]);
      volume.colour(view.plane, k, greyTable(w), new Uint32Array(picture.data.buffer));
      if (this.canvas.width !== picture.width || this.canvas.height !== picture.height) {
        this.canvas.width = picture.width;
        this.canvas.height = picture.height;
      }
      this.canvas.getContext("2d")?.putImageData(picture, 0, 0);
      this.made = made;
    }
    lay(this.canvas, view, grid);
  }
}
