// Three planes through one point, drawn by the viewer library.

import { Enums, RenderingEngine, eventTarget, type PlanarViewport, type Types } from "@cornerstonejs/core";
import {
  Enums as ToolEnums, LengthTool, PanTool, ToolGroupManager, ZoomTool, annotation, utilities as toolUtilities,
} from "@cornerstonejs/tools";
import type { Vec3 } from "../types.ts";
import { planes, type Plane } from "./cube.ts";
import { between, canvasSize, difference } from "./fit.ts";
import { add, dot, inside, length, onSlice, toIndex, unit } from "./grid.ts";
import { fitDistances, inSoftware } from "./library.ts";
import { seen, SlicePicture } from "./slice.ts";
import { emptyCanvases, withoutGraphics } from "./software.ts";
import type { SeriesVolume } from "./volume.ts";

export type Tool = "cross" | "window" | "pan" | "zoom" | "length" | "brush" | "erase" | "grow";

export interface Window {
  center: number;
  width: number;
}

/** View is one plane on the screen. Canvas positions are CSS pixels. */
export interface View {
  plane: Plane;
  element: HTMLDivElement;
  size: () => [number, number];
  toWorld: (x: number, y: number) => Vec3;
  toCanvas: (p: Vec3) => [number, number];
  right: () => Vec3;
  down: () => Vec3;
  normal: () => Vec3;
  mmPerPixel: () => number;
}

/** still is a view as it is at this moment, for all that is worked out before it changes: asking the library for each position takes longer. */
export function still(view: View): View {
  const size = view.size();
  const [w, h] = [Math.max(1, size[0]), Math.max(1, size[1])];
  const zero = view.toWorld(0, 0);
  const across = scaled(add(view.toWorld(w, 0), zero, -1), 1 / w);
  const below = scaled(add(view.toWorld(0, h), zero, -1), 1 / h);
  const [right, down, normal] = [unit(across), unit(below), view.normal()];
  const [wide, high] = [length(across), length(below)]; // mm of a pixel
  return {
    plane: view.plane,
    element: view.element,
    size: () => size,
    toWorld: (x, y) => add(add(zero, across, x), below, y),
    toCanvas: (p) => {
      const to = add(p, zero, -1);
      return [dot(to, right) / wide, dot(to, down) / high];
    },
    right: () => right,
    down: () => down,
    normal: () => normal,
    mmPerPixel: () => wide,
  };
}

const scaled = (v: Vec3, by: number): Vec3 => [v[0] * by, v[1] * by, v[2] * by];

interface ViewState {
  slice?: { kind: "volumePoint"; sliceWorldPoint: Vec3 };
  anchorWorld?: Vec3;
  anchorCanvas?: [number, number];
}

const groupId = "review";
const engineId = "review";
const orientations: Record<Plane, Enums.OrientationAxis> = {
  axial: Enums.OrientationAxis.AXIAL,
  coronal: Enums.OrientationAxis.CORONAL,
  sagittal: Enums.OrientationAxis.SAGITTAL,
};
export const axisOf: Record<Plane, 0 | 1 | 2> = { axial: 2, coronal: 1, sagittal: 0 }; // of the grid
const closeUpMM = 80;
const tolerance = 25; // of 255: two ways of drawing differ by less than 4, another place by far more

/** Planes shows a volume in three planes that meet in one point. Call start of library.ts first. */
export class Planes {
  readonly views: Record<Plane, View>;
  point: Vec3 = [0, 0, 0];
  mark: Vec3 | null = null; // where a distance begins that ends at the point
  window: Window = { center: -600, width: 1500 };
  private readonly engine: RenderingEngine;
  private readonly elements: Record<Plane, HTMLDivElement>;
  private readonly changed: () => void;
  private readonly fitted: () => void;
  private readonly observer: ResizeObserver;
  private holds = 0; // while there are any, nothing is drawn
  private readonly held = new Set<Plane>(); // planes to be drawn then
  private volume: SeriesVolume | null = null;
  private tool: Tool = "cross";
  private opened = false;
  private readonly hidden = new Set<Plane>(); // planes that had no room when they were last looked at
  private readonly pictures = new Map<Plane, SlicePicture>(); // none where the library draws
  private readonly later = new Map<Plane, () => void>(); // what a hidden plane does once it is seen

