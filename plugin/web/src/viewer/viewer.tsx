// The viewer of one series: who it is, the planes, the findings, why, and the
// decision.

import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { api, problemOf } from "../api.ts";
import { draftOf } from "../drafts.ts";
import type { Link, Live } from "../events.ts";
import { openedStorage, query, stored } from "../filters.ts";
import { byUrgency, counted, decided, hint, moment, shortDigest } from "../format.ts";
import { useKeys, useLatest } from "../hooks.ts";
import { Identity } from "../identity.tsx";
import type { Decision, Finding, ImageKind, Note, Series, Session } from "../types.ts";
import { arrange, asScored, type Arrangement } from "./arrange.ts";
import type { Cube } from "./cube.ts";
import { useCorrection, type Correction } from "./correction.ts";
import { DecisionPanel } from "./decision.tsx";
import { FindingList } from "./findings.tsx";
import { detectorKinds, Kept } from "./kept.ts";
import { start } from "./library.ts";
import { PlanesView, type PlanesHandle } from "./planesview.tsx";
import { copy, reportLine } from "./reportline.ts";
import { WhyPanel, type PatchImages } from "./why.tsx";
import { texts } from "../texts.ts";

export interface ViewerProps {
  id: string;
  finding: number; // 0: the first
  session: Session;
  live: Live | null;
  link: Link;
}

/** prepare sets the viewer library up before it is needed. */
export function prepare(): void {
  try {
    start();
  } catch {
    // The viewer says so.
  }
}

