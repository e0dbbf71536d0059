import assert from "node:assert/strict";
import { test } from "node:test";
import type { Grid } from "../src/viewer/grid.ts";
import { project, slabOf, thicker, turned } from "../src/viewer/slab.ts";

const grid = { dims: [4, 3, 9], spacing: [1, 1, 2.5], origin: [0, 0, 0], axes: [[1, 0, 0], [0, 1, 0], [0, 0, 1]], places: [], missing: 0 } as unknown as Grid;

test("a slab has as many slices as its thickness takes, around the one that is shown, within the scan", () => {
  assert.deepEqual(slabOf(grid, "axial", [0, 0, 10], 10), { first: 3, count: 4, mm: 10 });
  assert.deepEqual(slabOf(grid, "axial", [0, 0, 10], 5), { first: 4, count: 2, mm: 5 });
  assert.deepEqual(slabOf(grid, "axial", [0, 0, 0], 15), { first: 0, count: 6, mm: 15 });
  assert.deepEqual(slabOf(grid, "axial", [0, 0, 20], 15), { first: 3, count: 6, mm: 15 });
  assert.deepEqual(slabOf(grid, "coronal", [0, 1, 0], 5), { first: 0, count: 3, mm: 3 });
});

test("a projection is the maximum along the plane's own direction, of what is there", () => {
  const bright = (c: number, r: number, k: number): number | null => (k === 8 ? null : c === 1 && r === 2 && k === 5 ? 100 : -900);
  const axial = project(grid, bright, "axial", 4, 2);
  assert.equal(axial[2 * 4 + 1], 100);
  assert.equal(axial[0], -900);
  assert.equal(project(grid, bright, "axial", 6, 2)[2 * 4 + 1], -900);
  assert.equal(project(grid, bright, "coronal", 0, 3)[5 * 4 + 1], 100);
  assert.equal(project(grid, bright, "sagittal", 1, 1)[5 * 3 + 2], 100);
  assert.ok(Number.isNaN(project(grid, bright, "axial", 8, 1)[0]), "what is not there is nothing");
});

test("one key and the wheel choose the thickness", () => {
  assert.deepEqual([0, 5, 7, 10, 11, 15].map(thicker), [5, 10, 10, 15, 15, 0]);
  assert.deepEqual([turned(0, 1), turned(0, -1), turned(5, -1), turned(5, 1), turned(15, 1)], [5, 0, 5, 6, 15]);
});
