/**
 * Figures over time, as lists of points `{ atMs, value }`, oldest first.
 *
 * Owns what is kept of them, their rates, and the shape of a line. Pure: no page, no clock.
 */

import { plural } from "/static/client/money.js";

/** A chart shows the last hour, */
export const WINDOW_MS = 3_600_000;
/** of which the last two minutes to the second, which is as often as a chart is drawn, */
export const FINE_MS = 120_000;
export const EVERY_MS = 1_000;
/** and the rest in steps: 120 + 120 points x some 50 bytes = 12 KB a chart. */
export const STEP_MS = 30_000;
/** A rate is told over this long, so that one busy second is no storm. */
const RATE_SPAN_MS = 60_000;

/**
 * The points with one more. Too soon after the last one: the very same list. What is older than the
 * window goes, and what is no longer recent is thinned to the first point of each step.
 */
export function withPoint(points, atMs, value) {
  const last = points.at(-1);
  if (last && atMs - last.atMs < EVERY_MS) return points;
  const stepOf = (point) => Math.floor(point.atMs / STEP_MS);
  const kept = points.filter(
    (point, index) =>
      atMs - point.atMs <= FINE_MS ||
      (atMs - point.atMs <= WINDOW_MS &&
        (index === 0 || stepOf(point) !== stepOf(points[index - 1]))),
  );
  kept.push({ atMs, value });
  return kept;
}

/** Of a count that only grows: by how much it grew in a minute, at each point but the first. */
export function perMinute(points) {
  const rates = [];
  let from = 0;
  for (let index = 1; index < points.length; index += 1) {
    const { atMs, value } = points[index];
    while (from + 1 < index && points[from + 1].atMs <= atMs - RATE_SPAN_MS) from += 1;
    const elapsedMs = atMs - points[from].atMs;
    if (elapsedMs > 0)
      rates.push({ atMs, value: (Math.max(0, value - points[from].value) * 60_000) / elapsedMs });
  }
  return rates;
}

/**
 * Where the line goes in a box, as `[x, y]` from its upper left corner; nothing unless there is
 * something to see. The box reaches from zero (or the least, if that is below) to the highest.
 */
export function corners(points, width, height) {
  if (points.length < 2) return [];
  const values = points.map(({ value }) => value);
  const low = Math.min(0, ...values);
  const high = Math.max(...values);
  if (high === low) return [];
  const startMs = points[0].atMs;
  const spanMs = points.at(-1).atMs - startMs;
  if (spanMs <= 0) return [];
  return points.map(({ atMs, value }) => [
    round((width * (atMs - startMs)) / spanMs),
    round(height - (height * (value - low)) / (high - low)),
  ]);
}

const round = (number) => Math.round(number * 10) / 10;

/** What the line shows, for those who do not see it. `format(value)` says a value. */
export function inWords(points, format) {
  if (points.length < 2) return "No course yet.";
  const first = points[0];
  const last = points.at(-1);
  const top = points.reduce((best, point) => (point.value > best.value ? point : best));
  const minutes = Math.max(1, Math.round((last.atMs - first.atMs) / 60_000));
  return (
    `Over ${plural(minutes, "minute")}: from ${format(first.value)} ` +
    `to ${format(last.value)}, ${format(top.value)} at the most.`
  );
}