  /** changed is called whenever something else is to be seen, fitted where that is so before the browser paints. */
  constructor(elements: Record<Plane, HTMLDivElement>, changed: () => void, fitted: () => void) {
    this.elements = elements;
    this.changed = changed;
    this.fitted = fitted;
    this.engine = new RenderingEngine(engineId);
    if (inSoftware) withoutGraphics(this.engine);
    this.engine.setViewports(
      planes.map((plane) => ({
        viewportId: plane,
        type: Enums.ViewportType.PLANAR_NEXT,
        element: elements[plane],
        defaultOptions: { orientation: orientations[plane], background: [0, 0, 0] as Types.Point3 },
      })),
    );
    if (inSoftware) emptyCanvases(Object.values(elements));
    for (const plane of planes) this.drawOnce(plane);
    const group = ToolGroupManager.createToolGroup(groupId);
    if (!group) throw new Error("the tools are already in use");
    for (const plane of planes) group.addViewport(plane, engineId);
    for (const tool of [PanTool, ZoomTool, LengthTool]) group.addTool(tool.toolName);
    this.setTool("cross");
    this.views = { axial: this.makeView("axial"), coronal: this.makeView("coronal"), sagittal: this.makeView("sagittal") };
    for (const plane of planes) {
      elements[plane].addEventListener(Enums.Events.IMAGE_RENDERED, this.picture);
      for (const event of [Enums.Events.CAMERA_MODIFIED, Enums.Events.IMAGE_RENDERED]) {
        elements[plane].addEventListener(event, this.changed);
      }
    }
    eventTarget.addEventListener(ToolEnums.Events.ANNOTATION_COMPLETED, this.changed);
    // It tells before the browser paints: no frame shows a stretched picture.
    this.observer = new ResizeObserver(this.fit);
    for (const plane of planes) this.observer.observe(elements[plane]);
    window.addEventListener("resize", this.fit); // the size of a pixel may change alone
  }

  // picture draws a plane where the library does not.
  private readonly picture = (e: Event): void => {
    const plane = planes.find((p) => this.elements[p] === e.currentTarget);
    if (!plane || !inSoftware || !this.volume?.aligned || !this.seen(plane)) return;
    let picture = this.pictures.get(plane);
    if (!picture) {
      picture = new SlicePicture();
      this.pictures.set(plane, picture);
      this.elements[plane].append(picture.canvas);
    }
    picture.draw(still(this.views[plane]), this.volume, this.window);
  };

  /** whenDrawn calls f each time a plane was drawn. */
  whenDrawn(plane: Plane, f: () => void): void {
    this.elements[plane].addEventListener(Enums.Events.IMAGE_RENDERED, () => this.opened && f());
  }

  private viewport(plane: Plane): PlanarViewport {
    return this.engine.getViewport(plane) as unknown as PlanarViewport;
  }

  private makeView(plane: Plane): View {
    const element = this.elements[plane];
    const toWorld = (x: number, y: number): Vec3 => this.viewport(plane).canvasToWorld([x, y]) as Vec3;
    const step = (dx: number, dy: number): Vec3 => add(toWorld(100 * dx, 100 * dy), toWorld(0, 0), -1);
    return {
      plane,
      element,
      size: () => [element.clientWidth, element.clientHeight],
      toWorld,
      toCanvas: (p) => this.viewport(plane).worldToCanvas(p) as [number, number],
      right: () => unit(step(1, 0)),
      down: () => unit(step(0, 1)),
      normal: () => {
        const camera = this.viewport(plane).getResolvedView()?.toICamera?.() as { viewPlaneNormal?: Vec3 } | undefined;
        return camera?.viewPlaneNormal ?? fallbackNormal[plane];
      },
      mmPerPixel: () => length(step(1, 0)) / 100,
    };
  }

  // The library draws a plane for every single change of it.
  private drawOnce(plane: Plane): void {
    const viewport = this.viewport(plane);
    const render = viewport.render.bind(viewport);
    viewport.render = () => {
      if (this.holds > 0) this.held.add(plane);
      else render();
    };
  }