export function ViewerPage(props: ViewerProps) {
  const [series, setSeries] = useState<Series | null>(null);
  const [error, setError] = useState("");
  const [notice, setNotice] = useState("");
  const [newer, setNewer] = useState<string | null>(null);
  const [heat, setHeat] = useState(false);
  const [marks, setMarks] = useState(true);
  const [outlines, setOutlines] = useState(true);
  const [loaded, setLoaded] = useState(false);
  const [arrived, setArrived] = useState(false); // the first slice: what it takes longer to look at comes after it
  const [lossless, setLossless] = useState(true);
  const [model, setModel] = useState("");
  const [arranged, setArranged] = useState<Arrangement>(asScored);
  const planes = useRef<PlanesHandle>(null);
  const opened = useMemo(() => performance.now(), []);

  const load = useCallback(async () => {
    try {
      const got = await api.series(props.id);
      got.findings.sort(byUrgency);
      setSeries(got);
      setNewer(got.superseded_by);
      setError("");
    } catch (e) {
      setError(problemOf(e).message);
    }
  }, [props.id]);

  useEffect(() => void load(), [load]);

  const current = series?.findings.find((f) => f.number === props.finding) ?? series?.findings.find((f) => !f.decision) ?? series?.findings[0] ?? null;
  const scored = current?.scores.find((s) => s.model === model)?.model ?? current?.scores[0]?.model ?? "";
  const ready = arrived || series?.geometry === null;
  const kept = useMemo(() => new Kept(props.id), [props.id]);
  useEffect(() => () => kept.only([]), [kept]);
  useLayoutEffect(() => kept.only([current?.number ?? 0]), [kept, current?.number]); // who goes on has no use for the rest
  const images = usePatchImages(kept, ready ? current : null, scored);
  const outline = useOutline(kept, ready ? current : null);
  const may = props.session.role !== "view" && newer === null && series !== null && !unseen(series);
  const correction = useCorrection(props.session.name, props.id, current, outline.cube, may);
  const list = useMemo(() => arrange(series?.findings ?? [], arranged, current?.number ?? 0), [series, arranged, current?.number]);
  const latest = useLatest({ current, series, list });

  // A decision, whoever made it, takes its place; what others do is told.
  const keep = useCallback((number: number, d: Decision) => {
    setSeries((s) => s && {
      ...s,
      findings: s.findings.map((f) =>
        f.number === number && (f.decision?.version ?? 0) <= d.version ? { ...f, decision: d, versions: Math.max(f.versions, d.version) } : f),
    });
  }, []);
  useEffect(() => props.live?.listen((e) => {
    if (e.kind === "reset") void load();
    if (e.kind === "decision" && e.id === props.id) {
      const known = latest.current.series?.findings.find((f) => f.number === e.number)?.decision?.version ?? 0;
      keep(e.number, e.decision);
      if (e.decision.version > known && e.decision.reviewer !== props.session.name) {
        const label = (code: string): string => props.session.kinds.find((r) => r.code === code)?.label ?? code;
        setNotice(texts.viewer.finding(e.number, decided(e.decision, label)));
      }
    }
    if (e.kind === "result" && e.supersedes === props.id) setNewer(e.id);
  }), [props.live, load, keep]);
  // What was missed while the connection was lost.
  const wasLost = useRef(false);
  useEffect(() => {
    if (props.link === "lost") wasLost.current = true;
    else if (wasLost.current) {
      wasLost.current = false;
      void load();
    }
  }, [props.link, load]);

  const [drafts, setDrafts] = useState<Set<number>>(new Set());
  const countDrafts = useCallback(() => {
    const all = latest.current.series?.findings ?? [];
    const open = new Set(all.filter((f) => draftOf(props.session.name, props.id, f.number)).map((f) => f.number));
    setDrafts((old) => (old.size === open.size && [...open].every((n) => old.has(n)) ? old : open));
  }, [props.id, props.session.name]);
  useEffect(countDrafts, [series, countDrafts, correction.open]);

  const here = useRef(0); // the finding that the next key is about, also before the page is drawn
  here.current = current?.number ?? 0;
  const go = useCallback((number: number) => {
    here.current = number;
    history.replaceState(null, "", `#/series/${props.id}/${number}`);
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  }, [props.id]);
  const step = (by: number): void => {
    const all = list;
    if (all.length === 0) return;
    const at = all.findIndex((f) => f.number === here.current);
    const to = all[(at + by + all.length) % all.length];
    if (to) go(to.number);
  };
  const nextOpen = useCallback(() => {
    const { series: s, list: all } = latest.current;
    if (!s) return;
    const at = all.findIndex((f) => f.number === here.current);
    const order = [...all.slice(at + 1), ...all.slice(0, Math.max(at, 0)), ...s.findings]; // what is not shown wants a decision, too
    const to = order.find((f) => !f.decision && f.number !== here.current);
    if (to) go(to.number);
    else void nextSeries(props.id).then((id) => {
      if (id) location.hash = `#/series/${id}`;
      else setNotice(texts.viewer.allDecided);
    }, (e) => setNotice(problemOf(e).message));
  }, [go, props.id]);
  // While a finding is looked at, the pictures of the next one come.
  const seen = images.residual !== null || !current?.patch;
  useEffect(() => {
    if (!seen || !loaded || !current) return;
    const at = list.findIndex((f) => f.number === current.number);
    const order = [...list.slice(at + 1), ...list.slice(0, Math.max(at, 0))];
    const coming = [order[0], order.find((f) => !f.decision)].filter((f) => f !== undefined);
    kept.only([current.number, ...coming.map((f) => f.number)]);
    for (const f of coming) kept.ahead(f, f.scores.find((x) => x.model === scored)?.model ?? f.scores[0]?.model ?? "").catch(() => {}); // it is asked for again where it is shown
  }, [kept, seen, loaded, current?.number, scored, list]);
  const copyLine = (): void => {
    if (!series || !current) return;
    const line = reportLine(withDrawn(current, correction), series, (code) => props.session.kinds.find((k) => k.code === code)?.label ?? code);
    copy(line).then(() => setNotice(texts.viewer.copied(line)), (e) => setNotice(problemOf(e).message));
  };
  // The finding that is shown stays when it is decided.
  useEffect(() => {
    if (current && props.finding === 0) go(current.number);
  }, [current?.number, props.finding, go]);
  useEffect(() => sessionStorage.setItem(openedStorage, props.id), [props.id]);

  useKeys([
    { keys: ["n", "]"], shown: "N ]", does: texts.viewer.nextHelp, run: () => step(1) },
    { keys: ["p", "["], shown: "P [", does: texts.viewer.previousHelp, run: () => step(-1) },
    { keys: ["N"], shown: "Shift+N", does: texts.viewer.nextUndecidedHelp, run: nextOpen },
    { keys: ["f"], shown: "F", does: texts.viewer.homeHelp, run: () => planes.current?.home() },
    { keys: ["h"], shown: "H", does: texts.viewer.heatMapHelp, run: () => setHeat((on) => !on) },
    { keys: ["o"], shown: "O", does: texts.viewer.marksHelp, run: () => setMarks((on) => !on) },
    { keys: ["t"], shown: "T", does: texts.viewer.outlineHelp, run: () => setOutlines((on) => !on) },
    { keys: ["w"], shown: "W", does: texts.viewer.workListHelp, run: () => { location.hash = "#/"; } },
  ]);

  if (error && !series) {
    return (
      <main class="viewer">
        <p class="error" role="alert">{error} <button type="button" onClick={() => void load()}>{texts.common.tryAgain}</button> <a href="#/">{texts.common.workList}</a></p>
      </main>
    );
  }
  if (!series) return <main class="viewer"><p class="loading" role="status">{texts.viewer.loading}</p></main>;
  return (
    <main class="viewer">
      <Identity patient={series.patient} problem={series.patient_problem} geometry={series.geometry} />
      <div class="alerts" aria-live="polite">
        {newer && (
          <p class="banner warn">{texts.viewer.superseded}<a href={`#/series/${newer}`}>{texts.viewer.openNewer}</a></p>
        )}
        {series.problem && <Refused series={series} problem={series.problem} />}
        {series.source_problem && series.source_problem.code !== series.problem?.code && <p class="banner warn">{texts.viewer.imagesNotRead}{hint(series.source_problem)}</p>}
        {error && <p class="banner warn">{error}</p>}
      </div>
      <div class="notices" aria-live="polite">
        {notice && (
          <p class="banner" data-test="notice">
            {notice} <button type="button" class="quiet" aria-label={texts.viewer.dismiss} onClick={() => setNotice("")}>✕</button>
          </p>
        )}
      </div>
      <div class="columns">
        <FindingList
          id={props.id} all={series.findings} findings={list} by={arranged} onArrange={setArranged} drafts={drafts} refused={series.problem !== null} candidates={series.asked.candidates} current={current?.number ?? 0} onSelect={go} thumbnails={loaded}
        />
        {series.geometry ? (
          <PlanesView
            handle={planes} series={series} current={current} presets={series.window_presets} opened={opened}
            heat={heat ? images.residual : null} marks={marks} onHeat={setHeat} onMarks={setMarks} onLoaded={setLoaded} onArrived={() => setArrived(true)} onLossless={setLossless}
            heatReady={images.residual !== null}
            correction={correction} outline={outlines ? correction.cube : null} outlined={correction.cube !== null} onOutline={() => setOutlines(!outlines)}
          />
        ) : <div class="planes empty"><p>{series.problem ? texts.viewer.refusedNothingScored : texts.viewer.noImages}</p></div>}
        <aside class="side" aria-label={texts.viewer.sideLabel}>
          <div class="scrolled">
            {current
              ? <WhyPanel finding={current} correction={correction} images={images} outlineProblem={outline.problem} model={scored} onModel={setModel} models={series.models} />
              : <p class="empty">{series.problem ? texts.viewer.noneScored : texts.viewer.noCandidates}</p>}
            <details class="about">
              <summary>{texts.viewer.aboutThisResult}</summary>
              <dl>
                {series.models.map((m) => (
                  <div key={m.digest}><dt>{m.name}</dt><dd>{shortDigest(m.digest)} · {m.calibration}{m.loaded ? "" : texts.viewer.notLoaded}</dd></div>
                ))}
                {series.outliner && <div><dt>{texts.viewer.outlines}</dt><dd>{series.outliner.name} {shortDigest(series.outliner.digest)}</dd></div>}
                <div><dt>{texts.viewer.software}</dt><dd>{series.software}</dd></div>
                <div><dt>{texts.viewer.preprocessing}</dt><dd>{series.preprocessing}</dd></div>
                {series.warnings.map((w) => <div key={w.code}><dt>{texts.viewer.warning}</dt><dd>{hint(w)}</dd></div>)}
              </dl>
            </details>
          </div>
          {current && (
            <DecisionPanel
              key={current.number} id={props.id} finding={current} session={props.session}
              correction={correction} superseded={newer !== null} unseen={unseen(series)} lossy={series.geometry !== null && !lossless} onDecided={keep} onNext={nextOpen} onDraft={countDrafts} onCopy={copyLine}
            />
          )}
        </aside>
      </div>
    </main>
  );
}

