// The viewer library, set up once.

import { Enums, getRenderingCapabilities, init as initCore } from "@cornerstonejs/core";
import { annotation, LengthTool, PanTool, ZoomTool, addTool, init as initTools } from "@cornerstonejs/tools";
import { planes } from "./cube.ts";

let ready = false;
let size = 0; // of the letters that distances were last set in

/** fitDistances has distances grow with the letters of the page, which are larger on a large screen. */
export function fitDistances(): void {
  const font = parseFloat(getComputedStyle(document.documentElement).fontSize);
  if (font === size) return;
  size = font;
  const line = String((1.25 * font) / 14);
  for (const plane of planes) annotation.config.style.setViewportToolStyles(plane, { global: { textBoxFontSize: `${font}px`, lineWidth: line, textBoxLinkLineWidth: line } });
}

/** inSoftware tells whether planes are drawn without a graphics processor. */
export let inSoftware = false;

/**
 * start sets the library up. Without a graphics processor it draws in software.
 * It throws where the browser has no WebGL, which the library needs either way.
 */
export function start(): void {
  if (ready) return;
  const capabilities = getRenderingCapabilities();
  if (!capabilities.webgl2) throw new Error("this browser has no WebGL 2. Turn on hardware acceleration, or allow WebGL in software");
  const wanted = new URLSearchParams(location.search).get("render");
  inSoftware = wanted === "cpu" || (wanted !== "gpu" && capabilities.softwareRasterizer);
  initCore({
    rendering: {
      webGlContextCount: inSoftware ? 0 : planes.length,
      planar: {
        renderBackend: inSoftware ? Enums.RenderBackends.CPU : Enums.RenderBackends.GPU,
        cpuVolume: { volumeModifiedThrottleMs: 0, useViewportSamplingForLinear: false },
      },
    },
  } as unknown as Parameters<typeof initCore>[0]);
  initTools();
  for (const tool of [PanTool, ZoomTool, LengthTool]) addTool(tool);
  ready = true;
}
