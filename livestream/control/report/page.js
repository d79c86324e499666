/**
 * The report of a room, in the desk's frame.
 *
 * What is shown is the server's own report.html, taken apart: its <main>, and its style, which this
 * page's policy knows by its hash. It is for whoever has signed in at the desk in this browser.
 */

import { byId, onPress, setText } from "/static/client/page.js";

const room = decodeURIComponent(location.pathname.split("/").pop());

async function fetchReport(suffix) {
  const address = `/api/v1/rooms/${encodeURIComponent(room)}/report${suffix}`;
  const response = await fetch(address);
  if (response.status === 401)
    throw new Error("Sign in at the desk first, and come back to this page.");
  if (!response.ok) throw new Error((await response.json()).detail);
  return response.blob();
}

async function show() {
  const text = await (await fetchReport(".html")).text();
  const report = new DOMParser().parseFromString(text, "text/html");
  document.title = report.title;
  byId("sheet").replaceChildren(report.querySelector("style"), report.querySelector("main"));
  byId("actions").hidden = false;
  say("");
}

async function save({ suffix, file }) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await fetchReport(suffix));
  link.download = `${room}.${file}`;
  link.click();
  // The browser has begun to write by the next turn of its loop.
  setTimeout(() => URL.revokeObjectURL(link.href), 0);
}

function say(text) {
  setText(byId("said"), text);
}

function wire() {
  byId("desk-link").href = `/#${new URLSearchParams({ room })}`;
  onPress(byId("again"), show, say);
  for (const button of document.querySelectorAll("[data-file]"))
    onPress(button, () => save(button.dataset), say);
  byId("print").addEventListener("click", () => print());
}

wire();
show().catch((error) => say(error.message));
