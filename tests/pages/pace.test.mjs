// Reading along at a human rate: what comes on screen, what waits, and that nothing is lost unseen.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ASIDE_EVERY_MS,
  BEHIND_MAX,
  BURST,
  LINES_PER_S,
  Reading,
  WAITING_MAX,
  isQuestion,
} from "/static/panel/pace.js";

const NOW = 1_700_000_000_000;

let made = 0;
const line = (text = "so beautiful") => ({ id: `m${(made += 1)}`, text });
const lines = (count, text) => Array.from({ length: count }, () => line(text));
const ids = (entries) => entries.filter((entry) => entry.line).map((entry) => entry.line.id);

/** Seconds of a room in which so much is said every 250 ms; all entries that came on screen. */
function listen(reading, seconds, perTick, held = () => false) {
  const entries = [];
  for (let ms = 250; ms <= seconds * 1_000; ms += 250) {
    reading.take(lines(perTick));
    entries.push(...reading.due(NOW + ms, held(ms)));
  }
  return entries;
}

test("what is said at an easy pace comes on screen at once and in order", () => {
  const reading = new Reading();
  const said = lines(3);
  reading.take(said);
  assert.deepEqual(ids(reading.due(NOW, false)), said.map(({ id }) => id));
  assert.equal(reading.fresh, 0);
});

test("however much is said, no more comes than one reads", () => {
  const entries = listen(new Reading(), 60, 20);
  const shown = ids(entries).length;
  assert.ok(shown <= BURST + 60 * LINES_PER_S, `${shown}`);
  assert.ok(shown >= 60 * LINES_PER_S - 1, `${shown}`);
});

test("what comes is never far behind what is said", () => {
  const reading = new Reading();
  listen(reading, 30, 20);
  const [newest] = lines(1);
  reading.take([newest]);
  const later = [];
  for (let ms = 0; ms <= 6_000; ms += 250) later.push(...reading.due(NOW + 30_000 + ms, false));
  assert.ok(ids(later).includes(newest.id));
});

test("every line is shown, passed over and told of, or still waits", () => {
  const reading = new Reading();
  const before = made;
  const entries = listen(reading, 20, 7);
  const passed = entries.flatMap((entry) => entry.passed ?? []);
  const seen = ids(entries).length + passed.length + reading.fresh;
  assert.equal(seen, made - before);
});

test("lines that were passed over are told of together and not each time", () => {
  const asides = listen(new Reading(), 60, 20).filter((entry) => entry.passed);
  assert.ok(asides.length <= 60_000 / ASIDE_EVERY_MS + 1, `${asides.length}`);
  assert.ok(asides.slice(1).every(({ passed }) => passed.length > BEHIND_MAX));
});

test("lines that nobody saw are told of as well", () => {
  const reading = new Reading();
  reading.take(lines(1), 40);
  reading.take([], 2);
  const [aside, only] = reading.due(NOW, false);
  assert.deepEqual([aside.passed, aside.skipped], [[], 42]);
  assert.ok(only.line);
});

test("questions are passed over last", () => {
  const reading = new Reading();
  const asked = lines(4, "Does it ship?");
  reading.take(asked);
  reading.take(lines(100));
  const shown = new Set(ids(listen(reading, 10, 0)));
  assert.ok(asked.every(({ id }) => shown.has(id)));
});

test("while somebody reads nothing moves, and all of it is counted", () => {
  const reading = new Reading();
  assert.deepEqual(listen(reading, 5, 2, () => true), []);
  assert.equal(reading.fresh, 40);
  assert.equal(ids(reading.all()).length, 40);
  assert.equal(reading.fresh, 0);
});

test("who reads for ten minutes keeps no more lines than the bound, and all are counted", () => {
  const reading = new Reading();
  const before = made;
  listen(reading, 600, 20, () => true);
  assert.equal(reading.fresh, made - before);
  const [aside, ...others] = reading.all();
  assert.deepEqual([aside.passed.length, others.length], [WAITING_MAX, WAITING_MAX]);
  assert.equal(aside.forgotten, made - before - 2 * WAITING_MAX);
});

test("a line that is deleted while it waits does not come", () => {
  const reading = new Reading();
  const said = lines(30);
  reading.take(said);
  reading.due(NOW, true);
  for (const { id } of said) reading.remove(id);
  assert.deepEqual(reading.all(), []);
});

test("a line is a question by its last sign, also in Chinese", () => {
  assert.ok(isQuestion("Does it ship?"));
  assert.ok(isQuestion("什么时候开？"));
  assert.ok(!isQuestion("Really? Yes"));
});
