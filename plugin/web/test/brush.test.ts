import assert from "node:assert/strict";
import { test } from "node:test";
import type { Vec3 } from "../src/types.ts";
import { at, grow, paint, wider } from "../src/viewer/brush.ts";
import type { Cube } from "../src/viewer/cube.ts";
import { maskOf, runsOf } from "../src/viewer/runs.ts";

const size: Vec3 = [32, 32, 32];
const empty = (): Cube => ({ size, spacing: 1, origin: [-15.5, -15.5, -15.5], data: new Float32Array(32 ** 3) });
const count = (c: Cube): number => c.data.reduce((n, v) => n + v, 0);
const z: Vec3 = [0, 0, 1];

test("runs are those of the service, and come back", () => {
  assert.equal(runsOf(new Float32Array(32 ** 3)), btoa("\x80\x80\x02")); // 32768, outside
  assert.equal(runsOf(new Float32Array(32 ** 3).fill(1)), btoa("\x00\x80\x80\x02"));
  const c = empty();
  paint(c, { from: [0, 0, 0], to: [5, 0, 0], normal: z, radius: 4, slice: 1 }, true);
  assert.deepEqual(maskOf(runsOf(c.data), c.data.length), c.data);
  for (const bad of ["?", btoa("\x05"), btoa("\xff\xff\xff\xff\xff\x01"), ""]) assert.equal(maskOf(bad, c.data.length), null, bad);
});

test("the brush draws one layer of a disc, and erases it", () => {
  const c = empty();
  const disc = { from: [0.5, 0.5, 0.5] as Vec3, to: [0.5, 0.5, 0.5] as Vec3, normal: z, radius: 5, slice: 0.7 };
  assert.ok(paint(c, disc, true));
  assert.ok(Math.abs(count(c) - Math.PI * 25) < 8, `${count(c)} voxels`);
  assert.ok(c.data.every((v, i) => v === 0 || Math.floor(i / 1024) === 16));
  assert.ok(!paint(c, disc, true), "nothing new");
  assert.ok(paint(c, disc, false));
  assert.equal(count(c), 0);
  // Thick slices: no layer between two slices stays out. A stroke has no gaps.
  paint(c, { ...disc, slice: 2.5 }, true);
  assert.equal(new Set([...c.data.keys()].filter((i) => c.data[i]).map((i) => Math.floor(i / 1024))).size, 3);
  const way = empty();
  paint(way, { ...disc, from: [-10, 0, 0.5], to: [10, 0, 0.5], radius: 1 }, true);
  for (let x = -10; x <= 10; x++) assert.equal(way.data[at(way, [x, 0, 0.5])], 1, `at ${x}`);
  // Across: along x.
  const side = empty();
  paint(side, { ...disc, normal: [1, 0, 0], radius: 3 }, true);
  assert.ok(side.data.every((v, i) => v === 0 || i % 32 === 16));
});

test("a region grows within limits and within the cube", () => {
  const ball = (p: Vec3): number | null => (Math.hypot(...p) < 6 ? 40 : -800);
  const c = empty();
  assert.equal(grow(c, [1, 1, 1], [-400, 400], ball), "grown");
  assert.ok(Math.abs(count(c) - (4 / 3) * Math.PI * 216) < 60, `${count(c)} voxels`);
  assert.equal(grow(c, [10, 0, 0], [-400, 400], ball), "limits");
  assert.equal(grow(c, [90, 0, 0], [-400, 400], ball), "outside");
  assert.equal(grow(c, [0, 0, 0], [-400, 400], () => null), "missing");
  const all = empty();
  assert.equal(grow(all, [0, 0, 0], [-1000, 400], () => 0), "grown");
  assert.equal(count(all), 32 ** 3);
});

test("the radius goes by steps and ends", () => {
  assert.equal(wider(3, 1), 4);
  assert.equal(wider(3, -1), 2);
  assert.equal(wider(1, -1), 1);
  assert.equal(wider(15, 1), 15);
});
