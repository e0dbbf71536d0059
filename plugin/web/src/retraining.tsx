// What administrators look after: which models score, what may take their place,
// what that would change, and whether the site has moved.

import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { api, problemOf } from "./api.ts";
import { Dialog } from "./dialog.tsx";
import { counted, moment, orDash, percent, rank, shortDigest } from "./format.ts";
import { useKeys } from "./hooks.ts";
import { ChangeDialog } from "./promotion.tsx";
import type { Comparison, DataCard, Drift, ModelChange, ModelVersion, Paired, Retraining, Session, Shadow, ShadowValue, Sided, VersionDetails } from "./types.ts";
import { texts } from "./texts.ts";

export function RetrainingPage({ session }: { session: Session }) {
  const [state, setState] = useState<Retraining | null>(null);
  const [error, setError] = useState("");
  const [said, setSaid] = useState("");
  const [picked, setPicked] = useState("");
  const [asked, setAsked] = useState<ModelChange | null>(null);

  const load = useCallback(async () => {
    try {
      setState(await api.retraining());
      setError("");
    } catch (e) {
      setError(problemOf(e).message);
    }
  }, []);
  useEffect(() => void load(), [load]);
  useKeys([{ keys: ["r"], shown: "R", does: texts.retraining.reload, run: () => void load() }]);

  const of = (name: string | undefined): ModelVersion | undefined => state?.versions.find((v) => v.version === name);
  const shown = of(picked) ?? of(state?.consent.request?.to.version) ?? state?.versions.find((v) => !v.scores) ?? state?.versions[0];
  return (
    <main class="retraining">
      {error && <p class="error" role="alert">{error} <button type="button" onClick={() => void load()}>{texts.common.tryAgain}</button></p>}
      <p class="saved" role="status" data-test="said">{said}</p>
      {state?.damaged && <p class="banner lost" role="alert">{texts.retraining.unreadableVersion}{state.damaged}</p>}
      {state && !state.follows && <p class="banner warn">{texts.retraining.modelsSetByHand}</p>}
      {state && <Scores state={state} session={session} onAsk={setAsked} />}
      {state && <Versions state={state} shown={shown?.version ?? ""} onShow={setPicked} onAsk={setAsked} />}
      {shown && <Details key={shown.version} version={shown} />}
      <ShadowPart />
      <DriftPart />
      {asked && state && (
        <ChangeDialog
          change={asked} state={state}
          onClose={() => setAsked(null)}
          onDone={(text) => {
            setAsked(null);
            setSaid(text);
            void load();
          }}
        />
      )}
    </main>
  );
}

function Scores({ state, session, onAsk }: { state: Retraining; session: Session; onAsk: (c: ModelChange) => void }) {
  const now = state.current;
  const { request, persons } = state.consent;
  const own = request !== undefined && request.change.by.trim().toLowerCase() === session.name.trim().toLowerCase();
  return (
    <section aria-label={texts.retraining.whatScores} class="card">
      <h2>{texts.retraining.whatScores}</h2>
      <p data-test="current">
        <strong>{now.version}</strong> <small title={now.set}>{shortDigest(now.set)}</small>
        {now.by && <small>{texts.retraining.since}{moment(now.time ?? "")}{texts.retraining.promotedBy}{now.by}{now.approved && texts.retraining.approvedBy(now.approved)}{now.forced && texts.retraining.forcedBecause(now.reason)}</small>}
      </p>
      {persons > 1 && <p class="hint">{texts.retraining.needsTwoPersons}</p>}
      {request && (
        <div class="banner warn" data-test="request">
          <p>
            {request.change.by}{texts.retraining.asked}{moment(request.asked)}{texts.retraining.that}<strong>{request.to.version}</strong>{texts.retraining.scoresInPlaceOf}{request.from.version}
            {request.change.rollback ? texts.retraining.aRollback : request.change.forced ? texts.retraining.requestForced : ""}
            {request.change.reason ? `: ${request.change.reason}` : ""}.
          </p>
          {state.consent.void && <p>{texts.retraining.requestStale}{state.consent.void}</p>}
          <p class="save">
            <button type="button" class="primary" disabled={own || Boolean(state.consent.void)} title={own ? texts.retraining.ownRequestTitle : ""} onClick={() => onAsk({ approve: request.id })}>{texts.retraining.approve}</button>
            <button type="button" onClick={() => onAsk({ withdraw: request.id })}>{texts.retraining.withdraw}</button>
            {own && <span>{texts.retraining.ownRequest}</span>}
          </p>
        </div>
      )}
      <p class="save"><button type="button" disabled={state.promotions.length === 0} onClick={() => onAsk({ rollback: true })}>{texts.retraining.rollBack}</button></p>
    </section>
  );
}

