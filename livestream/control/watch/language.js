/**
 * A language of the page: its words, and how it writes numbers, money and time. Pure.
 *
 * Refuses to know which one is in use (speech.js), and what is said where.
 */

import { formatSpan } from "/static/client/dom.js";

export const LANGUAGES = ["en", "fr", "zh"];

/** The first language of `wanted` (BCP 47 tags, some perhaps null) that there is; else English. */
export function choose(wanted) {
  const short = wanted.map((tag) => tag?.toLowerCase().split("-")[0]);
  return short.find((tag) => LANGUAGES.includes(tag)) ?? "en";
}

export class Language {
  #words;
  #plurals;
  #formats = new Map();

  /** `words`: group -> name -> text, or [text for one, text for other numbers of `{n}`]. */
  constructor(tag, words) {
    this.tag = tag;
    this.#words = { ...words };
    this.#plurals = new Intl.PluralRules(tag);
  }

  /** More words, of groups of their own. */
  learn(words) {
    Object.assign(this.#words, words);
  }

  /** Whether there are words for `key`, which is "group.name". */
  has(key) {
    return this.#find(key) !== undefined;
  }

  #find(key) {
    const [group, name] = key.split(".");
    return this.#words[group]?.[name];
  }

  /** The text of `key` with `{name}` replaced; numbers are written as the language writes them. */
  say(key, values = {}) {
    const entry = this.#find(key);
    const text = Array.isArray(entry)
      ? entry[this.#plurals.select(values.n) === "one" ? 0 : 1]
      : entry;
    return text.replace(/\{(\w+)\}/g, (_, name) =>
      typeof values[name] === "number" ? this.count(values[name]) : values[name],
    );
  }

  count(value) {
    return value.toLocaleString(this.tag);
  }

  /** A count that need not be exact. */
  few(value) {
    const notation = value < 10_000 ? {} : { notation: "compact", maximumFractionDigits: 1 };
    return value.toLocaleString(this.tag, notation);
  }

  /** Minor units as money; minor digits only where they are not zero. */
  money(minor, currency) {
    const unit = 10 ** this.#format(currency, {}).resolvedOptions().maximumFractionDigits;
    const whole = minor % unit ? {} : { minimumFractionDigits: 0, maximumFractionDigits: 0 };
    return this.#format(currency, whole).format(minor / unit);
  }

  /** To make one takes as long as to draw a card: two are kept for each currency. */
  #format(currency, digits) {
    const key = currency + JSON.stringify(digits);
    if (!this.#formats.has(key))
      this.#formats.set(
        key,
        new Intl.NumberFormat(this.tag, { style: "currency", currency, ...digits }),
      );
    return this.#formats.get(key);
  }

  /** A moment as its reader's own clock shows it: the time alone if it is on the day of `nowMs`. */
  when(ms, nowMs = Date.now()) {
    const date = new Date(ms);
    const today = date.toDateString() === new Date(nowMs).toDateString();
    return date.toLocaleString(this.tag, {
      ...(today ? {} : { dateStyle: "medium" }),
      timeStyle: "short",
    });
  }

  day(ms) {
    return new Date(ms).toLocaleDateString(this.tag, { dateStyle: "long" });
  }

  span(ms) {
    return formatSpan(ms, (n, clock) => this.say("span.days", { n, clock }));
  }
}
