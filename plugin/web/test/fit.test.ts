import assert from "node:assert/strict";
import { test } from "node:test";
import type { Vec3 } from "../src/types.ts";
import { between } from "../src/viewer/fit.ts";
import type { Grid } from "../src/viewer/grid.ts";

const grid: Grid = {
  dims: [4, 4, 4], spacing: [1, 1, 2], origin: [10, 20, 30], axes: [[1, 0, 0], [0, 1, 0], [0, 0, 1]], places: [], missing: 0,
};
const ramp = (c: number, r: number, k: number): number | null => (Math.min(c, r, k) < 0 || Math.max(c, r, k) > 3 ? null : 100 * c + 10 * r + k);

test("what lies between voxels is weighed of them", () => {
  const at = (p: Vec3): number | null => between(grid, ramp, p);
  assert.equal(at([11, 22, 34]), 122);
  assert.ok(Math.abs((at([11.5, 22.25, 33]) ?? 0) - 174) < 1e-6);
  assert.equal(at([13, 23, 36]), 333, "the last voxel needs none behind it");
  assert.equal(at([13.5, 23, 36]), null);
  assert.equal(at([9.5, 20, 30]), null);
});
