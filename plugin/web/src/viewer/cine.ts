import { useEffect, useRef, useState } from "preact/hooks";

const perSecond = 10;

/**
 * useCine passes back and forth through some slices on each side of where it
 * began, until it is stopped: playing, toggle, stop.
 */
export function useCine(each: number, step: (slices: number) => void): { playing: boolean; toggle: () => void; stop: () => void } {
  const [playing, setPlaying] = useState(false);
  const latest = useRef({ each, step });
  latest.current = { each, step };
  useEffect(() => {
    if (!playing) return;
    let at = 0;
    let by = 1;
    const timer = window.setInterval(() => {
      if (Math.abs(at + by) > latest.current.each) by = -by;
      at += by;
      latest.current.step(by);
    }, 1000 / perSecond);
    return () => window.clearInterval(timer);
  }, [playing]);
  return { playing, toggle: () => setPlaying((on) => !on), stop: () => setPlaying(false) };
}
