import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { textsOf } from "./catalogue.ts";

const sources = (readdirSync("src", { recursive: true }) as string[]).filter((f) => /\.tsx?$/.test(f) && f !== "texts.ts" && !f.startsWith("stubs"));

test("no component holds a text of its own: all are in texts.ts", () => {
  assert.ok(sources.length > 40);
  for (const f of sources) {
    for (const t of textsOf(readFileSync(`src/${f}`, "utf8"), f.endsWith("x"))) assert.fail(`src/${f} holds the text "${t.text.trim()}": put it into src/texts.ts`);
  }
});

test("a text is found wherever a component can hold one", () => {
  const held = (code: string): string[] => textsOf(code, true).map((t) => t.text.trim());
  assert.deepEqual(held(`const a = <p title="Foo">Bar</p>;`), ["Foo", "Bar"]);
  assert.deepEqual(held("const a = <p class=\"foo bar\" aria-label={b ? `${n} of them` : \"none\"} onClick={() => say(\"Foo bar\")} />;"), ["${} of them", "none", "Foo bar"]);
  assert.deepEqual(held(`const k = { keys: ["x"], does: "zoom" };`), ["zoom"]);
  assert.deepEqual(held(`const a = <p>{b ? "none" : c === "dark" ? "Light" : say("other")}</p>;`), ["none", "Light"]);
  assert.deepEqual(held(`const a = [["Born", b]], k = { keys: ["Enter"] };`), ["Born"]);
  assert.deepEqual(held(`throw new Error("foo bar"); console.error("foo bar"); x.closest("a, button"); import a from "foo bar";`), []);
});

test("the wording is that of the field", () => {
  const all = readFileSync("src/texts.ts", "utf8");
  for (const wanted of ["Reconstruction", "Discard", "Keep theirs", "show superseded", "Previous", "Clear measurements", "CAD confidence", "Scored at", "View-only account"]) {
    assert.ok(all.toLowerCase().includes(wanted.toLowerCase()), `${wanted} is missing`);
  }
  for (const odd of [/\brebuilt\b/i, /\btake back\b/i, /\btheir version stays\b/i, /\breplaced results\b/i, /\bjudg(e|ed)\b/i, /\bdetector's confidence\b/i]) assert.doesNotMatch(all, odd);
});
