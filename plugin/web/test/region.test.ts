import assert from "node:assert/strict";
import { test } from "node:test";
import type { Geometry } from "../src/types.ts";
import { makeGrid } from "../src/viewer/grid.ts";
import { around, Regions } from "../src/viewer/region.ts";

const geometry = (over: Partial<Geometry> = {}): Geometry => ({
  slices: 60, rows: 200, cols: 300, spacing_mm: [2, 1, 1], origin_lps_mm: [0, 0, 0], col_step_mm: [1, 0, 0], row_step_mm: [0, 1, 0],
  line: [0, 0, 1], normal: [0, 0, 1], offsets_mm: Array.from({ length: 60 }, (_, i) => 2 * i), tilt_deg: 0, missing_slices: 0, frame_of_reference_uid: "1",
  instances: [], instance_numbers: [], frame_numbers: [], kernel: "", slice_thickness_mm: null, ...over,
});

test("what surrounds a finding is a box within the images", () => {
  const g = geometry();
  assert.deepEqual(around(makeGrid(g), [150, 100, 50], g), {
    bounds: { low: [102, 52, 20], high: [198, 148, 30] }, asked: { first: 20, count: 11, left: 102, top: 52, cols: 97, rows: 97 },
  });
  assert.deepEqual(around(makeGrid(g), [0, 199, 118], g)?.asked, { first: 54, count: 6, left: 0, top: 151, cols: 49, rows: 49 }, "at a corner");
});

test("of a tilted series none is cut out", () => {
  const g = geometry({ line: [0, 0.2, 0.98] });
  assert.equal(around(makeGrid(g), [150, 100, 50], g), null);
});

test("slices from head to feet are named as the series counts them", () => {
  const g = geometry({ row_step_mm: [0, -1, 0], line: [0, 0, 1] });
  const grid = makeGrid(g);
  const box = around(grid, [150, -100, 20], g);
  assert.equal(grid.places[box?.bounds.low[2] ?? 0]?.slice, (box?.asked.first ?? 0) + (box?.asked.count ?? 0) - 1);
});

test("a region covers its box alone, and is written into what comes later", () => {
  const all = new Regions();
  all.add({ low: [1, 1, 2], high: [2, 2, 3] }, new Map([[2, Int16Array.from([1, 2, 3, 4])]]));
  assert.ok(all.covers([1, 1, 2], [2, 2, 3]) && all.holds(2, 1, 3));
  assert.ok(!all.covers([1, 1, 2], [3, 2, 3]) && !all.holds(0, 1, 2) && !all.holds(1, 1, 4));
  const slice = new Int16Array(16);
  all.place(2, slice, 4);
  assert.deepEqual([...slice], [0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 0]);
  all.forget(2);
  all.place(2, slice.fill(0), 4);
  assert.ok(slice.every((v) => v === 0));
});
