// The question before a change of what scores.

import { useState } from "preact/hooks";
import { api, problemOf } from "./api.ts";
import { Dialog } from "./dialog.tsx";
import type { Changed, ModelChange, Retraining } from "./types.ts";
import { texts } from "./texts.ts";

const told = (c: Changed): string => {
  if (c.withdrawn) return texts.promotion.withdrawn;
  if (c.waits) return texts.promotion.waitsForApproval(c.to.version, c.from.version);
  return texts.promotion.scoresInPlaceOf(c.to.version, c.from.version);
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
  const question = change.rollback ? texts.promotion.askRollback(before, now)
    : change.approve ? texts.promotion.askApprove(request?.to.version, request?.from.version, request?.change.by)
      : change.withdraw ? texts.promotion.askWithdraw(request?.change.by) : texts.promotion.askPromote(change.version, now);
  const title = change.rollback ? texts.promotion.rollBack : change.approve ? "Approve" : change.withdraw ? "Withdraw" : "Promote";
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
        <p>{question}{texts.promotion.effect}</p>
        {two && <p class="banner warn">{texts.promotion.needsTwoPersons}</p>}
        {!free && (
          <>
            <p class="banner warn">{version?.comparison ? texts.promotion.gatesRefuse(version.comparison.reasons[0] ?? "") : texts.promotion.notCompared}</p>
            <label class="inline"><input type="checkbox" checked={forced} onChange={(e) => setForced(e.currentTarget.checked)} />{texts.promotion.force}</label>
          </>
        )}
        {!change.approve && (
          <label class="comment">
            <span>{texts.common.reason}{forced ? "" : texts.promotion.optional}{texts.promotion.reasonHint}</span>
            <textarea name="reason" maxLength={400} required={forced} value={reason} onInput={(e) => setReason(e.currentTarget.value)} />
          </label>
        )}
        <p class="error" role="alert">{error}</p>
        <p class="save">
          <button type="submit" class="primary" disabled={busy || !free && !forced || forced && !reason.trim()}>{title}</button>
          <button type="button" onClick={props.onClose}>{texts.promotion.cancel}</button>
        </p>
      </form>
    </Dialog>
  );
}
