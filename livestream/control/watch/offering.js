/**
 * What a viewer is offered: what there is to press, and what may fairly be expected. Pure.
 *
 * Everything follows from the drop as the room sees it, from what is the viewer's own (`mine`: units
 * `held`, whether they are `reserved`, a `place` in line, an `entry` to a lottery) and from the server's time.
 */

import { firstOpensAtMs } from "/static/client/storefront.js";

const SHUT = { sold_out: "buy.sold_out", closed: "buy.closed", paused: "buy.paused" };

/** When the clock opens a scheduled drop; null: when the host says so. */
export const opensAtMs = (drop) => (drop.status === "scheduled" ? firstOpensAtMs(drop) : null);

/**
 * What the button does (`act`: open, enter, leave, wait, reserve; null: nothing) and says (`key`).
 */
export function wish(drop, roomStatus, mine, nowMs) {
  const { lottery, presale, status } = drop;
  if (mine.held >= drop.limit_per_viewer)
    return { act: "open", key: mine.reserved ? "buy.yours" : "buy.in_bag" };
  if (roomStatus === "ended") return { act: null, key: "buy.closed" };
  if (lottery && status === "scheduled") {
    if (mine.entry) return { act: null, key: "draw.entered" };
    const begun = lottery.entries_from_ms <= nowMs;
    return { act: begun ? "enter" : null, key: begun ? "draw.enter" : "buy.not_yet" };
  }
  if (SHUT[status]) return { act: null, key: SHUT[status] };
  if (status === "scheduled" || roomStatus !== "live") return { act: null, key: "buy.not_yet" };
  if (mine.place) return { act: "leave", key: "line.leave" };
  if (lottery) return { act: null, key: "draw.given" }; // it goes to those who were drawn
  if (presale && presale.deposit_until_ms <= nowMs) return { act: null, key: "presale.over" };
  // What falls free goes to somebody in line, or nothing is free at all.
  if (status === "all_held" || drop.waiting) return { act: "wait", key: "line.join" };
  return { act: "reserve", key: mine.held ? "buy.another" : "buy.reserve" };
}

/** What may fairly be expected. The levels are told a few times a second, so it is a hint. */
export function hint(drop, { place, entry }, language) {
  const { status, available, held, supply, waiting, lottery } = drop;
  const say = (key, values) => language.say(key, values);
  if (status === "scheduled") {
    const opens = opensAtMs(drop);
    if (!lottery) return opens === null ? "" : say("buy.opens_at", { when: language.when(opens) });
    return sentences(
      entry && say("draw.number", { n: entry.number }),
      say("draw.hint", { n: supply, when: language.when(opens) }),
    );
  }
  if (place) {
    // Everybody is told which number is next, so nobody has to ask for the own place.
    const ahead = drop.next ? place.number - drop.next : 0;
    return sentences(
      say("line.place", { number: place.number }),
      ahead > 0 ? say("line.ahead", { n: ahead }) : say("line.next"),
      say("line.held", { n: held }),
    );
  }
  if (status === "sold_out") return say("stock.sold_out", { n: supply });
  if (status === "closed") return say("stock.closed", { n: drop.sold });
  if (status === "paused") return say("stock.paused");
  if (available) {
    const left = say(drop.shelves ? "stock.everywhere" : "stock.left", { available, supply });
    return held ? left + say("stock.held", { held }) : left;
  }
  return sentences(say("stock.all_held", { held }), waiting && say("line.waiting", { n: waiting }));
}

/** Chinese has no space after a full stop. */
const sentences = (...said) => said.filter(Boolean).join(" ").replaceAll("。 ", "。");

/** What else is to be known before one buys, a sentence each. */
export function notes(drop, rules, language) {
  const { access, presale, currency } = drop;
  const say = (key, values) => language.say(key, values);
  const perks = [...drop.perks, ...rules.perks];
  const said = perks.map(({ first_n, name }) => say("perk.first", { n: first_n, name }));
  if (presale) {
    const deposit = language.money(presale.deposit_minor, currency);
    said.push(say("presale.terms", { deposit, when: language.when(presale.balance_from_ms) }));
  }
  if (access?.invited_only) said.push(say("access.invited"));
  else if (drop.opens_at_ms !== null && firstOpensAtMs(drop) < drop.opens_at_ms)
    said.push(say("access.tiers", { when: language.when(drop.opens_at_ms) }));
  return said;
}

/** The price at `nowMs`, and until when: a flash price holds from its start, and not at its end. */
export function priceAt({ flash, price_minor }, nowMs) {
  const now = flash?.find(({ from_ms, until_ms }) => from_ms <= nowMs && nowMs < until_ms);
  return { minor: now?.price_minor ?? price_minor, untilMs: now?.until_ms ?? null };
}
