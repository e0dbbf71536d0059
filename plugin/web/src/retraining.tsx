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
  useKeys([{ keys: ["r"], shown: "R", does: "reload", run: () => void load() }]);

  const of = (name: string | undefined): ModelVersion | undefined => state?.versions.find((v) => v.version === name);
  const shown = of(picked) ?? of(state?.consent.request?.to.version) ?? state?.versions.find((v) => !v.scores) ?? state?.versions[0];
  return (
    <main class="retraining">
      {error && <p class="error" role="alert">{error} <button type="button" onClick={() => void load()}>Try again</button></p>}
      <p class="saved" role="status" data-test="said">{said}</p>
      {state?.damaged && <p class="banner lost" role="alert">A version cannot be read: {state.damaged}</p>}
      {state && !state.follows && <p class="banner warn">The settings of this service name the models that score: what is promoted here is used by others, or after they are changed.</p>}
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
    <section aria-label="What scores" class="card">
      <h2>What scores</h2>
      <p data-test="current">
        <strong>{now.version}</strong> <small title={now.set}>{shortDigest(now.set)}</small>
        {now.by && <small> since {moment(now.time ?? "")}, promoted by {now.by}{now.approved && `, approved by ${now.approved}`}{now.forced && `, forced: ${now.reason}`}</small>}
      </p>
      {persons > 1 && <p class="hint">It takes two persons to change this.</p>}
      {request && (
        <div class="banner warn" data-test="request">
          <p>
            {request.change.by} asked {moment(request.asked)} that <strong>{request.to.version}</strong> scores in place of {request.from.version}
            {request.change.rollback ? " (a rollback)" : request.change.forced ? " (forced, the gates do not count)" : ""}
            {request.change.reason ? `: ${request.change.reason}` : ""}.
          </p>
          {state.consent.void && <p>It can no longer be approved: {state.consent.void}</p>}
          <p class="save">
            <button type="button" class="primary" disabled={own || Boolean(state.consent.void)} title={own ? "another person has to approve what you asked for" : ""} onClick={() => onAsk({ approve: request.id })}>Approve…</button>
            <button type="button" onClick={() => onAsk({ withdraw: request.id })}>Withdraw…</button>
            {own && <span>You asked for this: another person has to approve it.</span>}
          </p>
        </div>
      )}
      <p class="save"><button type="button" disabled={state.promotions.length === 0} onClick={() => onAsk({ rollback: true })}>Roll back…</button></p>
    </section>
  );
}

const verdict = (v: ModelVersion): string => (v.scores ? "scores" : !v.comparison ? "not compared" : v.comparison.allowed ? "may score" : "refused");

