// Keys on camera: which are heard, and when none is.
import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.document = { addEventListener() {} }; // the page's own double-click watch
const { KEYS, isStruckTwice, keyMeant } = await import("/static/panel/keys.js");

test("each key is heard, in capitals too", () => {
  for (const key of KEYS.keys()) assert.equal(keyMeant({ key }), key);
  assert.equal(keyMeant({ key: "P" }), "p");
});

test("nothing is heard while one types, with a modifier, or while a key is held", () => {
  for (const more of [
    { ctrlKey: true },
    { metaKey: true },
    { altKey: true },
    { repeat: true },
    { defaultPrevented: true },
    { target: { tagName: "INPUT" } },
    { target: { tagName: "TEXTAREA" } },
    { target: { tagName: "SELECT" } },
    { target: { tagName: "DIV", isContentEditable: true } },
  ])
    assert.equal(keyMeant({ key: "p", ...more }), null, JSON.stringify(more));
});

test("a key struck twice in a row is struck once", () => {
  const first = { key: "p", timeStamp: 1_000 };
  assert.equal(isStruckTwice(first, null), false);
  assert.equal(isStruckTwice({ key: "p", timeStamp: 1_200 }, first), true);
  assert.equal(isStruckTwice({ key: "n", timeStamp: 1_200 }, first), false);
  assert.equal(isStruckTwice({ key: "p", timeStamp: 1_500 }, first), false, "a second thought");
});

test("other keys mean nothing", () => {
  for (const key of ["x", "Enter", " ", "Escape", "ArrowUp"]) assert.equal(keyMeant({ key }), null);
});
