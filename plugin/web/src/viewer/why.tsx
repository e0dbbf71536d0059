// Why a finding deviates: scores of every detector, where they lie among the
// reference nodules, the input of the detector and its reconstruction.

import { useEffect, useRef } from "preact/hooks";
import { hint, imageName, millimetres, notFound, percent, place, rank } from "../format.ts";
import { HeadlinePanel, interval } from "./headline.tsx";
import type { Correction } from "./correction.ts";
import { OutlinePanel } from "./measured.tsx";
import type { Finding, Model, Score } from "../types.ts";
import { heatTable, residualFull, residualFullHU } from "./colour.ts";
import { cut, planes, type Cube, type Plane } from "./cube.ts";
import { texts } from "../texts.ts";

export interface PatchImages {
  patch: Cube | null;
  reconstruction: Cube | null;
  residual: Cube | null;
  problem: string;
}

interface Props {
  finding: Finding;
  correction: Correction;
  images: PatchImages;
  model: string;
  models: Model[];
  outlineProblem: string;
  onModel: (name: string) => void;
}

export function WhyPanel({ finding: f, correction, images, model, models, outlineProblem, onModel }: Props) {
  const score = f.scores.find((s) => s.model === model);
  return (
    <section class="why" aria-label={texts.common.why}>
      <h2 title={texts.common.mm(place(f.position_lps_mm))}>
        {texts.why.finding}{f.number} <small>{f.image_number !== null && `${imageName(f.image_number, f.frame_number)} · `}{texts.why.id}{f.nodule_id} · {millimetres(f.diameter_mm)}{f.outline?.measurements && f.diameter_mm !== null ? texts.why.given : ""}{f.confidence !== null ? texts.why.cadConfidence(percent(f.confidence)) : ""}</small>
      </h2>
      {notFound(f)
        ? (
          <p class="banner none" data-test="no-nodule">
            <b>{texts.why.noNoduleFoundHere}</b>{texts.why.noNoduleMeaning}
          </p>
        )
        : f.problem && <p class="banner warn">{texts.why.notScored}{hint(f.problem)}</p>}
      <HeadlinePanel finding={f} />
      {f.headline && <OutlinePanel finding={f} correction={correction} problem={outlineProblem} />}
      {f.headline && <Limits finding={f} />}
      {f.scores.length > 0 && <Scores finding={f} model={model} onModel={onModel} />}
      {f.disagreement && (
        <p class={f.disagreement.flags_differ ? "agreement differ" : "agreement"} data-test="agreement">
          {f.disagreement.flags_differ ? texts.why.detectorsDisagree : texts.why.detectorsAgree}{texts.why.their}{" "}
          {texts.why.percentilesAre}{f.disagreement.percentile_gap.toFixed(1)}{texts.why.apart}
        </p>
      )}
      {f.failed.map((x) => <p key={x.model} class="banner warn">{x.model}{texts.why.gaveNoScore}{x.message} ({x.code})</p>)}
      {!f.headline && <OutlinePanel finding={f} correction={correction} problem={outlineProblem} />}
      {!f.headline && <Limits finding={f} />}
      {score && <ReferenceHistogram score={score} prevalence={models.find((m) => m.name === model)?.prevalence ?? 0} />}
      {f.patch && score && <Strip images={images} model={model} />}
    </section>
  );
}

