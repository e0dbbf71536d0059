// What the left button does.

import type { Tool } from "./planes.ts";

interface Choice {
  tool: Tool;
  label: string;
  key: string;
  help: string;
}

export const tools: Choice[] = [
  { tool: "cross", label: "Crosshair", key: "x", help: "left button moves the crosshair" },
  { tool: "window", label: "Window", key: "l", help: "left button adjusts window width and level" },
  { tool: "pan", label: "Pan", key: "g", help: "left button pans" },
  { tool: "zoom", label: "Zoom", key: "z", help: "left button zooms" },
  { tool: "length", label: "Distance", key: "d", help: "left button measures a distance" },
];

export const drawingTools: Choice[] = [
  { tool: "brush", label: "Brush", key: "a", help: "left button draws the outline in this plane; with Shift it erases" },
  { tool: "erase", label: "Erase", key: "q", help: "left button erases from the outline in this plane" },
  { tool: "grow", label: "Region", key: "j", help: "left button adds the region around the click that has HU within the limits" },
];
