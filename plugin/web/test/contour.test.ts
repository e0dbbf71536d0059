import assert from "node:assert/strict";
import { test } from "node:test";
import { notFound, plusMinus, sized } from "../src/format.ts";
import type { Finding, Vec3 } from "../src/types.ts";
import { box, contour, segments, smooth } from "../src/viewer/contour.ts";
import { makeCube } from "../src/viewer/cube.ts";

// A ball of 8 mm radius around (1, 2, 3) on a grid of 2 mm.
const size: Vec3 = [12, 12, 12];
const grid = { size, spacing_mm: 2, origin_lps_mm: [-10, -9, -8] as Vec3 };
const data = Float32Array.from({ length: 12 * 12 * 12 }, (_, i) => {
  const [x, y, z] = [-10 + 2 * (i % 12) - 1, -9 + 2 * (Math.floor(i / 12) % 12) - 2, -8 + 2 * Math.floor(i / 144) - 3];
  return x * x + y * y + z * z < 64 ? 1 : 0;
});
const cube = makeCube(data, grid);

test("the mask is smooth between its voxels", () => {
  assert.equal(smooth(cube, [0, 1, 2]), 1);
  assert.equal(smooth(cube, [-10, -9, -8]), 0);
  assert.equal(smooth(cube, [100, 0, 0]), 0);
  const edge = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((x) => smooth(cube, [1 + x, 2, 3]));
  assert.ok(edge.every((v, i) => i === 0 || v <= (edge[i - 1] ?? 0)), edge.join(" "));
});

test("the line is where a plane cuts the ball, and nowhere else", () => {
  const view = (z: number) => ({
    toCanvas: (p: Vec3): [number, number] => [200 + 5 * p[0], 200 + 5 * p[1]],
    toWorld: (x: number, y: number): Vec3 => [(x - 200) / 5, (y - 200) / 5, z],
  });
  for (const [z, radius] of [[3, 8], [8, Math.sqrt(64 - 25)]] as const) {
    const lines = contour(cube, view(z), 400, 400);
    assert.ok(lines.length > 20);
    for (const [x0, y0] of lines) {
      const d = Math.hypot((x0 - 200) / 5 - 1, (y0 - 200) / 5 - 2);
      assert.ok(Math.abs(d - radius) < 1.7, `${d} mm from the middle at ${z} mm`);
    }
  }
  assert.equal(contour(cube, view(40), 400, 400).length, 0);
  assert.equal(contour(makeCube(new Float32Array(data.length), grid), view(3), 400, 400).length, 0);
  assert.equal(box(cube).length, 8);
});

test("every line ends where another begins", () => {
  const field = Float32Array.from([0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const ends = new Map<string, number>();
  for (const [x0, y0, x1, y1] of segments(field, 4, 4)) {
    for (const key of [`${x0} ${y0}`, `${x1} ${y1}`]) ends.set(key, (ends.get(key) ?? 0) + 1);
  }
  assert.ok(ends.size > 0 && [...ends.values()].every((n) => n === 2));
});

test("measurements have their uncertainty and unit", () => {
  assert.equal(plusMinus(-118.4, 4, 0, "HU"), "−118 ± 4 HU");
  assert.equal(plusMinus(7.44, null, 1, "mm"), "7.4 mm");
  const finding = { diameter_mm: 9, outline: null } as Finding;
  assert.equal(sized(finding), "9.0 mm");
  assert.equal(notFound(finding), false);
  assert.equal(notFound({ ...finding, outline: { found: false, codes: [], grid: null, measurements: null } }), true);
});
