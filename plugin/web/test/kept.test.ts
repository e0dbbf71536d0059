import assert from "node:assert/strict";
import { test } from "node:test";
import { Kept } from "../src/viewer/kept.ts";

const grid = { size: [1, 1, 2] as [number, number, number], spacing_mm: 1, origin_lps_mm: [0, 0, 0] as [number, number, number] };

function asked(): { kept: Kept; of: string[]; signals: AbortSignal[]; answer: (() => void)[] } {
  const of: string[] = [];
  const signals: AbortSignal[] = [];
  const answer: (() => void)[] = [];
  const kept = new Kept("series", (_, number, kind, model, signal) => {
    of.push(`${number} ${kind} ${model}`);
    signals.push(signal);
    return new Promise((come, fail) => {
      answer.push(() => come(new Float32Array([number, 0])));
      signal.addEventListener("abort", () => fail(signal.reason));
    });
  });
  return { kept, of, signals, answer };
}

test("a picture is asked for once, and is there when it has come", async () => {
  const { kept, of, answer } = asked();
  const both = [kept.fetch(3, "residual", "vae-ad", grid), kept.fetch(3, "residual", "vae-ad", grid)];
  assert.equal(kept.cube(3, "residual", "vae-ad"), null);
  answer[0]!();
  const [a, b] = await Promise.all(both);
  assert.equal(a, b);
  assert.equal(kept.cube(3, "residual", "vae-ad"), a);
  assert.equal(kept.cube(3, "residual", "gan-ad"), null);
  assert.deepEqual(of, ["3 residual vae-ad"]);
});

test("what nobody waits for is not fetched on, and may be asked for again", async () => {
  const { kept, of, signals } = asked();
  const left = kept.fetch(1, "patch", "", grid);
  const shown = kept.fetch(2, "patch", "", grid);
  kept.only([2]);
  await assert.rejects(left);
  assert.deepEqual(signals.map((s) => s.aborted), [true, false]);
  void kept.fetch(1, "patch", "", grid);
  assert.equal(of.length, 3);
  void shown;
});

test("few pictures are kept", async () => {
  const { kept, answer } = asked();
  for (let n = 1; n <= 100; n++) {
    const coming = kept.fetch(n, "patch", "", grid);
    answer.at(-1)!();
    await coming;
  }
  assert.equal([...Array(101).keys()].filter((n) => kept.cube(n, "patch", "")).length, 24);
  assert.notEqual(kept.cube(100, "patch", ""), null);
});
