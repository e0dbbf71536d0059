// How an outline is changed by hand: a brush within a plane, and a region that
// grows from a voxel.

import type { Vec3 } from "../types.ts";
import type { Cube } from "./cube.ts";
import { add, dot, length } from "./grid.ts";

export const radii = [1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 15]; // mm

/** wider is the next radius, or the one before. */
export function wider(radius: number, by: number): number {
  const at = radii.findIndex((r) => r >= radius);
  return radii[Math.min(Math.max((at < 0 ? radii.length - 1 : at) + Math.sign(by), 0), radii.length - 1)] ?? radius;
}

/** middleOf is the centre of voxel i of a cube. */
function middleOf(cube: Cube, i: number): Vec3 {
  const [, ny, nx] = cube.size;
  const { origin: o, spacing: s } = cube;
  return [o[0] + s * (i % nx), o[1] + s * (Math.floor(i / nx) % ny), o[2] + s * Math.floor(i / (nx * ny))];
}

export interface Stroke {
  from: Vec3;
  to: Vec3;
  normal: Vec3; // of the plane
  radius: number; // mm
  slice: number; // mm from one slice of the plane to the next
}

/**
 * paint sets the voxels along a stroke: those within the radius whose centres belong
 * to the slice, at least the layer next to it. It tells whether any has changed.
 */
export function paint(cube: Cube, s: Stroke, inside: boolean): boolean {
  const value = inside ? 1 : 0;
  const half = Math.max(s.slice, cube.spacing) / 2 + 1e-6;
  const way = add(s.to, s.from, -1);
  const far = dot(way, way);
  let changed = false;
  for (let i = 0; i < cube.data.length; i++) {
    if (cube.data[i] === value) continue;
    const p = add(middleOf(cube, i), s.from, -1);
    const off = dot(p, s.normal);
    if (Math.abs(off) > half) continue;
    const share = far > 0 ? Math.min(Math.max(dot(p, way) / far, 0), 1) : 0;
    const beside = add(add(p, way, -share), s.normal, -off);
    if (length(beside) > s.radius) continue;
    cube.data[i] = value;
    changed = true;
  }
  return changed;
}

/** at is the voxel of a cube at a position, -1 outside. */
export function at(cube: Cube, p: Vec3): number {
  const [nz, ny, nx] = cube.size;
  const [x, y, z] = [0, 1, 2].map((a) => Math.round(((p[a] ?? 0) - (cube.origin[a] ?? 0)) / cube.spacing)) as Vec3;
  return x < 0 || y < 0 || z < 0 || x >= nx || y >= ny || z >= nz ? -1 : (z * ny + y) * nx + x;
}

export type Grown = "grown" | "outside" | "limits" | "missing";

/**
 * grow adds the voxels that hang together with the one at a position (by their
 * faces) and have HU within the limits, as far as the cube goes.
 */
export function grow(cube: Cube, p: Vec3, [low, high]: [number, number], hu: (p: Vec3) => number | null): Grown {
  const [nz, ny, nx] = cube.size;
  const start = at(cube, p);
  if (start < 0) return "outside";
  const within = (i: number): boolean => {
    const v = hu(middleOf(cube, i));
    return v !== null && v >= low && v <= high;
  };
  if (hu(middleOf(cube, start)) === null) return "missing";
  if (!within(start)) return "limits";
  const seen = new Uint8Array(cube.data.length);
  const queue = [start];
  seen[start] = 1;
  for (let i = queue.pop(); i !== undefined; i = queue.pop()) {
    cube.data[i] = 1;
    const [x, y, z] = [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))];
    for (const [there, next] of [[x > 0, i - 1], [x < nx - 1, i + 1], [y > 0, i - nx], [y < ny - 1, i + nx], [z > 0, i - nx * ny], [z < nz - 1, i + nx * ny]] as const) {
      if (!there || seen[next]) continue;
      seen[next] = 1;
      if (within(next)) queue.push(next);
    }
  }
  return "grown";
}
