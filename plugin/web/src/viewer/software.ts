// Drawing in software: the library makes a WebGL window of the size of the largest
// plane, and a second canvas for each plane, also where it draws on neither.

import type { RenderingEngine } from "@cornerstonejs/core";

interface Pool {
  contextPool?: unknown;
  ensureContextPool?: () => unknown;
}

// What the library asks of the camera of a renderer that never draws.
const renderer = { getActiveCamera: () => ({ setParallelProjection: () => {} }) };
const nothing = (): void => {};
const context = { addRenderer: nothing, removeRenderer: nothing, resize: nothing, getRenderer: () => renderer };

// pool stands for the library's pool of WebGL windows.
const pool = {
  assignViewportToContext: nothing,
  updateViewportSize: () => false,
  getContextByIndex: () => ({ context, container: {} }),
  getContextIndexForViewport: () => 0,
  getMaxSizeForContext: () => ({ width: 1, height: 1 }),
  getAllContexts: () => [context],
  removeViewport: nothing,
  destroy: nothing,
};

/** withoutGraphics keeps an engine that draws in software from making WebGL windows. Call it before the engine has viewports. */
export function withoutGraphics(engine: RenderingEngine): void {
  (engine as unknown as { _implementation: Pool })._implementation.contextPool = pool;
}

/** emptyCanvases gives back the canvases that nothing is drawn on in software. */
export function emptyCanvases(elements: HTMLElement[]): void {
  for (const e of elements) {
    for (const c of e.querySelectorAll<HTMLCanvasElement>("canvas.cornerstone-canvas")) c.width = c.height = 1;
  }
}

/** Slices is what the library asks for a slice: see vite.config.ts. */
export interface Slices {
  takeSlice: (out: Int16Array, normal: number, at: number, right: number, rightSign: number, down: number, downSign: number, range: { min: number; max: number }) => boolean;
}

/**
 * takeSlice copies one slice of a volume of so many columns, rows and slices, along two
 * of its axes and in either direction, and tells the range of its values. What lies in
 * slices that have not been touched is air, and not read: reading all of a volume that
 * nothing is in takes longer than the first slice.
 */
export function takeSlice(voxels: Int16Array, dims: readonly [number, number, number], touched: Uint8Array, air: number): Slices["takeSlice"] {
  const strides = [1, dims[0], dims[0] * dims[1]] as const;
  return (out, normal, at, right, rightSign, down, downSign, range) => {
    const [wide, high] = [dims[right as 0] ?? 0, dims[down as 0] ?? 0];
    const across = rightSign * (strides[right] ?? 0);
    const below = downSign * (strides[down] ?? 0);
    const start = at * (strides[normal] ?? 0) + (rightSign > 0 ? 0 : -across * (wide - 1)) + (downSign > 0 ? 0 : -below * (high - 1));
    let min = 32767;
    let max = -32768;
    for (let y = 0, i = 0, row = start; y < high; y++, row += below) {
      for (let x = 0, from = row; x < wide; x++, from += across, i++) {
        const k = normal === 2 ? at : down === 2 ? (downSign > 0 ? y : high - 1 - y) : rightSign > 0 ? x : wide - 1 - x;
        const v = touched[k] ? voxels[from]! : air;
        out[i] = v;
        if (v < min) min = v;
        if (v > max) max = v;
      }
    }
    range.min = min;
    range.max = max;
    return true;
  };
}