function Scores({ finding, model, onModel }: { finding: Finding; model: string; onModel: (name: string) => void }) {
  return (
    <table class="scores">
      <thead>
        <tr>
          <th scope="col">{texts.why.detector}</th>
          <th scope="col" class="number" title={texts.why.probabilityTitle}>{texts.why.probability}</th>
          <th scope="col" class="number" title={texts.common.percentileMeaning}>{texts.why.percentile}</th>
          <th scope="col" class="number" title={texts.why.scoreTitle}>{texts.common.score}</th>
        </tr>
      </thead>
      <tbody>
        {finding.scores.map((s) => (
          <tr key={s.digest} class={s.model === model ? "chosen" : ""}>
            <th scope="row">
              {finding.scores.length > 1
                ? <button type="button" class="quiet" aria-pressed={s.model === model} onClick={() => onModel(s.model)}>{s.model}</button>
                : s.model}
              {s.anomalous && <span class="badge flag" title={texts.why.aboveTheThreshold(worth(s))}>{texts.common.flagged}</span>}
            </th>
            <td class="number">{s.probability === null ? <span title={texts.why.notCalibrated}>–</span> : percent(s.probability)}</td>
            <td class="number">{rank(s.percentile)}</td>
            <td class="number" title={texts.why.threshold(s.threshold.toPrecision(3))}>{s.raw.toPrecision(3)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** worth says what a detector's flag is worth, as far as its file tells it. */
function worth({ worth: w }: Score): string {
  if (!w) return "";
  const sensitivity = w.sensitivity ? texts.why.flagsShare(interval(w.sensitivity)) : texts.why.sensitivityUnknown;
  return texts.why.sparesOfThem(interval(w.specificity), sensitivity);
}

/** ReferenceHistogram shows where a score lies among the reference normals. */
function ReferenceHistogram({ score, prevalence }: { score: Score; prevalence: number }) {
  const h = score.histogram;
  if (!h || h.counts.length === 0) return <p class="hint">{score.model}{texts.why.noHistogram}</p>;
  const [w, ht, base] = [300, 70, 52];
  const low = h.edges[0] ?? 0;
  const high = h.edges.at(-1) ?? 1;
  const most = Math.max(...h.counts, 1);
  const x = (v: number): number => ((v - low) / (high - low || 1)) * w;
  const text = texts.why.histogramLabel(h.normals, low.toPrecision(2), high.toPrecision(2), score.raw.toPrecision(3), score.threshold.toPrecision(3));
  const markX = Math.min(Math.max(x(score.raw), 0), w);
  return (
    <figure class="histogram">
      <svg viewBox={`-4 0 ${w + 8} ${ht}`} role="img" aria-label={text}>
        {h.counts.map((n, i) => {
          const left = x(h.edges[i] ?? 0);
          const right = x(h.edges[i + 1] ?? 0);
          const tall = (n / most) * (base - 14);
          return <rect key={i} class="bar" x={left + 0.5} y={base - tall} width={Math.max(right - left - 1, 0.5)} height={tall} />;
        })}
        <line class="axis" x1={0} x2={w} y1={base} y2={base} />
        <line class="limit" x1={x(score.threshold)} x2={x(score.threshold)} y1={8} y2={base} />
        <line class="score" x1={markX} x2={markX} y1={2} y2={base} />
        <path class="score" d={`M${markX - 4} 2h8l-4 6z`} />
        <text x={0} y={ht - 6}>{low.toPrecision(2)}</text>
        <text x={w} y={ht - 6} text-anchor="end">{high.toPrecision(2)}</text>
      </svg>
      <figcaption>
        <span class="key score">{texts.why.thisNodule}</span> <span class="key limit">{texts.why.thresholdLegend}{score.threshold.toPrecision(3)}</span> <span class="key bar">{h.normals}{texts.why.referenceNormals}</span>
        {score.worth && <span data-test="detector-worth"> · {worth(score)}</span>}
        {score.probability !== null && prevalence > 0 && <>{texts.why.atBaseRate}{percent(prevalence)}{score.probability < prevalence && texts.why.belowIt}</>}
      </figcaption>
    </figure>
  );
}

const rows: { kind: "patch" | "reconstruction" | "residual"; label: string; title: string }[] = [
  { kind: "patch", label: texts.why.input, title: texts.why.inputTitle },
  { kind: "reconstruction", label: texts.why.reconstruction, title: texts.why.reconstructionTitle },
  { kind: "residual", label: texts.why.residual, title: texts.why.residualTitle },
];

function Strip({ images, model }: { images: PatchImages; model: string }) {
  return (
    <figure class="strip" data-test="strip" data-ready={images.residual !== null && images.reconstruction !== null ? "yes" : "no"}>
      <div class="cells" role="group" aria-label={texts.why.stripLabel(model)}>
        <span />
        {planes.map((p) => <span key={p} class="head">{p}</span>)}
        {rows.map((row) => [
          <span key={row.kind} class="head row" title={row.title}>{row.label}</span>,
          ...planes.map((p) => <Cell key={row.kind + p} cube={images[row.kind]} plane={p} hot={row.kind === "residual"} label={`${row.label}, ${p}`} />),
        ])}
      </div>
      <figcaption>
        {images.problem ? <span class="error">{images.problem}</span> : (
          <>{texts.why.stripScale}<span class="ramp" aria-hidden="true" />{texts.why.scaleFromZero}{residualFullHU}{texts.why.scaleEnd}</>
        )}
      </figcaption>
    </figure>
  );
}

function Cell({ cube, plane, hot, label }: { cube: Cube | null; plane: Plane; hot: boolean; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const c = canvas.current;
    if (!c) return;
    const ctx = c.getContext("2d");
    if (!ctx) return;
    if (!cube) {
      ctx.clearRect(0, 0, c.width, c.height);
      return;
    }
    const { width, height, values } = cut(cube, plane);
    c.width = width;
    c.height = height;
    const picture = new ImageData(width, height);
    values.forEach((v, i) => {
      const level = Math.round(Math.min(Math.max(hot ? v / residualFull : v, 0), 1) * 255);
      for (const ch of [0, 1, 2] as const) picture.data[4 * i + ch] = hot ? (heatTable[3 * level + ch] ?? 0) : level;
      picture.data[4 * i + 3] = 255;
    });
    ctx.putImageData(picture, 0, 0);
  }, [cube, plane, hot]);
  return <canvas ref={canvas} width={28} height={28} role="img" aria-label={label} />;
}

function Limits({ finding: f }: { finding: Finding }) {
  const items = f.applicability.map((a) => a.label);
  if (f.padding_pct >= 0.5) items.push(texts.why.outsideTheScan(f.padding_pct.toFixed(0)));
  if (f.problem && items.length === 0) return null; // nothing was checked
  return (
    <section class={items.length > 0 ? "limits touched" : "limits"} aria-label={texts.why.limitsOfUse}>
      <h3>{texts.why.limitsOfUse}</h3>
      {items.length > 0 ? <ul>{items.map((t) => <li key={t}>{t}</li>)}</ul> : <p>{texts.why.noneKnownApplies}</p>}
    </section>
  );
}
