// Hooks that several places use.

import { useLayoutEffect, useRef } from "preact/hooks";
import { bind, type Binding } from "./keys.ts";

/** useKeys makes bindings count while the component is there; they always see its newest state. */
export function useKeys(bindings: Binding[], active = true): void {
  const latest = useRef(bindings);
  latest.current = bindings;
  // Before anything is painted, so that no key falls between two places.
  useLayoutEffect(() => {
    if (!active) return;
    // Each entry looks up its newest version when it is used.
    const stable = latest.current.map((b, i): Binding => ({
      ...b,
      run: (e) => latest.current[i]?.run(e),
      whileTyping: () => {
        const now = latest.current[i]?.whileTyping;
        return typeof now === "function" ? now() : now === true;
      },
      overButtons: (target) => latest.current[i]?.overButtons?.(target) ?? false,
    }));
    return bind(stable);
  }, [active, bindings.length]);
}

/** useLatest is a box that always holds the newest value. */
export function useLatest<T>(value: T): { readonly current: T } {
  const box = useRef(value);
  box.current = value;
  return box;
}
