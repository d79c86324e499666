/**
 * What holds beside the drops: coupons, delivery slots, the rules of the room. What is typed as what
 * the API takes (cart/coupon.py, cart/slot.py, cart/rules.py), and back. Pure, as terms.js is.
 */

import { Reader, localText, moneyText } from "./reading.js";
import { perkValues, perksOf } from "./terms.js";

const SUPPLY_MAX = 1_000_000;
const QUANTITY_MAX = 100;
const ROOM_LIMIT_MAX = 6_400;
const CAPACITY_MAX = 10_000;
const CODE_MAX = 32;

export const EMPTY_COUPON = {
  code: "",
  kind: "percent",
  percent: "10",
  amount: "",
  currency: "",
  supply: "100",
  per_viewer: "1",
  skus: "",
  from: "",
  until: "",
};

/** `{ terms, flaws }`, as `termsOf` gives them. */
export function couponTermsOf(values) {
  const flaws = [];
  const read = new Reader(values, flaws);
  const terms = {
    code: read.word("code", "The code", CODE_MAX),
    supply: read.count("supply", "How many there are", 1, SUPPLY_MAX),
    per_viewer: read.count("per_viewer", "How often each may use it", 1, QUANTITY_MAX),
    amount_minor: null,
    percent_bp: null,
    currency: values.currency || null,
    skus: values.skus.split(/[\s,]+/).filter(Boolean),
    from_ms: read.time("from"),
    until_ms: read.time("until"),
  };
  if (values.kind === "amount") {
    if (!values.currency) read.flaw("currency", "An amount needs its currency.");
    else terms.amount_minor = read.money("amount", "The amount", values.currency);
    if (terms.amount_minor === 0) read.flaw("amount", "A coupon takes something off.");
  } else terms.percent_bp = percentOf(values.percent, (text) => read.flaw("percent", text));
  if (terms.from_ms && terms.until_ms && terms.until_ms <= terms.from_ms)
    read.flaw("until", "The coupon ends before it begins.");
  return { terms, flaws };
}

/** `"12.5"` as ten thousandths: 1,250. */
function percentOf(typed, flaw) {
  const found = /^(\d{1,3})(?:\.(\d{1,2}))?$/.exec(typed.trim().replace(/\s*%$/, ""));
  const bp = found ? Number(found[1]) * 100 + Number((found[2] ?? "").padEnd(2, "0")) : NaN;
  if (!(bp >= 1 && bp <= 10_000)) flaw("A percentage is from 0.01 to 100, such as 12.5.");
  return bp;
}

export function couponValues(coupon) {
  const isAmount = coupon.amount_minor !== undefined;
  return {
    code: coupon.code,
    kind: isAmount ? "amount" : "percent",
    percent: isAmount ? "" : String(coupon.percent_bp / 100),
    amount: isAmount ? moneyText(coupon.amount_minor, coupon.currency) : "",
    currency: coupon.currency ?? "",
    supply: String(coupon.supply),
    per_viewer: String(coupon.per_viewer),
    skus: coupon.skus.join(", "),
    from: localText(coupon.from_ms),
    until: localText(coupon.until_ms),
  };
}

export const EMPTY_SLOT = { slot_id: "", perk_id: "", city: "", from: "", until: "", capacity: "10" };

export function slotTermsOf(values) {
  const flaws = [];
  const read = new Reader(values, flaws);
  const terms = {
    slot_id: read.word("slot_id", "The slot id"),
    perk_id: read.word("perk_id", "The perk"),
    city: read.text("city", "The city", 120),
    from_ms: read.time("from", "When it begins"),
    until_ms: read.time("until", "When it ends"),
    capacity: read.count("capacity", "How many deliveries", 0, CAPACITY_MAX),
  };
  if (terms.from_ms && terms.until_ms && terms.until_ms <= terms.from_ms)
    read.flaw("until", "The slot ends before it begins.");
  return { terms, flaws };
}

export const slotValues = ({ slot_id, perk_id, city, from_ms, until_ms, capacity }) => ({
  slot_id,
  perk_id,
  city,
  from: localText(from_ms),
  until: localText(until_ms),
  capacity: String(capacity),
});

export const EMPTY_RULES = {
  invited_only: false,
  limit: "",
  one_product_per_order: false,
  perks: [],
};

export function rulesTermsOf(values) {
  const flaws = [];
  const read = new Reader(values, flaws);
  const terms = {
    invited_only: values.invited_only,
    limit_per_viewer: values.limit.trim()
      ? read.count("limit", "The limit", 1, ROOM_LIMIT_MAX)
      : null,
    one_product_per_order: values.one_product_per_order,
    perks: perksOf(values.perks, flaws),
  };
  return { terms, flaws };
}

export const rulesValues = ({ invited_only, limit_per_viewer, one_product_per_order, perks }) => ({
  invited_only,
  limit: limit_per_viewer === null ? "" : String(limit_per_viewer),
  one_product_per_order,
  perks: perks.map(perkValues),
});
