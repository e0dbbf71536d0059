// The decision about a finding: form, history, and what to do when someone
// else was faster.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { api, problemOf } from "../api.ts";
import { Dialog } from "../dialog.tsx";
import { draftOf, keepDraft } from "../drafts.ts";
import { decided, moment, verdictNames, verdictOf } from "../format.ts";
import { useKeys } from "../hooks.ts";
import type { Correction } from "./correction.ts";
import { hold } from "../keys.ts";
import type { Decision, Finding, Labelled, NewDecision, Session, Verdict } from "../types.ts";
import { texts } from "../texts.ts";

interface Props {
  id: string;
  finding: Finding;
  session: Session;
  correction: Correction; // what is drawn goes with the decision
  superseded: boolean;
  unseen: string; // why nobody can have seen it; empty: one can
  lossy: boolean; // not all around it has come without loss
  onDecided: (number: number, d: Decision) => void;
  onNext: () => void;
  onDraft: () => void; // a draft has changed
  onCopy: () => void; // the line for the report
}

const verdicts: { verdict: Verdict; label: string; key: string }[] = [
  { verdict: "suspicious", label: texts.decision.suspicious, key: "s" },
  { verdict: "benign", label: texts.decision.benignLooking, key: "b" },
  { verdict: "not_nodule", label: texts.decision.notANodule, key: "r" },
  { verdict: "unsure", label: texts.decision.unsure, key: "u" },
];
const longest = 2000;
const longestHold = 15_000; // ms for which keys wait for an answer

