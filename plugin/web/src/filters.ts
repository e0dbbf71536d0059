// What the work list is asked for, and what it was last left with.

import type { State } from "./types.ts";

export interface Filters {
  states: State[];
  flagged: boolean;
  disagree: boolean;
  unread: boolean;
  stat: boolean;
  superseded: boolean;
  least: number; // probability in percent
  size: number; // mm, at least
  type: string; // of an outline
  text: string; // in name, id or accession number
  sort: "urgency" | "probability" | "percentile" | "time" | "findings" | "state";
  order: "desc" | "asc";
  offset: number;
}

export const none: Filters = {
  states: [], flagged: false, disagree: false, unread: false, stat: false, superseded: false, least: 0, size: 0, type: "", text: "",
  sort: "urgency", order: "desc", offset: 0,
};

/** filtered tells whether anything is left out of the list. */
export function filtered(f: Filters): boolean {
  return f.states.length > 0 || f.flagged || f.disagree || f.unread || f.stat || f.least > 0 || f.size > 0 || f.type !== "" || f.text.trim() !== "";
}

export const pageSize = 50;
export const storage = "nodulescope.filters";

/** openedStorage holds the series that was opened last. */
export const openedStorage = "nodulescope.opened";

/** stored are the filters that the list was last left with. */
export function stored(): Filters {
  try {
    return { ...none, ...(JSON.parse(sessionStorage.getItem(storage) ?? "{}") as Partial<Filters>) };
  } catch {
    return none;
  }
}

/** query is what the service is asked. */
export function query(f: Filters): URLSearchParams {
  const q = new URLSearchParams({ sort: f.sort, order: f.order, limit: String(pageSize), offset: String(f.offset) });
  if (f.states.length > 0) q.set("state", f.states.join(","));
  for (const name of ["flagged", "disagree", "unread", "superseded"] as const) if (f[name]) q.set(name, "true");
  if (f.stat) q.set("priority", "stat");
  if (f.least > 0) q.set("min_probability", String(f.least / 100));
  if (f.size > 0) q.set("min_size", String(f.size));
  if (f.type) q.set("type", f.type);
  return q;
}
