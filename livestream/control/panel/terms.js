/**
 * A drop's terms: what is typed into the form as what the API takes (cart/drop.py, DropTerms), and
 * back, so that a draft can be typed on.
 *
 * Values are what a form holds: text, true or false, and lists of rows of such. Owns which of them
 * make which term, and what is wrong with them in a sentence, by the name of the field. The server
 * looks at everything again, and its word counts. Pure: no page and no clock.
 */

import { firstOpensAtMs } from "/static/client/storefront.js";
import { Reader, localText, moneyText, wordOf } from "./reading.js";

/** As the counter has them (cart/bounds.py, cart/perk.py, cart/access.py, cart/price.py, cart/shelf.py). */
export const ROWS_MAX = { perks: 8, options: 8, tiers: 8, flash: 8, allocations: 16 };
const SUPPLY_MAX = 1_000_000;
const QUANTITY_MAX = 100;
const TTL_MAX_S = 86_400;
const TEXT_MAX = 200;
const GUARANTEE_DAYS_MAX = 36_500;
const WRAP = "gift_wrap";

/** The form as it is before anything is typed: what most drops are. */
export const EMPTY = {
  drop_id: "",
  sku: "",
  title: "",
  price: "",
  currency: "CNY",
  supply: "288",
  opens_at: "",
  limit: "1",
  reserve_on: "cart",
  hold: "120",
  pay: "300",
  perks: [],
  options: [],
  numbered: false,
  guarantee: "0",
  invited_only: false,
  tiers: [],
  flash: [],
  allocations: [],
  merge_at: "",
  presale: false,
  deposit: "",
  deposit_until: "",
  balance_from: "",
  balance_until: "",
  on_default: "forfeit",
  lottery: false,
  entries_from: "",
  entries_until: "",
};

/** What a new row of a list begins with. */
export const ROW = {
  perks: { perk_id: "", name: "", first_n: "88", on_refund: "stay", slots: false },
  options: {
    option_id: "",
    kind: "engraving",
    characters: "12",
    alphabet: "cjk",
    price: "",
    required: false,
  },
  tiers: { tier: "", from: "" },
  flash: { from: "", until: "", price: "" },
  allocations: { channel: "", units: "" },
};

/**
 * Values as terms: `{ terms, flaws, doubts }`, the latter two lists of `{ field, text }`. With flaws
 * the terms are not terms at all; with doubts they make no sense together, and only a draft may have
 * them.
 */
export function termsOf(values) {
  const flaws = [];
  const doubts = [];
  const read = new Reader(values, flaws);
  const { currency } = values;
  const terms = {
    drop_id: read.word("drop_id", "The drop id"),
    sku: read.word("sku", "The SKU"),
    title: read.text("title", "The title", 120),
    supply: read.count("supply", "The supply", 1, SUPPLY_MAX),
    price_minor: read.money("price", "The price", currency),
    currency,
    opens_at_ms: read.time("opens_at"),
    limit_per_viewer: read.count("limit", "The limit", 1, QUANTITY_MAX),
    reserve_on: values.reserve_on,
    hold_ttl_ms: 1_000 * read.count("hold", "The time in the cart", 1, TTL_MAX_S),
    pay_ttl_ms: 1_000 * read.count("pay", "The time to pay", 1, TTL_MAX_S),
    perks: perksOf(values.perks, flaws),
    options: optionsOf(values.options, currency, flaws),
    numbered: values.numbered,
    guarantee_days: values.numbered
      ? read.count("guarantee", "The guarantee", 0, GUARANTEE_DAYS_MAX)
      : 0,
    flash: flashOf(values.flash, currency, flaws),
    allocations: allocationsOf(values.allocations, flaws),
    merge_at_ms: read.time("merge_at"),
    access: accessOf(values, flaws),
    presale: values.presale ? presaleOf(read, values) : null,
    lottery: values.lottery ? lotteryOf(read) : null,
  };
  doubtsAbout(terms, (field, text) => doubts.push({ field, text }));
  return { terms, flaws, doubts };
}

