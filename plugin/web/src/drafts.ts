// What somebody has chosen and written but not saved: kept in this browser until
// it is saved or discarded, through another finding, the work list, a reload, an
// ended session and a restart.

import type { Distance, DrawnOutline, Verdict } from "./types.ts";

export interface Draft {
  verdict: Verdict | null;
  kind: string;
  comment: string;
  base: number; // version of the decision that was seen
  at: number; // ms since 1970
  outline?: Pick<DrawnOutline, "runs" | "method"> | null; // as it was drawn; null: the network's in place of that of the decision
  distances?: Distance[];
}

const prefix = "nodulescope.draft.";
const oldest = 30 * 24 * 3600 * 1000; // ms
const most = 200;

const keyOf = (user: string, id: string, number: number): string => `${prefix}${user}/${id}/${number}`;

/** draftOf is what a user has not saved of a finding, null where there is nothing. */
export function draftOf(user: string, id: string, number: number): Draft | null {
  const d = read(keyOf(user, id, number));
  return d && Date.now() - d.at < oldest ? d : null;
}

function read(key: string): Draft | null {
  try {
    const d = JSON.parse(localStorage.getItem(key) ?? "null") as (Partial<Draft> & { choice?: string; reason?: string }) | null;
    if (!d || typeof d.base !== "number" || typeof d.at !== "number") return null;
    const { verdict, kind } = d.choice ? migrated(d.choice, d.reason ?? "") : d;
    const draft: Draft = { verdict: verdict ?? null, kind: kind ?? "", comment: d.comment ?? "", base: d.base, at: d.at };
    if (d.outline !== undefined) draft.outline = d.outline;
    if (d.distances !== undefined) draft.distances = d.distances;
    return draft;
  } catch {
    return null; // not ours, or no storage
  }
}

// migrated is the verdict of a draft from before there were verdicts, as the
// service migrates decisions.
function migrated(choice: string, reason: string): { verdict: Verdict; kind: string } {
  if (choice !== "reject") return { verdict: choice === "accept" ? "suspicious" : "unsure", kind: "" };
  const benign = reason === "normal_nodule" || reason === "benign_calcification";
  return benign ? { verdict: "benign", kind: "" } : { verdict: "not_nodule", kind: reason };
}

/** Part is what one place of the page keeps of a draft; undefined takes a part away. */
export type Part = { [K in keyof Omit<Draft, "at">]?: Draft[K] | undefined };

/** keepDraft keeps what was chosen, written and drawn; nothing of all forgets it. */
export function keepDraft(user: string, id: string, number: number, part: Part): void {
  const key = keyOf(user, id, number);
  try {
    const d = { verdict: null, kind: "", comment: "", base: 0, ...draftOf(user, id, number), ...part };
    if (d.verdict === null && !d.comment?.trim() && d.outline === undefined && d.distances === undefined) {
      localStorage.removeItem(key);
      return;
    }
    localStorage.setItem(key, JSON.stringify({ ...d, at: Date.now() }));
    tidy();
  } catch {
    // the storage is full or not allowed: the draft lives as long as the finding is shown
  }
}

// tidy forgets drafts that nobody came back to.
function tidy(): void {
  const all = Object.keys(localStorage).filter((k) => k.startsWith(prefix)).map((key) => ({ key, at: read(key)?.at ?? 0 }));
  all.sort((a, b) => b.at - a.at);
  all.forEach(({ key, at }, i) => {
    if (i >= most || Date.now() - at >= oldest) localStorage.removeItem(key);
  });
}
