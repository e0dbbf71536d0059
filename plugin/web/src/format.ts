// Texts for numbers, dates and states.

import type { Decision, Finding, Note, Patient, State, Vec3, Verdict } from "./types.ts";
import { texts } from "./texts.ts";

export const percent = (share: number | null): string => {
  if (share === null) return "–";
  const p = share * 100;
  return p > 0 && p < 1 ? "<1 %" : p > 99 && p < 100 ? ">99 %" : `${Math.round(p)} %`;
};

/** rank is a percentile among the reference normals. */
export const rank = (percentile: number | null): string =>
  percentile === null ? "–" : percentile >= 99.95 ? "100" : percentile.toFixed(1);

/** ranked is rank where no heading says what the number is. */
export const ranked = (percentile: number | null): string => (percentile === null ? "–" : `percentile\u00a0${rank(percentile)}`);

export const millimetres = (mm: number | null): string => (mm === null ? texts.format.sizeNotGiven : texts.common.mm(mm.toFixed(1)));

/** notFound says that a finding has no score because there is no nodule. */
export const notFound = (f: Finding): boolean => f.outline !== null && !f.outline.found;

/** plusMinus is a value with its uncertainty, where that is known, and its unit. */
export const plusMinus = (value: number, by: number | null, digits: number, unit: string): string =>
  `${value.toFixed(digits).replace("-", "−")}${by === null ? "" : ` ± ${by.toFixed(digits)}`} ${unit}`;

/** sized is the diameter of a finding: that of its outline, the reader's first, or the one that was given. */
export const sized = (f: Finding): string => millimetres(f.decision?.outline?.measurements?.diameter_mm ?? f.outline?.measurements?.diameter_mm ?? f.diameter_mm);

/** counted is a number with its noun, in the plural where it is not 1. */
export const counted = (n: number, noun: string, plural = noun + "s"): string => `${n} ${n === 1 ? noun : plural}`;

/** below says that a probability is below the base rate, where it is: such a nodule is less suspicious than one of which nothing is known. */
export const below = (x: { probability: number | null; base_rate: number | null }): string =>
  x.probability !== null && x.base_rate !== null && x.probability < x.base_rate ? texts.format.belowBaseRate(percent(x.base_rate)) : "";

const two = (n: number): string => String(n).padStart(2, "0");

/** moment is local time, as 2026-01-31 08:05. */
export function moment(iso: string): string {
  const d = new Date(iso);
  if (Number.isNaN(d.getTime())) return "–";
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}`;
}

/** place is an LPS position with the letters of its directions. */
export function place(p: Vec3): string {
  const part = (v: number, plus: string, minus: string): string => `${v < 0 ? minus : plus} ${Math.abs(v).toFixed(1)}`;
  return [part(p[0], "L", "R"), part(p[1], "P", "A"), part(p[2], "H", "F")].join("  ");
}

export const stateNames: Record<State, string> = {
  waiting: "waiting", scored: "scored", refused: "refused", in_review: texts.format.inReview, done: "done",
};

export const verdictNames: Record<Verdict, string> = {
  suspicious: "suspicious", benign: texts.format.benignLookingNodule, not_nodule: "not a nodule", unsure: "unsure",
};

export const shortDigest = (digest: string): string => digest.replace(/^sha256:/, "").slice(0, 8);

export const orDash = (text: string | undefined): string => (text ? text : "–");

/** hint is a problem as a sentence with its code, once. */
export const hint = (note: Note): string => (note.message.includes(`(${note.code})`) ? note.message : `${note.message} (${note.code})`);

/** shown is a patient's name as viewers show it: family in capitals is kept as it is. */
export const shownName = (p: Patient): string => p.name || texts.format.noNameInTheImages;

/** decided is one line about a decision. */
export const decided = (d: Decision, label: (code: string) => string): string =>
  `${verdictOf(d.verdict, d.kind, label)} · ${d.reviewer} · ${moment(d.time)}`;

/** verdictOf is a verdict, with the kind of what is no nodule. */
export const verdictOf = (verdict: Verdict, kind: string, label: (code: string) => string): string =>
  verdictNames[verdict] + (kind ? ": " + label(kind) : "");

/** byUrgency orders findings: highest probability first, refused ones last. */
export function byUrgency(a: Finding, b: Finding): number {
  return (b.probability ?? -1) - (a.probability ?? -1) || (b.percentile ?? -1) - (a.percentile ?? -1) || a.number - b.number;
}

/** imageName is what viewers call an image: by its number, and a frame of a multi-frame file a frame; empty where it has no number. */
export const imageName = (number: number | null, frame: number | null): string =>
  number === null ? "" : `${frame === null ? "image" : "frame"} ${number}`;