/** The perks of a drop, or of the room's rules: `perks` are rows. */
export function perksOf(perks, flaws) {
  const taken = new Set();
  return perks.map((row, at) => {
    const read = new Reader(row, flaws, `perks.${at}.`);
    const perk = {
      perk_id: row.perk_id || freeWord(wordOf(row.name) || `perk-${at + 1}`, taken),
      name: read.text("name", "The perk", 120),
      first_n: read.count("first_n", "How many get it", 1, SUPPLY_MAX),
      on_refund: row.on_refund,
      slots: row.slots,
    };
    if (taken.has(perk.perk_id)) read.flaw("name", `Two perks are called ${perk.perk_id}.`);
    taken.add(perk.perk_id);
    return perk;
  });
}

function optionsOf(options, currency, flaws) {
  const taken = new Set();
  return options.map((row, at) => {
    const read = new Reader(row, flaws, `options.${at}.`);
    const option = {
      option_id: row.option_id || freeWord(row.kind.replace("_", "-"), taken),
      kind: row.kind,
      characters_max:
        row.kind === WRAP ? 0 : read.count("characters", "The length of the text", 1, TEXT_MAX),
      alphabet: row.kind === WRAP ? "any" : row.alphabet,
      price_minor: row.price ? read.money("price", "The price", currency) : 0,
      required: row.required,
    };
    if (taken.has(option.option_id))
      read.flaw("kind", `Two options are called ${option.option_id}.`);
    taken.add(option.option_id);
    return option;
  });
}

function flashOf(flash, currency, flaws) {
  const windows = flash.map((row, at) => {
    const read = new Reader(row, flaws, `flash.${at}.`);
    const window = {
      from_ms: read.time("from", "When the price begins"),
      until_ms: read.time("until", "When the price ends"),
      price_minor: read.money("price", "The price", currency),
    };
    if (window.from_ms && window.until_ms && window.until_ms <= window.from_ms)
      read.flaw("until", "This price ends before it begins.");
    return window;
  });
  windows.forEach((window, at) => {
    const overlaps = ({ from_ms, until_ms }) =>
      from_ms && from_ms <= window.from_ms && window.from_ms < until_ms;
    if (windows.some((other, place) => place !== at && overlaps(other)))
      flaws.push({ field: `flash.${at}.from`, text: "Two prices would hold at this time." });
  });
  return windows;
}

function allocationsOf(allocations, flaws) {
  const units = {};
  allocations.forEach((row, at) => {
    const read = new Reader(row, flaws, `allocations.${at}.`);
    const channel = read.label("channel", "The channel");
    if (channel in units) read.flaw("channel", `${channel} is there twice.`);
    units[channel] = read.count("units", "The units", 1, SUPPLY_MAX);
  });
  return units;
}

function accessOf({ tiers: rows, invited_only }, flaws) {
  if (!rows.length && !invited_only) return null;
  const tiers = {};
  rows.forEach((row, at) => {
    const read = new Reader(row, flaws, `tiers.${at}.`);
    const tier = read.label("tier", "The tier");
    if (tier in tiers) read.flaw("tier", `${tier} is there twice.`);
    tiers[tier] = read.time("from", "When the tier may buy");
  });
  return { tiers, invited_only };
}

function presaleOf(read, { currency, on_default }) {
  return {
    deposit_minor: read.money("deposit", "The deposit", currency),
    deposit_until_ms: read.time("deposit_until", "When deposits end"),
    balance_from_ms: read.time("balance_from", "When balances begin"),
    balance_until_ms: read.time("balance_until", "When balances end"),
    on_default,
  };
}

function lotteryOf(read) {
  return {
    entries_from_ms: read.time("entries_from", "When entries begin"),
    entries_until_ms: read.time("entries_until", "When the draw is"),
  };
}

