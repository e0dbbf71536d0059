import assert from "node:assert/strict";
import { test } from "node:test";
import type { Geometry, Vec3 } from "../src/types.ts";
import { inside, length, makeGrid, onSlice, placeSlice, toIndex, toPosition, add } from "../src/viewer/grid.ts";

function geometry(change: Partial<Geometry> = {}): Geometry {
  return {
    slices: 4, rows: 3, cols: 5, spacing_mm: [2, 0.7, 0.8], origin_lps_mm: [-10, 20, -300],
    col_step_mm: [0.8, 0, 0], row_step_mm: [0, 0.7, 0], line: [0, 0, 1], normal: [0, 0, 1],
    offsets_mm: [0, 2, 4, 6], tilt_deg: 0, missing_slices: 0, frame_of_reference_uid: "1.2", instances: ["a", "b", "c", "d"],
    instance_numbers: [4, 3, 2, 1], frame_numbers: [null, null, null, null], kernel: "", slice_thickness_mm: null,
    ...change,
  };
}

function near(got: readonly number[], want: readonly number[]): void {
  assert.equal(got.length, want.length);
  got.forEach((v, i) => assert.ok(Math.abs(v - (want[i] ?? NaN)) < 1e-6, `${got.join()} is not ${want.join()}`));
}

test("a plain series lies in the grid as it is", () => {
  const g = makeGrid(geometry());
  near(g.dims, [5, 3, 4]);
  near(g.spacing, [0.8, 0.7, 2]);
  near(g.origin, [-10, 20, -300]);
  assert.deepEqual(g.places.map((p) => p?.slice), [0, 1, 2, 3]);
  near(toIndex(g, [-10 + 1.6, 20.7, -296]), [2, 1, 2]);
});

test("a series that runs to the feet is turned over, and positions stay", () => {
  const g = makeGrid(geometry({ line: [0, 0, -1], normal: [0, 0, 1] }));
  near(g.origin, [-10, 20, -306]);
  assert.deepEqual(g.places.map((p) => p?.slice), [3, 2, 1, 0]);
  near(toIndex(g, [-10, 20, -300]), [0, 0, 3]);
});

test("a missing slice leaves a gap", () => {
  const g = makeGrid(geometry({ offsets_mm: [0, 2, 4, 8, 10] }));
  assert.deepEqual(g.places.map((p) => p?.slice ?? null), [0, 1, 2, null, 3, 4]);
  assert.equal(g.missing, 1);
});

test("irregular spacing takes the nearest slice", () => {
  const g = makeGrid(geometry({ offsets_mm: [0, 2.15, 3.9, 6] }));
  near([g.dims[2]], [4]);
  assert.deepEqual(g.places.map((p) => p?.slice), [0, 1, 2, 3]);
});

test("a tilted series keeps right angles, every voxel at its place", () => {
  const tilt = (18.5 * Math.PI) / 180;
  const line: Vec3 = [0, Math.sin(tilt), Math.cos(tilt)];
  const g0 = geometry({ line, offsets_mm: [0, 2, 4, 6] });
  const g = makeGrid(g0);
  near([g.spacing[2]], [2 * Math.cos(tilt)]);
  g.places.forEach((place, k) => {
    assert.ok(place);
    const offset = g0.offsets_mm[place.slice] ?? 0;
    const want = add(g0.origin_lps_mm, line, offset);
    near(toPosition(g, [place.shift[0], place.shift[1], k]), want);
  });
  assert.ok(g.dims[1] >= 3 + Math.floor((6 * Math.sin(tilt)) / 0.7), "rows are added for the shift");
});

test("oblique axes are kept", () => {
  const s = Math.SQRT1_2;
  const g = makeGrid(geometry({ col_step_mm: [0.8 * s, 0.8 * s, 0], row_step_mm: [-0.7 * s, 0.7 * s, 0] }));
  const p: Vec3 = [-8, 22, -301];
  near(toPosition(g, toIndex(g, p)), p);
});

test("a position outside moves to the border, one inside stays", () => {
  const g = makeGrid(geometry());
  const p: Vec3 = [-9, 20.5, -299];
  assert.equal(inside(g, p), p);
  near(inside(g, [500, 20, -300]), [-10 + 4 * 0.8, 20, -300]);
});

test("pixels are placed whole, and between pixels by halves", () => {
  const pixels = Int16Array.from([1, 2, 3, 4]);
  const whole = new Int16Array(16).fill(-9);
  placeSlice(whole, 4, 4, pixels, 2, 2, { slice: 0, shift: [1, 2] });
  assert.deepEqual([...whole], [-9, -9, -9, -9, -9, -9, -9, -9, -9, 1, 2, -9, -9, 3, 4, -9]);
  const half = new Int16Array(6).fill(-9);
  placeSlice(half, 2, 3, Int16Array.from([10, 10, 20, 20]), 2, 2, { slice: 0, shift: [0, 0.5] });
  assert.deepEqual([...half], [10, 10, 15, 15, 20, 20]);
});

test("same width is copied in one go", () => {
  const out = new Int16Array(6).fill(-9);
  placeSlice(out, 2, 3, Int16Array.from([1, 2, 3, 4]), 2, 2, { slice: 0, shift: [0, 1] });
  assert.deepEqual([...out], [-9, -9, 1, 2, 3, 4]);
});


test("a position moves to the nearest slice, along its axis alone", () => {
  const g = makeGrid(geometry());
  const p = toPosition(g, [1.3, 2.6, 1.4]);
  near(toIndex(g, onSlice(g, p, 2)), [1.3, 2.6, 1]);
  near(toIndex(g, onSlice(g, p, 0)), [1, 2.6, 1.4]);
});
