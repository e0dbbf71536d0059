import assert from "node:assert/strict";
import { test } from "node:test";
import { heat } from "../src/viewer/colour.ts";
import { corners, cut, makeCube, value } from "../src/viewer/cube.ts";

const patch = { size: [2, 3, 4] as [number, number, number], spacing_mm: 1, origin_lps_mm: [10, 20, 30] as [number, number, number] };
const data = Float32Array.from({ length: 24 }, (_, i) => i); // 12 z + 4 y + x

test("a cube of another size is refused", () => {
  assert.throws(() => makeCube(new Float32Array(23), patch), /differs in size/);
});

test("values lie where the patch says", () => {
  const cube = makeCube(data, patch);
  assert.equal(value(cube, [10, 20, 30]), 0);
  assert.equal(value(cube, [13, 22, 31]), 23);
  assert.equal(value(cube, [11.4, 21.4, 30.4]), 5);
  assert.ok(Number.isNaN(value(cube, [9.4, 20, 30])));
  assert.ok(Number.isNaN(value(cube, [10, 20, 31.6])));
});

test("cuts are turned as a radiologist looks at them", () => {
  const cube = makeCube(data, patch);
  const axial = cut(cube, "axial");
  assert.deepEqual([axial.width, axial.height], [4, 3]);
  assert.deepEqual([...axial.values].slice(0, 5), [12, 13, 14, 15, 16]);
  const coronal = cut(cube, "coronal");
  assert.deepEqual([coronal.width, coronal.height], [4, 2]);
  assert.deepEqual([...coronal.values], [16, 17, 18, 19, 4, 5, 6, 7], "the head is above");
  const sagittal = cut(cube, "sagittal");
  assert.deepEqual([sagittal.width, sagittal.height], [3, 2]);
  assert.deepEqual([...sagittal.values], [14, 18, 22, 2, 6, 10], "the front is left");
});

test("corners are the outer ones", () => {
  const all = corners(makeCube(data, patch));
  assert.equal(all.length, 8);
  assert.deepEqual(all[0], [9.5, 19.5, 29.5]);
  assert.deepEqual(all[7], [13.5, 22.5, 31.5]);
});

test("heat gets lighter all the way", () => {
  const light = (share: number): number => {
    const [r, g, b] = heat(share);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  for (let i = 0; i < 100; i++) assert.ok(light((i + 1) / 100) > light(i / 100));
  assert.deepEqual(heat(2), heat(1));
  assert.deepEqual(heat(-1), heat(0));
});
