// One line about a finding for the report that a reader writes elsewhere.

import { millimetres, verdictOf } from "../format.ts";
import type { Finding, Series } from "../types.ts";
import { texts } from "../texts.ts";

/**
 * reportLine says where a finding is, how large, of what type, and the verdict. It
 * names no patient. No lobe is told: nothing here knows the lobes.
 */
export function reportLine(f: Finding & { distances?: number[] }, s: Pick<Series, "patient" | "geometry">, label: (code: string) => string): string {
  const m = f.outline?.measurements ?? null;
  const series = s.patient?.series_number ? texts.reportline.series(s.patient.series_number) : "";
  const slice = f.slice === null || !s.geometry ? "" : texts.reportline.sliceOf(f.slice + 1, s.geometry.slices);
  const where = f.image_number === null ? series + (slice || texts.reportline.sliceUnknown) : texts.reportline.image(series, f.image_number, slice && ` (${slice})`);
  const size = m
    ? [texts.reportline.mmMm(m.mean_axis_mm.toFixed(1), m.long_axis_mm.toFixed(1), m.short_axis_mm.toFixed(1)), texts.reportline.mm(m.volume_mm3.toFixed(0)), m.type.replaceAll("_", "-")]
    : [millimetres(f.diameter_mm)];
  const distances = f.distances?.length ? [texts.reportline.measuredMm(f.distances.map((mm) => mm.toFixed(1)).join(", "))] : [];
  const verdict = f.decision ? verdictOf(f.decision.verdict, f.decision.kind, label).toLowerCase() : texts.reportline.noVerdictYet;
  return texts.reportline.finding(f.number, [where, texts.reportline.lobeUnknown, ...size, ...distances].join(", "), verdict);
}

/** copy puts a text on the clipboard, in the older way where the newer is not allowed. */
export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    return;
  } catch {
    // no permission, or the page is not served over TLS
  }
  const field = Object.assign(document.createElement("textarea"), { value: text, readOnly: true });
  field.className = "visually-hidden";
  const before = document.activeElement;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  if (!done) throw new Error("The browser does not allow this page to copy.");
}
