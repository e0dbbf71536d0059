import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

// changed is a plugin that writes lines of a file of the library anew, and fails
// where the file does not have them any more.
function changed(name: string, file: string, lines: [before: string, after: string][]): Plugin {
  let done = false;
  return {
    name,
    apply: (_, env) => env.command === "build" && !env.isSsrBuild,
    transform(code, id) {
      if (!id.endsWith(file)) return null;
      for (const [before, after] of lines) {
        if (!code.includes(before)) this.error(`${file} has changed: look what ${name} is for`);
        code = code.replace(before, after);
      }
      done = true;
      return { code, map: null };
    },
    buildEnd(error) {
      if (!error && !done) this.error(`${file} was not seen: is ${name} still needed?`);
    },
  };
}

// The page runs under a content security policy without inline styles. The
// tools set one text style by an attribute, which the policy forbids, where the
// same by property is allowed.
const stylesByProperty = changed("styles-by-property", "/drawingSvg/drawTextBox.js", [
  ["textElement.setAttribute('style', combinedStyle)", "textElement.style.cssText = combinedStyle"],
]);

// In software the library draws on a canvas for each volume, and copies it to that of
// the plane. Here is one volume, and a plane of a large screen has 13 MiB.
const oneCanvas = changed("one-canvas", "/Planar/CpuVolumeSliceRenderPath.js", [
  ["layerCanvas: createCanvas(null, ctx.cpu.canvas.width, ctx.cpu.canvas.height)", "layerCanvas: ctx.cpu.canvas"],
  ["compositeLayerCanvas(ctx, runtime);", ""],
]);

// A slice is taken in one go where the volume offers that, not by a call for each voxel.
const wholeSlices = changed("whole-slices", "/Planar/PlanarCPUVolumeSampler.js", [
  [
    "for (let y = 0; y < outputHeight; y++) {\n            ijk[downAxis]",
    "const taken = voxelManager.takeSlice?.(scalarData, normalAxis.axis, normalIndex, rightAxis.axis, rightSign, downAxis, downSign, sampleRange);\n"
      + "        if (!taken) for (let y = 0; y < outputHeight; y++) {\n            ijk[downAxis]",
  ],
]);

export default defineConfig({
  base: "./",
  resolve: { alias: { xmlbuilder2: fileURLToPath(new URL("src/stubs/xmlbuilder2.ts", import.meta.url)) } },
  plugins: [stylesByProperty, oneCanvas, wholeSlices],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2023",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 4096,
    license: { fileName: "licences.md" },
  },
});
