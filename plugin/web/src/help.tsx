import { Dialog } from "./dialog.tsx";
import type { Binding } from "./keys.ts";
import { texts } from "./texts.ts";

/** Help lists the keys of the place that it was opened from. */
export function Help(props: { bindings: Binding[]; onClose: () => void }) {
  const rows = props.bindings.filter((b) => b.shown);
  return (
    <Dialog title={texts.help.keyboardShortcuts} onClose={props.onClose} wide>
      <dl class="keys">
        {rows.map((b) => (
          <div key={b.shown}>
            <dt>{b.shown.split(" ").map((k) => <kbd key={k}>{k}</kbd>)}</dt>
            <dd>{b.does}</dd>
          </div>
        ))}
      </dl>
      <p class="hint">
        {texts.help.mouseAndTouch}
      </p>
    </Dialog>
  );
}
