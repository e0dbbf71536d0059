import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

// The page runs under a content security policy without inline styles. The
// tools set one text style by an attribute, which the policy forbids, where the
// same by property is allowed.
function stylesByProperty(): Plugin {
  let done = false;
  return {
    name: "styles-by-property",
    apply: (_, env) => env.command === "build" && !env.isSsrBuild,
    transform(code, id) {
      if (!id.endsWith("/drawingSvg/drawTextBox.js")) return null;
      const before = "textElement.setAttribute('style', combinedStyle)";
      if (!code.includes(before)) this.error("drawTextBox.js has changed: look how it sets its style now");
      done = true;
      return { code: code.replace(before, "textElement.style.cssText = combinedStyle"), map: null };
    },
    buildEnd(error) {
      if (!error && !done) this.error("drawTextBox.js was not seen: is the style of its text still set by attribute?");
    },
  };
}

export default defineConfig({
  base: "./",
  resolve: { alias: { xmlbuilder2: fileURLToPath(new URL("src/stubs/xmlbuilder2.ts", import.meta.url)) } },
  plugins: [stylesByProperty()],
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
