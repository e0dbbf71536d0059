import { Component } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../api.ts";
import { below, counted, imageName, notFound, percent, ranked, sized, verdictNames } from "../format.ts";
import type { Finding } from "../types.ts";
import { orders, shows, type Arrangement } from "./arrange.ts";
import { useNear } from "./near.ts";
import { texts } from "../texts.ts";

const many = 6; // findings from which on the list can be arranged

/** FindingList is the findings of the series as they are arranged. */
export function FindingList(props: { id: string; all: Finding[]; findings: Finding[]; by: Arrangement; onArrange: (by: Arrangement) => void; drafts: Set<number>; refused: boolean; candidates: number; current: number; onSelect: (n: number) => void; thumbnails: boolean }) {
  const box = useRef<HTMLElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const [from, to] = useNear(box, list, props.findings.length);
  useEffect(() => {
    list.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }, [props.current]);
  const open = props.all.filter((f) => !f.decision).length;
  const { by } = props;
  return (
    <nav class="findings" ref={box} aria-label={texts.findings.label}>
      <h2>{texts.findings.heading}<small>{props.refused ? texts.common.notScored : props.all.length === 0 ? texts.findings.none : open === 0 ? texts.findings.allDecided : texts.findings.ofOpen(open, props.all.length)}</small></h2>
      {props.refused && <p class="hint" data-test="refused-list">{counted(props.candidates, "candidate")}{texts.findings.noneScored}</p>}
      {props.all.length >= many && (
        <div class="arrange" data-test="arrange">
          <label><span class="visually-hidden">{texts.findings.order}</span>
            <select value={by.order} title={texts.findings.orderTitle} onChange={(e) => { props.onArrange({ ...by, order: e.currentTarget.value as Arrangement["order"] }); e.currentTarget.blur(); }}>
              {Object.entries(orders).map(([v, name]) => <option key={v} value={v}>{texts.findings.by}{name}</option>)}
            </select>
          </label>
          <label><span class="visually-hidden">{texts.findings.shown}</span>
            <select value={by.show} title={texts.findings.shownTitle} onChange={(e) => { props.onArrange({ ...by, show: e.currentTarget.value as Arrangement["show"] }); e.currentTarget.blur(); }}>
              {Object.entries(shows).map(([v, name]) => <option key={v} value={v}>{name}</option>)}
            </select>
          </label>
          {props.findings.length < props.all.length && <small data-test="arranged">{props.findings.length}{texts.common.ofWord}{props.all.length}{texts.findings.shownCount}</small>}
        </div>
      )}
      <ol ref={list}>
        {props.findings.map((f, row) => (
          <Row key={f.number} id={props.id} finding={f} current={f.number === props.current} draft={props.drafts.has(f.number)} thumbnail={props.thumbnails && f.patch !== null && row >= from && row < to} onSelect={props.onSelect} />
        ))}
      </ol>
    </nav>
  );
}

interface RowProps { id: string; finding: Finding; current: boolean; draft: boolean; thumbnail: boolean; onSelect: (n: number) => void }

/** Row is one finding of the list. It is made anew where something of it has changed: there may be hundreds. */
class Row extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    return (Object.keys(next) as (keyof RowProps)[]).some((k) => next[k] !== this.props[k]);
  }

  override render({ id, finding: f, current, draft, thumbnail, onSelect }: RowProps) {
    return (
      <li>
        <button
          type="button" class={f.decision ? `decided ${f.decision.verdict}` : ""} aria-current={current ? "true" : undefined}
          data-finding={f.number} title={texts.findings.id(f.nodule_id, f.image_number === null ? "" : `, ${imageName(f.image_number, f.frame_number)}`)} onClick={() => onSelect(f.number)}
        >
          {thumbnail
            ? <Thumbnail key={f.number} url={api.thumbnail(id, f.number)} />
            : <span class="nothumb" aria-hidden="true" />}
          <span class="what">
            <span>
              <b>{f.number}</b> {notFound(f) ? <em class="none">{texts.findings.noNoduleFound}</em> : f.problem ? <em>{texts.common.notScored}</em> : f.probability !== null ? percent(f.probability) : ranked(f.percentile)}
            </span>
            {!f.problem && below(f) && <small class="below" title={below(f)}>{texts.findings.base}{percent(f.base_rate)}</small>}
            <small title={f.percentile === null ? undefined : ranked(f.percentile)}>{notFound(f) ? "" : sized(f)}</small>
            <small>
              {f.flagged && <span class="badge flag">{texts.common.flagged}</span>}
              {f.disagreement?.flags_differ && <span class="badge disagree">{texts.common.disagree}</span>}
              {draft && <span class="badge draft" title={texts.findings.draftTitle}>{texts.findings.notSaved}</span>}
              {f.decision && <span class={`verdict ${f.decision.verdict}`}>{verdictNames[f.decision.verdict]}</span>}
            </small>
          </span>
        </button>
      </li>
    );
  }
}

const attempts = 8;

/** Thumbnail asks again for a picture that could not be had, ever more slowly. */
function Thumbnail({ url }: { url: string }) {
  const [attempt, setAttempt] = useState(0);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    if (!failed || attempt >= attempts) return;
    const timer = window.setTimeout(() => {
      setAttempt(attempt + 1);
      setFailed(false);
    }, 1000 * 2 ** attempt);
    return () => window.clearTimeout(timer);
  }, [failed]);
  if (failed) return <span class="nothumb" aria-hidden="true" />;
  return <img key={attempt} src={url} alt="" width={56} height={56} onError={() => setFailed(true)} />;
}