/** What is wrong with terms that are right one by one (cart/desk.py says the same). */
function doubtsAbout(terms, doubt) {
  const { supply, allocations, access, opens_at_ms, presale, lottery } = terms;
  const allocated = Object.values(allocations).reduce((sum, units) => sum + (units || 0), 0);
  if (allocated > supply)
    doubt("allocations", `Channels are given ${allocated} pieces, and there are ${supply}.`);
  if (terms.merge_at_ms && !Object.keys(allocations).length)
    doubt("merge_at", "There are no pieces of channels that could flow together.");
  if (lottery && Object.keys(allocations).length)
    doubt("lottery", "A lottery draws for one supply: give no pieces to channels.");
  Object.entries(access?.tiers ?? {}).forEach(([tier, fromMs], at) => {
    if (opens_at_ms !== null && fromMs >= opens_at_ms)
      doubt(`tiers.${at}.from`, `${tier} would buy no earlier than all others do.`);
  });
  const tierTimes = Object.values(access?.tiers ?? {});
  if (lottery && (opens_at_ms !== null || tierTimes.length))
    doubt("lottery", "A lottery opens by its draw: leave out the opening time and the tiers.");
  if (lottery && before(lottery.entries_until_ms, lottery.entries_from_ms))
    doubt("entries_until", "The draw is before entries begin.");
  if (presale) doubtsAboutPresale(terms, doubt);
}

function doubtsAboutPresale({ presale, flash, price_minor, reserve_on, ...terms }, doubt) {
  const cheapest = Math.min(price_minor, ...flash.map((window) => window.price_minor));
  if (presale.deposit_minor >= cheapest)
    doubt("deposit", "A deposit as high as the price leaves nothing to pay.");
  if (reserve_on !== "cart")
    doubt("reserve_on", "A presale reserves in the cart: a deposit is for a piece that is there.");
  if (before(presale.deposit_until_ms, firstOpensAtMs(terms)))
    doubt("deposit_until", "Deposits end before the drop opens.");
  if (before(presale.balance_from_ms + 1, presale.deposit_until_ms))
    doubt("balance_from", "Balances begin before deposits end.");
  if (before(presale.balance_until_ms, presale.balance_from_ms))
    doubt("balance_until", "Balances end before they begin.");
}

/** Whether `until` leaves nothing after `from`; a time that is missing is told elsewhere. */
const before = (until, from) => Boolean(until && from && until <= from);

/** Terms as the form shows them. */
export function valuesOf(terms) {
  const { currency, presale, lottery, access } = terms;
  const money = (minor) => moneyText(minor, currency);
  return {
    ...EMPTY,
    drop_id: terms.drop_id,
    sku: terms.sku,
    title: terms.title,
    price: money(terms.price_minor),
    currency,
    supply: String(terms.supply),
    opens_at: localText(terms.opens_at_ms),
    limit: String(terms.limit_per_viewer),
    reserve_on: terms.reserve_on,
    hold: String(Math.round(terms.hold_ttl_ms / 1_000)),
    pay: String(Math.round(terms.pay_ttl_ms / 1_000)),
    perks: terms.perks.map(perkValues),
    options: terms.options.map(({ characters_max, price_minor, ...option }) => ({
      ...option,
      characters: String(characters_max || ROW.options.characters),
      price: price_minor ? money(price_minor) : "",
    })),
    numbered: terms.numbered,
    guarantee: String(terms.guarantee_days),
    invited_only: access?.invited_only ?? false,
    tiers: Object.entries(access?.tiers ?? {}).map(([tier, fromMs]) => ({
      tier,
      from: localText(fromMs),
    })),
    flash: terms.flash.map(({ from_ms, until_ms, price_minor }) => ({
      from: localText(from_ms),
      until: localText(until_ms),
      price: money(price_minor),
    })),
    allocations: Object.entries(terms.allocations).map(([channel, units]) => ({
      channel,
      units: String(units),
    })),
    merge_at: localText(terms.merge_at_ms),
    ...(presale && {
      presale: true,
      deposit: money(presale.deposit_minor),
      deposit_until: localText(presale.deposit_until_ms),
      balance_from: localText(presale.balance_from_ms),
      balance_until: localText(presale.balance_until_ms),
      on_default: presale.on_default,
    }),
    ...(lottery && {
      lottery: true,
      entries_from: localText(lottery.entries_from_ms),
      entries_until: localText(lottery.entries_until_ms),
    }),
  };
}

/** A perk as a row shows it. */
export const perkValues = ({ first_n, ...perk }) => ({ ...perk, first_n: String(first_n) });

function freeWord(word, taken) {
  let free = word;
  for (let number = 2; taken.has(free); number += 1) free = `${word}-${number}`;
  return free;
}