  private hold(): void {
    this.holds++;
  }

  // release draws what was to be drawn since hold.
  private release(): void {
    if (--this.holds > 0) return;
    const waiting = [...this.held];
    this.held.clear();
    if (this.volume) for (const plane of waiting) this.viewport(plane).render();
  }

  /** open shows a volume at a point, close up or whole. It resolves when the planes are drawn. */
  async open(volume: SeriesVolume, point: Vec3, closeUp: boolean): Promise<void> {
    this.volume = volume;
    this.point = inside(volume.grid, point);
    this.hold();
    try {
      await Promise.all(
        planes.map(async (plane) => {
          const viewport = this.viewport(plane);
          await viewport.setDisplaySets({ displaySetId: volume.dataId, options: { orientation: orientations[plane] as never } });
          if (this.volume) viewport.setViewState({ slice: this.slice(plane, this.point) });
        }),
      );
      if (!this.volume) return; // closed meanwhile
      this.opened = true;
      this.setWindow(this.window);
      if (closeUp) this.closeUp();
    } finally {
      this.release();
    }
  }

  /** show moves to a point and puts it in the middle of every plane. */
  show(point: Vec3): void {
    this.hold();
    this.moveTo(point);
    this.center();
    this.release();
  }

  /** moveTo puts the point where the planes meet. Planes that it stays in are not drawn again. */
  moveTo(point: Vec3): void {
    if (!this.volume) return;
    const to = inside(this.volume.grid, point);
    const by = add(to, this.point, -1);
    this.point = to;
    this.volume.look(to);
    if (!this.opened) return; // it opens there
    for (const plane of planes) {
      const state: ViewState = this.inSight(plane, to) || !this.seen(plane) ? {} : { anchorWorld: to, anchorCanvas: [0.5, 0.5] };
      if (Math.abs(dot(by, this.views[plane].normal())) > 1e-4) state.slice = this.slice(plane, to);
      if (!state.slice && !state.anchorWorld) continue;
      this.viewport(plane).setViewState(state); // draws
    }
    this.changed();
  }

  // inSight tells whether a position lies within what a plane shows of its slice.
  private inSight(plane: Plane, p: Vec3): boolean {
    const [x, y] = this.views[plane].toCanvas(p);
    const [w, h] = this.views[plane].size();
    return x >= 0 && y >= 0 && x <= w && y <= h;
  }

  // seen tells whether a plane has room on the page.
  private seen(plane: Plane): boolean {
    const [w, h] = this.views[plane].size();
    return w > 0 && h > 0;
  }

  /** scroll moves by slices of the plane; positive is towards head, back and left. */
  scroll(plane: Plane, slices: number): void {
    if (!this.volume) return;
    const axis: Vec3 = plane === "axial" ? [0, 0, 1] : plane === "coronal" ? [0, 1, 0] : [1, 0, 0];
    this.moveTo(add(this.point, axis, slices * this.step(plane)));
  }

  /** nudge moves the point within a plane by voxels, right and down on the screen. */
  nudge(plane: Plane, right: number, down: number): void {
    if (!this.volume) return;
    const view = this.views[plane];
    const mm = Math.min(...this.volume.grid.spacing);
    this.moveTo(add(add(this.point, view.right(), right * mm), view.down(), down * mm));
  }

  /** setMark puts the mark that distances are measured from to the point, or takes it away. */
  setMark(): void {
    this.mark = this.mark ? null : this.point;
    this.changed();
  }

  /** fromMark is how far the point is from the mark, in mm. */
  fromMark(): number | null {
    return this.mark && length(add(this.point, this.mark, -1));
  }

  /** step is the distance of two slices of a plane in mm. */
  step(plane: Plane): number {
    const [dx, dy, dz] = this.volume?.grid.spacing ?? [1, 1, 1];
    return plane === "axial" ? dz : plane === "coronal" ? dy : dx;
  }

  /** position is the slice of the plane, from 1, and how many there are. */
  position(plane: Plane): [number, number] {
    if (!this.volume) return [0, 0];
    const axis = axisOf[plane];
    return [Math.round(toIndex(this.volume.grid, this.point)[axis]) + 1, this.volume.grid.dims[axis]];
  }

