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
  { tool: "cross", label: texts.tools.crosshair, key: "x", help: texts.tools.crosshairHelp },
  { tool: "window", label: texts.common.window, key: "l", help: texts.tools.windowHelp },
  { tool: "pan", label: texts.tools.pan, key: "g", help: texts.tools.panHelp },
  { tool: "zoom", label: texts.tools.zoom, key: "z", help: texts.tools.zoomHelp },
  { tool: "length", label: texts.common.distance, key: "d", help: texts.tools.distanceHelp },
];

export const drawingTools: Choice[] = [
  { tool: "brush", label: texts.tools.brush, key: "a", help: texts.tools.brushHelp },
  { tool: "erase", label: texts.tools.erase, key: "q", help: texts.tools.eraseHelp },
  { tool: "grow", label: texts.tools.region, key: "j", help: texts.tools.regionHelp },
];
