import assert from "node:assert/strict";
import { test } from "node:test";
import { bind, bound, keyName } from "../src/keys.ts";

const event = (key: string, also: Partial<Record<"ctrlKey" | "metaKey" | "shiftKey" | "altKey", boolean>> = {}) =>
  ({ key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...also });

test("keys have one name on every keyboard", () => {
  assert.equal(keyName(event("a")), "a");
  assert.equal(keyName(event("N", { shiftKey: true })), "N", "a letter is its own shift");
  assert.equal(keyName(event("?", { shiftKey: true })), "?");
  assert.equal(keyName(event("ArrowUp", { shiftKey: true })), "Shift+ArrowUp");
  assert.equal(keyName(event("Enter", { metaKey: true })), "Ctrl+Enter");
  assert.equal(keyName(event("a", { altKey: true })), "", "the browser's own");
});

test("the latest place comes first, and leaves", () => {
  const one = { keys: ["a"], shown: "A", does: "one", run: () => {} };
  const two = { keys: ["a"], shown: "A", does: "two", run: () => {} };
  const freeOne = bind([one]);
  const freeTwo = bind([two]);
  assert.deepEqual(bound().map((b) => b.does), ["two", "one"]);
  freeOne();
  assert.deepEqual(bound().map((b) => b.does), ["two"]);
  freeTwo();
  assert.equal(bound().length, 0);
});