/** withDrawn is a finding with what was measured of the reader's outline, and the reader's distances. */
function withDrawn(f: Finding, c: Correction): Finding & { distances: number[] } {
  const outline = c.measured && { found: true, codes: [], grid: null, measurements: c.measured.measurements };
  return { ...f, outline: outline ?? f.outline, distances: c.distances.map((d) => d.length_mm) };
}

/** unseen says why nobody can have seen what a decision would be about; empty: one can. */
function unseen(s: Series): string {
  if (!s.patient) return texts.viewer.patientUnknown;
  return s.geometry ? "" : texts.viewer.imagesUnreadable;
}

/** Refused says of a series without a result what was asked, what was refused, and why. */
function Refused({ series: s, problem }: { series: Series; problem: Note }) {
  return (
    <div class="banner lost refused" role="alert" data-test="refused">
      <strong>{texts.viewer.refusedNotNegative}</strong>
      <dl>
        <div><dt>{texts.viewer.asked}</dt><dd>{texts.viewer.scoresOf}{counted(s.asked.candidates, "candidate")}{texts.viewer.by}{s.asked.source || texts.viewer.anUnnamedSource}{s.priority === "stat" ? texts.viewer.urgent : ""}{texts.viewer.job}{s.asked.job_id || texts.viewer.withoutAnId})</dd></div>
        <div><dt>{texts.viewer.refused}</dt><dd>{texts.viewer.theWholeSeries}{moment(s.time)}{texts.viewer.noCandidateWasScored}</dd></div>
        <div><dt>{texts.common.why}</dt><dd>{hint(problem)}</dd></div>
      </dl>
    </div>
  );
}

