/**
 * The certificates of an order: which piece is whose, signed, with an address at which anybody may
 * check it. Loaded when a buyer asks to see them, and where one is checked.
 */

import { el } from "/static/client/dom.js";
import { language, learnMore, t } from "./speech.js";

await learnMore();

/** They are for the buyer alone, known by the ticket. */
export async function ofOrder({ room, ticket }, { order_id }) {
  const path = `/watch/${encodeURIComponent(room)}/orders/${encodeURIComponent(order_id)}/certificates`;
  const answer = await fetch(path, { headers: { Authorization: `Bearer ${ticket()}` } });
  if (!answer.ok) throw new Error(`certificates: ${answer.status}`);
  const { certificates } = await answer.json();
  return el("ul", { className: "certificates" }, ...certificates.map(row));
}

/** Which of how many it is, when that was certified, and until when its guarantee lasts. */
export function about({ number, of, issued_at_ms, guarantee_until_ms }) {
  const until = guarantee_until_ms && t("certificate.until", { day: language.day(guarantee_until_ms) });
  const issued = t("certificate.issued", { day: language.day(issued_at_ms) });
  return [
    el("p", { className: "number" }, t("certificate.number", { number, of })),
    el("p", { className: "quiet" }, [issued, until].filter(Boolean).join(" · ")),
  ];
}

function row({ title, certificate, ...piece }) {
  const link = el(
    "a",
    { href: `/certificate?lang=${language.tag}#${certificate}`, target: "_blank", rel: "noopener" },
    t("certificate.check"),
  );
  return el(
    "li",
    {},
    el("p", { className: "name" }, title),
    ...about(piece),
    link,
  );
}
