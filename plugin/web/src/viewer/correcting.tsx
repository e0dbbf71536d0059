// The tools that draw an outline, and what they are set to.

import { useState } from "preact/hooks";
import { useKeys } from "../hooks.ts";
import type { Correction } from "./correction.ts";
import { wider } from "./brush.ts";
import { draws } from "./paint.ts";
import type { Tool } from "./planes.ts";
import { drawingTools } from "./tools.ts";
import { texts } from "../texts.ts";

export interface Settings {
  radius: number; // mm
  low: number; // HU
  high: number;
}

/** useDrawing holds radius and limits while the page is open. */
export function useDrawing(): [Settings, (s: Partial<Settings>) => void] {
  const [settings, set] = useState<Settings>({ radius: 3, low: -400, high: 1000 });
  return [settings, (s) => set((old) => ({ ...old, ...s }))];
}

interface Props {
  tool: Tool;
  onTool: (t: Tool) => void;
  correction: Correction;
  settings: Settings;
  onSettings: (s: Partial<Settings>) => void;
  refused: string;
}

/** DrawingTools are the buttons among those of the left mouse button. */
export function DrawingTools({ tool, onTool, correction: c }: Pick<Props, "tool" | "onTool" | "correction">) {
  useKeys(c.place ? drawingTools.map((t) => ({ keys: [t.key], shown: t.key.toUpperCase(), does: t.help, run: () => onTool(t.tool) })) : []);
  if (!c.place) return null;
  return (
    <>
      {drawingTools.map((t) => (
        <button key={t.tool} type="button" role="radio" aria-checked={tool === t.tool} title={`${t.help} (${t.key.toUpperCase()})`} onClick={() => onTool(t.tool)}>
          {t.label}
        </button>
      ))}
    </>
  );
}

/** DrawingBar is what the tools are set to, and the way back. */
export function DrawingBar({ tool, correction: c, settings: s, onSettings, refused }: Omit<Props, "onTool">) {
  const resize = (by: number): void => onSettings({ radius: wider(s.radius, by) });
  useKeys(c.place
    ? [
      { keys: [","], shown: ",", does: texts.correcting.narrowerBrushHelp, run: () => resize(-1) },
      { keys: ["."], shown: ".", does: texts.correcting.widerBrushHelp, run: () => resize(1) },
      { keys: ["Ctrl+z"], shown: "Ctrl+Z", does: texts.correcting.undoHelp, run: c.undo },
      { keys: ["Ctrl+y", "Ctrl+Z"], shown: "Ctrl+Y", does: texts.correcting.redoHelp, run: c.redo },
      { keys: ["A"], shown: "Shift+A", does: texts.correcting.resetHelp, run: c.reset },
    ]
    : []);
  if (!c.place || (!draws(tool) && !c.canUndo && !c.canRedo)) return null;
  return (
    <div class="drawing" role="group" aria-label={texts.common.outline}>
      {tool === "grow"
        ? (
          <>
            <label>{texts.correcting.huFrom}<input type="number" value={s.low} min={-1100} max={s.high} step={50} onChange={(e) => onSettings({ low: Math.min(Number(e.currentTarget.value) || 0, s.high) })} /></label>
            <label>{texts.correcting.toWord}<input type="number" value={s.high} min={s.low} max={4000} step={50} onChange={(e) => onSettings({ high: Math.max(Number(e.currentTarget.value) || 0, s.low) })} /></label>
          </>
        )
        : draws(tool) && (
          <>
            <button type="button" aria-label={texts.correcting.narrowerBrush} title={texts.correcting.narrower} onClick={() => resize(-1)}>−</button>
            <span class="radius" data-test="radius">⌀ {2 * s.radius}{texts.correcting.mm}</span>
            <button type="button" aria-label={texts.correcting.widerBrush} title={texts.correcting.wider} onClick={() => resize(1)}>+</button>
          </>
        )}
      <button type="button" disabled={!c.canUndo} title={texts.correcting.undoTitle} onClick={c.undo}>{texts.correcting.undo}</button>
      <button type="button" disabled={!c.canRedo} title={texts.correcting.redoTitle} onClick={c.redo}>{texts.correcting.redo}</button>
      <button type="button" disabled={!c.own} title={texts.correcting.resetTitle} onClick={c.reset}>{texts.correcting.reset}</button>
      <span role="status">{refused || (c.own ? (c.open ? texts.correcting.savedWithTheDecision : texts.correcting.corrected) : "")}</span>
    </div>
  );
}
