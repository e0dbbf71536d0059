import { hint, orDash, shownName } from "./format.ts";
import type { Geometry, Note, Patient } from "./types.ts";
import { texts } from "./texts.ts";

/** Identity is who is looked at. It is never left out, and says where it could not be read. */
export function Identity(props: { patient: Patient | null; problem: Note | undefined; geometry: Geometry | null }) {
  const p = props.patient;
  if (!p) {
    return (
      <div class="identity unknown" role="alert">
        <strong>{texts.common.patientUnknown}</strong>
        <span>{props.problem ? `${hint(props.problem)}.` : texts.identity.patientNotIdentified}{texts.identity.noDecisionUntilKnown}</span>
      </div>
    );
  }
  const items: [string, string][] = [
    [texts.identity.id, orDash(p.id)],
    [texts.identity.born, orDash(p.birth_date)],
    [texts.identity.sex, orDash(p.sex)],
    [texts.identity.accessionNo, orDash(p.accession_number)],
    [texts.identity.study, [orDash(p.study_date), p.study_description].filter(Boolean).join(" · ")],
    [texts.identity.series, [orDash(p.series_number), p.series_description === p.study_description ? "" : p.series_description, ...acquired(props.geometry)].filter(Boolean).join(" · ")],
  ];
  return (
    <div class="identity" aria-label={texts.common.patient}>
      <strong data-test="patient-name">{shownName(p)}</strong>
      <dl>
        {items.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

// acquired is how a series was made: its kernel and the thickness of its slices.
function acquired(g: Geometry | null): string[] {
  if (!g) return [];
  return [g.kernel && texts.identity.kernel(g.kernel), g.slice_thickness_mm === null ? "" : texts.identity.mmSlices(+g.slice_thickness_mm.toFixed(2))];
}
