/**
 * What was pressed at this desk, and what became of it. Pure: lists in, lists out, time is given.
 *
 *     sent ──▶ done
 *      │  └──▶ refused     the engine or the control server said no, with a reason
 *      └────▶ unsure       no answer came: it may have been done
 *               ├──▶ done      the feed tells of its key
 *               └──▶ unheard   the feed is back, has been for a while, and does not
 *
 * A press is {key, words, fate, why, atMs, call}; the newest stands first. Owns these fates. Refuses to
 * know buttons and sockets.
 */

/** As many as one looks back for; an unsure one is never dropped. */
export const KEPT_MAX = 50;
/** A command that no engine has told of by then has not arrived: a take-over takes some seconds. */
const UNHEARD_AFTER_MS = 15_000;
/** The feed must have been back for this long: an engine that has just returned first catches up. */
const CATCHING_UP_MS = 3_000;
/** How long "Undo" is offered. */
export const UNDO_MS = 10_000;

export const OPEN_FATES = new Set(["sent", "unsure", "unheard"]);

/** One more press, on its way. Asked again under its key it is the same press. */
export function pressed(list, { key, words, call, atMs }) {
  const others = list.filter((press) => press.key !== key);
  const kept = others.filter((press, at) => at < KEPT_MAX - 1 || OPEN_FATES.has(press.fate));
  return [{ key, words, call, fate: "sent", why: "", atMs }, ...kept];
}

/** The answer came, or it is certain that none will: `fate` is done, refused or unsure. */
export function answered(list, key, fate, why = "") {
  return list.map((press) => (press.key === key ? { ...press, fate, why } : press));
}

/**
 * What the feed says of presses that nobody answered. `told` are the keys that the ledger tells of,
 * `ledgerAtMs` its time, `liveSinceMs` since when the feed is back, all by the server's clock.
 */
export function heard(list, { told, ledgerAtMs, liveSinceMs }) {
  const keys = new Set(told);
  let moved = false;
  const next = list.map((press) => {
    if (press.fate !== "unsure" && press.fate !== "unheard") return press;
    const fate = keys.has(press.key) ? "done" : unheardBy(press, ledgerAtMs, liveSinceMs);
    if (fate === press.fate) return press;
    moved = true;
    return { ...press, fate, why: fate === "done" ? "told by the feed" : press.why };
  });
  return moved ? next : list;
}

function unheardBy({ fate, atMs }, ledgerAtMs, liveSinceMs) {
  const late = ledgerAtMs >= atMs + UNHEARD_AFTER_MS;
  const caughtUp = liveSinceMs !== null && ledgerAtMs >= liveSinceMs + CATCHING_UP_MS;
  return fate === "unheard" || (late && caughtUp) ? "unheard" : "unsure";
}

/** The list as a page finds it that was loaded anew: whoever waited for an answer is gone. */
export function restored(list) {
  return list.map((press) => (press.fate === "sent" ? { ...press, fate: "unsure" } : press));
}

/** Take one off the list. */
export function forgotten(list, key) {
  return list.filter((press) => press.key !== key);
}

/** How many presses nobody can vouch for. */
export function unsureOf(list) {
  return list.filter(({ fate }) => fate === "unsure" || fate === "unheard").length;
}

/** The fate in words. */
export function fateInWords({ fate, why }) {
  switch (fate) {
    case "sent":
      return "on its way";
    case "done":
      return why ? `done, ${why}` : "done";
    case "refused":
      return `not done: ${why}`;
    case "unsure":
      return "no answer: perhaps done. The feed will tell";
    default:
      return "not done, as far as the feed tells";
  }
}
