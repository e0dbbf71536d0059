import { Dialog } from "./dialog.tsx";
import type { Binding } from "./keys.ts";

/** Help lists the keys of the place that it was opened from. */
export function Help(props: { bindings: Binding[]; onClose: () => void }) {
  const rows = props.bindings.filter((b) => b.shown);
  return (
    <Dialog title="Keyboard shortcuts" onClose={props.onClose} wide>
      <dl class="keys">
        {rows.map((b) => (
          <div key={b.shown}>
            <dt>{b.shown.split(" ").map((k) => <kbd key={k}>{k}</kbd>)}</dt>
            <dd>{b.does}</dd>
          </div>
        ))}
      </dl>
      <p class="hint">
        Mouse: the wheel scrolls, Ctrl + wheel zooms, Shift + wheel makes the MIP slab thicker or thinner, the middle button pans, the right button zooms, and the left button
        does what the selected tool says. Touch: with the crosshair tool one finger scrolls, and sets the crosshair where it is held; two fingers zoom and pan.
      </p>
    </Dialog>
  );
}
