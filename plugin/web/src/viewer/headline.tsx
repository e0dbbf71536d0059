// The one answer on a finding: how readers would rate it, by what was measured of
// its outline, and which measurements count most in that.

import { hint, percent, rank } from "../format.ts";
import type { Finding, Headline, Part, Rung, Share } from "../types.ts";
import { texts } from "../texts.ts";

/** HeadlinePanel is empty where a finding has no headline. */
export function HeadlinePanel({ finding: f }: { finding: Finding }) {
  if (f.headline_problem) return <p class="banner warn">{texts.headline.noOverallScore}{hint(f.headline_problem)}</p>;
  if (!f.headline) return null;
  return (
    <section class="headline" aria-label={texts.headline.overallScore} data-test="headline">
      <p class="answer">
        <strong>{percent(f.headline.probability)}</strong>{texts.headline.suspicious}{f.headline.flagged && <span class="badge flag" title={texts.headline.aboveTheOperatingPoint}>{texts.common.flagged}</span>}{" "}
        <small>
          <span title={texts.headline.intervalTitle}>{Math.round(100 * f.headline.low)}–{Math.round(100 * f.headline.high)} %</span>{", "}
          <span title={texts.common.percentileMeaning}>{texts.headline.percentile}{rank(f.headline.percentile)}</span>
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
    <p class="hint" data-test="worth" title={texts.headline.measuredOnTitle}>
      {texts.headline.flags}{interval(rung.sensitivity)}{texts.headline.ofSuspiciousAndSpares}{interval(rung.specificity)}{texts.headline.ofBenignAndBaseRate}{percent(rung.prevalence)}{h.probability < rung.prevalence && texts.headline.thisOneIsBelow}.
    </p>
  );
}

const shownParts = 4;

function Parts({ parts }: { parts: Part[] }) {
  const shown = parts.slice(0, shownParts);
  const most = Math.max(...shown.map((p) => Math.abs(p.adds)), 1e-6);
  return (
    <table class="parts">
      <caption>{texts.headline.whyHeading}</caption>
      <tbody>
        {shown.map((p) => (
          <tr key={p.feature} title={texts.headline.logitTitle(p.adds.toFixed(2))}>
            <th scope="row">{p.about}</th>
            <td>{number(p.value)} ({number(p.typical)}) {p.unit}</td>
            <td class="bar">
              <span class={p.adds > 0 ? "up" : "down"} style={{ width: `${(100 * Math.abs(p.adds)) / most}%` }} />
              <span class="visually-hidden">{p.adds > 0 ? texts.headline.raisesTheScore : texts.headline.lowersTheScore}</span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const number = (v: number): string => (Math.abs(v) >= 100 ? v.toFixed(0) : v.toPrecision(2)).replace("-", "−");
