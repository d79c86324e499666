/**
 * Terms in plain words, for a drop's row and for the folded parts of the form. Pure.
 *
 * A drop as the desk sees it (DropView) and a draft (DropTerms) are described alike.
 */

import { formatCount, formatMoney, plural } from "/static/client/money.js";

export const ALPHABETS = {
  latin: "Latin letters",
  latin_digits: "Latin letters and digits",
  cjk: "Latin and CJK",
  any: "any script",
};
const OPTIONS = {
  engraving: "engraving",
  embossing: "embossing",
  gift_wrap: "gift wrap",
  gift_card: "gift card",
};
const RESERVES = {
  cart: "reserved in the cart",
  checkout: "reserved at the checkout",
  payment: "first paid, first served",
};

/** A day and a time where the reader is, as short as it can be. */
export function when(timeMs) {
  if (timeMs === null) return "…";
  const time = new Date(timeMs);
  const day = time.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  const clock = time.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  return `${day} ${clock}`;
}

/** The time of day, to the second. */
export const clockTime = (timeMs) => new Date(timeMs).toLocaleTimeString("en-GB");

/** How long, in the largest unit that has no rest: `2 min`, `90 s`. */
export function span(ms) {
  const seconds = Math.round(ms / 1_000);
  if (seconds % 3_600 === 0 && seconds) return `${seconds / 3_600} h`;
  return seconds % 60 === 0 && seconds ? `${seconds / 60} min` : `${seconds} s`;
}

const amount = (minor, { currency }) => formatMoney(minor, currency);

/** Each part of the terms as a phrase, or "" where the drop says nothing about it. */
export const PARTS = {
  reserving: ({ reserve_on, hold_ttl_ms, pay_ttl_ms }) =>
    [
      RESERVES[reserve_on],
      `${span(hold_ttl_ms)} in the cart`,
      pay_ttl_ms ? `${span(pay_ttl_ms)} to pay` : "",
    ]
      .filter(Boolean)
      .join(", "),
  perks: ({ perks }) => perks.map(perkWords).join("; "),
  options: (terms) => (terms.options ?? []).map((option) => optionWords(option, terms)).join("; "),
  edition: ({ numbered, guarantee_days }) =>
    numbered
      ? `numbered${guarantee_days ? `, guarantee of ${plural(guarantee_days, "day")}` : ""}`
      : "",
  access: ({ access }) =>
    access
      ? [
          access.invited_only ? "for invited viewers" : "",
          ...Object.entries(access.tiers).map(([tier, fromMs]) => `${tier} from ${when(fromMs)}`),
        ]
          .filter(Boolean)
          .join(", ")
      : "",
  flash: (terms) =>
    (terms.flash ?? [])
      .map(
        ({ from_ms, until_ms, price_minor }) =>
          `${amount(price_minor, terms)} from ${when(from_ms)} until ${when(until_ms)}`,
      )
      .join("; "),
  channels: ({ allocations = {}, merge_at_ms }) =>
    [
      Object.entries(allocations)
        .map(([channel, units]) => `${formatCount(units)} for ${channel}`)
        .join(", "),
      merge_at_ms ? `together from ${when(merge_at_ms)}` : "",
    ]
      .filter(Boolean)
      .join("; "),
  presale: (terms) =>
    terms.presale
      ? `deposit of ${amount(terms.presale.deposit_minor, terms)} until ${when(terms.presale.deposit_until_ms)}, ` +
        `the rest from ${when(terms.presale.balance_from_ms)} until ${when(terms.presale.balance_until_ms)}, ` +
        `else it is ${terms.presale.on_default === "forfeit" ? "forfeit" : "given back"}`
      : "",
  lottery: ({ lottery }) =>
    lottery
      ? `lottery: entries from ${when(lottery.entries_from_ms)}, draw at ${when(lottery.entries_until_ms)}`
      : "",
};

const USUAL = { reserve_on: "cart", hold_ttl_ms: 120_000 };

/** The terms of a drop in phrases, the usual left out. */
export function wordsOf(drop) {
  const usual = Object.entries(USUAL).every(([name, value]) => drop[name] === value);
  return Object.entries(PARTS)
    .filter(([part]) => part !== "reserving" || !usual)
    .map(([, phrase]) => phrase(drop))
    .filter(Boolean);
}

function perkWords({ name, first_n, on_refund, slots }) {
  const passes = on_refund === "pass" ? ", passed on after a refund" : "";
  return `first ${formatCount(first_n)}: ${name || "…"}${slots ? ", in delivery slots" : ""}${passes}`;
}

function optionWords({ kind, characters_max, alphabet, price_minor, required }, terms) {
  const about = [
    characters_max ? `${plural(characters_max, "character")}, ${ALPHABETS[alphabet]}` : "",
    price_minor ? `+ ${amount(price_minor, terms)}` : "",
    required ? "required" : "",
  ].filter(Boolean);
  return OPTIONS[kind] + (about.length ? ` (${about.join(", ")})` : "");
}

/** A coupon in a phrase. */
export function couponWords(coupon) {
  const off =
    coupon.amount_minor === undefined
      ? `${coupon.percent_bp / 100} % off`
      : `${formatMoney(coupon.amount_minor, coupon.currency)} off`;
  return [
    off,
    coupon.amount_minor === undefined && coupon.currency ? `orders in ${coupon.currency}` : "",
    coupon.skus.length ? `for ${coupon.skus.join(", ")}` : "for everything",
    coupon.per_viewer === 1 ? "once each" : `${coupon.per_viewer} times each`,
    coupon.from_ms ? `from ${when(coupon.from_ms)}` : "",
    coupon.until_ms ? `until ${when(coupon.until_ms)}` : "",
  ]
    .filter(Boolean)
    .join(" · ");
}

/** The room's rules in phrases. */
export function rulesWords({ invited_only, limit_per_viewer, one_product_per_order, perks }) {
  return [
    invited_only ? "for invited viewers only" : "open to everybody",
    limit_per_viewer ? `${plural(limit_per_viewer, "piece")} each in all` : "",
    one_product_per_order ? "one product for each order" : "",
    ...perks.map(perkWords),
  ].filter(Boolean);
}
