// Keys of the page. Each place registers those that count there; the help
// lists them.

export interface Binding {
  keys: string[]; // as KeyboardEvent.key says, with "Shift+", "Ctrl+" before it
  shown: string; // in the help
  does: string;
  run: (e: KeyboardEvent) => void;
  whileTyping?: boolean;
}

const stack: Binding[][] = [];

/** bind makes bindings count until the function that it returns is called. The latest ones win. */
export function bind(bindings: Binding[]): () => void {
  stack.push(bindings);
  return () => {
    const at = stack.indexOf(bindings);
    if (at >= 0) stack.splice(at, 1);
  };
}

/** bound lists what counts now, for the help. */
export function bound(): Binding[] {
  return [...stack].reverse().flat();
}

/** keyName is what a binding calls the key of an event. */
export function keyName(e: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">): string {
  if (e.altKey) return "";
  const letter = e.key.length === 1;
  const shift = e.shiftKey && !letter ? "Shift+" : "";
  return (e.ctrlKey || e.metaKey ? "Ctrl+" : "") + shift + e.key;
}

function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "button", "range"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}

// Enter and Space on a button or link are that button's own.
function ownKey(target: EventTarget | null, key: string): boolean {
  return (key === "Enter" || key === " ") && target instanceof HTMLElement && target.closest("button, a, summary, input") !== null;
}

// Arrows move within a group of radio buttons, and in what is open.
function ownArrow(target: EventTarget | null, key: string): boolean {
  return key.startsWith("Arrow") && target instanceof HTMLInputElement && target.type === "radio";
}

/** listen starts to hear keys. */
export function listen(): void {
  window.addEventListener("keydown", (e) => {
    const key = keyName(e);
    if (!key || e.isComposing) return;
    const inField = typing(e.target);
    for (const bindings of [...stack].reverse()) {
      const found = bindings.find((b) => b.keys.includes(key) && (!inField || b.whileTyping === true));
      if (!found) continue;
      if (ownKey(e.target, key) || ownArrow(e.target, key)) return;
      e.preventDefault();
      found.run(e);
      return;
    }
  });
}
