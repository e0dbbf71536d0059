// The order of a finding list, and what of it is shown.

import { byUrgency } from "../format.ts";
import type { Finding } from "../types.ts";
import { texts } from "../texts.ts";

export const orders = { deviation: "deviation", size: "size", image: "image", number: "number" } as const;
export const shows = { all: "all", open: "open", flagged: "flagged", solid: "solid", part_solid: "part-solid", ground_glass: "ground-glass", unscored: texts.common.notScored } as const;

export interface Arrangement {
  order: keyof typeof orders;
  show: keyof typeof shows;
}

export const asScored: Arrangement = { order: "deviation", show: "all" };

const size = (f: Finding): number => f.outline?.measurements?.mean_axis_mm ?? f.diameter_mm ?? -1;

const compares: Record<Arrangement["order"], (a: Finding, b: Finding) => number> = {
  deviation: byUrgency,
  size: (a, b) => size(b) - size(a) || byUrgency(a, b),
  image: (a, b) => (a.slice ?? Infinity) - (b.slice ?? Infinity) || byUrgency(a, b),
  number: (a, b) => a.number - b.number,
};

function shown(f: Finding, show: Arrangement["show"]): boolean {
  switch (show) {
    case "all": return true;
    case "open": return f.decision === null;
    case "flagged": return f.flagged;
    case "unscored": return f.problem !== null || f.scores.length === 0;
    default: return f.outline?.measurements?.type === show;
  }
}

/** arrange is the list as somebody wants it; the finding that is open stays in it. */
export function arrange(findings: Finding[], by: Arrangement, open: number): Finding[] {
  return findings.filter((f) => f.number === open || shown(f, by.show)).sort(compares[by.order]);
}
