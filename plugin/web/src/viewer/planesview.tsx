// The three planes on the page, with their tools, texts and overlays.

import { useEffect, useImperativeHandle, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { RefObject } from "preact";
import { useKeys, useLatest } from "../hooks.ts";
import { alongGroup, oneStop } from "../keys.ts";
import type { Finding, Series, Vec3, WindowPreset } from "../types.ts";
import { planes as all, type Cube, type Plane } from "./cube.ts";
import { describe, measurable, noteFirstView, type Texts } from "./describe.ts";
import { add, inside, length } from "./grid.ts";
import { start } from "./library.ts";
import { drawHeat } from "./heat.ts";
import { overlay, put } from "./overlay.tsx";
import { Planes, still, type Tool, type Window } from "./planes.ts";
import { attach } from "./pointer.ts";
import { useCine } from "./cine.ts";
import { DrawingBar, DrawingTools, useDrawing } from "./correcting.tsx";
import type { Correction } from "./correction.ts";
import { tools } from "./tools.ts";
import { attachBrush, draws, refusals } from "./paint.ts";
import { drawnDistances, showDistances, whenMeasured } from "./rulers.ts";
import { wider } from "./brush.ts";
import { Slabs, thicker, turned } from "./slab.ts";
import { SeriesVolume, type Progress } from "./volume.ts";
import { texts } from "../texts.ts";

export interface PlanesHandle {
  home: () => void;
}

interface Props {
  handle: RefObject<PlanesHandle | null>;
  series: Series;
  current: Finding | null;
  presets: WindowPreset[];
  opened: number; // performance.now() when the page was asked for
  heat: Cube | null;
  heatReady: boolean;
  marks: boolean;
  outline: Cube | null;
  outlined: boolean; // the finding has an outline to be shown
  correction: Correction;
  onOutline: () => void;
  onHeat: (on: boolean) => void;
  onMarks: (on: boolean) => void;
  onLoaded: (whole: boolean) => void;
  onArrived: () => void; // the first slice
  onLossless: (yes: boolean) => void; // what is around the finding is there without loss
}

const cineMM = 30; // to each side
const toolStorage = "nodulescope.tool";

export function PlanesView(props: Props) {
  const box = useRef<HTMLDivElement>(null);
  const elements = useRef<Partial<Record<Plane, HTMLDivElement | null>>>({});
  const overlays = useRef<Partial<Record<Plane, SVGSVGElement | null>>>({});
  const heatLayers = useRef<Partial<Record<Plane, HTMLCanvasElement | null>>>({});
  const slabLayers = useRef<Partial<Record<Plane, HTMLCanvasElement | null>>>({});
  const slabs = useRef(new Slabs());
  const [slab, setSlab] = useState(0); // mm, 0: slices
  const shown = useRef<Planes | null>(null);
  const volume = useRef<SeriesVolume | null>(null);
  const [active, setActive] = useState<Plane>("axial");
  const [single, setSingle] = useState(false);
  const [tool, setToolState] = useState<Tool>("cross");
  const [win, setWin] = useState<Window>({ center: -600, width: 1500 });
  const [progress, setProgress] = useState<Progress>({ loaded: 0, reduced: 0, total: 0, failed: 0 });
  const [corners, setCorners] = useState<Partial<Record<Plane, Texts>>>({});
  const [measured, setMeasured] = useState(0);
  const [problem, setProblem] = useState("");
  const [astray, setAstray] = useState(false);
  const [settings, setSettings] = useDrawing();
  const [refused, setRefused] = useState("");
  const live = useRef<Cube | null>(null); // the outline while it is drawn
  const ring = useRef<{ plane: Plane; x: number; y: number } | null>(null);
  const latest = useLatest({ ...props, slab, tool, settings });
  const frame = useRef(0);

  const paint = (): void => {
    const p = shown.current;
    const v = volume.current;
    if (!p || !v) return;
    const next: Partial<Record<Plane, Texts>> = {};
    const { current: now } = latest;
    const font = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const missing = v.missing();
    // All is read before anything is written: the browser lays the page out once.
    const writes = all.map((plane): (() => void) | null => {
      const [svg, layer, heat] = [overlays.current[plane], slabLayers.current[plane], heatLayers.current[plane]];
      if (!svg || !layer || !heat || p.views[plane].size()[0] < 2) return null;
      const view = still(p.views[plane]);
      if (!p.fits(plane)) { // no mark beside what it marks: it comes back with the picture
        return () => {
          put(svg, null);
          drawHeat(heat, view, null);
          layer.width = layer.height = 0;
        };
      }
      const drawn = overlay(view, {
        point: p.point, findings: now.series.findings, current: now.current?.number ?? 0,
        mark: p.mark, lossy: p.mark !== null && !measurable(v, [p.point, p.mark]), missing, pieces: v.pieces, grid: v.grid, marks: now.marks, outline: live.current ?? now.outline,
        drawn: live.current !== null || now.correction.own, place: draws(now.tool) ? now.correction.place : null,
        brush: ring.current?.plane === plane && now.tool !== "grow" ? { ...ring.current, radius: now.settings.radius } : null, font,
      });
      next[plane] = describe(p, v, view, now.slab);
      return () => {
        put(svg, drawn);
        drawHeat(heat, view, now.heat);
        if (now.slab > 0) slabs.current.draw(layer, view, { grid: v.grid, voxel: v.voxel, loaded: v.ready }, p.point, p.window, now.slab);
        else layer.width = layer.height = 0;
      };
    });
    for (const write of writes) write?.();
    setCorners((old) => ({ ...old, ...next }));
    setMeasured(p.measurements());
    checkSoon();
  };
  const redraw = (): void => {
    frame.current ||= window.requestAnimationFrame(() => {
      frame.current = 0;
      paint();
    });
  };

  // A decision on what has not come without loss says so.
  const tellQuality = (): void => {
    const f = latest.current.current;
    if (f && volume.current) latest.current.onLossless(volume.current.lossless([f.position_lps_mm], (f.diameter_mm ?? 0) / 2));
  };

  // The page checks itself whenever it comes to rest: a plane that does not show
  // what lies there is drawn anew, and where that does not help, it says so.
  const checking = useRef(0);
  const tries = useRef(0);
  const checkSoon = (): void => {
    window.clearTimeout(checking.current);
    checking.current = window.setTimeout(() => {
      const p = shown.current;
      if (!p) return;
      const wrong = all.filter((plane) => !p.agrees(plane));
      setAstray(wrong.length > 0 && tries.current >= 3);
      if (wrong.length === 0) {
        tries.current = 0;
        return;
      }
      if (tries.current++ < 8) p.refit(); // looks again, by way of redraw
    }, 250);
  };

  useEffect(() => {
    const byPlane = { ...elements.current } as Record<Plane, HTMLDivElement>;
    const refuse = (e: unknown): void => setProblem(texts.planesview.cannotBeShown(e instanceof Error ? e.message : String(e)));
    let v: SeriesVolume;
    try {
      start();
      v = new SeriesVolume(props.series, (state) => {
        setProgress(state);
        latest.current.onArrived();
        tellQuality();
        if (state.loaded + state.failed === state.total) latest.current.onLoaded(true);
        redraw();
      });
    } catch (e) {
      refuse(e);
      return;
    }
    const point = props.current?.position_lps_mm ?? middle(v);
    v.load(point); // on its way while the planes are made
    let p: Planes;
    try {
      p = new Planes(byPlane, redraw, paint);
    } catch (e) {
      v.close();
      refuse(e);
      return;
    }
    shown.current = p;
    volume.current = v;
    const preset = props.presets[0];
    if (preset) p.window = { center: preset.center, width: preset.width };
    setWin(p.window);
    p.whenDrawn("axial", () => noteFirstView(box.current, v, p, latest.current.opened));
    p.open(v, point, latest.current.current !== null).then(() => { // the nodule first
      setReady(true);
      redraw();
    }, refuse);
    const wanted = tools.find((t) => t.tool === localStorage.getItem(toolStorage))?.tool ?? "cross";
    setTool(wanted);
    const detach = all.map((plane) => attach(byPlane[plane], plane, p, {
      tool: () => p.currentTool(),
      window: setWindow,
      active: setActive,
      thickness: (by) => (draws(p.currentTool()) ? setSettings({ radius: wider(latest.current.settings.radius, by) }) : setSlab((mm) => turned(mm, by))),
      touched: () => stopCine.current(),
    }));
    let lossy = false; // a region met HU of reduced quality
    const undraw = all.map((plane) => attachBrush(byPlane[plane], plane, p, {
      tool: () => p.currentTool(),
      radius: () => latest.current.settings.radius,
      limits: () => [latest.current.settings.low, latest.current.settings.high],
      hu: (at) => {
        lossy ||= !measurable(v, [at]);
        return v.hu(at);
      },
      begin: () => {
        lossy = false;
        setRefused("");
        if (latest.current.slab === 0) return latest.current.correction.begin();
        setSlab(0); // a slab shows what lies elsewhere
        return null;
      },
      live: (cube) => {
        live.current = cube;
        redraw();
      },
      end: (cube, grown) => {
        if (!latest.current.outline) latest.current.onOutline();
        latest.current.correction.end(cube, grown);
        if (grown && lossy) setRefused(texts.planesview.grownOnLossyImages);
      },
      hover: (at) => {
        ring.current = at;
        redraw();
      },
      refused: (why) => setRefused(refusals[why]),
    }));
    tellQuality();
    const unmeasure = whenMeasured(all.map((plane) => byPlane[plane]), () => latest.current.correction.measure(drawnDistances()));
    return () => {
      for (const f of [...detach, ...undraw, unmeasure]) f();
      window.cancelAnimationFrame(frame.current);
      window.clearTimeout(checking.current);
      frame.current = 0;
      shown.current = null;
      volume.current = null;
      p.close();
      v.close();
    };
  }, [props.series.id]);

  const home = (): void => {
    const f = latest.current.current;
    if (!f) return;
    volume.current?.around(f.position_lps_mm);
    shown.current?.show(f.position_lps_mm);
    tellQuality();
  };
  useLayoutEffect(home, [props.current?.number]); // with the rest of the page
  // The distances are those of the finding.
  const ways = JSON.stringify(props.correction.distances);
  const [ready, setReady] = useState(false);
  useEffect(() => {
    if (!ready || !shown.current || !volume.current) return;
    showDistances(latest.current.correction.distances, shown.current, volume.current.grid, props.series.geometry?.frame_of_reference_uid ?? "");
    redraw();
  }, [ways, ready, props.current?.number]);
  useEffect(() => setRefused(""), [props.current?.number, tool]);
  useEffect(redraw, [props.heat, props.marks, props.outline, props.correction.own, props.series, single, slab, tool, settings]);
  useImperativeHandle(props.handle, () => ({ home }), []);

  function setWindow(w: Window): void {
    shown.current?.setWindow(w);
    if (shown.current) setWin(shown.current.window);
  }
  function setTool(t: Tool): void {
    setToolState(t);
    shown.current?.setTool(t);
    if (draws(t)) setSlab(0);
    else localStorage.setItem(toolStorage, t); // nobody begins by drawing
  }
  const cine = useCine(Math.round(cineMM / (shown.current?.step(active) ?? 1)), (n) => shown.current?.scroll(active, n));
  const stopCine = useLatest(cine.stop);
  useEffect(cine.stop, [props.current?.number, active]);
  const clearMeasurements = (): void => {
    shown.current?.clearMeasurements();
    props.correction.measure([]);
  };
  const scroll = (n: number): void => {
    cine.stop();
    shown.current?.scroll(active, n);
  };
  const show = (plane: Plane): void => {
    setActive(plane);
    elements.current[plane]?.closest<HTMLElement>(".view")?.focus();
  };

  useKeys([
    { keys: ["ArrowUp"], shown: "↑", does: texts.planesview.sliceUpHelp, run: () => scroll(upward(active)) },
    { keys: ["ArrowDown"], shown: "↓", does: texts.planesview.sliceDownHelp, run: () => scroll(-upward(active)) },
    { keys: ["PageUp"], shown: "PgUp", does: texts.planesview.tenSlicesUpHelp, run: () => scroll(10 * upward(active)) },
    { keys: ["PageDown"], shown: "PgDn", does: texts.planesview.tenSlicesDownHelp, run: () => scroll(-10 * upward(active)) },
    { keys: ["ArrowLeft", "ArrowRight"], shown: "← →", does: texts.planesview.switchPlaneHelp, run: (e) => show(all[(all.indexOf(active) + (e.key === "ArrowRight" ? 1 : 2)) % 3] ?? "axial") },
    {
      keys: ["Shift+ArrowUp", "Shift+ArrowDown", "Shift+ArrowLeft", "Shift+ArrowRight"], shown: "Shift+arrows", does: texts.planesview.panHelp,
      run: (e) => shown.current?.pan(active, e.key === "ArrowLeft" ? -40 : e.key === "ArrowRight" ? 40 : 0, e.key === "ArrowUp" ? -40 : e.key === "ArrowDown" ? 40 : 0),
    },
    {
      keys: ["Ctrl+ArrowUp", "Ctrl+ArrowDown", "Ctrl+ArrowLeft", "Ctrl+ArrowRight"], shown: "Ctrl+arrows", does: texts.planesview.nudgeHelp,
      run: (e) => shown.current?.nudge(active, e.key === "ArrowLeft" ? -1 : e.key === "ArrowRight" ? 1 : 0, e.key === "ArrowUp" ? -1 : e.key === "ArrowDown" ? 1 : 0),
    },
    { keys: ["k"], shown: "K", does: texts.planesview.markHelp, run: () => shown.current?.setMark() },
    { keys: ["+", "="], shown: "+", does: texts.planesview.zoomInHelp, run: () => shown.current?.zoom(active, 1.25) },
    { keys: ["-"], shown: "-", does: texts.planesview.zoomOutHelp, run: () => shown.current?.zoom(active, 0.8) },
    { keys: ["e"], shown: "E", does: texts.planesview.closeUpHelp, run: () => shown.current?.closeUp() },
    { keys: ["Home"], shown: "Home", does: texts.planesview.fitHelp, run: () => shown.current?.whole() },
    { keys: ["i"], shown: "I", does: texts.planesview.mipHelp, run: () => setSlab(thicker) },
    { keys: ["v"], shown: "V", does: texts.planesview.cineHelp, run: cine.toggle },
    { keys: ["m"], shown: "M", does: texts.planesview.onePlaneHelp, run: () => setSingle((on) => !on) },
    ...props.presets.slice(0, 9).map((preset, i) => ({
      keys: [String(i + 1)], shown: String(i + 1), does: texts.planesview.windowHelp(preset.label, preset.center, preset.width), run: () => setWindow(preset),
    })),
    ...tools.map((t) => ({ keys: [t.key], shown: t.key.toUpperCase(), does: t.help, run: () => setTool(t.tool) })),
    { keys: ["Delete", "Backspace"], shown: "Del", does: texts.planesview.clearHelp, run: clearMeasurements },
  ]);

  const toolbar = useRef<HTMLDivElement>(null);
  useEffect(() => oneStop(toolbar.current)); // tools come and go, and are chosen by keys

  const grid = volume.current?.grid;
  const at = props.current?.position_lps_mm;
  const outside = grid && at && length(add(inside(grid, at), at, -1)) > Math.max(...grid.spacing);
  const preset = props.presets.find((x) => x.center === win.center && x.width === win.width);
  return (
    <section class="planes" aria-label={texts.planesview.images} ref={box} data-reduced={progress.reduced} data-loaded={progress.total > 0 && progress.loaded === progress.total ? "all" : progress.loaded}>
      <div class="toolbar" role="toolbar" aria-label={texts.planesview.tools} ref={toolbar} onKeyDown={alongGroup} onFocusIn={() => oneStop(toolbar.current)}>
        <div class="group" role="radiogroup" aria-label={texts.planesview.leftMouseButton}>
          {tools.map((t) => (
            <button key={t.tool} type="button" role="radio" aria-checked={tool === t.tool} title={`${t.help} (${t.key.toUpperCase()})`} onClick={() => setTool(t.tool)}>
              {t.label}
            </button>
          ))}
          <DrawingTools tool={tool} onTool={setTool} correction={props.correction} />
        </div>
        <div class="group" role="group" aria-label={texts.common.window}>
          {props.presets.map((x, i) => (
            <button key={x.name} type="button" aria-pressed={preset?.name === x.name} title={texts.planesview.windowTitle(x.center, x.width, i + 1)} onClick={() => setWindow(x)}>
              {x.label}
            </button>
          ))}
        </div>
        <div class="group" role="group" aria-label={texts.planesview.overlays}>
          <button type="button" aria-pressed={props.heat !== null} disabled={!props.heatReady} title={texts.planesview.heatMapTitle} onClick={() => props.onHeat(props.heat === null)}>{texts.planesview.heatMap}</button>
          <button type="button" aria-pressed={props.outline !== null} disabled={!props.outlined} title={texts.planesview.outlineTitle} onClick={props.onOutline}>{texts.common.outline}</button>
          <button type="button" aria-pressed={props.marks} title={texts.planesview.marksTitle} onClick={() => props.onMarks(!props.marks)}>{texts.common.marks}</button>
        </div>
        <div class="group" role="group" aria-label={texts.planesview.size}>
          <button type="button" title={texts.planesview.closeUpTitle} onClick={() => shown.current?.closeUp()}>{texts.planesview.closeUp}</button>
          <button type="button" title={texts.planesview.fitTitle} onClick={() => shown.current?.whole()}>{texts.planesview.fit}</button>
          <button type="button" aria-pressed={slab > 0} title={texts.planesview.mipTitle} onClick={() => setSlab(thicker)}>{texts.planesview.mip}</button>
          <button type="button" aria-pressed={cine.playing} title={texts.planesview.cineTitle} onClick={cine.toggle}>{texts.planesview.cine}</button>
          <button type="button" aria-pressed={single} title={texts.planesview.onePlaneTitle} onClick={() => setSingle(!single)}>{texts.planesview.onePlane}</button>
        </div>
        {progress.reduced > 0 && <span class="hint" data-test="quality" title={texts.planesview.qualityTitle}>{progress.loaded}{texts.common.ofWord}{progress.total}{texts.planesview.slicesLossless}{progress.reduced}{texts.planesview.ofReducedQuality}</span>}
        {progress.total > 0 && progress.loaded < progress.total && (
          <progress max={progress.total} value={progress.loaded} aria-label={texts.planesview.slicesLoaded} />
        )}
      </div>
      <DrawingBar tool={tool} correction={props.correction} settings={settings} onSettings={setSettings} refused={refused} />
      {problem && <p class="error" role="alert">{problem}</p>}
      <div class={single ? `grid single ${active}` : "grid"}>
        <div class="over">
          {astray && (
            <p class="banner lost" role="alert" data-test="astray">
              {texts.planesview.astray}<button type="button" onClick={() => location.reload()}>{texts.common.reloadThePage}</button>
            </p>
          )}
          {progress.failed > 0 && <p class="banner warn" role="alert">{progress.failed}{texts.common.ofWord}{progress.total}{texts.planesview.slicesNotRead}</p>}
          {outside && <p class="banner warn" role="status" data-test="outside">{texts.planesview.outsideTheImages}</p>}
          {measured > 0 && progress.reduced > 0 && <p class="banner warn" role="status" data-test="lossy-distance">{texts.planesview.distanceOnLossyImages}</p>}
          {measured > 0 && <button type="button" onClick={clearMeasurements}>{texts.planesview.clear}<kbd>{texts.planesview.deleteKey}</kbd></button>}
        </div>
        {all.map((plane) => {
          const t = corners[plane];
          return (
            <div
              key={plane} class={`view ${plane}${active === plane ? " active" : ""}`} tabIndex={0} role="group"
              aria-label={texts.planesview.plane(plane, t?.image ? `${t.image[0]?.toUpperCase()}${t.image.slice(1)},` : "", t?.slice ?? "", t?.slab ?? "", t?.distance ?? "").trim()} onFocus={() => setActive(plane)} data-plane={plane} data-slice={t?.slice.split(" ")[1] ?? ""}
            >
              <div class="picture" ref={(e) => { elements.current[plane] = e; }} onContextMenu={(e) => e.preventDefault()} />
              <canvas class="slab" aria-hidden="true" width={0} height={0} hidden={slab === 0} ref={(e) => { slabLayers.current[plane] = e; }} />
              <canvas class="heat" aria-hidden="true" width={0} height={0} ref={(e) => { heatLayers.current[plane] = e; }} />
              <svg class="overlay" aria-hidden="true" ref={(e) => { overlays.current[plane] = e; }} />
              {t && (
                <div class="texts" aria-hidden="true">
                  <span class="corner tl"><b>{plane}</b>{t.image && <> · {t.image}</>}<br />{t.slice}<br />{t.position}{t.slab && <><br /><b data-test="slab">{t.slab}</b></>}{t.quality && <><br /><b class="lossy" data-test="lossy">{t.quality}</b></>}{t.distance && <><br />{t.distance}</>}</span>
                  <span class="corner tr">W {win.width} L {win.center}<br />{t.scale}</span>
                  <span class="corner bl">{t.hu}</span>
                  <span class="letter at-top">{t.letters[0]}</span>
                  <span class="letter at-right">{t.letters[1]}</span>
                  <span class="letter at-bottom">{t.letters[2]}</span>
                  <span class="letter at-left">{t.letters[3]}</span>
                </div>
              )}
            </div>
          );
        })}
      </div>
    </section>
  );
}

const upward = (plane: Plane): number => (plane === "coronal" ? -1 : 1); // up: to the head, to the front, to the left

function middle(v: SeriesVolume): Vec3 {
  const { dims, spacing, origin, axes } = v.grid;
  let p = origin;
  for (const a of [0, 1, 2] as const) p = add(p, axes[a], ((dims[a] - 1) / 2) * spacing[a]);
  return p;
}
