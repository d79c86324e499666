// The light where no engine can judge, gateways worst first, and figures over time.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  SILENT_MS,
  completion,
  eventName,
  formatBytes,
  formatShare,
  lightNow,
  shortSpan,
  worstFirst,
} from "/static/panel/flight_rules.js";
import {
  FINE_MS,
  STEP_MS,
  WINDOW_MS,
  corners,
  inWords,
  perMinute,
  withPoint,
} from "/static/panel/series.js";

const GREEN = { light: "green", reasons: [] };
const SLOW = { code: "append_slow", light: "amber", text: "Redis took 240 ms.", advice: "Look." };
const ledger = (flight = GREEN, resting = false) => ({ flight, resting });
const heard = (more) => lightNow({ line: "open", ledger: ledger(), silentMs: 900, ...more });
const codes = ({ reasons }) => reasons.map(({ code }) => code);

test("while the engine is heard its light is the light", () => {
  assert.equal(heard().light, "green");
  assert.equal(heard().words, "All is well.");
  const amber = heard({ ledger: ledger({ light: "amber", reasons: [SLOW] }) });
  assert.deepEqual([amber.light, amber.words], ["amber", SLOW.text]);
});

test("an engine that falls silent turns the light red without having to say so", () => {
  assert.equal(heard({ silentMs: SILENT_MS }).light, "green");
  const silent = heard({
    ledger: ledger({ light: "amber", reasons: [SLOW] }),
    silentMs: SILENT_MS + 1,
  });
  assert.equal(silent.light, "red");
  assert.deepEqual(codes(silent), ["engine_silent", "append_slow"]);
});

test("a desk without a connection is red whatever was heard last", () => {
  for (const line of ["connecting", "waiting", "closed"]) {
    assert.equal(heard({ line }).light, "red");
    assert.deepEqual(codes(heard({ line })), ["no_line"]);
  }
});

test("a desk that was told so says that it is Redis", () => {
  const away = heard({ line: "waiting", why: "redis is away" });
  assert.deepEqual([away.light, codes(away)], ["red", ["redis_away"]]);
});

test("a room at rest may be silent for days", () => {
  const resting = heard({ ledger: ledger(GREEN, true), silentMs: 10 ** 9 });
  assert.equal(resting.light, "green");
  assert.match(resting.words, /At rest/);
});

test("a room of which nothing was told yet, or by an older engine, is amber", () => {
  assert.deepEqual(codes(heard({ ledger: null })), ["nothing_told"]);
  assert.equal(heard({ ledger: { resting: false } }).light, "amber");
});

test("a share is never rounded up to everybody", () => {
  assert.equal(completion({ addressed: 0, reached: 0 }), null);
  assert.equal(completion({ addressed: 20_000, reached: 19_999 }), 0.99995);
  const told = [1, 0.99995, 0.905, 0.899, 0, null].map(formatShare);
  assert.deepEqual(told, ["100 %", "99.9 %", "90.5 %", "89 %", "0 %", "–"]);
});

const gateway = (id, more) => ({
  ...{ id, viewers: 1_000, behind: 0, age_ms: 500, cpu: 0.2, lag_ms: 3, turned_away: 0 },
  ...{ viewers_in_all: 1_000, seats: 20_000, ...more },
});

test("the gateway to look at first is the first", () => {
  const order = worstFirst([
    gateway("b"),
    gateway("a"),
    gateway("busy", { cpu: 0.9 }),
    gateway("nearly full", { viewers_in_all: 19_000 }),
    gateway("behind", { behind: 300 }),
    gateway("late", { lag_ms: 400 }),
    gateway("silent", { age_ms: 4_000 }),
    gateway("full", { turned_away: 3 }),
  ]).map(({ id }) => id);
  assert.deepEqual(order, ["full", "silent", "late", "behind", "nearly full", "busy", "a", "b"]);
});

test("spans, memory and events are told as people say them", () => {
  const spans = [4, 999, 1_250, 31_500, 240_000, 10_800_000].map(shortSpan);
  assert.deepEqual(spans, ["4 ms", "999 ms", "1.3 s", "32 s", "4 min", "3 h"]);
  assert.deepEqual([12e6, 3.44e9].map(formatBytes), ["12 MB", "3.4 GB"]);
  assert.equal(eventName("drop.sold_out"), "Sold out");
  assert.equal(eventName("of.a.later.version"), "of.a.later.version");
});

const series = (values, everyMs = 1_000) => values.map((value, at) => ({ atMs: at * everyMs, value }));
const grown = (seconds, valueOf) => {
  let points = [];
  for (let at = 0; at < seconds; at += 1) points = withPoint(points, at * 1_000, valueOf(at));
  return points;
};

test("of two hours the last is kept: two minutes to the second and the rest in steps", () => {
  const points = grown(7_200, (at) => at);
  const lastMs = points.at(-1).atMs;
  assert.ok(points.length <= (FINE_MS + WINDOW_MS / 30) / 1_000 + 2, String(points.length));
  assert.ok(lastMs - points[0].atMs > WINDOW_MS - STEP_MS);
  assert.ok(lastMs - points[0].atMs <= WINDOW_MS);
  const gaps = points.slice(1).map(({ atMs }, index) => atMs - points[index].atMs);
  assert.ok(Math.max(...gaps) <= STEP_MS);
  assert.ok(gaps.slice(-119).every((gap) => gap === 1_000));
});

test("a point too soon after the last one changes nothing at all", () => {
  const points = series([1, 2, 3]);
  assert.equal(withPoint(points, 2_999, 9), points);
  assert.equal(withPoint(points, 3_000, 9).length, 4);
});

test("a pace is the growth of the last minute, and of less where there is less", () => {
  assert.deepEqual(perMinute(series([0, 1])), [{ atMs: 1_000, value: 60 }]);
  const steady = perMinute(grown(600, (at) => at * 2));
  assert.ok(steady.every(({ value }) => value === 120));
  const stopped = perMinute(grown(600, (at) => Math.min(at, 300)));
  assert.equal(stopped.at(-1).value, 0);
  assert.deepEqual(perMinute([]), []);
});

test("a line stands in its box from zero to its highest point, by time", () => {
  const points = [
    { atMs: 0, value: 0 },
    { atMs: 3_000, value: 10 },
    { atMs: 4_000, value: 5 },
  ];
  assert.deepEqual(corners(points, 120, 20), [
    [0, 20],
    [90, 0],
    [120, 10],
  ]);
  assert.deepEqual(corners(series([7]), 120, 20), [], "one point is no line");
  assert.deepEqual(corners(series([0, 0]), 120, 20), [], "nor is nothing");
  const refunded = corners(series([0, -10]), 120, 20);
  assert.deepEqual(refunded, [
    [0, 0],
    [120, 20],
  ]);
});

test("who does not see the line is told of it", () => {
  assert.equal(inWords(series([1]), String), "No course yet.");
  const told = inWords(series([5, 90, 40], 60_000), (value) => `${value} viewers`);
  assert.equal(told, "Over 2 minutes: from 5 viewers to 40 viewers, 90 viewers at the most.");
});
