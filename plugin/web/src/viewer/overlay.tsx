// What is drawn over a plane: crosshair, nodules, outline, distance, scale bar. These are
// lines for the browser to draw: a canvas of the size of the plane takes several times its
// pixels, and is drawn and copied for every slice.

import { render, type ComponentChildren } from "preact";
import type { Finding, Vec3 } from "../types.ts";
import { contour } from "./contour.ts";
import { corners, type Cube } from "./cube.ts";
import { add, dot, length, type Grid } from "./grid.ts";
import { hatch } from "./hatch.tsx";
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
  outline: Cube | null; // of the current finding, where it is to be shown
  drawn: boolean; // it is the reader's
  place: Pick<Cube, "size" | "origin" | "spacing"> | null; // beyond which nothing can be drawn
  brush: { x: number; y: number; radius: number } | null; // in this plane; mm
  font: number; // CSS pixels of the letters of the page: lines grow with them
}

const colours = {
  mark: "#ffd24a", other: "#7fb4d6", cross: "#5fc98b", outline: "#ff7ad9", drawn: "#ff9d4d", shadow: "rgba(0,0,0,0.75)", ground: "rgba(0,0,0,0.65)",
  scaleBar: "#e6e9ec", place: "#9fb3c2", brush: "#ffffff",
};
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

/** put shows what overlay made; nothing: what is there goes away. */
export function put(svg: SVGSVGElement, drawn: ComponentChildren): void {
  render(drawn, svg);
}

/** overlay makes all that lies over a view. Positions are CSS pixels. It reads the page, and changes nothing of it. */
export function overlay(view: View, s: OverlayState): ComponentChildren {
  const k = s.font / 14;
  const around = s.outline ? outline(view, s.outline) : "";
  return [
    hatch(view, s.grid, s.missing, s.pieces),
    around && twice(around, 3.5 * k, s.drawn ? colours.drawn : colours.outline, 1.5 * k),
    s.marks && nodules(view, s, around !== "", k),
    s.marks && cross(view, s, k),
    s.mark && distance(view, s.mark, s, k),
    scaleBar(view, s.font, k),
    s.place && brush(view, s.place, s.brush),
  ];
}

// twice draws a line with a shadow, which is seen on whatever lies below.
function twice(d: string, shadow: number, colour: string, width: number, dashes?: string): ComponentChildren {
  const line = (stroke: string, wide: number): ComponentChildren => <path d={d} fill="none" stroke-linecap="round" stroke={stroke} stroke-width={wide} stroke-dasharray={dashes} />;
  return [line(colours.shadow, shadow), line(colour, width)];
}

const outlines = new WeakMap<Cube, Map<string, { at: string; d: string }>>();

// outline is the line around the nodule where a plane cuts it. A plane that has not moved has the same.
function outline(view: View, cube: Cube): string {
  const [w, h] = view.size();
  const at = [w, h, view.toWorld(0, 0), view.toWorld(w, h)].join();
  const known = outlines.get(cube) ?? new Map<string, { at: string; d: string }>();
  outlines.set(cube, known);
  let made = known.get(view.plane);
  if (made?.at !== at) {
    made = { at, d: contour(cube, view, w, h).map(([x0, y0, x1, y1]) => `M${x0.toFixed(2)} ${y0.toFixed(2)}L${x1.toFixed(2)} ${y1.toFixed(2)}`).join("") };
    known.set(view.plane, made);
  }
  return made.d;
}

// distance is the way from the mark to the point as it looks from here.
function distance(view: View, mark: Vec3, s: OverlayState, k: number): ComponentChildren {
  const [x0, y0] = view.toCanvas(mark);
  const [x1, y1] = view.toCanvas(s.point);
  const end = (x: number, y: number): string => `M${x - 4 * k} ${y - 4 * k}L${x + 4 * k} ${y + 4 * k}M${x + 4 * k} ${y - 4 * k}L${x - 4 * k} ${y + 4 * k}`;
  return [
    twice(`M${x0} ${y0}L${x1} ${y1}${end(x0, y0)}${end(x1, y1)}`, 4 * k, colours.mark, 1.75 * k),
    label(texts.overlay.mm(s.lossy ? "≈ " : "", length(add(s.point, mark, -1)).toFixed(1)), x1 + 8 * k, y1 - 8 * k, colours.mark, s.font),
  ];
}

