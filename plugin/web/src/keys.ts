// Keys of the page. Each place registers those that count there; the help
// lists them.

export interface Binding {
  keys: string[]; // as KeyboardEvent.key says, with "Shift+", "Ctrl+" before it
  shown: string; // in the help
  does: string;
  run: (e: KeyboardEvent) => void;
  whileTyping?: boolean | (() => boolean);
  overButtons?: (target: EventTarget | null) => boolean; // counts also where Enter would press a button or follow a link
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

// Arrows move within a group of radio buttons, and within a group of tools.
function ownArrow(target: EventTarget | null, key: string): boolean {
  if (target instanceof HTMLInputElement && target.type === "radio") return key.startsWith("Arrow");
  return (key === "ArrowLeft" || key === "ArrowRight") && target instanceof HTMLElement && target.closest("[role=toolbar]") !== null;
}

/** alongGroup moves the focus by arrow keys within a group of buttons; of those that are radio buttons, the one that it reaches is chosen. */
export function alongGroup(e: KeyboardEvent): void {
  if ((e.key !== "ArrowLeft" && e.key !== "ArrowRight") || !(e.target instanceof HTMLElement)) return;
  const group = e.target.closest("[role=group], [role=radiogroup]");
  const buttons = [...(group?.querySelectorAll<HTMLButtonElement>("button:not(:disabled)") ?? [])];
  const at = buttons.indexOf(e.target as HTMLButtonElement);
  const to = buttons[(at + (e.key === "ArrowRight" ? 1 : buttons.length - 1)) % buttons.length];
  if (at < 0 || !to) return;
  e.preventDefault();
  to.focus();
  if (to.getAttribute("role") === "radio") to.click();
}

/**
 * oneStop leaves one button of each group of a toolbar to the Tab key: the one that
 * is chosen or was used last, or the first; arrow keys reach the others.
 */
export function oneStop(toolbar: HTMLElement | null): void {
  for (const group of toolbar?.querySelectorAll("[role=group], [role=radiogroup]") ?? []) {
    const buttons = [...group.querySelectorAll<HTMLButtonElement>("button")];
    const enabled = buttons.filter((b) => !b.disabled);
    const used = buttons.length > 1 && buttons.some((b) => b.tabIndex === -1) ? enabled.find((b) => b.tabIndex === 0) : undefined;
    const stop = enabled.find((b) => b === document.activeElement) ?? enabled.find((b) => b.ariaChecked === "true") ?? used ?? enabled[0];
    for (const b of buttons) b.tabIndex = b === stop ? 0 : -1;
  }
}

const waiting: KeyboardEvent[] = []; // pressed while keys are held, in their order
const mostWaiting = 64;
let holds = 0;

/**
 * hold keeps keys until the function that it returns is called, then takes them
 * in their order: while an answer is awaited that changes what they are about.
 */
export function hold(): () => void {
  holds++;
  let held = true;
  return () => {
    if (!held) return;
    held = false;
    holds--;
    drain();
  };
}

function drain(): void {
  while (holds === 0) {
    const e = waiting.shift();
    if (!e) return;
    const target = document.activeElement ?? e.target;
    if (!take(e, target) && typing(target)) type(target as HTMLTextAreaElement, e);
  }
}

function wanted(key: string, inField: boolean): Binding | undefined {
  const counts = (b: Binding): boolean => b.keys.includes(key) && (!inField || (typeof b.whileTyping === "function" ? b.whileTyping() : b.whileTyping === true));
  for (const bindings of [...stack].reverse()) {
    const found = bindings.find(counts);
    if (found) return found;
  }
  return undefined;
}

// type writes what was held back from a field that has the focus by now.
function type(field: HTMLTextAreaElement, e: KeyboardEvent): void {
  const text = e.key === "Enter" ? "\n" : e.key;
  if (text.length !== 1 || e.ctrlKey || e.metaKey || typeof field.setRangeText !== "function") return;
  field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
  queueMicrotask(hold());
}

// take tells whether a key has a meaning here.
function take(e: KeyboardEvent, target: EventTarget | null): boolean {
  const key = keyName(e);
  const found = wanted(key, typing(target));
  if (!found || (ownKey(target, key) && !found.overButtons?.(target)) || ownArrow(target, key)) return false;
  e.preventDefault();
  const release = hold();
  found.run(e);
  queueMicrotask(release); // what it changes is drawn before the next one counts
  return true;
}

/** listen starts to hear keys. */
export function listen(): void {
  window.addEventListener("keydown", (e) => {
    const key = keyName(e);
    if (!key || e.isComposing) return;
    if (holds === 0 && waiting.length === 0) {
      take(e, e.target);
      return;
    }
    // One that waits may take the focus elsewhere, as Escape does.
    if (!wanted(key, typing(e.target)) && (key.length > 1 || (typing(e.target) && waiting.length === 0))) return;
    e.preventDefault();
    if (waiting.length < mostWaiting) waiting.push(e);
  });
}
