// The one answer on a finding: how readers would rate it, by what was measured of
// its outline, and which measurements count most in that.

import { hint, percent, rank } from "../format.ts";
import type { Finding, Headline, Part, Rung, Share } from "../types.ts";

/** HeadlinePanel is empty where a finding has no headline. */
export function HeadlinePanel({ finding: f }: { finding: Finding }) {
  if (f.headline_problem) return <p class="banner warn">No overall score: {hint(f.headline_problem)}</p>;
  if (!f.headline) return null;
  return (
    <section class="headline" aria-label="Overall score" data-test="headline">
      <p class="answer">
        <strong>{percent(f.headline.probability)}</strong> suspicious {f.headline.flagged && <span class="badge flag" title="above the operating point">flagged</span>}{" "}
        <small>
          <span title="95 % interval of the probability">{Math.round(100 * f.headline.low)}–{Math.round(100 * f.headline.high)} %</span>{" · "}
          <span title="percentage of the reference normals with a lower score">percentile {rank(f.headline.percentile)}</span>
        </small>
      </p>
      {f.rung && <Worth headline={f.headline} rung={f.rung} />}
      <Parts parts={f.headline.parts} />
    </section>
  );
}

export const interval = (s: Share): string => `${Math.round(100 * s.value)} % (${Math.round(100 * s.low)}–${Math.round(100 * s.high)})`;

/** Worth says what a flag is worth. */
function Worth({ headline: h, rung }: { headline: Headline; rung: Rung }) {
  return (
    <p class="hint" data-test="worth" title="measured on patients that the score had not seen; with 95 % intervals">
      Flags {interval(rung.sensitivity)} of suspicious and spares {interval(rung.specificity)} of benign nodules. Base rate {percent(rung.prevalence)}{h.probability < rung.prevalence && ": this one is below it"}.
    </p>
  );
}

const shownParts = 4;

function Parts({ parts }: { parts: Part[] }) {
  const shown = parts.slice(0, shownParts);
  const most = Math.max(...shown.map((p) => Math.abs(p.adds)), 1e-6);
  return (
    <table class="parts">
      <caption>Why: measured (typical)</caption>
      <tbody>
        {shown.map((p) => (
          <tr key={p.feature} title={`adds ${p.adds.toFixed(2)} to the logit of the probability`}>
            <th scope="row">{p.about}</th>
            <td>{number(p.value)} ({number(p.typical)}) {p.unit}</td>
            <td class="bar">
              <span class={p.adds > 0 ? "up" : "down"} style={{ width: `${(100 * Math.abs(p.adds)) / most}%` }} />
              <span class="visually-hidden">{p.adds > 0 ? "raises the score" : "lowers the score"}</span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const number = (v: number): string => (Math.abs(v) >= 100 ? v.toFixed(0) : v.toPrecision(2)).replace("-", "−");
