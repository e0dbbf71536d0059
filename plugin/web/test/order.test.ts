import assert from "node:assert/strict";
import { test } from "node:test";
import { next, Quality, type Slices } from "../src/viewer/order.ts";

// fetched is what is fetched of ten slices, one after the other, as "7 whole".
function fetched(set: Partial<Slices>, steps = 99): string[] {
  const s: Slices = { quality: new Uint8Array(10), busy: new Uint8Array(10), focus: 4, finding: 4, around: 1, slow: true, ...set };
  const out: string[] = [];
  for (let w = next(s); w && out.length < steps; w = next(s)) {
    out.push(`${w.k} ${w.part}`);
    s.quality[w.k] = w.part === "reduced" ? Quality.reduced : Quality.whole;
  }
  return out;
}

test("on a slow line the finding comes without loss, then all others in reduced quality, then their rest", () => {
  assert.deepEqual(fetched({}), [
    "4 whole", "3 whole", "5 whole", "2 reduced", "6 reduced", "1 reduced", "7 reduced", "0 reduced", "8 reduced", "9 reduced",
    "2 rest", "6 rest", "1 rest", "7 rest", "0 rest", "8 rest", "9 rest",
  ]);
});

test("on a fast line all come whole, nearest first", () => {
  assert.deepEqual(fetched({ slow: false }, 4), ["4 whole", "3 whole", "5 whole", "2 whole"]);
});

test("what is looked at away from the finding comes at once, in reduced quality, then without loss", () => {
  assert.deepEqual(fetched({ focus: 8 }, 6), ["8 reduced", "4 whole", "3 whole", "5 whole", "8 rest", "7 reduced"]);
});

test("what is on its way, failed or not there is not asked for", () => {
  assert.deepEqual(fetched({ busy: Uint8Array.from([1, 1, 1, 1, 1, 1, 0, 1, 1, 1]) }), ["6 reduced", "6 rest"]);
  assert.deepEqual(fetched({ finding: -1, focus: 0 }, 2), ["0 reduced", "0 rest"], "without a finding");
});
