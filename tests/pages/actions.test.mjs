// Pressing: once, under a key, with a fate that is told in the end, and taken back where it can be.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Actions, OFFLINE } from "/static/panel/actions.js";
import { deedOf } from "/static/panel/deeds.js";
import { KEPT_MAX, UNDO_MS, answered, heard, pressed, unsureOf } from "/static/panel/fates.js";

const NOW = 1_700_000_000_000;

/** A desk whose API answers as it is told, and a clock that stands still until it is moved. */
function desk(before = {}, presses = []) {
  const sent = [];
  const waiting = [];
  const clock = { now: NOW };
  const actions = new Actions({
    send: (...call) => {
      sent.push(call);
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    now: () => clock.now,
    before: () => before,
    presses,
  });
  actions.online = true;
  return { actions, sent, waiting, clock };
}

const noAnswer = () => Object.assign(new Error("no answer"), { unsure: true });
const restock = (actions) => actions.call("POST", "/drops/d1/restock", { quantity: 10 });
const fates = ({ presses }) => presses.map(({ fate }) => fate);

async function settled(promise) {
  return promise.then(
    (value) => ["done", value],
    (error) => ["thrown", error.message],
  );
}

test("the same call while it is under way is one press and is sent once", async () => {
  const { actions, sent, waiting } = desk();
  const both = [restock(actions), restock(actions)];
  assert.equal(sent.length, 1);
  waiting[0].resolve("ok");
  assert.deepEqual(await Promise.all(both), ["ok", "ok"]);
  restock(actions);
  assert.equal(sent.length, 2, "once it is answered another press is another restock");
  assert.notEqual(sent[0][3], sent[1][3], "with a key of its own");
});

test("what is refused says why", async () => {
  const { actions, waiting } = desk();
  const doing = settled(restock(actions));
  waiting[0].reject(Object.assign(new Error("drop d1 is closed"), { unsure: false }));
  assert.deepEqual(await doing, ["thrown", "drop d1 is closed"]);
  assert.deepEqual([actions.presses[0].fate, actions.presses[0].why], ["refused", "drop d1 is closed"]);
});

test("without an answer it is unsure until the feed tells of its key", async () => {
  const { actions, waiting, clock } = desk();
  const doing = settled(restock(actions));
  waiting[0].reject(noAnswer());
  await doing;
  assert.deepEqual(fates(actions), ["unsure"]);
  clock.now += 1_000;
  actions.hear({ at_ms: clock.now, desk: [{ key: "another" }] });
  assert.deepEqual(fates(actions), ["unsure"]);
  actions.hear({ at_ms: clock.now, desk: [{ key: actions.presses[0].key }] });
  assert.deepEqual(fates(actions), ["done"]);
});

test("a feed that is back and silent about it for long says that it was not done", async () => {
  const { actions, waiting, clock } = desk();
  const doing = settled(restock(actions));
  waiting[0].reject(noAnswer());
  await doing;
  actions.online = false;
  clock.now += 60_000;
  actions.hear({ at_ms: clock.now, desk: [] });
  assert.deepEqual(fates(actions), ["unsure"], "the feed is not back");
  actions.online = true;
  clock.now += 1_000;
  actions.hear({ at_ms: clock.now, desk: [] });
  assert.deepEqual(fates(actions), ["unsure"], "an engine that has just returned first catches up");
  clock.now += 5_000;
  actions.hear({ at_ms: clock.now, desk: [] });
  assert.deepEqual(fates(actions), ["unheard"]);
  assert.equal(unsureOf(actions.presses), 1);
  actions.hear({ at_ms: clock.now, desk: [{ key: actions.presses[0].key }] });
  assert.deepEqual(fates(actions), ["done"], "it was told late, and is told");
});

test("asked again it goes under its own key, so that it is not done twice", async () => {
  const { actions, sent, waiting } = desk();
  const doing = settled(restock(actions));
  waiting[0].reject(noAnswer());
  await doing;
  const again = actions.again(actions.presses[0].key);
  waiting[1].resolve("ok");
  await again;
  assert.deepEqual(sent[0], sent[1]);
  assert.deepEqual(fates(actions), ["done"]);
});

test("what waited for its answer when the page was loaded anew is unsure, and told by the feed", async () => {
  const left = desk();
  restock(left.actions);
  const { actions, clock } = desk({}, JSON.parse(JSON.stringify(left.actions.presses)));
  assert.deepEqual(fates(actions), ["unsure"]);
  actions.hear({ at_ms: clock.now, desk: [{ key: actions.presses[0].key }] });
  assert.deepEqual(fates(actions), ["done"]);
});

test("without a connection nothing is sent, and that is told", async () => {
  const { actions, sent } = desk();
  actions.online = false;
  assert.deepEqual(await settled(restock(actions)), ["thrown", OFFLINE]);
  assert.equal(sent.length, 0);
  assert.deepEqual(fates(actions), ["refused"]);
});

test("what can be taken back is offered for ten seconds, and taken back once", async () => {
  const card = { card_id: "c1", title: "Santos", sku: "santos" };
  const { actions, sent, waiting, clock } = desk({ cards: new Map([["c1", card]]), pinned: "c1" });
  const doing = actions.call("DELETE", "/cards/c1");
  waiting[0].resolve({});
  await doing;
  assert.equal(actions.undo.words, "Withdraw the card Santos");
  const back = actions.takeBack();
  assert.equal(await actions.takeBack(), undefined, "the second press finds no offer");
  waiting[1].resolve({});
  await new Promise(setImmediate);
  waiting[2].resolve({});
  await back;
  assert.deepEqual(
    sent.slice(1).map(([method, path, body]) => [method, path, body]),
    [
      ["PUT", "/cards/c1", { title: "Santos", sku: "santos" }],
      ["PUT", "/pin", { card_id: "c1" }],
    ],
  );
  assert.equal(actions.undo, null, "an undo is not offered to be undone");

  const again = actions.call("DELETE", "/cards/c1");
  waiting[3].resolve({});
  await again;
  clock.now += UNDO_MS;
  actions.tick();
  assert.equal(actions.undo, null);
});

test("a press that cannot be undone leaves the offer of the one before it", async () => {
  const { actions, waiting } = desk();
  const doing = actions.call("POST", "/drops/d1/pause");
  waiting[0].resolve({});
  await doing;
  const added = restock(actions);
  waiting[1].resolve({});
  await added;
  assert.deepEqual(actions.undo.calls, [["POST", "/drops/d1/resume", undefined]]);
});

test("every command has its words and, where there is one, its opposite", () => {
  const drops = new Map([["d1", { title: "Santos" }]]);
  const before = { cards: new Map(), drops, drafts: new Map(), pinned: null, slowModeMs: 5_000 };
  const words = (...call) => deedOf(...call, before).words;
  const undo = (...call) => deedOf(...call, before).undo;
  assert.equal(words("POST", "/drops/d1/open", undefined), "Open Santos");
  assert.equal(undo("POST", "/drops/d1/open", undefined), null);
  assert.equal(words("POST", "/drops/d1/restock", { quantity: 5 }), "Add 5 to Santos");
  assert.deepEqual(undo("PUT", "/cards/c%201", { title: "New" }), [["DELETE", "/cards/c%201", undefined]]);
  assert.deepEqual(undo("PUT", "/pin", { card_id: "c1" }), [["PUT", "/pin", { card_id: null }]]);
  assert.equal(undo("PUT", "/pin", { card_id: null }), null, "nothing was pinned");
  assert.deepEqual(undo("POST", "/viewers/wang/ban", { banned: true }), [
    ["POST", "/viewers/wang/ban", { banned: false }],
  ]);
  assert.equal(words("POST", "/viewers/wang/mute", { muted: false }), "Let speak wang");
  assert.deepEqual(undo("PUT", "/chat/slow-mode", { interval_ms: 0 }), [
    ["PUT", "/chat/slow-mode", { interval_ms: 5_000 }],
  ]);
  assert.equal(words("DELETE", "/chat/m1", undefined), "Delete a line of chat");
  const shelf = { quantity: 5, channel: "tmall" };
  assert.equal(words("POST", "/drops/d1/restock", shelf), "Add 5 to Santos for tmall");
  assert.equal(words("POST", "/invitations", { viewers: ["wang"] }), "Invite wang");
  assert.equal(words("PATCH", "/what/else", undefined), "PATCH /what/else");
});

test("the list has an end, beyond which only the unsure are kept", () => {
  let list = pressed([], { key: "first", words: "", call: [], atMs: 0 });
  list = answered(list, "first", "unsure");
  for (let number = 0; number < KEPT_MAX + 10; number += 1) {
    list = pressed(list, { key: `k${number}`, words: "", call: [], atMs: number });
    list = answered(list, `k${number}`, "done");
  }
  assert.equal(list.length, KEPT_MAX + 1);
  assert.equal(list.at(-1).key, "first");
  assert.equal(heard(list, { told: [], ledgerAtMs: 0, liveSinceMs: 0 }), list, "nothing moved");
});
