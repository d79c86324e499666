/**
 * The run of the show: what is on, what is next, what stands ready. Pure: the room, its ledger and the
 * server's time in, a list of entries out.
 *
 * An entry is {when, kind, id, title, words, atMs, sinceMs}. `when` is "on" (going on now; `atMs` is
 * when it ends, if the clock ends it), "next" (`atMs` is when it comes) or "ready" (waits for a hand).
 * Owns which times of a drop matter to a host. Refuses to know elements and words of time.
 */

import { formatCount } from "/static/client/money.js";

const OPEN = new Set(["open", "all_held"]);
const STATUS_WORDS = { open: "open", all_held: "open, all held", paused: "paused" };

/**
 * Everything that goes on, comes or waits, in this order: what is on as the host arranged it, then by
 * time, then what has none. `pinned` is a card or null, `drops` are those of the ledger where it has
 * them (`Desk.dropNow`), `drafts` their terms.
 */
export function runOf({ pinned, drops, drafts }, nowMs) {
  const entries = pinned ? [entry("on", "card", pinned.card_id, pinned.title, "pinned")] : [];
  for (const drop of drops) if (drop.status !== "closed") entries.push(...entriesOf(drop, nowMs));
  for (const { drop_id, title } of drafts)
    entries.push(entry("ready", "draft", drop_id, title, "a draft"));
  const of = (when) => entries.filter((each) => each.when === when);
  return [...of("on"), ...of("next").sort((a, b) => a.atMs - b.atMs), ...of("ready")];
}

/** The next thing that the clock does; null when everything waits for a hand. */
export function nextOf(entries) {
  return entries.find(({ when }) => when === "next") ?? null;
}

function entry(when, kind, id, title, words, times = {}) {
  return { when, kind, id, title, words, atMs: null, sinceMs: null, ...times };
}

function entriesOf(drop, nowMs) {
  const { drop_id, title, status } = drop;
  const make = (when, kind, words, times) => entry(when, kind, drop_id, title, words, times);
  const entries = [...openings(drop, nowMs, make)];
  if (status in STATUS_WORDS)
    entries.push(make("on", "drop", STATUS_WORDS[status], { sinceMs: drop.opened_at_ms || null }));
  const { ending = 0, first_ends_at_ms: firstEndsMs = null } = drop.holds ?? {};
  if (ending)
    entries.push(
      make("on", "holds", `${ending} ${ending === 1 ? "hold runs" : "holds run"} out`, {
        atMs: firstEndsMs,
      }),
    );
  if (status === "sold_out") return entries; // prices and shelves matter to nobody any more
  for (const span of spans(drop)) entries.push(...during(span, nowMs, make));
  if (drop.merge_at_ms && drop.shelves && drop.merge_at_ms > nowMs)
    entries.push(make("next", "merge", "allocations flow together", { atMs: drop.merge_at_ms }));
  return entries;
}

/** When it opens, for whom: tiers first, then everybody; or by hand; of a lottery by its draw. */
function* openings({ status, opens_at_ms: opensMs, access, lottery, presale }, nowMs, make) {
  const tiers = Object.entries(access?.tiers ?? {});
  const whole = access?.invited_only ? "for the invited" : "";
  if (status === "scheduled" && !lottery && opensMs === null && !tiers.length) {
    yield make("ready", "opening", ["opens by hand", whole].filter(Boolean).join(", "));
    return;
  }
  if (status !== "scheduled" && !OPEN.has(status) && status !== "paused") return;
  for (const [tier, atMs] of tiers)
    if (atMs > nowMs) yield make("next", "early", `opens for ${tier}`, { atMs });
  if (opensMs !== null && opensMs > nowMs) {
    const words = tiers.length ? "opens for everybody" : `opens ${whole}`.trim();
    yield make("next", "opening", presale ? `${words}, deposits` : words, { atMs: opensMs });
  } else if (tiers.length && opensMs === null && OPEN.has(status)) {
    yield make("on", "early", "for tiers only");
  }
  if (tiers.length && opensMs !== null && opensMs > nowMs && OPEN.has(status))
    yield make("on", "early", "early access", { atMs: opensMs });
}

/** Windows of time of a drop: [kind, its words, from, until, what its end is]. */
function* spans({ lottery, presale, flash = [], status, entered = 0 }) {
  if (lottery && status === "scheduled") {
    const entries = entered ? `entries are taken, ${formatCount(entered)} so far` : "entries are taken";
    yield ["lottery", entries, lottery.entries_from_ms, lottery.entries_until_ms, "the draw"];
  }
  if (presale) {
    const { deposit_until_ms, balance_from_ms, balance_until_ms } = presale;
    yield ["presale", "deposits are taken", null, deposit_until_ms, "deposits end"];
    yield ["presale", "balances are taken", balance_from_ms, balance_until_ms, "balances end"];
  }
  for (const { from_ms, until_ms } of flash)
    yield ["flash", "flash price", from_ms, until_ms, "the flash price ends"];
}

/** A window as it is now: it comes, it is on and ends by the clock, or it is over. */
function* during([kind, words, fromMs, untilMs, end], nowMs, make) {
  if (untilMs <= nowMs) return;
  if (fromMs !== null && fromMs > nowMs) yield make("next", kind, `${words} from then on`, { atMs: fromMs });
  else if (fromMs !== null) yield make("on", kind, words, { atMs: untilMs });
  yield make("next", `${kind}-end`, end, { atMs: untilMs });
}

/** Who waits, drop by drop; drops in which nobody does, and to nobody of which is offered, are left out. */
export function queuesOf(drops, nowMs) {
  return drops
    .filter(({ waiting, line }) => waiting || line?.offers_open)
    .map(({ drop_id, title, waiting, next, line }) => ({
      id: drop_id,
      title,
      waiting,
      head: next,
      oldestMs: line?.oldest_since_ms ? nowMs - line.oldest_since_ms : null,
      offers: line?.offers_open ?? 0,
    }));
}

/** Perks given: those of the room, then of each drop that is not over without having given any. */
export function perksOf(roomPerks, drops) {
  const line = (of) => ({ perk_id, name, first_n, given, freed, on_refund }) => ({
    id: `${of.drop_id ?? ""} ${perk_id}`,
    name,
    of: of.title ?? "",
    given,
    firstN: first_n,
    freed,
    passesOn: on_refund === "pass",
  });
  const begun = drops.filter(({ status, perks_awarded: n }) => status !== "closed" || n);
  return [
    ...roomPerks.map(line({})),
    ...begun.flatMap((drop) => (drop.perks_given ?? []).map(line(drop))),
  ];
}