function Versions(props: { state: Retraining; shown: string; onShow: (v: string) => void; onAsk: (c: ModelChange) => void }) {
  return (
    <section aria-label="Versions" class="card">
      <h2>Versions</h2>
      <table>
        <thead>
          <tr><th scope="col">Version</th><th scope="col">Kind</th><th scope="col">Made</th><th scope="col">From</th><th scope="col">Models</th><th scope="col">Gates</th><th scope="col"><span class="visually-hidden">Actions</span></th></tr>
        </thead>
        <tbody>
          {props.state.versions.map((v) => (
            <tr key={v.version} data-version={v.version}>
              <td><button type="button" class="quiet" aria-pressed={v.version === props.shown} onClick={() => props.onShow(v.version)}>{v.version}</button></td>
              <td>{v.kind}{v.signer && <small title={v.signer}>from another workstation</small>}</td>
              <td>{v.made ? moment(v.made) : "–"}</td>
              <td>{orDash(v.parent?.startsWith("sha256:") ? shortDigest(v.parent) : v.parent)}</td>
              <td>{v.models.join(", ")}</td>
              <td><span class={`state ${v.scores ? "done" : v.comparison && !v.comparison.allowed ? "refused" : ""}`}>{verdict(v)}</span></td>
              <td>{!v.scores && <button type="button" onClick={() => props.onAsk({ version: v.version })}>Promote…</button>}</td>
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
      <section aria-label="Comparison" class="card" data-test="comparison">
        <h2>{name}: comparison with what scores</h2>
        {version.scores ? <p>It scores now.</p> : d && (d.comparison ? <Compared c={d.comparison} /> : <p>It was not compared. On a machine with the data set: <code>nodulescope models compare {name} --data site.npz</code></p>)}
      </section>
      <section aria-label="Retraining" class="card" data-test="run">
        <h2>{name}: retraining</h2>
        {d && (d.details ? <Run d={d} /> : <p>It is in the binary, and no retraining of this site made it.</p>)}
      </section>
      <section aria-label="Data set" class="card" data-test="data">
        <h2>{name}: data set</h2>
        {d && (d.card ? <Card card={d.card} /> : d.details?.data?.sides ? <Sides sides={d.details.data.sides} /> : <p>Nothing is known of it here.</p>)}
      </section>
    </>
  );
}

const signed = (v: number, digits: number): string => `${v < 0 ? "−" : "+"}${Math.abs(v).toFixed(digits)}`;
const change = (p: Paired): string => (p.known ? `${p.before.toFixed(3)} → ${p.after.toFixed(3)} (${signed(p.difference, 3)}, ${signed(p.low, 3)} to ${signed(p.high, 3)})` : "–");

function Compared({ c }: { c: Comparison }) {
  return (
    <>
      <p data-test="allowed">
        <span class={`state ${c.allowed ? "done" : "refused"}`}>{c.allowed ? "It may score in place of " : "It may not score in place of "}{c.incumbent.version}</span> <small>compared {moment(c.created)}</small>
      </p>
      {c.reasons.length > 0 && <ul class="reasons">{c.reasons.map((r) => <li key={r}>{r}</li>)}</ul>}
      {c.notes.length > 0 && <ul class="hint reasons">{c.notes.map((r) => <li key={r}>{r}</li>)}</ul>}
      {(c.sides ?? []).map((s) => (
        <table key={s.name}>
          <caption>{s.name}: {counted(s.normals, "normal")} and {s.anomalies} {s.anomalies === 1 ? "anomaly" : "anomalies"} of {counted(s.patients, "patient")}{s.fixed && "; no label of the site moves it"}</caption>
          <thead><tr><th scope="col">Score</th><th scope="col">AUROC, change with 95 % interval</th><th scope="col">Size-matched AUROC</th><th scope="col">Flags, mean of sensitivity and specificity</th></tr></thead>
          <tbody>
            {(s.rows ?? []).map((r) => (
              <tr key={r.name}><th scope="row">{r.name}</th><td>{r.same ? "unchanged" : change(r.auroc)}</td><td>{r.same ? "" : change(r.size_matched)}</td><td>{r.same ? "" : change(r.flags)}</td></tr>
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
          <thead><tr><th scope="col">Model</th><th scope="col">What became of it</th><th scope="col" class="number">Calibrated on</th></tr></thead>
          <tbody>
            {c.parts.map((p) => (
              <tr key={p.name}><th scope="row">{p.name}</th><td>{p.did}</td><td class="number">{p.calibration_normals} normals, {p.calibration_anomalies} anomalies</td></tr>
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
        {counted(n.nodules, "nodule")} of {counted(n.patients, "patient")} in {counted(n.series, "series", "series")}: {n.normals} normal, {n.anomalies} anomalous, {n.unlabelled} unlabelled.
        {" "}Readers differ on {c.label_noise.disagree} of the {c.label_noise.nodules_with_several_readers} that several have read.
      </p>
      {c.warnings.map((w) => <p key={w} class="banner warn">{w}</p>)}
      <Sides sides={c.sides} />
      {c.exclusions.length > 0 && (
        <table>
          <caption>Left out</caption>
          <thead><tr><th scope="col">Code</th><th scope="col">Reason</th><th scope="col" class="number">Nodules</th></tr></thead>
          <tbody>{c.exclusions.map((x) => <tr key={x.code}><th scope="row">{x.code}</th><td>{x.reason}</td><td class="number">{x.nodules}</td></tr>)}</tbody>
        </table>
      )}
      <table>
        <caption>What the data are enough for</caption>
        <thead><tr><th scope="col">For</th><th scope="col">Needs</th><th scope="col">Has</th><th scope="col">Enough</th></tr></thead>
        <tbody>{c.enough_for.map((e) => <tr key={e.for}><th scope="row">{e.for}</th><td>{e.needs}</td><td>{e.has}</td><td>{e.ok ? "yes" : "no"}</td></tr>)}</tbody>
      </table>
    </>
  );
}

function Sides({ sides }: { sides: Sided[] }) {
  return (
    <table>
      <caption>Sides; a patient is on one for ever</caption>
      <thead><tr><th scope="col">Side</th><th scope="col" class="number">Patients</th><th scope="col" class="number">Normals</th><th scope="col" class="number">Anomalies</th><th scope="col" class="number">Unlabelled</th></tr></thead>
      <tbody>
        {sides.map((s) => (
          <tr key={s.name}><th scope="row">{s.name}</th><td class="number">{s.patients}</td><td class="number">{s.normals}</td><td class="number">{s.anomalies}</td><td class="number">{s.unlabelled ?? s.others}</td></tr>
        ))}
      </tbody>
    </table>
  );
}

const valued = (v: ShadowValue): string => `${v.probability === null ? `percentile ${rank(v.percentile)}` : percent(v.probability)}${v.flagged ? ", flagged" : ""}`;

function ShadowPart() {
  const [s, setShadow] = useState<Shadow | null>(null);
  const [error, setError] = useState("");
  const [large, setLarge] = useState(0);
  useEffect(() => {
    api.shadow().then(setShadow, (e) => setError(problemOf(e).message));
  }, []);
  const run = s?.run;
  return (
    <section aria-label="In the shadow" class="card" data-test="shadow">
      <h2>In the shadow</h2>
      {error && <p class="error" role="alert">{error}</p>}
      {s && !run && <p>No version has been in the shadow. <code>nodulescope models shadow VERSION</code> has one score live jobs unseen.</p>}
      {s && run && (
        <>
          <p>
            <strong>{run.candidate.version}</strong> beside {run.beside.version}, {s.goes ? `since ${moment(run.started)}` : `ended: ${run.why}`}: {counted(run.counts.nodules, "nodule")} of {counted(run.counts.series, "series", "series")}.
            {" "}<small>Agreement says what would change, not which of the two is right. Not scored by both {run.counts.failed}, given up for live jobs {run.counts.interrupted}, series not looked at {run.counts.dropped}.</small>
          </p>
          <table>
            <thead><tr><th scope="col">Score</th><th scope="col" class="number">Nodules</th><th scope="col">Flags agree (95 %)</th><th scope="col" class="number">New flags</th><th scope="col" class="number">Flags gone</th><th scope="col" class="number">Rank correlation</th></tr></thead>
            <tbody>
              {(s.scores ?? []).map((a) => (
                <tr key={a.name}>
                  <th scope="row">{a.name}</th><td class="number">{a.nodules}</td><td>{percent(a.agree.value)} ({percent(a.agree.low)} to {percent(a.agree.high)})</td>
                  <td class="number">{a.new_flags}</td><td class="number">{a.flags_gone}</td><td class="number">{a.rank_correlation.toFixed(3)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <h3>The largest changes</h3>
          <ol class="changes">
            {(s.largest ?? []).map((x, i) => (
              <li key={`${x.result} ${x.finding}`}>
                {s.pictures?.[i] && (
                  <button type="button" class="picture" aria-label={`Enlarge the pictures of change ${i + 1}`} onClick={() => setLarge(i + 1)}>
                    <img src={api.shadowPicture(i + 1)} alt="axial, coronal and sagittal plane of the nodule" />
                  </button>
                )}
                <a href={`#/series/${x.result.replace(/^sha256:/, "")}/${x.finding}`}>finding {x.finding} of {shortDigest(x.result)}</a>
                {x.pairs.map((p) => <small key={p.name} class={p.before.flagged === p.after.flagged ? "" : "flips"}>{p.name}: {valued(p.before)} → {valued(p.after)}</small>)}
              </li>
            ))}
          </ol>
        </>
      )}
      {large > 0 && <Dialog wide title={`Change ${large}`} onClose={() => setLarge(0)}><img class="large" src={api.shadowPicture(large)} alt="axial, coronal and sagittal plane of the nodule" /></Dialog>}
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
    <section aria-label="Drift" class="card" data-test="drift">
      <h2>Drift</h2>
      {error && <p class="error" role="alert">{error}</p>}
      {d && (
        <>
          <p>
            {d.alarm ? <strong class="state refused">What is scored has moved away from what the models learned from.</strong> : "No value has moved."}{" "}
            {counted(d.series, "series", "series")} of the last {d.days} days, beside {d.reference}. <small>A change is told from {d.minimum} series on.</small>
          </p>
          {d.values.length > 0 && (
            <table>
              <thead><tr><th scope="col">Value</th><th scope="col" class="number">Reference</th><th scope="col" class="number">Now</th><th scope="col">Median</th><th scope="col" class="number">Distance</th><th scope="col" class="number">p</th><th scope="col">Verdict</th></tr></thead>
              <tbody>
                {d.values.map((v) => (
                  <tr key={v.name}>
                    <th scope="row">{v.name}</th><td class="number">{v.reference}</td><td class="number">{v.window}</td><td>{v.number ? `${four(v.before)} → ${four(v.after)}` : "–"}</td>
                    <td class="number">{v.distance.toFixed(2)}</td><td class="number">{v.p < 0.001 ? "<0.001" : v.p.toFixed(3)}</td>
                    <td><span class={`state ${v.alarm ? "refused" : ""}`}>{v.alarm ? "moved" : v.enough ? "" : "too few"}</span></td>
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