// nodules are the circles of those that the plane cuts.
function nodules(view: View, s: OverlayState, outlined: boolean, k: number): ComponentChildren {
  const normal = view.normal();
  const depth = dot(view.toWorld(0, 0), normal);
  const mm = view.mmPerPixel();
  return s.findings.flatMap((f) => { // without keys: a circle of one slice becomes one of the next
    const current = f.number === s.current;
    if (current && outlined) return [];
    const off = dot(f.position_lps_mm, normal) - depth;
    const radius = (f.diameter_mm ?? 2 * defaultRadiusMM) / 2;
    if (Math.abs(off) > Math.max(radius, mm)) return [];
    const [x, y] = view.toCanvas(f.position_lps_mm);
    const r = Math.max(Math.sqrt(Math.max(radius * radius - off * off, 0)) / mm + 3, 6 * k);
    const ring = `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;
    return (
      <g>
        {twice(ring, 4 * k, current ? colours.mark : colours.other, (current ? 1.75 : 1.25) * k, f.diameter_mm === null ? "4 4" : undefined)}
        {!current && label(String(f.number), x + r * 0.75 + 3, y - r * 0.75, colours.other, s.font)}
      </g>
    );
  });
}

function label(text: string, x: number, y: number, colour: string, font: number): ComponentChildren {
  return <text x={x} y={y} font-size={font} fill={colour} stroke={colours.shadow} stroke-width={font / 4} stroke-linejoin="round" paint-order="stroke">{text}</text>;
}

function cross(view: View, s: OverlayState, k: number): ComponentChildren {
  const [w, h] = view.size();
  const [x, y] = view.toCanvas(s.point).map((v) => Math.round(v) + 0.5) as [number, number];
  const f = s.findings.find((f) => f.number === s.current);
  let gap = 14 * k;
  if (f && length(add(f.position_lps_mm, s.point, -1)) < 1) {
    gap = Math.max(gap, (f.diameter_mm ?? 2 * defaultRadiusMM) / 2 / view.mmPerPixel() + 10);
  }
  // Two thin pieces of the page to be drawn anew, not what lies between them.
  return [`M0 ${y}H${x - gap}M${x + gap} ${y}H${w}`, `M${x} 0V${y - gap}M${x} ${y + gap}V${h}`].map((d) => <path d={d} fill="none" stroke={colours.cross} stroke-opacity="0.7" stroke-width={k} />);
}

const widths = new Map<string, number>(); // of texts; CSS pixels

function widthOf(text: string, font: number): number {
  const key = `${font} ${text}`;
  let wide = widths.get(key);
  if (wide === undefined) {
    const ctx = new OffscreenCanvas(1, 1).getContext("2d");
    if (ctx) ctx.font = texts.overlay.font(font);
    wide = ctx?.measureText(text).width ?? 0;
    widths.set(key, wide);
  }
  return wide;
}

function scaleBar(view: View, font: number, k: number): ComponentChildren {
  const [w, h] = view.size();
  const mm = scaleBarLength(view.mmPerPixel() * k);
  const px = mm / view.mmPerPixel();
  const x = (w - px) / 2;
  const y = h - 10 * k;
  const text = texts.common.mm(mm);
  let d = `M${x} ${y}H${x + px}`;
  for (let i = 0; i <= 10; i++) d += `M${x + (px * i) / 10} ${y}v${-(i % 10 === 0 ? 8 : i === 5 ? 6 : 3) * k}`;
  return [
    <rect x={x - 5 * k} y={y - 12 * k} width={px + 17 * k + widthOf(text, font)} height={17 * k} fill={colours.ground} />,
    <path d={d} fill="none" stroke={colours.scaleBar} stroke-width={1.5 * k} />,
    <text x={x + px + 8 * k} y={y + k} font-size={font} fill={colours.scaleBar}>{text}</text>,
  ];
}

// brush is the ring of the brush, and the border of the cube beyond which nothing is drawn.
function brush(view: View, place: Pick<Cube, "size" | "origin" | "spacing">, ring: OverlayState["brush"]): ComponentChildren {
  const points = corners({ ...place, data: new Float32Array() }).map((p) => view.toCanvas(p));
  const [xs, ys] = [points.map((p) => p[0]), points.map((p) => p[1])];
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  const circle = (stroke: string, width: number): ComponentChildren => ring && <circle cx={ring.x} cy={ring.y} r={ring.radius / view.mmPerPixel()} fill="none" stroke={stroke} stroke-width={width} />;
  return [
    <rect x={x} y={y} width={Math.max(...xs) - x} height={Math.max(...ys) - y} fill="none" stroke={colours.place} stroke-dasharray="4 6" />,
    circle(colours.shadow, 3),
    circle(colours.brush, 1.25),
  ];
}
