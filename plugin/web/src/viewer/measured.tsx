// What was measured of the nodule's outline.

import { hint, plusMinus } from "../format.ts";
import type { Finding, Measurements } from "../types.ts";
import type { Correction } from "./correction.ts";
import { texts } from "../texts.ts";

export function OutlinePanel({ finding: f, correction: c, problem }: { finding: Finding; correction: Correction; problem: string }) {
  const o = f.outline;
  const lengths = c.distances.map((d) => texts.common.mm(d.length_mm.toFixed(1))).join(", ");
  if (!o?.found && !f.outline_problem && !c.own && !lengths) return null;
  return (
    <section class="measured" aria-label={texts.common.outline} data-test="outline" data-drawn={c.own ? (c.measured ? "measured" : "drawn") : "no"}>
      {f.outline_problem && <p class="banner warn">{o ? texts.measured.notMeasured : texts.measured.notOutlined}: {hint(f.outline_problem)}</p>}
      {c.own
        ? c.measured ? <Table m={c.measured.measurements} name="Corrected" /> : <p class="hint">{c.problem || texts.measured.measuring}</p>
        : o?.measurements && <Table m={o.measurements} name="Outline" />}
      {(c.own ? c.measured?.codes ?? [] : o?.codes ?? []).map((x) => <p key={x.code} class="banner warn">{x.label}</p>)}
      {lengths && <p class="hint" data-test="distances">{texts.measured.distances}{lengths}</p>}
      {problem && <p class="hint">{texts.measured.cannotBeDrawn}{problem}</p>}
    </section>
  );
}

// Three lines: input, reconstruction and residual below are to stay in sight.
function Table({ m, name }: { m: Measurements; name: string }) {
  const density = m.mean_hu === null ? [] : [plusMinus(m.mean_hu, m.mean_uncertainty_hu, 0, "HU") + (m.sd_hu === null ? "" : ` (SD ${m.sd_hu.toFixed(0)})`)];
  const type = m.type.replaceAll("_", "-") + (m.type === "part_solid" ? texts.measured.mmSolid(m.solid_diameter_mm.toFixed(1)) : "");
  const contact = ([[texts.measured.chestWall, m.wall_contact_share], ["vessel", m.vessel_contact_share]] as const)
    .filter(([, share]) => share >= 0.05).map(([what, share]) => `${what} ${Math.round(100 * share)} %`);
  const rows: { name: string; value: string; title: string }[] = [
    {
      name, value: `⌀ ${plusMinus(m.diameter_mm, m.diameter_uncertainty_mm, 1, "mm")}, ${plusMinus(m.volume_mm3, m.volume_uncertainty_mm3, 0, "mm³")}`,
      title: texts.measured.diameterTitle,
    },
    {
      name: "Axes", value: `${plusMinus(m.mean_axis_mm, m.axis_uncertainty_mm, 1, "mm")} (${m.long_axis_mm.toFixed(1)} × ${m.short_axis_mm.toFixed(1)})`,
      title: texts.measured.axesTitle,
    },
    { name: "Type", value: [type, ...density, ...contact].join(", "), title: texts.measured.typeTitle },
  ];
  return (
    <table class="measurements">
      <tbody>
        {rows.map((r) => <tr key={r.name} title={r.title}><th scope="row">{r.name}</th><td>{r.value}</td></tr>)}
      </tbody>
    </table>
  );
}
