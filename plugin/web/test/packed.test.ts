import assert from "node:assert/strict";
import { test } from "node:test";
import { enlarge, inflate, parts, unpackReduced, unpackRest, unpackWhole } from "../src/viewer/packed.ts";

// A slice of 5 rows and 7 columns as the service packs it.
const packed = "HgAAAKoWshBm01D9L2LJ9R8AAAD//4oQUBcAAAAA//8DAGLAA8QZGBh4GBgYAAAAAP//+o8Eqv7//28IYQIAAAD//2JgYWBg4WBgZ2Dg4AAAAAD//1JgVmXitnvEosDMbWfO9Os/J+tnRv7fs+2ZGLsYzZmCmGPt9zNNYJzAeNUOAAAA//8DAA==";
const pixels = [-1000, -963, -852, 32000, -408, -975, -568, -987, -432, -703, -900, -123, -172, -147, -948, -775, -528, -32768, -712, -243, 32767, -883, -192, -327, -388, -375, -288, -127, -792, -483, -1000, -543, -912, -307, -528];

test("a packed slice is got back to the bit; its first part has every second pixel in steps", async () => {
  const [first, second] = parts(Uint8Array.from(atob(packed), (c) => c.charCodeAt(0)));
  const reduced = unpackReduced(await inflate(first), 5, 7);
  assert.deepEqual([...reduced], pixels.filter((_, i) => Math.floor(i / 7) % 2 === 0 && (i % 7) % 2 === 0).map((hu) => (hu + 8) >> 4));
  assert.deepEqual([...unpackRest(reduced, await inflate(second), 5, 7)], pixels);
  assert.deepEqual([...await unpackWhole(Uint8Array.from(atob(packed), (c) => c.charCodeAt(0)), 5, 7)], pixels);
});

test("a packed slice of another size is refused", async () => {
  const [first, second] = parts(Uint8Array.from(atob(packed), (c) => c.charCodeAt(0)));
  const reduced = unpackReduced(await inflate(first), 5, 7);
  const rest = await inflate(second);
  assert.throws(() => unpackRest(reduced, rest, 5, 9), /differs in size/);
  assert.throws(() => unpackReduced(new Uint8Array(3), 5, 7), /differs in size/);
  assert.throws(() => parts(Uint8Array.from([9, 0, 0, 0, 1])), /cut off/);
});

test("a picture of the first part keeps its pixels and has means between them", () => {
  assert.deepEqual([...enlarge(Int16Array.from([0, 1, 2, 3]), 3, 4)], [0, 8, 16, 16, 16, 24, 32, 32, 32, 40, 48, 48]);
});

test("the highest value stays within 16 bits", () => {
  assert.deepEqual([...enlarge(Int16Array.from([2048]), 1, 2)], [32767, 32767]);
});
