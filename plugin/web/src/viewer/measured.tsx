// What was measured of the nodule's outline.

import { hint, plusMinus } from "../format.ts";
import type { Finding, Measurements } from "../types.ts";

export function OutlinePanel({ finding: f, problem }: { finding: Finding; problem: string }) {
  const o = f.outline;
  if (!o?.found && !f.outline_problem) return null;
  return (
    <section class="measured" aria-label="Outline" data-test="outline">
      {f.outline_problem && <p class="banner warn">{o ? "Not measured" : "Not outlined"}: {hint(f.outline_problem)}</p>}
      {o?.measurements && <Table m={o.measurements} />}
      {o?.codes.map((c) => <p key={c.code} class="banner warn">{c.label}</p>)}
      {problem && <p class="hint">The outline cannot be drawn: {problem}</p>}
    </section>
  );
}

function Table({ m }: { m: Measurements }) {
  const rows: { name: string; value: string; title: string }[] = [
    { name: "Diameter", value: plusMinus(m.diameter_mm, m.diameter_uncertainty_mm, 1, "mm"), title: "of the sphere of the same volume" },
    {
      name: "Axes", value: `${plusMinus(m.mean_axis_mm, m.axis_uncertainty_mm, 1, "mm")} (${m.long_axis_mm.toFixed(1)} × ${m.short_axis_mm.toFixed(1)})`,
      title: "mean of the longest diameter in an axial plane and the longest perpendicular to it (both)",
    },
    { name: "Volume", value: plusMinus(m.volume_mm3, m.volume_uncertainty_mm3, 0, "mm³"), title: "of the outline" },
  ];
  if (m.mean_hu !== null) {
    const spread = m.sd_hu === null ? "" : `, SD ${m.sd_hu.toFixed(0)} HU`;
    rows.push({ name: "Density", value: plusMinus(m.mean_hu, m.mean_uncertainty_hu, 0, "HU") + spread, title: "mean of its voxels" });
  }
  let type = m.type.replaceAll("_", "-");
  if (m.type === "part_solid") type += `, solid part ${m.solid_diameter_mm.toFixed(1)} mm`;
  rows.push({ name: "Type", value: type, title: "by rules on HU; a description, not a diagnosis" });
  const touches = ([["chest wall", m.wall_contact_share], ["vessel", m.vessel_contact_share]] as const).filter(([, share]) => share >= 0.05);
  if (touches.length > 0) {
    rows.push({ name: "Contact", value: touches.map(([what, share]) => `${what} ${Math.round(100 * share)} %`).join(", "), title: "share of its surface beside soft tissue" });
  }
  return (
    <table class="measurements">
      <caption>Measured by its outline</caption>
      <tbody>
        {rows.map((r) => <tr key={r.name} title={r.title}><th scope="row">{r.name}</th><td>{r.value}</td></tr>)}
      </tbody>
    </table>
  );
}
