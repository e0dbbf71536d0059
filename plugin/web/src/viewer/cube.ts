// A cube of the service's floats (patch, reconstruction, residual) and cuts
// through it. Its axes are those of the patient: x to the left, y to the back,
// z to the head; data is ordered z, y, x.

import type { Patch, Vec3 } from "../types.ts";

export type Plane = "axial" | "coronal" | "sagittal";
export const planes: Plane[] = ["axial", "coronal", "sagittal"];

export interface Cube {
  data: Float32Array;
  size: Vec3; // z, y, x
  spacing: number; // mm
  origin: Vec3; // LPS, centre of voxel (0, 0, 0)
}

/** makeCube checks that the data has the size that the patch names. */
export function makeCube(data: Float32Array, patch: Patch): Cube {
  const [nz, ny, nx] = patch.size;
  if (data.length !== nz * ny * nx) throw new Error("the image of the patch differs in size from the patch");
  return { data, size: patch.size, spacing: patch.spacing_mm, origin: patch.origin_lps_mm };
}

/** value is the nearest voxel at a position, NaN outside. */
export function value(cube: Cube, p: Vec3): number {
  const x = Math.round((p[0] - cube.origin[0]) / cube.spacing);
  const y = Math.round((p[1] - cube.origin[1]) / cube.spacing);
  const z = Math.round((p[2] - cube.origin[2]) / cube.spacing);
  const [nz, ny, nx] = cube.size;
  if (x < 0 || y < 0 || z < 0 || x >= nx || y >= ny || z >= nz) return NaN;
  return cube.data[(z * ny + y) * nx + x] ?? NaN;
}

/**
 * cut is a picture through the middle, as a radiologist looks at it: axial
 * from the feet, coronal from the front with the head above, sagittal from the
 * left with the head above.
 */
export function cut(cube: Cube, plane: Plane): { width: number; height: number; values: Float32Array } {
  const [nz, ny, nx] = cube.size;
  const at = (z: number, y: number, x: number): number => cube.data[(z * ny + y) * nx + x] ?? 0;
  const [mz, my, mx] = [nz >> 1, ny >> 1, nx >> 1];
  const width = plane === "sagittal" ? ny : nx;
  const height = plane === "axial" ? ny : nz;
  const values = new Float32Array(width * height);
  for (let r = 0; r < height; r++) {
    for (let c = 0; c < width; c++) {
      values[r * width + c] =
        plane === "axial" ? at(mz, r, c) : plane === "coronal" ? at(nz - 1 - r, my, c) : at(nz - 1 - r, c, mx);
    }
  }
  return { width, height, values };
}

/** corners are the eight outer corners of the cube. */
export function corners(cube: Cube): Vec3[] {
  const [nz, ny, nx] = cube.size;
  const out: Vec3[] = [];
  for (const z of [-0.5, nz - 0.5]) {
    for (const y of [-0.5, ny - 0.5]) {
      for (const x of [-0.5, nx - 0.5]) {
        out.push([
          cube.origin[0] + x * cube.spacing,
          cube.origin[1] + y * cube.spacing,
          cube.origin[2] + z * cube.spacing,
        ]);
      }
    }
  }
  return out;
}
