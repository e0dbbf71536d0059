// The question before a change of what scores.

import { useState } from "preact/hooks";
import { api, problemOf } from "./api.ts";
import { Dialog } from "./dialog.tsx";
import type { Changed, ModelChange, Retraining } from "./types.ts";

const told = (c: Changed): string => {
  if (c.withdrawn) return "The request is withdrawn.";
  if (c.waits) return `Nothing has changed yet: another person has to approve that ${c.to.version} scores in place of ${c.from.version}.`;
  return `${c.to.version} scores in place of ${c.from.version}.`;
};

export function ChangeDialog(props: { change: ModelChange; state: Retraining; onClose: () => void; onDone: (text: string) => void }) {
  const { change, state } = props;
  const [reason, setReason] = useState("");
  const [forced, setForced] = useState(false);
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const version = state.versions.find((v) => v.version === change.version);
  const free = change.version === undefined || change.version === "shipped" || version?.comparison?.allowed === true;
  const request = state.consent.request;
  const now = state.current.version;
  const before = state.promotions.at(-2)?.version ?? "shipped";
  const question = change.rollback ? `Have ${before} score again, in place of ${now}?`
    : change.approve ? `Have ${request?.to.version} score in place of ${request?.from.version}, as ${request?.change.by} asked?`
      : change.withdraw ? `Drop the request of ${request?.change.by}?` : `Have ${change.version} score in place of ${now}?`;
  const title = change.rollback ? "Roll back" : change.approve ? "Approve" : change.withdraw ? "Withdraw" : "Promote";
  const two = state.consent.persons > 1 && !change.approve && !change.withdraw;
  const send = async (): Promise<void> => {
    setBusy(true);
    try {
      props.onDone(told(await api.changeModels({ ...change, ...(forced ? { forced } : {}), ...(reason.trim() ? { reason: reason.trim() } : {}) })));
    } catch (e) {
      setError(problemOf(e).message);
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={props.onClose}>
      <form
        class="promotion"
        onSubmit={(e) => {
          e.preventDefault();
          void send();
        }}
      >
        <p>{question} New jobs are scored with it at once; results that are there stay as they are.</p>
        {two && <p class="banner warn">It takes two persons: this only asks.</p>}
        {!free && (
          <>
            <p class="banner warn">{version?.comparison ? `The gates do not allow it: ${version.comparison.reasons[0] ?? ""}` : "It was not compared with what scores now."}</p>
            <label class="inline"><input type="checkbox" checked={forced} onChange={(e) => setForced(e.currentTarget.checked)} /> promote it all the same; the audit trail keeps who, when and why</label>
          </>
        )}
        {!change.approve && (
          <label class="comment">
            <span>Reason{forced ? "" : " (optional)"}, for the audit trail; no patient's data</span>
            <textarea name="reason" maxLength={400} required={forced} value={reason} onInput={(e) => setReason(e.currentTarget.value)} />
          </label>
        )}
        <p class="error" role="alert">{error}</p>
        <p class="save">
          <button type="submit" class="primary" disabled={busy || !free && !forced || forced && !reason.trim()}>{title}</button>
          <button type="button" onClick={props.onClose}>Cancel</button>
        </p>
      </form>
    </Dialog>
  );
}
