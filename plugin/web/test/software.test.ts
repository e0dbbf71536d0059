import assert from "node:assert/strict";
import { test } from "node:test";
import { greyTable } from "../src/viewer/slice.ts";
import { colourSlice } from "../src/viewer/software.ts";

test("a slice is coloured along any two axes, and is air where nothing has come", () => {
  const dims = [4, 3, 2] as const;
  const touched = new Uint8Array([1, 0]);
  const voxels = Int16Array.from({ length: 24 }, (_, i) => (i === 7 ? -900 : 10 * i));
  const table = Uint32Array.from({ length: 65536 }, (_, i) => 7 * i);
  for (const [right, down, normal] of [[0, 1, 2], [0, 2, 1], [1, 2, 0]] as const) {
    for (let at = 0; at < dims[normal]; at++) {
      const want: number[] = [];
      for (let y = 0; y < dims[down]; y++) {
        for (let x = 0; x < dims[right]; x++) {
          const index = [0, 0, 0];
          [index[normal], index[right], index[down]] = [at, x, y];
          const hu = index[2] === 1 ? -1024 : voxels[(index[2]! * dims[1] + index[1]!) * dims[0] + index[0]!]!;
          want.push(7 * (hu < 0 ? hu + 65536 : hu));
        }
      }
      const out = new Uint32Array(want.length);
      colourSlice(voxels, dims, touched, -1024, [right, down, normal], at, table, out);
      assert.deepEqual([...out], want);
    }
  }
});

test("the window goes from black to white", () => {
  const table = greyTable({ center: -600, width: 1500 });
  const grey = (hu: number): number => (table[hu & 0xffff] ?? 0) & 0xff;
  assert.deepEqual([-32768, -1350, -600, 150, 32767].map(grey), [0, 0, 128, 255, 255]);
  assert.ok([...table].every((p) => p >>> 24 === 255 && (p & 0xff) === ((p >> 8) & 0xff) && (p & 0xff) === ((p >> 16) & 0xff)), "a pixel is not opaque and grey");
});
