import assert from "node:assert/strict";
import { test } from "node:test";
import type { Finding } from "../src/types.ts";
import { arrange } from "../src/viewer/arrange.ts";

const finding = (number: number, probability: number | null, slice: number | null, mm: number | null, more: object = {}): Finding =>
  ({ number, probability, percentile: null, slice, diameter_mm: mm, outline: null, decision: null, flagged: false, problem: null, scores: [{}], ...more }) as unknown as Finding;

const all = [
  finding(1, 0.2, 50, 6, { outline: { measurements: { mean_axis_mm: 20, type: "solid" } } }), finding(2, 0.9, 10, 8, { flagged: true }),
  finding(3, null, null, null, { problem: {}, scores: [] }), finding(4, 0.5, 30, 12, { decision: {} }),
];
const numbers = (order: Parameters<typeof arrange>[1]["order"], show: Parameters<typeof arrange>[1]["show"], open = 0): number[] => arrange(all, { order, show }, open).map((f) => f.number);

test("a list is ordered by deviation, size, image or number", () => {
  assert.deepEqual(numbers("deviation", "all"), [2, 4, 1, 3]);
  assert.deepEqual(numbers("size", "all"), [1, 4, 2, 3]);
  assert.deepEqual(numbers("image", "all"), [2, 4, 1, 3]);
  assert.deepEqual(numbers("number", "all"), [1, 2, 3, 4]);
});

test("a list shows what is asked for, and what is open on the screen", () => {
  assert.deepEqual(numbers("number", "open"), [1, 2, 3]);
  assert.deepEqual(numbers("number", "flagged"), [2]);
  assert.deepEqual(numbers("number", "solid", 4), [1, 4]);
  assert.deepEqual(numbers("number", "unscored"), [3]);
});
