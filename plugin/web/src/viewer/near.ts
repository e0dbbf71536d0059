// Which rows of a long list are near what is seen of it: only these have pictures. A
// browser that watches hundreds of pictures itself does so for every frame of the planes.

import { useLayoutEffect, useState } from "preact/hooks";
import type { RefObject } from "preact";

/** rowsBetween is the first row of the line that reaches from, and the first row below to. Tops grow with the rows; a line may hold several. */
export function rowsBetween(top: (row: number) => number, count: number, from: number, to: number): [number, number] {
  const first = (after: (row: number) => boolean): number => {
    let [low, high] = [0, count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (after(middle)) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  const line = top(Math.max(0, first((row) => top(row) > from) - 1));
  return [first((row) => top(row) >= line), first((row) => top(row) > to)];
}

/** useNear is the rows of a list, from one and before another, that are at most a screen of its box away from what is seen. */
export function useNear(box: RefObject<HTMLElement | null>, list: RefObject<HTMLElement | null>, count: number): [number, number] {
  const [near, setNear] = useState<[number, number]>([0, 0]);
  useLayoutEffect(() => {
    const [seen, rows] = [box.current, list.current];
    if (!seen || !rows) return;
    const look = (): void => {
      const top = (row: number): number => rows.children[row]?.getBoundingClientRect().top ?? 0;
      const at = seen.getBoundingClientRect();
      const between = (margin: number): [number, number] => rowsBetween(top, rows.children.length, at.top - margin, at.bottom + margin);
      const [from, to] = between(0);
      setNear((old) => (from >= old[0] && to <= old[1] ? old : between(seen.clientHeight)));
    };
    look();
    const observer = new ResizeObserver(look);
    observer.observe(seen);
    seen.addEventListener("scroll", look, { passive: true });
    return () => {
      observer.disconnect();
      seen.removeEventListener("scroll", look);
    };
  }, [count]);
  return near;
}
