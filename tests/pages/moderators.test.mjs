// What moderators did, in words; and a list of words that two of them edit at once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { deedOf } from "/static/panel/deeds.js";
import {
  ACTIONS_KEPT,
  actionInWords,
  mergeWords,
  mergedActions,
  parseWords,
} from "/static/panel/moderators.js";

test("every action has words", () => {
  const lines = new Map([["m1", { name: "Mei", text: "Does it ship?" }]]);
  const inWords = (action) => actionInWords(action, (id) => lines.get(id));
  for (const [action, words] of [
    [{ type: "viewer.muted", viewer: "wang" }, "muted wang"],
    [{ type: "viewer.muted", viewer: "wang", undone: true }, "let speak wang"],
    [{ type: "viewer.banned", viewer: "li" }, "banned li"],
    [{ type: "viewer.banned", viewer: "li", undone: true }, "let in li"],
    [{ type: "chat.slow_mode", interval_ms: 5_000 }, "set slow mode, 5 s"],
    [{ type: "chat.slow_mode", interval_ms: 0 }, "ended slow mode"],
    [{ type: "chat.deleted", message_id: "m1" }, "deleted Mei: “Does it ship?”"],
    [{ type: "chat.deleted", message_id: "m2" }, "deleted a line"],
    [{ type: "chat.restored", message_id: "m1" }, "brought back Mei: “Does it ship?”"],
    [{ type: "chat.pinned", text: "Doors at eight" }, "pinned “Doors at eight”"],
    [{ type: "chat.pinned", text: "Mine!", name: "Mei" }, "pinned Mei: “Mine!”"],
    [{ type: "chat.pinned", undone: true }, "unpinned the message"],
    [{ type: "chat.words", words: 3 }, "set the blocked words, 3 of them"],
    [{ type: "chat.words", words: 0 }, "blocks no words any more"],
  ])
    assert.equal(inWords(action), words);
});

test("actions of two lists stand once each, the newest first, and in bounds", () => {
  const list = (from, to) => Array.from({ length: to - from }, (_, n) => ({ seq: from + n }));
  const seqs = mergedActions(list(1, 6), list(4, 9)).map(({ seq }) => seq);
  assert.deepEqual(seqs, [8, 7, 6, 5, 4, 3, 2, 1]);
  assert.equal(mergedActions(list(1, 300), []).length, ACTIONS_KEPT);
});

test("a list of words is what is typed, one to a line", () => {
  assert.deepEqual(parseWords(" rude \n\n坏蛋\nrude\ngo away\n"), ["rude", "坏蛋", "go away"]);
});

test("what two moderators did to the list holds, both of it", () => {
  const base = ["a", "b", "c"];
  assert.deepEqual(mergeWords(base, ["a", "c", "mine"], ["a", "b", "theirs"]), ["a", "theirs", "mine"]);
  assert.deepEqual(mergeWords(base, base, ["x"]), ["x"], "who changed nothing changes nothing");
  assert.deepEqual(mergeWords([], ["a"], ["a"]), ["a"]);
});

test("a deleted line comes back, and above the chat if it stood there", () => {
  const pinnedMessage = { text: "Mine!", name: "Mei", message_id: "g 1" };
  const back = ["POST", "/chat/g%201/restore", undefined];
  assert.deepEqual(deedOf("DELETE", "/chat/g%201", undefined, {}).undo, [back]);
  assert.deepEqual(deedOf("DELETE", "/chat/g%201", undefined, { pinnedMessage }).undo, [
    back,
    ["PUT", "/chat/pin", pinnedMessage],
  ]);
  assert.deepEqual(deedOf("POST", "/chat/g%201/restore").undo, [["DELETE", "/chat/g%201", undefined]]);
});

test("what was pinned before is pinned again", () => {
  const pinnedMessage = { text: "Doors at eight" };
  const pin = { text: "Now!" };
  assert.deepEqual(deedOf("PUT", "/chat/pin", pin, { pinnedMessage }), {
    words: "Pin “Now!”",
    undo: [["PUT", "/chat/pin", pinnedMessage]],
  });
  assert.deepEqual(deedOf("PUT", "/chat/pin", pin, { pinnedMessage: null }).undo, [
    ["DELETE", "/chat/pin", undefined],
  ]);
  assert.equal(deedOf("DELETE", "/chat/pin", undefined, { pinnedMessage }).words, "Unpin the message");
});
