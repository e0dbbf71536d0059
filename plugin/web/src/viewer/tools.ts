// What the left button does.

import type { Tool } from "./planes.ts";
import { texts } from "../texts.ts";

interface Choice {
  tool: Tool;
  label: string;
  key: string;
  help: string;
}

export const tools: Choice[] = [
  { tool: "cross", label: texts.tools.crosshair, key: "x", help: texts.tools.leftButtonMovesTheCrosshair },
  { tool: "window", label: texts.common.window, key: "l", help: texts.tools.leftButtonAdjustsWindowWidth },
  { tool: "pan", label: texts.tools.pan, key: "g", help: texts.tools.leftButtonPans },
  { tool: "zoom", label: texts.tools.zoom, key: "z", help: texts.tools.leftButtonZooms },
  { tool: "length", label: texts.common.distance, key: "d", help: texts.tools.leftButtonMeasuresADistance },
];

export const drawingTools: Choice[] = [
  { tool: "brush", label: texts.tools.brush, key: "a", help: texts.tools.leftButtonDrawsTheOutline },
  { tool: "erase", label: texts.tools.erase, key: "q", help: texts.tools.leftButtonErasesFromThe },
  { tool: "grow", label: texts.tools.region, key: "j", help: texts.tools.leftButtonAddsTheRegion },
];
