// What is drawn over a plane: crosshair, nodules, heat map, scale bar.

import type { Finding, Vec3 } from "../types.ts";
import { heatTable, residualFull } from "./colour.ts";
import { contour } from "./contour.ts";
import { corners, value, type Cube } from "./cube.ts";
import { canvasSize } from "./fit.ts";
import { add, dot, length, type Grid } from "./grid.ts";
import { hatch } from "./hatch.ts";
import type { Bounds } from "./region.ts";
import type { View } from "./planes.ts";
import { texts } from "../texts.ts";

export interface OverlayState {
  point: Vec3;
  findings: Finding[];
  current: number;
  mark: Vec3 | null; // where a distance begins that ends at the point
  lossy: boolean; // it lies in slices of reduced quality
  missing: [number, number][]; // runs of slices of the grid that have not arrived
  pieces: readonly Bounds[]; // boxes that have, whatever of their slices has not
  grid: Grid;
  marks: boolean; // crosshair and circles
  heat: Cube | null; // residual, where it is to be shown
  outline: Cube | null; // of the current finding, likewise
  drawn: boolean; // it is the reader's
}

const colours = { mark: "#ffd24a", other: "#7fb4d6", cross: "#5fc98b", outline: "#ff7ad9", drawn: "#ff9d4d", shadow: "rgba(0,0,0,0.75)", ground: "rgba(0,0,0,0.65)", scaleBar: "#e6e9ec" };
export const defaultRadiusMM = 5; // of a nodule whose diameter is not known

/** letters names the direction of a vector for a viewer, such as L or HL. */
export function letters(v: Vec3): string {
  const names: [number, string][] = [
    [Math.abs(v[0]), v[0] > 0 ? "L" : "R"],
    [Math.abs(v[1]), v[1] > 0 ? "P" : "A"],
    [Math.abs(v[2]), v[2] > 0 ? "H" : "F"],
  ];
  return names.filter(([n]) => n > 0.35).sort((a, b) => b[0] - a[0]).map(([, name]) => name).join("");
}

/** scaleBarLength is a round length in mm that takes 60 to 160 pixels. */
export function scaleBarLength(mmPerPixel: number): number {
  const lengths = [1, 2, 5, 10, 20, 50, 100, 200];
  return lengths.find((mm) => mm / mmPerPixel >= 60) ?? 200;
}

/** clear leaves nothing on an overlay. */
export function clear(canvas: HTMLCanvasElement): void {
  canvas.getContext("2d")?.clearRect(0, 0, canvas.width, canvas.height);
}

/** draw puts the overlay on a canvas that covers the view. */
export function draw(canvas: HTMLCanvasElement, view: View, state: OverlayState): void {
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = view.size();
  const [wide, high] = canvasSize(view.element);
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
  }
  const ctx = canvas.getContext("2d");
  if (!ctx || w === 0 || h === 0) return;
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, w, h);
  hatch(ctx, view, state.grid, state.missing, state.pieces);
  if (state.heat) drawHeat(ctx, view, state.heat, w, h);
  const font = parseFloat(getComputedStyle(document.documentElement).fontSize);
  ctx.font = texts.overlay.pxSystemUiSansSerif(font);
  const k = font / 14; // lines grow with the letters
  const outlined = state.outline !== null && drawOutline(ctx, view, state.outline, state.drawn ? colours.drawn : colours.outline, w, h, k);
  if (state.marks) {
    const cut = { at: view.toWorld(0, 0), normal: view.normal(), mm: view.mmPerPixel() }; // once, for any number of findings
    for (const f of state.findings) {
      if (!(outlined && f.number === state.current)) drawNodule(ctx, view, cut, f, f.number === state.current, k);
    }
    drawCross(ctx, view, state, w, h, k);
  }
  if (state.mark) drawDistance(ctx, view, state.mark, state.point, k, state.lossy);
  drawScaleBar(ctx, view, w, h, k);
}

