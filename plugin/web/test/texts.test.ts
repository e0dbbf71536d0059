import assert from "node:assert/strict";
import { test } from "node:test";
import { hint, millimetres, percent, place, rank, ranked, shortDigest } from "../src/format.ts";
import { letters, scaleBarLength } from "../src/viewer/overlay.tsx";
import { reportLine } from "../src/viewer/reportline.ts";
import type { Finding, Series } from "../src/types.ts";

test("probabilities never round to certainty", () => {
  assert.equal(percent(null), "–");
  assert.equal(percent(0.004), "<1 %");
  assert.equal(percent(0.434), "43 %");
  assert.equal(percent(0.996), ">99 %");
  assert.equal(percent(0), "0 %");
});

test("percentiles, sizes, versions", () => {
  assert.equal(rank(75.31), "75.3");
  assert.equal(rank(99.99), "100");
  assert.equal(ranked(75.31), "percentile\u00a075.3");
  assert.equal(ranked(null), "–");
  assert.equal(millimetres(23.44), "23.4 mm");
  assert.equal(millimetres(null), "size not given");
  assert.equal(shortDigest("sha256:0123456789abcdef"), "01234567");
});

test("a problem names its code once", () => {
  assert.equal(hint({ code: "busy", message: "come again" }), "come again (busy)");
  assert.equal(hint({ code: "busy", message: "come again (busy)" }), "come again (busy)");
});

test("positions name their directions", () => {
  assert.equal(place([56.2, -86.3, -115.94]), "L 56.2  A 86.3  F 115.9");
  assert.equal(letters([1, 0, 0]), "L");
  assert.equal(letters([-0.8, 0, 0.6]), "RH");
  assert.equal(letters([0.1, 0.99, 0]), "P");
});

test("the scale bar is a round length of a readable size", () => {
  assert.equal(scaleBarLength(0.7), 50);
  assert.equal(scaleBarLength(0.05), 5);
  assert.equal(scaleBarLength(100), 200);
});

test("the line for the report has place, size and verdict, and no patient", () => {
  const f = {
    number: 2, image_number: 65, slice: 75, diameter_mm: 9, decision: null,
    outline: { measurements: { mean_axis_mm: 8.42, long_axis_mm: 9.13, short_axis_mm: 7.71, volume_mm3: 214.4, type: "part_solid" } },
  } as unknown as Finding;
  const s = { patient: { name: "Doe, Jane", id: "4711", series_number: "3" }, geometry: { slices: 120 } } as unknown as Series;
  const label = (code: string): string => (code === "scar" ? "Scar or fibrosis" : code);
  assert.equal(reportLine(f, s, label), "Finding 2: series 3, image 65 (slice 76 of 120), lobe unknown, 8.4 mm (9.1 × 7.7 mm), 214 mm³, part-solid: no verdict yet.");
  const decided = { ...f, outline: null, image_number: null, decision: { verdict: "not_nodule", kind: "scar" } } as unknown as Finding;
  assert.equal(reportLine(decided, { patient: null, geometry: null }, label), "Finding 2: slice unknown, lobe unknown, 9.0 mm: not a nodule: scar or fibrosis.");
});
