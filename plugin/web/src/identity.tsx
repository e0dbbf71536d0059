import { hint, orDash, shownName } from "./format.ts";
import type { Note, Patient } from "./types.ts";

/** Identity is who is looked at. It is never left out, and says where it could not be read. */
export function Identity(props: { patient: Patient | null; problem: Note | undefined }) {
  const p = props.patient;
  if (!p) {
    return (
      <div class="identity unknown" role="alert">
        <strong>Patient unknown</strong>
        <span>{props.problem ? hint(props.problem) : "The images do not identify the patient."} Do not decide until you know who it is.</span>
      </div>
    );
  }
  const items: [string, string][] = [
    ["ID", orDash(p.id)],
    ["Born", orDash(p.birth_date)],
    ["Sex", orDash(p.sex)],
    ["Accession no.", orDash(p.accession_number)],
    ["Study", [orDash(p.study_date), p.study_description].filter(Boolean).join(" · ")],
  ];
  return (
    <div class="identity" aria-label="Patient">
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
