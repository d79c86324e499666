/**
 * Money and counts, as people write and read them. Pure: nothing here knows a page.
 */

/** What the engine sells in (cart/money.py). */
export const CURRENCIES = ["CNY", "HKD", "TWD", "JPY", "KRW", "SGD", "EUR", "GBP", "CHF", "USD", "AED", "KWD", "BHD"];
/** Digits of a minor unit where they are not two, of the currencies the engine sells in (cart/money.py). */
const MINOR_DIGITS = { JPY: 0, KRW: 0, KWD: 3, BHD: 3 };

/** `2880000, "CNY"` as people read it: `CNY 28,800`; minor digits only where they are not zero. */
export function formatMoney(minor, currency, { exact = false } = {}) {
  const digits = MINOR_DIGITS[currency] ?? 2;
  const unit = 10 ** digits;
  const sign = minor < 0 ? "−" : "";
  const whole = Math.floor(Math.abs(minor) / unit).toLocaleString("en");
  const rest = Math.abs(minor) % unit;
  const tail = digits && (exact || rest) ? `.${String(rest).padStart(digits, "0")}` : "";
  return `${currency} ${sign}${whole}${tail}`;
}

/** `"28,800.50"` as minor units, without a float on the way. Throws an Error that says what is wrong. */
export function parseMoney(text, currency) {
  const digits = MINOR_DIGITS[currency] ?? 2;
  const found = /^(\d+)(?:\.(\d+))?$/.exec(text.trim().replace(/[, \u00a0\u2009]/g, ""));
  if (!found) throw new Error("a price is digits, such as 28800 or 28,800.50");
  const [, whole, rest = ""] = found;
  if (rest.length > digits) throw new Error(`${currency} has ${digits || "no"} decimal places`);
  const minor = Number(whole + rest.padEnd(digits, "0"));
  if (!Number.isSafeInteger(minor)) throw new Error("the price is too large");
  return minor;
}

export const formatCount = (value) => value.toLocaleString("en");

/** `1, "piece"` is `1 piece`, `2, "piece"` is `2 pieces`. */
export const plural = (count, noun) => `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
