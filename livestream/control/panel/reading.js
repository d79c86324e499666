/**
 * Reading what people type: words, counts, money and times, each or the sentence that says what is
 * wrong with it. Pure: no page and no clock; times are in the reader's own time zone.
 */

import { formatCount, formatMoney, parseMoney } from "/static/client/money.js";

const WORD = /^[A-Za-z0-9][A-Za-z0-9._:-]*$/;
const LABEL = /^[a-z0-9][a-z0-9_-]*$/;
const WORD_MAX = 64;
const LABEL_MAX = 32;
/** As cart/money.py bounds a price. */
const PRICE_MINOR_MAX = 100_000_000_000;

/** Reads the fields of `values`; what is wrong goes to `flaws` under `at` and the field's name. */
export class Reader {
  #values;
  #flaws;
  #at;

  constructor(values, flaws, at = "") {
    this.#values = values;
    this.#flaws = flaws;
    this.#at = at;
  }

  flaw(name, text) {
    this.#flaws.push({ field: this.#at + name, text });
  }

  #typed(name) {
    return String(this.#values[name] ?? "").trim();
  }

  /** Some text. */
  text(name, about, longest) {
    const text = this.#typed(name);
    if (!text) this.flaw(name, `${about} is missing.`);
    else if (text.length > longest) this.flaw(name, `${about} has ${longest} characters at most.`);
    return text;
  }

  /** An identifier: it stands in addresses as it is. */
  word(name, about, longest = WORD_MAX) {
    const word = this.text(name, about, longest);
    if (word && !WORD.test(word))
      this.flaw(name, `${about} has letters, digits and . _ : - only, and begins with one of the first two.`);
    return word;
  }

  /** A channel or a tier. */
  label(name, about) {
    const label = this.text(name, about, LABEL_MAX);
    if (label && !LABEL.test(label))
      this.flaw(name, `${about} has small letters, digits, _ and - only.`);
    return label;
  }

  /** A whole number. */
  count(name, about, least, most) {
    const typed = this.#typed(name).replace(/[, \u00a0\u2009]/g, "");
    const count = /^\d+$/.test(typed) ? Number(typed) : NaN;
    if (!typed) this.flaw(name, `${about} is missing.`);
    else if (!(count >= least && count <= most))
      this.flaw(name, `${about} is a whole number from ${formatCount(least)} to ${formatCount(most)}.`);
    return count;
  }

  /** Money in minor units. */
  money(name, about, currency) {
    if (!this.#typed(name)) {
      this.flaw(name, `${about} is missing.`);
      return NaN;
    }
    try {
      const minor = parseMoney(this.#typed(name), currency);
      if (minor > PRICE_MINOR_MAX) throw new Error("the price is too large");
      return minor;
    } catch (error) {
      this.flaw(name, `${about}: ${error.message}.`);
      return NaN;
    }
  }

  /** A time in milliseconds; null when nothing is typed, which is a flaw if `about` is given. */
  time(name, about = "") {
    const typed = this.#typed(name);
    if (!typed && !about) return null;
    const timeMs = new Date(typed).getTime();
    if (!typed) this.flaw(name, `${about} is missing.`);
    else if (Number.isNaN(timeMs)) this.flaw(name, "This is no time.");
    else return timeMs;
    return null;
  }
}

/** A name as an identifier: "Bellboy delivery" is bellboy-delivery; "" when it has no such letters. */
export function wordOf(name) {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 56)
    .replace(/^-+|-+$/g, "");
}

/** What a datetime-local field shows: the reader's own time zone, to the second; null is empty. */
export function localText(timeMs) {
  if (timeMs === null || timeMs === undefined) return "";
  const shifted = new Date(timeMs - new Date(timeMs).getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19);
}

/** An amount as a field shows it, without its currency. */
export const moneyText = (minor, currency) => formatMoney(minor, currency).slice(currency.length + 1);