/** nextSeries is the first one of the list as it was left that has something to decide, empty where there is none. */
async function nextSeries(id: string): Promise<string> {
  const { rows } = await api.worklist(query({ ...stored(), states: ["scored", "in_review"], offset: 0 }), stored().text);
  return rows.find((r) => r.id !== id && r.decided < r.findings)?.id ?? "";
}

/** useOutline is the outline of a finding. */
function useOutline(kept: Kept, finding: Finding | null): { cube: Cube | null; problem: string } {
  const grid = finding?.outline?.grid ?? null;
  const number = finding?.number ?? 0;
  const [problem, come] = useComing(kept, String(number), () => (grid ? [kept.fetch(number, "outline", "", grid)] : []), [number, grid !== null]);
  const cube = grid ? kept.cube(number, "outline", "") : null;
  return useMemo(() => ({ cube, problem }), [cube, problem, come]);
}

/** usePatchImages is what a detector saw and made of a finding. */
function usePatchImages(kept: Kept, finding: Finding | null, model: string): PatchImages {
  const patch = model ? finding?.patch ?? null : null;
  const number = finding?.number ?? 0;
  const of = (kind: ImageKind): string => (kind === "patch" ? "" : model);
  const [problem] = useComing(kept, `${number} ${model}`, () => (patch ? detectorKinds.map((kind) => kept.fetch(number, kind, of(kind), patch)) : []), [number, model, patch !== null]);
  const cube = (kind: ImageKind): Cube | null => (patch ? kept.cube(number, kind, of(kind)) : null);
  return { patch: cube("patch"), reconstruction: cube("reconstruction"), residual: cube("residual"), problem };
}

/** useComing asks for pictures, shows each when it has come, and tells why one has not. */
function useComing(kept: Kept, key: string, ask: () => Promise<Cube>[], on: unknown[]): [problem: string, come: number] {
  const [come, setCome] = useState(0);
  const [failed, setFailed] = useState({ key: "", problem: "" });
  useLayoutEffect(() => {
    let here = true;
    setFailed({ key: "", problem: "" });
    for (const coming of ask()) {
      coming.then(() => here && setCome((n) => n + 1), (e) => {
        if (here && !(e instanceof DOMException && e.name === "AbortError")) setFailed({ key, problem: problemOf(e).message });
      });
    }
    return () => {
      here = false;
    };
  }, [kept, ...on]);
  return [failed.key === key ? failed.problem : "", come];
}
