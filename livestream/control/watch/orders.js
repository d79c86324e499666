/** An order as its buyer sees it: what is due, and where it stands, in words. Pure. */

/** An order only moves to the right; a late answer may tell of an earlier state. */
const STATES = ["placed", "expired", "deposited", "defaulted", "cancelled", "paid", "refunded"];

/** The order that was `known`, if it was, with `news` of it. */
export function later(known, news) {
  const order = { lines: [], ...known, ...news };
  if (known && STATES.indexOf(known.status) > STATES.indexOf(order.status))
    order.status = known.status;
  return order;
}

/** Whether the viewer has something to pay for this order, now or later. */
export const waitsForMoney = ({ status }) => status === "placed" || status === "deposited";

/** What can be paid now, in minor units (0: not known yet), or null. A presale takes two payments. */
export function dueMinor({ status, total_minor, presale, payment }, nowMs) {
  if (payment === "processing") return null;
  if (status === "placed") return presale?.deposit_minor ?? total_minor ?? 0;
  if (status !== "deposited" || nowMs < presale.balance_from_ms) return null;
  return presale.balance_minor;
}

/** The perk, of those its pieces may win, that this order may take a delivery slot for now, if any. */
export function slotPerkOf(order, perks) {
  const offered = perks.filter(({ slots }) => slots);
  if (waitsForMoney(order)) return offered[0];
  const isWon = ({ perk_id }) => order.perks?.some((won) => won.perk_id === perk_id);
  return order.status === "paid" ? offered.find(isWon) : undefined;
}

/** Where the order stands. */
export function stateOf(order, language) {
  const { status, paid_seq, payment, refunded_minor, currency, presale, forfeited } = order;
  const say = (key, values) => language.say(`order.${key}`, values);
  if (waitsForMoney(order) && payment === "processing") return say("paying");
  switch (status) {
    case "deposited":
      return say("deposited", { when: language.when(presale.balance_from_ms) });
    case "defaulted":
      return say(forfeited === false ? "defaulted_back" : "defaulted");
    case "paid": {
      const paid = paid_seq ? say("paid_as", { n: paid_seq }) : say("paid");
      const back = refunded_minor && language.money(refunded_minor, currency);
      return back ? `${paid} · ${say("refunded_partly", { back })}` : paid;
    }
    case "expired":
      return say(payment === "refunding" ? "expired_back" : "expired");
    case "refunded":
    case "cancelled":
      return say(status);
    default:
      return say(presale ? "placed_presale" : "placed");
  }
}
