import assert from "node:assert/strict";
import { test } from "node:test";
import { takeSlice } from "../src/viewer/software.ts";

test("a slice is taken along any two axes, in any direction", () => {
  const dims = [4, 3, 2] as const;
  const touched = new Uint8Array([1, 0]);
  const voxels = Int16Array.from({ length: 24 }, (_, i) => (i === 7 ? -900 : 10 * i));
  for (const [normal, right, down] of [[2, 0, 1], [1, 0, 2], [0, 1, 2]] as const) {
    for (const [rightSign, downSign] of [[1, 1], [-1, 1], [1, -1], [-1, -1]] as const) {
      for (let at = 0; at < dims[normal]; at++) {
        const [wide, high] = [dims[right], dims[down]];
        const want: number[] = [];
        for (let y = 0; y < high; y++) {
          for (let x = 0; x < wide; x++) {
            const index = [0, 0, 0];
            index[normal] = at;
            index[right] = rightSign > 0 ? x : wide - 1 - x;
            index[down] = downSign > 0 ? y : high - 1 - y;
            want.push(index[2] === 1 ? -1024 : voxels[(index[2]! * dims[1] + index[1]!) * dims[0] + index[0]!]!);
          }
        }
        const out = new Int16Array(wide * high);
        const range = { min: Infinity, max: -Infinity };
        assert.ok(takeSlice(voxels, dims, touched, -1024)(out, normal, at, right, rightSign, down, downSign, range));
        assert.deepEqual([...out], want);
        assert.deepEqual(range, { min: Math.min(...want), max: Math.max(...want) });
      }
    }
  }
});
