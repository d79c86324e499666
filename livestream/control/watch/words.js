/**
 * What a viewer reads for each code of the closed list (cart/outcome.py); the server's own words
 * are for developers.
 */

import { formatSpan } from "/static/client/page.js";

const WORDS = {
  sold_out: "Sold out. Every piece has found its owner.",
  all_held: "Every piece is reserved just now. Some may come back: try again in a moment.",
  in_line: "You are in line for it already.",
  limit_reached: "You have reached the limit for this piece.",
  not_open: "Not open yet.",
  not_invited: "This is for invited guests.",
  closed: "This has ended.",
  empty_cart: "Nothing is reserved any more.",
  hold_expired: "The time ran out, and the piece went back.",
  coupon_rejected: "This coupon cannot be used for these pieces.",
  payment_declined: "The bank declined. You may try again.",
  conflict: "That was already done in another way. Please look again.",
  forbidden: "You are watching as a guest: with a ticket you may shop and chat.",
  muted: "A moderator has paused your messages.",
  rate_limited: "A little slower, please.",
  busy: "The counter is very busy. Please try again.",
  timeout: "No answer yet. Try again: nothing is done twice.",
  offline: "Not connected just now.",
};

/** One sentence for a `Refused`. */
export function inWords({ code, message, retryAfterMs }) {
  if (code === "rate_limited" && retryAfterMs > 1_000) {
    return `A little slower, please: again in ${Math.ceil(retryAfterMs / 1000)} s.`;
  }
  if (code === "not_open" && retryAfterMs) {
    return `It opens for you in ${formatSpan(retryAfterMs)}.`;
  }
  return WORDS[code] ?? message;
}
