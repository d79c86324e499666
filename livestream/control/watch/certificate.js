/**
 * The check of a certificate: the one of this address, or one that is pasted.
 *
 * The certificate stands in the fragment, which a browser keeps to itself, and is sent to be checked
 * only. Owns this page. Refuses to know rooms.
 */

import { byId, el, setText } from "/static/client/dom.js";
import { about } from "./certificates.js";
import { dress, press, problem, t } from "./speech.js";

dress();

const verdict = byId("verdict");

async function check(certificate) {
  const answer = await fetch("/api/v1/certificates/check", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ certificate }),
  });
  if (!answer.ok) throw Object.assign(new Error(), { code: answer.status < 500 ? "invalid" : "busy" });
  const { status, title, ...piece } = await answer.json();
  verdict.dataset.status = status;
  setText(verdict, t(`certificate.${status}`));
  byId("piece").hidden = status === "not_genuine";
  if (status === "not_genuine") return;
  byId("piece").replaceChildren(el("h2", {}, title), ...about(piece));
}

/** Check it, and say what goes wrong. */
async function show(certificate) {
  byId("form").hidden = Boolean(certificate);
  byId("piece").hidden = true;
  verdict.dataset.status = "";
  setText(verdict, "");
  if (certificate) await check(certificate).catch((error) => setText(verdict, problem(error)));
}

document.title = t("certificate.show");
press(byId("check"), () => check(byId("certificate").value.trim()), verdict);
const ofAddress = () => show(decodeURIComponent(location.hash.slice(1)));
addEventListener("hashchange", ofAddress);
ofAddress();
// Another language keeps the certificate.
for (const link of document.querySelectorAll("[hreflang]")) link.hash = location.hash;
