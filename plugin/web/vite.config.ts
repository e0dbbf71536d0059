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

// In software the page draws a plane that shows slices as they are: src/viewer/slice.ts.
// Otherwise the library draws on a canvas for each volume, and copies it to that of the
// plane. Here is one volume, and a plane of a large screen has 13 MiB.
const ownSlices = changed("own-slices", "/Planar/CpuVolumeSliceRenderPath.js", [
  [
    "beginCompositePass(ctx);\n        const layerCanvasWasResized",
    "if (runtime.imageVolume.voxelManager?.drawnByThePage) {\n"
      + "            ctx.display.markRendered();\n"
      + "            triggerEvent(ctx.viewport.element, Events.IMAGE_RENDERED, { element: ctx.viewport.element, viewportId: ctx.viewportId, renderingEngineId: ctx.renderingEngineId, viewportStatus: ViewportStatus.RENDERED });\n"
      + "            return;\n        }\n"
      + "        beginCompositePass(ctx);\n        const layerCanvasWasResized",
  ],
  ["layerCanvas: createCanvas(null, ctx.cpu.canvas.width, ctx.cpu.canvas.height)", "layerCanvas: ctx.cpu.canvas"],
  ["compositeLayerCanvas(ctx, runtime);", ""],
]);

// A browser keeps a script of 3 MB at two bytes a letter where one letter of it is not of
// Latin 1, such as a dash or an arrow. These are written by their numbers.
const latin: Plugin = {
  name: "latin",
  apply: (_, env) => env.command === "build" && !env.isSsrBuild,
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type === "chunk") file.code = file.code.replace(/[^\0-\xff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
    }
  },
};

export default defineConfig({
  base: "./",
  resolve: { alias: { xmlbuilder2: fileURLToPath(new URL("src/stubs/xmlbuilder2.ts", import.meta.url)) } },
  plugins: [stylesByProperty, ownSlices, latin],
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