// drawOutline draws the line around the nodule, and tells whether this plane
// cuts it.
function drawOutline(ctx: CanvasRenderingContext2D, view: View, cube: Cube, colour: string, w: number, h: number, k: number): boolean {
  const lines = contour(cube, view, w, h);
  ctx.save();
  ctx.lineCap = "round";
  for (const [style, width] of [[colours.shadow, 3.5], [colour, 1.5]] as const) {
    ctx.strokeStyle = style;
    ctx.lineWidth = width * k;
    ctx.beginPath();
    for (const [x0, y0, x1, y1] of lines) {
      ctx.moveTo(x0, y0);
      ctx.lineTo(x1, y1);
    }
    ctx.stroke();
  }
  ctx.restore();
  return lines.length > 0;
}

// drawDistance draws the way from the mark to the point as it looks from here.
function drawDistance(ctx: CanvasRenderingContext2D, view: View, mark: Vec3, point: Vec3, k: number, lossy: boolean): void {
  const [x0, y0] = view.toCanvas(mark);
  const [x1, y1] = view.toCanvas(point);
  ctx.save();
  for (const [style, width] of [[colours.shadow, 4], [colours.mark, 1.75]] as const) {
    ctx.strokeStyle = style;
    ctx.lineWidth = width * k;
    ctx.beginPath();
    ctx.moveTo(x0, y0);
    ctx.lineTo(x1, y1);
    for (const [x, y] of [[x0, y0], [x1, y1]] as const) {
      ctx.moveTo(x - 4 * k, y - 4 * k);
      ctx.lineTo(x + 4 * k, y + 4 * k);
      ctx.moveTo(x + 4 * k, y - 4 * k);
      ctx.lineTo(x - 4 * k, y + 4 * k);
    }
    ctx.stroke();
  }
  label(ctx, texts.overlay.mm(lossy ? "≈ " : "", length(add(point, mark, -1)).toFixed(1)), x1 + 8 * k, y1 - 8 * k, colours.mark);
  ctx.restore();
}

function drawNodule(ctx: CanvasRenderingContext2D, view: View, cut: { at: Vec3; normal: Vec3; mm: number }, f: Finding, current: boolean, k: number): void {
  const off = dot(add(f.position_lps_mm, cut.at, -1), cut.normal);
  const radius = (f.diameter_mm ?? 2 * defaultRadiusMM) / 2;
  if (Math.abs(off) > Math.max(radius, cut.mm)) return;
  const [x, y] = view.toCanvas(f.position_lps_mm);
  const shown = Math.sqrt(Math.max(radius * radius - off * off, 0)) / cut.mm;
  const r = Math.max(shown + 3, 6 * k);
  ctx.save();
  ctx.setLineDash(f.diameter_mm === null ? [4, 4] : []);
  for (const [style, width] of [[colours.shadow, 4], [current ? colours.mark : colours.other, current ? 1.75 : 1.25]] as const) {
    ctx.strokeStyle = style;
    ctx.lineWidth = width * k;
    ctx.beginPath();
    ctx.arc(x, y, r, 0, 2 * Math.PI);
    ctx.stroke();
  }
  if (!current) {
    label(ctx, String(f.number), x + r * 0.75 + 3, y - r * 0.75, colours.other);
  }
  ctx.restore();
}

function label(ctx: CanvasRenderingContext2D, text: string, x: number, y: number, colour: string): void {
  ctx.lineWidth = parseFloat(ctx.font) / 4;
  ctx.strokeStyle = colours.shadow;
  ctx.strokeText(text, x, y);
  ctx.fillStyle = colour;
  ctx.fillText(text, x, y);
}