const verdict = (v: ModelVersion): string => (v.scores ? "scores" : !v.comparison ? texts.retraining.notCompared : v.comparison.allowed ? texts.retraining.mayScore : "refused");

function Versions(props: { state: Retraining; shown: string; onShow: (v: string) => void; onAsk: (c: ModelChange) => void }) {
  return (
    <section aria-label={texts.retraining.versions} class="card">
      <h2>{texts.retraining.versions}</h2>
      <table>
        <thead>
          <tr><th scope="col">{texts.retraining.version}</th><th scope="col">{texts.retraining.kind}</th><th scope="col">{texts.retraining.made}</th><th scope="col">{texts.retraining.from}</th><th scope="col">{texts.retraining.models}</th><th scope="col">{texts.retraining.gates}</th><th scope="col"><span class="visually-hidden">{texts.retraining.actions}</span></th></tr>
        </thead>
        <tbody>
          {props.state.versions.map((v) => (
            <tr key={v.version} data-version={v.version}>
              <td><button type="button" class="quiet" aria-pressed={v.version === props.shown} onClick={() => props.onShow(v.version)}>{v.version}</button></td>
              <td>{v.kind}{v.signer && <small title={v.signer}>{texts.retraining.fromAnotherWorkstation}</small>}</td>
              <td>{v.made ? moment(v.made) : "–"}</td>
              <td>{orDash(v.parent?.startsWith("sha256:") ? shortDigest(v.parent) : v.parent)}</td>
              <td>{v.models.join(", ")}</td>
              <td><span class={`state ${v.scores ? "done" : v.comparison && !v.comparison.allowed ? "refused" : ""}`}>{verdict(v)}</span></td>
              <td>{!v.scores && <button type="button" onClick={() => props.onAsk({ version: v.version })}>{texts.retraining.promote}</button>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Details({ version }: { version: ModelVersion }) {
  const [d, setDetails] = useState<VersionDetails | null>(null);
  const [error, setError] = useState("");
  useEffect(() => {
    api.version(version.version).then(setDetails, (e) => setError(problemOf(e).message));
  }, []);
  const name = version.version;
  return (
    <>
      {error && <p class="error" role="alert">{error}</p>}
      <section aria-label={texts.retraining.comparison} class="card" data-test="comparison">
        <h2>{name}{texts.retraining.comparisonHeading}</h2>
        {version.scores ? <p>{texts.retraining.itScoresNow}</p> : d && (d.comparison ? <Compared c={d.comparison} /> : <p>{texts.retraining.notComparedHowTo}<code>{texts.retraining.compareCommand}{name}{texts.retraining.compareData}</code></p>)}
      </section>
      <section aria-label={texts.retraining.retraining} class="card" data-test="run">
        <h2>{name}{texts.retraining.retrainingHeading}</h2>
        {d && (d.details ? <Run d={d} /> : <p>{texts.retraining.builtIn}</p>)}
      </section>
      <section aria-label={texts.retraining.dataSet} class="card" data-test="data">
        <h2>{name}{texts.retraining.dataSetHeading}</h2>
        {d && (d.card ? <Card card={d.card} /> : d.details?.data?.sides ? <Sides sides={d.details.data.sides} /> : <p>{texts.retraining.noDataCard}</p>)}
      </section>
    </>
  );
}

const signed = (v: number, digits: number): string => `${v < 0 ? "−" : "+"}${Math.abs(v).toFixed(digits)}`;
const change = (p: Paired): string => (p.known ? texts.retraining.toWord(p.before.toFixed(3), p.after.toFixed(3), signed(p.difference, 3), signed(p.low, 3), signed(p.high, 3)) : "–");

function Compared({ c }: { c: Comparison }) {
  return (
    <>
      <p data-test="allowed">
        <span class={`state ${c.allowed ? "done" : "refused"}`}>{c.allowed ? texts.retraining.gatesAllow : texts.retraining.gatesRefuse}{c.incumbent.version}</span> <small>{texts.retraining.compared}{moment(c.created)}</small>
      </p>
      {c.reasons.length > 0 && <ul class="reasons">{c.reasons.map((r) => <li key={r}>{r}</li>)}</ul>}
      {c.notes.length > 0 && <ul class="hint reasons">{c.notes.map((r) => <li key={r}>{r}</li>)}</ul>}
      {(c.sides ?? []).map((s) => (
        <table key={s.name}>
          <caption>{s.name}: {counted(s.normals, "normal")}{texts.retraining.and}{s.anomalies} {s.anomalies === 1 ? texts.retraining.oneAnomaly : texts.retraining.severalAnomalies}{texts.common.ofWord}{counted(s.patients, "patient")}{s.fixed && texts.retraining.phantomNote}</caption>
          <thead><tr><th scope="col">{texts.common.score}</th><th scope="col">{texts.retraining.aurocChange}</th><th scope="col">{texts.retraining.sizeMatchedAuroc}</th><th scope="col">{texts.retraining.flagsMean}</th></tr></thead>
          <tbody>
            {(s.rows ?? []).map((r) => (
              <tr key={r.name}><th scope="row">{r.name}</th><td>{r.same ? texts.retraining.unchanged : change(r.auroc)}</td><td>{r.same ? "" : change(r.size_matched)}</td><td>{r.same ? "" : change(r.flags)}</td></tr>
            ))}
          </tbody>
        </table>
      ))}
    </>
  );
}

function Facts({ facts }: { facts: [string, ComponentChildren][] }) {
  return <dl class="facts">{facts.filter(([, v]) => v).map(([k, v]) => <div key={k}><dt>{k}</dt><dd>{v}</dd></div>)}</dl>;
}

function Run({ d }: { d: VersionDetails }) {
  const c = d.details ?? {};
  return (
    <>
      <Facts
        facts={[
          ["made", c.created ? moment(c.created) : ""], ["by", c.software], ["kind", c.kind], ["mode", c.mode], ["start", c.start],
          ["from", c.parent_version || (c.parent && shortDigest(c.parent))], ["seed", c.seed === undefined ? "" : String(c.seed)], ["data", c.data?.digest && shortDigest(c.data.digest)],
        ]}
      />
      {(d.report?.warnings ?? []).map((w) => <p key={w} class="banner warn">{w}</p>)}
      {c.parts && (
        <table>
          <thead><tr><th scope="col">{texts.retraining.model}</th><th scope="col">{texts.retraining.outcome}</th><th scope="col" class="number">{texts.retraining.calibratedOn}</th></tr></thead>
          <tbody>
            {c.parts.map((p) => (
              <tr key={p.name}><th scope="row">{p.name}</th><td>{p.did}</td><td class="number">{p.calibration_normals}{texts.retraining.normals}{p.calibration_anomalies}{texts.retraining.anomalies}</td></tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

function Card({ card: c }: { card: DataCard }) {
  const n = c.counts;
  return (
    <>
      <p>
        {counted(n.nodules, "nodule")}{texts.common.ofWord}{counted(n.patients, "patient")}{texts.retraining.inWord}{counted(n.series, "series", "series")}: {n.normals}{texts.retraining.normal}{n.anomalies}{texts.retraining.anomalous}{n.unlabelled}{texts.retraining.unlabelled}
        {" "}{texts.retraining.readersDifferOn}{c.label_noise.disagree}{texts.retraining.ofThe}{c.label_noise.nodules_with_several_readers}{texts.retraining.readBySeveral}
      </p>
      {c.warnings.map((w) => <p key={w} class="banner warn">{w}</p>)}
      <Sides sides={c.sides} />
      {c.exclusions.length > 0 && (
        <table>
          <caption>{texts.retraining.leftOut}</caption>
          <thead><tr><th scope="col">{texts.retraining.code}</th><th scope="col">{texts.common.reason}</th><th scope="col" class="number">{texts.retraining.nodules}</th></tr></thead>
          <tbody>{c.exclusions.map((x) => <tr key={x.code}><th scope="row">{x.code}</th><td>{x.reason}</td><td class="number">{x.nodules}</td></tr>)}</tbody>
        </table>
      )}
      <table>
        <caption>{texts.retraining.enoughHeading}</caption>
        <thead><tr><th scope="col">{texts.retraining.forWord}</th><th scope="col">{texts.retraining.needs}</th><th scope="col">{texts.retraining.has}</th><th scope="col">{texts.retraining.enough}</th></tr></thead>
        <tbody>{c.enough_for.map((e) => <tr key={e.for}><th scope="row">{e.for}</th><td>{e.needs}</td><td>{e.has}</td><td>{e.ok ? texts.retraining.yes : texts.retraining.no}</td></tr>)}</tbody>
      </table>
    </>
  );
}

function Sides({ sides }: { sides: Sided[] }) {
  return (
    <table>
      <caption>{texts.retraining.sidesHeading}</caption>
      <thead><tr><th scope="col">{texts.retraining.side}</th><th scope="col" class="number">{texts.retraining.patients}</th><th scope="col" class="number">{texts.retraining.normalsHead}</th><th scope="col" class="number">{texts.retraining.anomaliesHead}</th><th scope="col" class="number">{texts.retraining.unlabelledHead}</th></tr></thead>
      <tbody>
        {sides.map((s) => (
          <tr key={s.name}><th scope="row">{s.name}</th><td class="number">{s.patients}</td><td class="number">{s.normals}</td><td class="number">{s.anomalies}</td><td class="number">{s.unlabelled ?? s.others}</td></tr>
        ))}
      </tbody>
    </table>
  );
}

const valued = (v: ShadowValue): string => `${v.probability === null ? texts.retraining.percentile(rank(v.percentile)) : percent(v.probability)}${v.flagged ? ", flagged" : ""}`;

function ShadowPart() {
  const [s, setShadow] = useState<Shadow | null>(null);
  const [error, setError] = useState("");
  const [large, setLarge] = useState(0);
  useEffect(() => {
    api.shadow().then(setShadow, (e) => setError(problemOf(e).message));
  }, []);
  const run = s?.run;
  return (
    <section aria-label={texts.retraining.inTheShadow} class="card" data-test="shadow">
      <h2>{texts.retraining.inTheShadow}</h2>
      {error && <p class="error" role="alert">{error}</p>}
      {s && !run && <p>{texts.retraining.noShadow}<code>{texts.retraining.shadowCommand}</code>{texts.retraining.shadowMeaning}</p>}
      {s && run && (
        <>
          <p>
            <strong>{run.candidate.version}</strong>{texts.retraining.beside}{run.beside.version}, {s.goes ? texts.retraining.sinceTime(moment(run.started)) : texts.retraining.ended(run.why)}: {counted(run.counts.nodules, "nodule")}{texts.common.ofWord}{counted(run.counts.series, "series", "series")}.
            {" "}<small>{texts.retraining.agreementNote}{run.counts.failed}{texts.retraining.shadowGivenUp}{run.counts.interrupted}{texts.retraining.shadowSkipped}{run.counts.dropped}.</small>
          </p>
          <table>
            <thead><tr><th scope="col">{texts.common.score}</th><th scope="col" class="number">{texts.retraining.nodules}</th><th scope="col">{texts.retraining.flagsAgree95}</th><th scope="col" class="number">{texts.retraining.newFlags}</th><th scope="col" class="number">{texts.retraining.flagsGone}</th><th scope="col" class="number">{texts.retraining.rankCorrelation}</th></tr></thead>
            <tbody>
              {(s.scores ?? []).map((a) => (
                <tr key={a.name}>
                  <th scope="row">{a.name}</th><td class="number">{a.nodules}</td><td>{percent(a.agree.value)} ({percent(a.agree.low)}{texts.common.toWord}{percent(a.agree.high)})</td>
                  <td class="number">{a.new_flags}</td><td class="number">{a.flags_gone}</td><td class="number">{a.rank_correlation.toFixed(3)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <h3>{texts.retraining.theLargestChanges}</h3>
          <ol class="changes">
            {(s.largest ?? []).map((x, i) => (
              <li key={`${x.result} ${x.finding}`}>
                {s.pictures?.[i] && (
                  <button type="button" class="picture" aria-label={texts.retraining.enlargeLabel(i + 1)} onClick={() => setLarge(i + 1)}>
                    <img src={api.shadowPicture(i + 1)} alt={texts.retraining.picturesAlt} />
                  </button>
                )}
                <a href={`#/series/${x.result.replace(/^sha256:/, "")}/${x.finding}`}>{texts.retraining.finding}{x.finding}{texts.common.ofWord}{shortDigest(x.result)}</a>
                {x.pairs.map((p) => <small key={p.name} class={p.before.flagged === p.after.flagged ? "" : "flips"}>{p.name}: {valued(p.before)} → {valued(p.after)}</small>)}
              </li>
            ))}
          </ol>
        </>
      )}
      {large > 0 && <Dialog wide title={texts.retraining.change(large)} onClose={() => setLarge(0)}><img class="large" src={api.shadowPicture(large)} alt={texts.retraining.picturesAlt} /></Dialog>}
    </section>
  );
}

const four = (v: number): string => Number(v.toPrecision(4)).toString().replace("-", "−");

function DriftPart() {
  const [d, setDrift] = useState<Drift | null>(null);
  const [error, setError] = useState("");
  useEffect(() => {
    api.drift().then(setDrift, (e) => setError(problemOf(e).message));
  }, []);
  return (
    <section aria-label={texts.retraining.drift} class="card" data-test="drift">
      <h2>{texts.retraining.drift}</h2>
      {error && <p class="error" role="alert">{error}</p>}
      {d && (
        <>
          <p>
            {d.alarm ? <strong class="state refused">{texts.retraining.driftFound}</strong> : texts.retraining.noDrift}{" "}
            {counted(d.series, "series", "series")}{texts.retraining.ofTheLast}{d.days}{texts.retraining.daysBeside}{d.reference}. <small>{texts.retraining.driftFrom}{d.minimum}{texts.retraining.seriesOn}</small>
          </p>
          {d.values.length > 0 && (
            <table>
              <thead><tr><th scope="col">{texts.retraining.value}</th><th scope="col" class="number">{texts.retraining.reference}</th><th scope="col" class="number">{texts.retraining.now}</th><th scope="col">{texts.retraining.median}</th><th scope="col" class="number">{texts.common.distance}</th><th scope="col" class="number">p</th><th scope="col">{texts.retraining.verdict}</th></tr></thead>
              <tbody>
                {d.values.map((v) => (
                  <tr key={v.name}>
                    <th scope="row">{v.name}</th><td class="number">{v.reference}</td><td class="number">{v.window}</td><td>{v.number && v.enough ? `${four(v.before)} → ${four(v.after)}` : "–"}</td>
                    <td class="number">{v.enough ? v.distance.toFixed(2) : "–"}</td><td class="number">{!v.enough ? "–" : v.p < 0.001 ? "<0.001" : v.p.toFixed(3)}</td>
                    <td><span class={`state ${v.alarm ? "refused" : ""}`}>{v.alarm ? texts.retraining.moved : v.enough ? "" : texts.retraining.tooFew}</span></td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </>
      )}
    </section>
  );
}