  setWindow(w: Window): void {
    if (!this.volume) return;
    this.window = { center: Math.round(w.center), width: Math.max(1, Math.round(w.width)) };
    const half = this.window.width / 2;
    for (const plane of planes) {
      const viewport = this.viewport(plane);
      viewport.setDisplaySetPresentation({ voiRange: { lower: this.window.center - half, upper: this.window.center + half } });
      viewport.render();
    }
    this.changed();
  }

  /** closeUp shows the surroundings of the point, whole all of the slice. */
  closeUp(): void {
    this.onEach((plane) => {
      const view = this.views[plane];
      const wanted = closeUpMM / Math.max(1, Math.min(...view.size()));
      this.zoom(plane, view.mmPerPixel() / wanted, this.point);
    });
  }

  /** center moves the pictures so that the point is in the middle of each. */
  center(): void {
    this.onEach((plane) => this.zoom(plane, 1, this.point));
  }

  whole(): void {
    this.onEach((plane) => {
      const viewport = this.viewport(plane);
      viewport.resetViewState({ resetPan: true, resetZoom: true, resetOrientation: false });
      viewport.setViewState({ slice: this.slice(plane, this.point) });
    });
  }

  // onEach does on every plane what depends on its size; on one that is hidden,
  // once it is seen.
  private onEach(f: (plane: Plane) => void): void {
    if (!this.volume) return;
    for (const plane of planes) {
      if (this.seen(plane)) f(plane);
      else this.later.set(plane, () => f(plane));
    }
    this.changed();
  }

  // The slice itself and nothing between two slices: it is what was measured,
  // and drawn in a fraction of the time.
  private slice(plane: Plane, point: Vec3): { kind: "volumePoint"; sliceWorldPoint: Vec3 } {
    return { kind: "volumePoint", sliceWorldPoint: this.volume ? onSlice(this.volume.grid, point, axisOf[plane]) : point };
  }

  /** zoom enlarges a plane by a factor, around its middle or centred on a position. */
  zoom(plane: Plane, factor: number, center?: Vec3): void {
    if (!this.volume) return;
    const viewport = this.viewport(plane);
    const scale = Math.min(Math.max(viewport.getZoom() * factor, 0.2), 60);
    const [w, h] = this.views[plane].size();
    viewport.setViewState({
      scale: [scale, scale],
      anchorWorld: center ?? this.views[plane].toWorld(w / 2, h / 2),
      anchorCanvas: [0.5, 0.5],
    });
    this.changed();
  }

  /** pan moves the picture of a plane by CSS pixels. */
  pan(plane: Plane, dx: number, dy: number): void {
    if (!this.volume) return;
    const [w, h] = this.views[plane].size();
    const viewport = this.viewport(plane);
    viewport.setViewState({ anchorWorld: this.views[plane].toWorld(w / 2 - dx, h / 2 - dy), anchorCanvas: [0.5, 0.5] });
    this.changed();
  }

  /** setTool says what the left button does; the middle one pans, the right one zooms. */
  setTool(tool: Tool): void {
    this.tool = tool;
    const group = ToolGroupManager.getToolGroup(groupId);
    if (!group) return;
    const { Primary, Auxiliary, Secondary } = ToolEnums.MouseBindings;
    const bind = (name: string, ...buttons: number[]): void => {
      group.setToolPassive(name, { removeAllBindings: true });
      if (buttons.length > 0) group.setToolActive(name, { bindings: buttons.map((mouseButton) => ({ mouseButton })) });
    };
    bind(LengthTool.toolName, ...(tool === "length" ? [Primary] : []));
    bind(PanTool.toolName, Auxiliary, ...(tool === "pan" ? [Primary] : []));
    bind(ZoomTool.toolName, Secondary, ...(tool === "zoom" ? [Primary] : []));
  }

  currentTool(): Tool {
    return this.tool;
  }

  /** clearMeasurements takes every distance away. */
  clearMeasurements(): void {
    this.mark = null;
    annotation.state.removeAllAnnotations();
    toolUtilities.triggerAnnotationRenderForViewportIds([...planes]);
    this.changed();
  }

  measurements(): number {
    return annotation.state.getAllAnnotations().length + (this.mark ? 1 : 0);
  }