function drawCross(ctx: CanvasRenderingContext2D, view: View, state: OverlayState, w: number, h: number, k: number): void {
  const [x, y] = view.toCanvas(state.point);
  const f = state.findings.find((f) => f.number === state.current);
  let gap = 14 * k;
  if (f && length(add(f.position_lps_mm, state.point, -1)) < 1) {
    gap = Math.max(gap, (f.diameter_mm ?? 2 * defaultRadiusMM) / 2 / view.mmPerPixel() + 10);
  }
  ctx.save();
  ctx.strokeStyle = colours.cross;
  ctx.globalAlpha = 0.7;
  ctx.lineWidth = k;
  ctx.beginPath();
  const [px, py] = [Math.round(x) + 0.5, Math.round(y) + 0.5];
  ctx.moveTo(0, py); ctx.lineTo(px - gap, py);
  ctx.moveTo(px + gap, py); ctx.lineTo(w, py);
  ctx.moveTo(px, 0); ctx.lineTo(px, py - gap);
  ctx.moveTo(px, py + gap); ctx.lineTo(px, h);
  ctx.stroke();
  ctx.restore();
}

function drawScaleBar(ctx: CanvasRenderingContext2D, view: View, w: number, h: number, k: number): void {
  const mm = scaleBarLength(view.mmPerPixel() * k);
  const px = mm / view.mmPerPixel();
  const x = (w - px) / 2;
  const y = h - 10 * k;
  const text = texts.common.mm(mm);
  ctx.save();
  ctx.fillStyle = colours.ground;
  ctx.fillRect(x - 5 * k, y - 12 * k, px + 17 * k + ctx.measureText(text).width, 17 * k);
  ctx.strokeStyle = colours.scaleBar;
  ctx.lineWidth = 1.5 * k;
  ctx.beginPath();
  ctx.moveTo(x, y);
  ctx.lineTo(x + px, y);
  for (let i = 0; i <= 10; i++) {
    const tick = (i % 10 === 0 ? 8 : i === 5 ? 6 : 3) * k;
    ctx.moveTo(x + (px * i) / 10, y);
    ctx.lineTo(x + (px * i) / 10, y - tick);
  }
  ctx.stroke();
  ctx.fillStyle = colours.scaleBar;
  ctx.fillText(text, x + px + 8 * k, y + 1 * k);
  ctx.restore();
}

// drawHeat colours what of the cube lies in the plane, from one voxel to the
// nearest, at every second pixel.
function drawHeat(ctx: CanvasRenderingContext2D, view: View, cube: Cube, w: number, h: number): void {
  const points = corners(cube).map((p) => view.toCanvas(p));
  const left = Math.max(0, Math.floor(Math.min(...points.map((p) => p[0]))));
  const top = Math.max(0, Math.floor(Math.min(...points.map((p) => p[1]))));
  const right = Math.min(w, Math.ceil(Math.max(...points.map((p) => p[0]))));
  const bottom = Math.min(h, Math.ceil(Math.max(...points.map((p) => p[1]))));
  const step = 2;
  const cols = Math.ceil((right - left) / step);
  const rows = Math.ceil((bottom - top) / step);
  if (cols < 1 || rows < 1) return;
  const picture = new ImageData(cols, rows);
  const start = view.toWorld(left, top);
  const dx = add(view.toWorld(left + step, top), start, -1);
  const dy = add(view.toWorld(left, top + step), start, -1);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) {
      const v = value(cube, add(add(start, dx, c + 0.5), dy, r + 0.5));
      if (!(v > 0)) continue;
      const share = Math.min(v / residualFull, 1);
      const at = (r * cols + c) * 4;
      const colour = Math.round(share * 255) * 3;
      picture.data[at] = heatTable[colour] ?? 0;
      picture.data[at + 1] = heatTable[colour + 1] ?? 0;
      picture.data[at + 2] = heatTable[colour + 2] ?? 0;
      picture.data[at + 3] = Math.round(210 * Math.min(1, share * 2.5));
    }
  }
  const scratch = new OffscreenCanvas(cols, rows);
  scratch.getContext("2d")?.putImageData(picture, 0, 0);
  ctx.imageSmoothingEnabled = true;
  ctx.drawImage(scratch, left, top, cols * step, rows * step);
}
