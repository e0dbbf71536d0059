// A modal dialog, by the browser's own element: it keeps the focus and gives
// it back.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { bind } from "./keys.ts";
import { texts } from "./texts.ts";

export function Dialog(props: { title: string; onClose: () => void; wide?: boolean; children: ComponentChildren }) {
  const element = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    element.current?.showModal();
    // Nothing behind the dialog hears a key.
    const keys = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789?+-".split("");
    const free = bind([
      { keys: [...keys, "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "PageUp", "PageDown", "Home", "End", "Delete", "Enter", "Shift+Enter"], shown: "", does: "", run: () => {} },
      { keys: ["Escape"], shown: "Esc", does: texts.dialog.closeLabel, run: () => props.onClose(), whileTyping: true },
    ]);
    return () => {
      free();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={props.wide ? "wide" : ""}
      aria-label={props.title}
      onCancel={(e) => {
        e.preventDefault();
        props.onClose();
      }}
    >
      <header>
        <h2>{props.title}</h2>
        <button type="button" class="quiet" aria-label={texts.dialog.close} onClick={props.onClose}>✕</button>
      </header>
      {props.children}
    </dialog>
  );
}
