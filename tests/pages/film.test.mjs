// The times of a replay: where the film stands, and which marks lie on it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { advanced, marksOf, nextMark, previousMark, saidBy, within } from "/static/panel/film.js";

const FILM = { from_ms: 1_000_000, until_ms: 1_100_000, marks: [] };

function marked(...marks) {
  return marksOf({
    ...FILM,
    marks: marks.map(([atMs, kind, title = "Santos"]) => ({ at_ms: atMs, kind, title })),
  });
}

test("a mark says what happened and lies where it happened", () => {
  const [begins, soldOut] = marked([1_000_000, "room.started"], [1_025_000, "drop.sold_out"]);
  assert.deepEqual([begins.words, begins.place], ["The show begins", 0]);
  assert.deepEqual([soldOut.words, soldOut.place], ["Santos is sold out", 0.25]);
});

test("cards and take-overs are not marked: they are many", () => {
  assert.deepEqual(marked([1_000_000, "card.pinned"], [1_000_000, "epoch.started"]), []);
});

test("of a thousand marks so many are drawn as there is room for, the first among them", () => {
  const drawn = marked(...Array.from({ length: 1_000 }, (_, at) => [1_000_000 + at, "drop.opened"]));
  assert.equal(drawn.length, 60);
  assert.equal(drawn[0].atMs, 1_000_000);
  assert.deepEqual(drawn.map(({ atMs }) => atMs), drawn.map(({ atMs }) => atMs).sort((a, b) => a - b));
});

test("a film of one moment has its marks at the beginning", () => {
  const [only] = marksOf({ from_ms: 5, until_ms: 5, marks: [{ at_ms: 5, kind: "room.started", title: "" }] });
  assert.equal(only.place, 0);
});

test("time goes on at its speed and stops at the end", () => {
  assert.equal(advanced(1_000_000, 500, 20, FILM.until_ms), 1_010_000);
  assert.equal(advanced(1_099_000, 500, 20, FILM.until_ms), FILM.until_ms);
});

test("nobody goes beyond the film", () => {
  assert.deepEqual([within(1, FILM), within(1_050_000, FILM), within(9e12, FILM)], [1_000_000, 1_050_000, 1_100_000]);
});

test("from mark to mark, and from just behind one to the one before it", () => {
  const marks = marked([1_010_000, "drop.opened"], [1_020_000, "drop.sold_out"]);
  assert.equal(nextMark(marks, 1_010_000).atMs, 1_020_000);
  assert.equal(nextMark(marks, 1_020_000), null);
  assert.equal(previousMark(marks, 1_020_500).atMs, 1_010_000);
  assert.equal(previousMark(marks, 1_022_000).atMs, 1_020_000);
  assert.equal(previousMark(marks, 1_000_000), null);
});

test("what had been said by then is told, the last first", () => {
  const said = [1, 2, 3].map((at_ms) => ({ at_ms, text: `no. ${at_ms}` }));
  assert.deepEqual(saidBy(said, 2).map(({ text }) => text), ["no. 2", "no. 1"]);
  assert.deepEqual(saidBy(said, 9, 1).map(({ text }) => text), ["no. 3"]);
  assert.deepEqual(saidBy(said, 0), []);
});
