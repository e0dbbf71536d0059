import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../api.ts";
import { below, counted, imageName, notFound, percent, ranked, sized, verdictNames } from "../format.ts";
import type { Finding } from "../types.ts";

/** FindingList is every finding of the series, the most deviating first. */
export function FindingList(props: { id: string; findings: Finding[]; drafts: Set<number>; refused: boolean; candidates: number; current: number; onSelect: (n: number) => void; thumbnails: boolean }) {
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    list.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }, [props.current]);
  const open = props.findings.filter((f) => !f.decision).length;
  return (
    <nav class="findings" aria-label="Findings, highest deviation first">
      <h2>Findings <small>{props.refused ? "not scored" : props.findings.length === 0 ? "none" : open === 0 ? "all decided" : `${open} of ${props.findings.length} open`}</small></h2>
      {props.refused && <p class="hint" data-test="refused-list">{counted(props.candidates, "candidate")}, none of them scored. This is no negative result.</p>}
      <ol ref={list}>
        {props.findings.map((f) => (
          <li key={f.number}>
            <button
              type="button" class={f.decision ? `decided ${f.decision.verdict}` : ""} aria-current={f.number === props.current ? "true" : undefined}
              data-finding={f.number} title={`ID ${f.nodule_id}${f.image_number === null ? "" : `, ${imageName(f.image_number, f.frame_number)}`}`} onClick={() => props.onSelect(f.number)}
            >
              {props.thumbnails && f.patch
                ? <Thumbnail key={f.number} url={api.thumbnail(props.id, f.number)} />
                : <span class="nothumb" aria-hidden="true" />}
              <span class="what">
                <span>
                  <b>{f.number}</b> {notFound(f) ? <em class="none">no nodule found</em> : f.problem ? <em>not scored</em> : f.probability !== null ? percent(f.probability) : ranked(f.percentile)}
                </span>
                {!f.problem && below(f) && <small class="below" title={below(f)}>base {percent(f.base_rate)}</small>}
                <small title={f.percentile === null ? undefined : ranked(f.percentile)}>{notFound(f) ? "" : sized(f)}</small>
                <small>
                  {f.flagged && <span class="badge flag">flagged</span>}
                  {f.disagreement?.flags_differ && <span class="badge disagree">disagree</span>}
                  {props.drafts.has(f.number) && <span class="badge draft" title="chosen or written, and not saved">not saved</span>}
                  {f.decision && <span class={`verdict ${f.decision.verdict}`}>{verdictNames[f.decision.verdict]}</span>}
                </small>
              </span>
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
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
  return <img key={attempt} src={url} alt="" width={56} height={56} loading="lazy" onError={() => setFailed(true)} />;
}
