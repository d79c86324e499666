// The run of the show: which times of a drop a host is told, and in which order.
import assert from "node:assert/strict";
import { test } from "node:test";
import { nextOf, perksOf, queuesOf, runOf } from "/static/panel/run.js";

const NOW = 1_700_000_000_000;
const MINUTE = 60_000;

function drop(more = {}) {
  return {
    drop_id: "d1",
    title: "Santos",
    status: "scheduled",
    opens_at_ms: null,
    access: null,
    opened_at_ms: 0,
    ...more,
  };
}

function run(drops, { pinned = null, drafts = [] } = {}) {
  return runOf({ pinned, drops, drafts }, NOW).map(({ when, words, atMs }) => [
    when,
    words,
    atMs === null ? null : (atMs - NOW) / MINUTE,
  ]);
}

test("nothing planned is an empty run with nothing next", () => {
  assert.deepEqual(run([]), []);
  assert.equal(nextOf(runOf({ pinned: null, drops: [], drafts: [] }, NOW)), null);
});

test("what is on stands first, what comes by time, what waits for a hand last", () => {
  const open = drop({ status: "open", opened_at_ms: NOW - MINUTE });
  const late = drop({ drop_id: "d3", opens_at_ms: NOW + 9 * MINUTE });
  const soon = drop({ drop_id: "d4", opens_at_ms: NOW + 2 * MINUTE });
  const drafts = [{ drop_id: "d5", title: "Tank" }];
  const pinned = { card_id: "c1", title: "Santos" };
  assert.deepEqual(run([late, drop({ drop_id: "d2" }), soon, open], { pinned, drafts }), [
    ["on", "pinned", null],
    ["on", "open", null],
    ["next", "opens", 2],
    ["next", "opens", 9],
    ["ready", "opens by hand", null],
    ["ready", "a draft", null],
  ]);
});

test("an open drop says since when", () => {
  const [entry] = runOf(
    { pinned: null, drops: [drop({ status: "all_held", opened_at_ms: NOW - MINUTE })], drafts: [] },
    NOW,
  );
  assert.deepEqual([entry.words, entry.sinceMs], ["open, all held", NOW - MINUTE]);
});

test("holds about to run out are told with the first of them", () => {
  const holds = { in_carts: 4, in_orders: 1, ending: 2, first_ends_at_ms: NOW + MINUTE / 4 };
  assert.deepEqual(run([drop({ status: "open", holds })]), [
    ["on", "open", null],
    ["on", "2 holds run out", 0.25],
  ]);
});

test("tiers come before everybody, and what is open for a tier alone says so", () => {
  const access = { tiers: { gold: NOW + MINUTE }, invited_only: false };
  const opens_at_ms = NOW + 5 * MINUTE;
  assert.deepEqual(run([drop({ access, opens_at_ms })]), [
    ["next", "opens for gold", 1],
    ["next", "opens for everybody", 5],
  ]);
  const begun = { tiers: { gold: NOW - MINUTE }, invited_only: false };
  assert.deepEqual(run([drop({ access: begun, opens_at_ms, status: "open" })]), [
    ["on", "early access", 5],
    ["on", "open", null],
    ["next", "opens for everybody", 5],
  ]);
});

test("a lottery opens by its draw and counts its entries", () => {
  const lottery = { entries_from_ms: NOW - MINUTE, entries_until_ms: NOW + 3 * MINUTE };
  assert.deepEqual(run([drop({ lottery, entered: 1_200 })]), [
    ["on", "entries are taken, 1,200 so far", 3],
    ["next", "the draw", 3],
  ]);
});

test("a presale has the end of deposits and the window of balances", () => {
  const presale = {
    deposit_until_ms: NOW + MINUTE,
    balance_from_ms: NOW + 2 * MINUTE,
    balance_until_ms: NOW + 3 * MINUTE,
  };
  assert.deepEqual(run([drop({ status: "open", presale })]), [
    ["on", "open", null],
    ["next", "deposits end", 1],
    ["next", "balances are taken from then on", 2],
    ["next", "balances end", 3],
  ]);
});

test("flash prices and allocations stand in the run until they are over", () => {
  const flash = [
    { from_ms: NOW - 2 * MINUTE, until_ms: NOW - MINUTE, price_minor: 1 },
    { from_ms: NOW, until_ms: NOW + MINUTE, price_minor: 1 },
    { from_ms: NOW + 2 * MINUTE, until_ms: NOW + 3 * MINUTE, price_minor: 1 },
  ];
  const merging = { shelves: { "": 1, tmall: 2 }, merge_at_ms: NOW + 4 * MINUTE };
  assert.deepEqual(run([drop({ status: "open", flash, ...merging })]), [
    ["on", "open", null],
    ["on", "flash price", 1],
    ["next", "the flash price ends", 1],
    ["next", "flash price from then on", 2],
    ["next", "the flash price ends", 3],
    ["next", "allocations flow together", 4],
  ]);
});

test("what is closed is no part of the run, and of what is sold out nothing comes", () => {
  const flash = [{ from_ms: NOW + MINUTE, until_ms: NOW + 2 * MINUTE, price_minor: 1 }];
  assert.deepEqual(run([drop({ status: "closed", flash }), drop({ status: "sold_out", flash })]), []);
});

test("the next thing is what the clock does first", () => {
  const drops = [
    drop({ opens_at_ms: NOW + 2 * MINUTE }),
    drop({ drop_id: "d2", opens_at_ms: NOW + MINUTE }),
    drop({ drop_id: "d3" }),
  ];
  assert.equal(nextOf(runOf({ pinned: null, drops, drafts: [] }, NOW)).id, "d2");
});

test("queues are told where somebody waits or is offered a unit", () => {
  const line = { joined: 9, oldest_since_ms: NOW - MINUTE, offers_open: 2 };
  const none = { joined: 3, oldest_since_ms: null, offers_open: 0 };
  const drops = [drop({ waiting: 4, next: 6, line }), drop({ drop_id: "d2", waiting: 0, line: none })];
  assert.deepEqual(queuesOf(drops, NOW), [
    { id: "d1", title: "Santos", waiting: 4, head: 6, oldestMs: MINUTE, offers: 2 },
  ]);
  assert.deepEqual(queuesOf([drop({ waiting: 0 })], NOW), [], "a ledger of an earlier version");
});

test("perks of the room stand before those of drops, of closed drops only what was given", () => {
  const perk = { perk_id: "p", name: "Bellboy", first_n: 88, given: 3, freed: 1, on_refund: "pass" };
  const [room, bellboy, ...rest] = perksOf(
    [{ ...perk, name: "Red box", on_refund: "stay" }],
    [
      drop({ perks_given: [perk], perks_awarded: 3 }),
      drop({ drop_id: "d2", status: "closed", perks_given: [perk], perks_awarded: 0 }),
    ],
  );
  assert.deepEqual(rest, []);
  assert.deepEqual([room.name, room.of, room.passesOn], ["Red box", "", false]);
  assert.deepEqual(
    [bellboy.of, bellboy.given, bellboy.firstN, bellboy.freed, bellboy.passesOn],
    ["Santos", 3, 88, 1, true],
  );
});
