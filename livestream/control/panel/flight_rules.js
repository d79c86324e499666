/**
 * The flight deck's judgement where no engine can judge: whether this desk still hears anything, and
 * of many gateways the one to look at first.
 *
 * The engine's own light and its reasons are decided in livestream/flight.py. Pure: no page, no
 * clock.
 */

import { formatCount } from "/static/client/money.js";

/** The ledger comes every 2 s at least. Alert LivestreamRoomStalled draws the line here too. */
export const SILENT_MS = 5_000;
/** So many gateways are read at a glance; of more, these are the worst. */
export const GATEWAYS_SHOWN = 8;

const NO_LINE = {
  code: "no_line",
  light: "red",
  text: "This desk has no connection; what it shows is old.",
  advice: "The show goes on without it. It comes back by itself; see that control and Redis live.",
};
const REDIS_AWAY = {
  code: "redis_away",
  light: "red",
  text: "Redis is away: nothing can be sold, and what this desk shows is old.",
  advice: "Look at Redis and its machine. Nothing acknowledged is lost; all goes on once it is back.",
};
const ENGINE_SILENT = {
  code: "engine_silent",
  light: "red",
  text: "The engine says nothing any more.",
  advice: "Does an engine live? Start one: it takes the room over by itself. If one does, look at Redis.",
};
const NOTHING_TOLD = {
  code: "nothing_told",
  light: "amber",
  text: "No engine has told the numbers of this room yet.",
  advice: "Start an engine, of the same version as this page.",
};

/**
 * The light now, with its reasons, worst first.
 *
 * `line` is the state of the desk's connection and `why` what control said when it last ended it,
 * `ledger` the last one (or null), `silentMs` how long ago it was heard. A room at rest has no engine
 * and tells nothing.
 */
export function lightNow({ line, why = "", ledger, silentMs }) {
  const flight = ledger?.flight;
  const reasons = [...(flight?.reasons ?? [])];
  if (line !== "open") reasons.unshift(why === "redis is away" ? REDIS_AWAY : NO_LINE);
  else if (!flight) reasons.unshift(NOTHING_TOLD);
  else if (!ledger.resting && silentMs > SILENT_MS) reasons.unshift(ENGINE_SILENT);
  const light = reasons[0]?.light ?? "green";
  return { light, reasons, words: inWords(light, reasons, ledger) };
}

function inWords(light, reasons, ledger) {
  if (reasons.length) return reasons[0].text;
  return ledger.resting ? "At rest: a command wakes the room." : "All is well.";
}

/** Of those whom it was for, the share that has it; null while it was for nobody. */
export function completion({ addressed, reached }) {
  return addressed > 0 ? Math.min(1, reached / addressed) : null;
}

/** A share as people read it, never rounded up to all of them: `100 %`, `99.9 %`, `8 %`. */
export function formatShare(share) {
  if (share === null) return "–";
  const percent = share * 100;
  if (percent >= 100) return "100 %";
  return percent >= 90 ? `${(Math.floor(percent * 10) / 10).toFixed(1)} %` : `${Math.floor(percent)} %`;
}

/** How full a gateway is, 0 to 1. */
export const fullness = ({ viewers_in_all: viewers, seats }) => (seats > 0 ? viewers / seats : 0);

/** It has not told of itself for too long, or its loop is late: bounds of livestream/flight.py. */
export const isSilent = ({ age_ms }) => age_ms > 3_000;
export const isLate = ({ lag_ms }) => lag_ms > 100;

/**
 * Gateways, the one to look at first in front: those that turn viewers away, that are silent, late,
 * with many behind; then by how much they have to do.
 */
export function worstFirst(gateways) {
  const trouble = (one) => [
    one.turned_away,
    isSilent(one) ? one.age_ms : 0,
    isLate(one) ? one.lag_ms : 0,
    one.behind / Math.max(1, one.viewers),
    Math.max(one.cpu, fullness(one)),
  ];
  return gateways
    .map((one) => [trouble(one), one])
    .sort(([a, { id }], [b, { id: other }]) => {
      const differing = a.findIndex((value, index) => value !== b[index]);
      return differing < 0 ? id.localeCompare(other) : b[differing] - a[differing];
    })
    .map(([, one]) => one);
}

const EVENTS = {
  "room.started": "Show begun",
  "room.ended": "Show ended",
  "epoch.started": "New engine",
  "card.pushed": "Card",
  "card.updated": "Card changed",
  "card.pinned": "Card pinned",
  "card.withdrawn": "Card withdrawn",
  "drop.scheduled": "Drop scheduled",
  "drop.opened": "Drop opened",
  "drop.paused": "Drop paused",
  "drop.sold_out": "Sold out",
  "drop.closed": "Drop closed",
  "drop.restocked": "Restocked",
  "lottery.drawn": "Lottery drawn",
  "allocations.merged": "Shelves merged",
  "room.rules": "Rules",
  announcement: "Announcement",
  "room.stream": "Picture",
  "chat.pinned": "Message pinned",
  "chat.deleted": "Line deleted",
  "chat.slow_mode": "Slow mode",
};

/** An announcement's name; one that this page does not know has its type for it. */
export const eventName = (type) => EVENTS[type] ?? type;

/** A span that a person compares: `80 ms`, `1.2 s`, `2 min`. */
export function shortSpan(ms) {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}

/** Memory: `12 MB`, `3.4 GB`. */
export function formatBytes(bytes) {
  if (bytes < 1e9) return `${formatCount(Math.round(bytes / 1e6))} MB`;
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