export function DecisionPanel(props: Props) {
  const { finding: f, session } = props;
  const [draft] = useState(() => draftOf(session.name, props.id, f.number));
  const [verdict, setVerdict] = useState<Verdict | null>(draft?.verdict ?? null);
  const [kind, setKind] = useState(draft?.kind ?? "");
  const [comment, setComment] = useState(draft?.comment ?? "");
  const [base, setBase] = useState(draft?.verdict ? draft.base : (f.decision?.version ?? 0));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const [saved, setSaved] = useState("");
  const [conflict, setConflict] = useState<Decision | null>(null);
  const [history, setHistory] = useState<Decision[] | null>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const asked = useRef(false); // for a kind, just now
  const kindBox = useRef<HTMLFieldSetElement>(null);
  const label = (code: string): string => session.kinds.find((r) => r.code === code)?.label ?? code;
  const may = session.role !== "view" && !props.superseded && !props.unseen;

  // What one sees is what one decides on: a newer decision of somebody else
  // counts as seen only where nothing was chosen before it came.
  useEffect(() => {
    if (verdict === null) setBase(f.decision?.version ?? 0);
  }, [f.decision?.version, verdict]);

  useEffect(() => {
    keepDraft(session.name, props.id, f.number, { verdict, kind, comment, base });
    props.onDraft();
  }, [verdict, kind, comment, base]);

  const choose = (v: Verdict): void => {
    if (!may) return;
    setSaved("");
    setError("");
    setVerdict(v);
    if (v === "not_nodule") {
      asked.current = true;
      focusKind(kindBox.current); // where they are there already
    } else setKind("");
  };
  const discard = (): void => {
    setVerdict(null);
    setKind("");
    setComment("");
    setError("");
  };

  const save = async (version: number, next: boolean): Promise<void> => {
    if (!verdict || busy) return;
    if (verdict === "not_nodule" && !kind) {
      setError(texts.decision.selectAKindFirst);
      return;
    }
    const body: NewDecision = { verdict, base_version: version };
    if (kind) body.kind = kind;
    if (comment.trim()) body.comment = comment.trim();
    const { outline, distances } = props.correction;
    if (outline) body.outline = { method: outline.method, spacing_mm: outline.spacing_mm, centre_lps_mm: outline.centre_lps_mm, runs: outline.runs };
    if (distances.length > 0) body.distances = distances;
    setBusy(true);
    setError("");
    // Keys that are pressed meanwhile are about what comes then.
    const release = hold();
    const limit = window.setTimeout(release, longestHold);
    try {
      const d = await api.decide(props.id, f.number, body);
      setConflict(null);
      discard();
      setBase(d.version);
      setSaved(d.version === version ? texts.decision.alreadySavedAsVersion(d.version) : texts.decision.savedVersion(verdictOf(d.verdict, d.kind, label), d.version));
      keepDraft(session.name, props.id, f.number, { verdict: null, kind: "", comment: "", base: d.version, outline: undefined, distances: undefined }); // also where another finding is shown by now
      props.onDecided(f.number, d);
      props.correction.saved(f.number);
      if (next) props.onNext();
    } catch (e) {
      const p = problemOf(e);
      if (p.code === "decision_conflict" && p.body.current) {
        props.onDecided(f.number, p.body.current);
        setConflict(p.body.current);
      } else if (p.code === "no_connection") {
        setError(texts.decision.notSavedConnectionLost);
      } else setError(texts.decision.notSaved(p.message));
    } finally {
      setBusy(false);
      window.clearTimeout(limit);
      window.setTimeout(release, 0); // with what comes then on the page
    }
  };

  // Once a verdict is chosen, Enter saves it, unless the focus is on a button that says otherwise.
  const free = (target: EventTarget | null): boolean => verdict !== null && target instanceof Element && target.closest("dialog, .save, .now") === null;
  useKeys([
    ...verdicts.map((c) => ({ keys: [c.key], shown: c.key.toUpperCase(), does: texts.decision.thenEnter(verdictNames[c.verdict]), run: () => choose(c.verdict) })),
    { keys: ["y"], shown: "Y", does: texts.decision.copyHelp, run: props.onCopy },
    { keys: ["c"], shown: "C", does: texts.decision.writeAComment, run: () => field.current?.focus() },
    { keys: ["Enter"], shown: "Enter", does: texts.decision.saveHelp, run: () => void save(base, false), whileTyping: () => verdict !== null, overButtons: free },
    { keys: ["Shift+Enter"], shown: "Shift+Enter", does: texts.decision.saveAndNextHelp, run: () => void save(base, true), overButtons: free },
    { keys: ["Ctrl+Enter"], shown: "Ctrl+Enter", does: texts.decision.saveWhileWritingHelp, run: () => void save(base, false), whileTyping: true },
    {
      keys: ["Escape"], shown: "Esc", does: texts.decision.escapeHelp, whileTyping: true,
      run: () => {
        const at = document.activeElement;
        if (at instanceof HTMLElement && at !== document.body) at.blur();
        else discard();
      },
    },
  ]);

  return (
    <section class="decision" aria-label={texts.decision.title}>
      <div class="head">
        <h2>{texts.decision.heading}{!f.decision && <small class="now" data-test="decision" data-version="0">{texts.decision.noDecisionYet}</small>}</h2>
        <button type="button" class="quiet" title={texts.decision.copyTitle} onClick={props.onCopy}>{texts.decision.copyForReport}<kbd>Y</kbd></button>
      </div>
      {f.decision && (
        <p class={`now ${f.decision.verdict}`} data-test="decision" data-version={f.decision.version}>
          <b>{decided(f.decision, label)}</b>
          {f.decision.comment && <q>{f.decision.comment}</q>}
          <button type="button" class="quiet" onClick={() => api.decisions(props.id, f.number).then(setHistory, (e) => setError(problemOf(e).message))}>
            {f.decision.version === 1 ? texts.decision.oneVersion : texts.decision.versions(f.decision.version)}
          </button>
        </p>
      )}
      {session.role === "view" && <p class="hint">{texts.decision.viewOnlyAccount}</p>}
      {props.superseded && <p class="hint">{texts.decision.superseded}</p>}
      {!props.superseded && props.unseen && session.role !== "view" && (
        <p class="banner warn" data-test="unseen">{texts.decision.cannotBeSaved}{props.unseen}{texts.decision.soNobodyHasSeenIt}</p>
      )}
      {may && props.lossy && <p class="hint lossy" role="status" data-test="lossy-decision">{texts.decision.imagesNotYetLossless}</p>}
      {may && (
        <form
          onSubmit={(e) => {
            e.preventDefault();
            void save(base, false);
          }}
        >
          <div class="verdicts" role="group" aria-label={texts.decision.decide}>
            {verdicts.map((c) => (
              <button key={c.verdict} type="button" class={c.verdict} aria-pressed={verdict === c.verdict} title={verdictNames[c.verdict]} onClick={() => choose(c.verdict)}>
                {c.label} <kbd>{c.key.toUpperCase()}</kbd>
              </button>
            ))}
          </div>
          {verdict === "not_nodule" && <Kinds box={kindBox} focus={asked.current} kinds={session.kinds} chosen={kind} onChoose={setKind} />}
          <label class="comment">
            <span>{texts.decision.comment}<small>{texts.decision.noPatientData}</small></span>
            <textarea ref={field} rows={2} title={texts.decision.commentTitle} maxLength={longest} value={comment} onInput={(e) => setComment(e.currentTarget.value)} />
          </label>
          {props.correction.open && !verdict && <p class="hint" data-test="drawn-open">{texts.decision.outlineNeedsAVerdict}</p>}
          <div class="save">
            <button type="submit" class="primary" disabled={!verdict || busy}>{texts.decision.save}<kbd>{texts.decision.enterKey}</kbd></button>
            <button type="button" disabled={!verdict || busy} title={texts.decision.saveAndNextTitle} onClick={() => void save(base, true)}>{texts.decision.saveAndNext}<kbd>{texts.decision.shiftEnterKey}</kbd></button>
            {verdict && <button type="button" class="quiet" title={texts.decision.discardTitle} onClick={discard}>{texts.decision.discard}</button>}
          </div>
        </form>
      )}
      <p class="error" role="alert" data-test="decision-error">{error}</p>
      <p class="saved" role="status" data-test="saved">{saved}</p>
      {conflict && verdict && (
        <Dialog title={texts.decision.conflictTitle} onClose={() => setConflict(null)}>
          <div class="versus" data-test="conflict">
            <section>
              <h3>{texts.decision.currentDecision}</h3>
              <p><b>{decided(conflict, label)}</b></p>
              {conflict.comment && <q>{conflict.comment}</q>}
            </section>
            <section>
              <h3>{texts.decision.yoursNotSaved}</h3>
              <p><b>{verdictOf(verdict, kind, label)}</b></p>
              {comment && <q>{comment}</q>}
            </section>
          </div>
          <p class="hint">{texts.decision.theirsIsKept}</p>
          <div class="save">
            <button
              type="button" class="primary" autofocus
              onClick={() => {
                setConflict(null);
                setBase(conflict.version);
                discard();
              }}
            >
              {texts.decision.keepTheirs}
            </button>
            <button type="button" disabled={busy} onClick={() => void save(conflict.version, false)}>{texts.decision.saveMineAsVersion}{conflict.version + 1}</button>
          </div>
          <p class="error" role="alert">{error}</p>
        </Dialog>
      )}
      {history && (
        <Dialog title={texts.decision.decisionsOnFinding(f.number)} onClose={() => setHistory(null)}>
          <ol class="versions" reversed start={history.length}>
            {[...history].reverse().map((d) => (
              <li key={d.version}>
                <b>{verdictOf(d.verdict, d.kind, label)}</b>
                <small>{d.reviewer} · <time dateTime={d.time}>{moment(d.time)}</time>{d.published ? "" : texts.decision.notYetPublished}</small>
                {d.comment && <q>{d.comment}</q>}
              </li>
            ))}
          </ol>
        </Dialog>
      )}
    </section>
  );
}

const focusKind = (box: HTMLFieldSetElement | null): void => box?.querySelector<HTMLInputElement>("input:checked, input")?.focus();

function Kinds(props: { box: { current: HTMLFieldSetElement | null }; focus: boolean; kinds: Labelled[]; chosen: string; onChoose: (code: string) => void }) {
  // Before the next key counts, which may go elsewhere.
  useLayoutEffect(() => {
    if (props.focus) focusKind(props.box.current);
  }, []);
  // The tenth has the 0, as on the keyboard.
  const key = (i: number): string => (i < 10 ? String((i + 1) % 10) : "");
  useKeys(props.kinds.slice(0, 10).map((r, i) => ({
    keys: [key(i)], shown: "", does: "", run: () => props.onChoose(r.code),
  })));
  return (
    <fieldset class="kinds" ref={props.box}>
      <legend>{texts.decision.whatItIs}</legend>
      {props.kinds.map((r, i) => (
        <label key={r.code}>
          <input type="radio" name="kind" value={r.code} checked={props.chosen === r.code} onChange={() => props.onChoose(r.code)} />
          {key(i) ? <kbd>{key(i)}</kbd> : <span class="nokey" />} <span>{r.label}</span>
        </label>
      ))}
    </fieldset>
  );
}
