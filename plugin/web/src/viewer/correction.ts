// The outline and the distances of the finding that is shown: as the service has
// them, and as the reader draws them until they are saved with a decision.

import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { api, problemOf } from "../api.ts";
import { draftOf, keepDraft } from "../drafts.ts";
import { useLatest } from "../hooks.ts";
import type { Distance, DrawnOutline, Finding, Labelled, Measurements, Vec3 } from "../types.ts";
import type { Cube } from "./cube.ts";
import { maskOf, runsOf } from "./runs.ts";
import { texts } from "../texts.ts";

export type Edit = { runs: string; method: DrawnOutline["method"] } | null; // null: the network's outline

export interface Correction {
  place: Omit<Cube, "data"> | null; // where an outline is drawn; null: not here
  cube: Cube | null; // that is shown
  own: boolean; // it is the reader's
  open: boolean; // something of it is not saved
  measured: { measurements: Measurements; codes: Labelled[] } | null; // of the reader's outline
  problem: string;
  distances: Distance[];
  outline: DrawnOutline | null; // that goes with a decision
  canUndo: boolean;
  canRedo: boolean;
  begin: () => Cube | null; // a copy to draw in
  end: (cube: Cube, grown: boolean) => void;
  undo: () => void;
  redo: () => void;
  reset: () => void; // to the network's outline
  measure: (list: Distance[]) => void;
  saved: (number: number) => void; // what is drawn of a finding, with a decision
}

interface State {
  key: string;
  past: (Edit | undefined)[];
  edit: Edit | undefined; // undefined: as the decision has it
  future: (Edit | undefined)[];
  distances: Distance[] | undefined;
}

const longestHistory = 100;

/** useCorrection holds what is drawn of a finding; may: it can be saved. */
export function useCorrection(user: string, id: string, f: Finding | null, network: Cube | null, may: boolean): Correction {
  const key = `${id}/${f?.number ?? 0}`;
  const fresh = (): State => {
    const draft = f ? draftOf(user, id, f.number) : null;
    return { key, past: [], edit: draft?.outline, future: [], distances: draft?.distances };
  };
  const [kept, setState] = useState<State>(fresh);
  const state = useMemo(() => (kept.key === key ? kept : fresh()), [kept, key]);
  const latest = useLatest({ state, f, network });
  const [measured, setMeasured] = useState<Correction["measured"] & { of: string } | null>(null);
  const [problem, setProblem] = useState("");

  const place = useMemo(() => f && { size: f.outline_place.size, spacing: f.outline_place.spacing_mm, origin: f.outline_place.origin_lps_mm }, [key, f === null]);
  const decided = f?.decision?.outline ?? null;
  const runs = state.edit === undefined ? decided?.runs ?? "" : state.edit?.runs ?? "";
  const method = state.edit ? state.edit.method : decided?.method ?? "semiautomatic";
  const drawn = useMemo(() => {
    const mask = place && runs ? maskOf(runs, place.size[0] * place.size[1] * place.size[2]) : null;
    return place && mask ? { ...place, data: mask } : null;
  }, [place, runs]);

  const change = useCallback((next: (s: State) => Partial<State>): void => {
    const { state: s, f: on } = latest.current;
    const to = { ...s, ...next(s) };
    setState(to);
    if (on) keepDraft(user, id, on.number, { outline: to.edit, distances: to.distances });
  }, [user, id]);
  const go = (edit: Edit | undefined): void => change((s) => ({ past: [...s.past, s.edit].slice(-longestHistory), edit, future: [] }));

  // The service measures what is drawn, once it rests.
  const body = f && runs && state.edit ? { method, spacing_mm: f.outline_place.spacing_mm, centre_lps_mm: f.outline_place.centre_lps_mm, runs } : null;
  useEffect(() => {
    setProblem("");
    if (!f || !body || !may) return;
    const stop = new AbortController();
    const wait = window.setTimeout(() => {
      api.measure(id, f.number, body, stop.signal).then(
        (m) => setMeasured({ ...m, of: key + runs }),
        (e) => {
          if (!stop.signal.aborted) setProblem(problemOf(e).message);
        },
      );
    }, 200);
    return () => {
      window.clearTimeout(wait);
      stop.abort();
    };
  }, [key, body?.runs, may]);

  const ofDecision = state.edit === undefined && decided?.measurements ? { measurements: decided.measurements, codes: [] } : null;
  const now = measured?.of === key + runs && state.edit ? measured : null;
  return {
    place: may ? place : null,
    cube: drawn ?? network,
    own: drawn !== null,
    open: state.edit !== undefined || state.distances !== undefined,
    measured: ofDecision ?? now,
    problem: state.edit && drawn && !drawn.data.includes(1) ? texts.correction.empty : problem,
    distances: state.distances ?? f?.decision?.distances ?? [],
    outline: body ?? (state.edit === undefined ? decided : null),
    canUndo: state.past.length > 0,
    canRedo: state.future.length > 0,
    begin: () => {
      if (!may || !place) return null;
      const from = drawn ?? network;
      return { ...place, data: from ? from.data.slice() : new Float32Array(place.size[0] * place.size[1] * place.size[2]) };
    },
    end: (cube, grown) => {
      const hand = !grown && (drawn ? method === "manual" : network === null);
      go({ runs: runsOf(cube.data), method: hand ? "manual" : "semiautomatic" });
    },
    undo: () => change((s) => (s.past.length === 0 ? {} : { past: s.past.slice(0, -1), edit: s.past.at(-1), future: [...s.future, s.edit] })),
    redo: () => change((s) => (s.future.length === 0 ? {} : { past: [...s.past, s.edit], edit: s.future.at(-1), future: s.future.slice(0, -1) })),
    reset: () => {
      if (drawn) go(decided ? null : undefined);
    },
    measure: (list) => {
      if (may) change(() => ({ distances: same(list, latest.current.f?.decision?.distances ?? []) ? undefined : list }));
    },
    saved: (number) => latest.current.f?.number === number && change(() => ({ past: [], edit: undefined, future: [], distances: undefined })),
  };
}

const near = (a: Vec3, b: Vec3): boolean => a.every((v, i) => Math.abs(v - (b[i] ?? 0)) < 1e-3);

/** same tells whether two lists are of the same distances. */
export function same(a: Distance[], b: Distance[]): boolean {
  return a.length === b.length && a.every((d, i) => {
    const o = b[i];
    return o !== undefined && near(d.from_lps_mm, o.from_lps_mm) && near(d.to_lps_mm, o.to_lps_mm) && (d.plane ?? o.plane) === (o.plane ?? d.plane);
  });
}
