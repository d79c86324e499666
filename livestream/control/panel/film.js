/**
 * The times of a replay. Pure: where the film stands, what comes next, how marks lie on it.
 *
 * Owns those sums. Refuses to know elements, and how a moment is fetched.
 */

export const SPEEDS = [1, 5, 20, 60];

/** Marks that a person looks for; cards and take-overs are many, and change little. */
const SHOWN = {
  "room.started": "The show begins",
  "room.ended": "The show ends",
  "drop.opened": "opens",
  "drop.paused": "pauses",
  "drop.restocked": "is restocked",
  "drop.sold_out": "is sold out",
  "drop.closed": "closes",
};
/** More would stand on top of each other: on 1440 px, one for each 20. */
const MARKS_MAX = 60;

/** The marks that are drawn, each with its words and its place from 0 to 1. */
export function marksOf({ marks, from_ms, until_ms }) {
  const span = Math.max(1, until_ms - from_ms);
  const found = marks
    .filter(({ kind }) => kind in SHOWN)
    .map(({ at_ms, kind, title }) => ({
      atMs: at_ms,
      kind,
      words: kind.startsWith("room.") ? SHOWN[kind] : `${title} ${SHOWN[kind]}`,
      place: (at_ms - from_ms) / span,
    }));
  if (found.length <= MARKS_MAX) return found;
  const step = found.length / MARKS_MAX;
  return Array.from({ length: MARKS_MAX }, (_, at) => found[Math.floor(at * step)]);
}

/** Where the film stands `elapsedMs` later at this speed; it stops at its end. */
export function advanced(atMs, elapsedMs, speed, untilMs) {
  return Math.min(untilMs, atMs + elapsedMs * speed);
}

/** Within the film. */
export function within(atMs, { from_ms, until_ms }) {
  return Math.min(until_ms, Math.max(from_ms, atMs));
}

/** The mark before or after; null when there is none. A little before the next counts as on it. */
export function nextMark(marks, atMs) {
  return marks.find((mark) => mark.atMs > atMs) ?? null;
}

export function previousMark(marks, atMs) {
  return marks.findLast((mark) => mark.atMs < atMs - 1_000) ?? null;
}

/** Announcements up to then, the last first, as many as the desk shows. */
export function saidBy(announcements, atMs, most = 20) {
  return announcements
    .filter(({ at_ms }) => at_ms <= atMs)
    .slice(-most)
    .reverse();
}
