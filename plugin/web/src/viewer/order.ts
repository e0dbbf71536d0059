// Which slice comes next, and how much of it.

/** Quality is how much of a slice is there: reduced is every second pixel of every second row. */
export const Quality = { nothing: 0, reduced: 1, whole: 2 } as const;

/** Part is what is asked for of a slice. */
export type Part = "whole" | "reduced" | "rest";

export interface Wanted {
  k: number;
  part: Part;
}

export interface Slices {
  quality: Uint8Array; // of every slice, a Quality
  busy: Uint8Array; // 1: on its way, failed, or no such slice
  focus: number; // where one looks
  finding: number; // where the finding is
  around: number; // slices to each side of it that belong to it
  slow: boolean; // the line: reduced quality first
}

/**
 * next is what is fetched next, null where all is there or on its way: the slice
 * that is looked at, then those of the finding without loss, then all others,
 * nearest first. On a slow line what is looked at away from the finding, and all
 * others, come in reduced quality first.
 */
export function next(s: Slices): Wanted | null {
  const nearest = (from: number, least: number, within = Infinity): number => {
    let best = -1;
    let distance = Infinity;
    for (let k = 0; k < s.quality.length; k++) {
      const d = Math.abs(k - from);
      if (d < distance && d <= within && s.busy[k] === 0 && (s.quality[k] ?? 0) < least) {
        best = k;
        distance = d;
      }
    }
    return best;
  };
  const lossless = (k: number): Wanted => ({ k, part: s.quality[k] === Quality.reduced ? "rest" : "whole" });
  const looked = nearest(s.focus, s.slow && s.focus !== s.finding ? Quality.reduced : Quality.whole, 0);
  if (looked >= 0) return s.slow && s.focus !== s.finding ? { k: looked, part: "reduced" } : lossless(looked);
  const own = nearest(s.finding, Quality.whole, s.around);
  if (own >= 0) return lossless(own);
  if (nearest(s.focus, Quality.whole, 0) >= 0) return lossless(s.focus);
  if (s.slow) {
    const k = nearest(s.focus, Quality.reduced);
    if (k >= 0) return { k, part: "reduced" };
  }
  const k = nearest(s.focus, Quality.whole);
  return k < 0 ? null : lossless(k);
}
