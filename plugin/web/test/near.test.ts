import assert from "node:assert/strict";
import { test } from "node:test";
import { rowsBetween } from "../src/viewer/near.ts";

test("the rows near what is seen are those that reach into it", () => {
  const tops = [0, 0, 10, 10, 20, 20, 30, 30]; // two in a line
  const rows = (from: number, to: number): number[] => {
    const [first, end] = rowsBetween((i) => tops[i] ?? NaN, tops.length, from, to);
    return Array.from({ length: end - first }, (_, i) => first + i);
  };
  assert.deepEqual(rows(-50, 100), [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual(rows(-50, -10), []);
  assert.ok([2, 3, 4, 5].every((i) => rows(15, 25).includes(i)), "rows that are half seen are missing");
  assert.ok(!rows(15, 25).includes(6) && !rows(15, 25).includes(0));
  assert.deepEqual(rowsBetween(() => 0, 0, 0, 10), [0, 0]);
});