  /**
   * fit gives every plane that is seen a canvas of its size. It alone decides
   * sizes: the library compares with a canvas that it does not draw on where it
   * draws in software, and leaves a size out while a frame is pending.
   */
  private readonly fit = (): void => {
    if (!this.volume) return;
    fitDistances();
    for (const plane of planes) {
      if (!this.seen(plane)) {
        this.hidden.add(plane);
        continue;
      }
      const revealed = this.hidden.delete(plane);
      if (this.fits(plane) && !revealed) continue;
      const viewport = this.viewport(plane) as PlanarViewport & { sWidth: number; sHeight: number };
      [viewport.sWidth, viewport.sHeight] = canvasSize(this.elements[plane]);
      viewport.resize(); // empties the canvas
      if (!this.opened) continue;
      const waiting = this.later.get(plane);
      this.later.delete(plane);
      if (waiting) waiting();
      else if (revealed && !this.inSight(plane, this.point)) viewport.setViewState({ anchorWorld: this.point, anchorCanvas: [0.5, 0.5] });
      viewport.render();
    }
    this.fitted();
  };

  /** canvas is what the library draws a plane on, null where it is not seen. */
  canvas(plane: Plane): HTMLCanvasElement | null {
    if (!this.seen(plane)) return null;
    return [...this.elements[plane].querySelectorAll<HTMLCanvasElement>("canvas:not(.slice)")].find((c) => c.clientWidth > 0 && getComputedStyle(c).visibility !== "hidden") ?? null;
  }

  /** fits tells whether a plane's picture has the size of the plane. Where it has not, no mark lies where it belongs. */
  fits(plane: Plane): boolean {
    const canvas = this.canvas(plane);
    const [w, h] = canvasSize(this.elements[plane]);
    return canvas !== null && canvas.width === w && canvas.height === h;
  }

  /** refit draws every plane anew, whatever its canvas says. */
  refit(): void {
    for (const plane of planes) this.hidden.add(plane);
    this.fit();
  }

  /**
   * agrees compares a plane with the voxels: what is seen around the point must
   * be what lies there. True also where that cannot be told.
   */
  agrees(plane: Plane): boolean {
    const canvas = this.canvas(plane);
    const v = this.volume;
    if (!this.seen(plane) || !v || !this.opened) return true;
    if (!canvas || !this.fits(plane)) return false;
    const { center, width } = this.window;
    const axis = axisOf[plane];
    const grey = (p: Vec3): number | null => {
      const hu = between(v.grid, v.voxel, onSlice(v.grid, p, axis));
      return hu === null ? null : Math.min(Math.max((255 * (hu - center + width / 2)) / width, 0), 255);
    };
    const { size, toWorld, toCanvas } = this.views[plane];
    const [w, h] = size();
    const picture = this.pictures.get(plane)?.canvas;
    const draw = (ctx: OffscreenCanvasRenderingContext2D): void => (picture ? seen(ctx, picture) : ctx.drawImage(canvas, 0, 0, w, h)); // stretched or not
    const off = difference({ size: [w, h], draw, toWorld, grey }, toCanvas(this.point));
    return off === null || off < tolerance;
  }

  /** close gives everything back. Calls that come later do nothing. */
  close(): void {
    this.volume = null;
    this.observer.disconnect();
    window.removeEventListener("resize", this.fit);
    for (const plane of planes) {
      for (const event of [Enums.Events.CAMERA_MODIFIED, Enums.Events.IMAGE_RENDERED]) {
        this.elements[plane].removeEventListener(event, this.changed);
      }
      this.elements[plane].removeEventListener(Enums.Events.IMAGE_RENDERED, this.picture);
      this.pictures.get(plane)?.canvas.remove();
    }
    eventTarget.removeEventListener(ToolEnums.Events.ANNOTATION_COMPLETED, this.changed);
    annotation.state.removeAllAnnotations();
    ToolGroupManager.destroyToolGroup(groupId);
    this.engine.destroy();
  }
}

const fallbackNormal: Record<Plane, Vec3> = { axial: [0, 0, -1], coronal: [0, -1, 0], sagittal: [1, 0, 0] };
