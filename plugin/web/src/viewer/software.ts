// Drawing in software, which the page does itself (see slice.ts, vite.config.ts): the
// library makes a WebGL window of the size of the largest plane, and a second canvas for
// each plane, also where it draws on neither.

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

/**
 * colourSlice makes pixels of one slice of a volume of so many columns, rows and slices,
 * along two of its axes, by a table of the voxels' 16 bits. What lies in slices that have
 * not been touched is air, and not read: reading all of a volume that nothing is in takes
 * longer than the first slice.
 */
export function colourSlice(voxels: Int16Array, dims: readonly [number, number, number], touched: Uint8Array, air: number, axes: readonly [number, number, number], at: number, table: Uint32Array, out: Uint32Array): void {
  const [right, down, normal] = axes;
  const strides = [1, dims[0], dims[0] * dims[1]];
  const [wide, high] = [dims[right as 0] ?? 0, dims[down as 0] ?? 0];
  const across = strides[right] ?? 0;
  const nothing = table[air & 0xffff] ?? 0;
  for (let y = 0, i = 0; y < high; y++) {
    if (!touched[normal === 2 ? at : y]) {
      out.fill(nothing, i, i + wide);
      i += wide;
      continue;
    }
    let from = at * (strides[normal] ?? 0) + y * (strides[down] ?? 0);
    for (let x = 0; x < wide; x++, from += across, i++) out[i] = table[voxels[from]! & 0xffff]!;
  }
}
