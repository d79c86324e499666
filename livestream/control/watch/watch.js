/**
 * The viewer's page: comes in by a ticket, by walking in, or as a guest; draws the room.
 *
 * Owns the way in, the stage and the one line about the connection. What is the viewer's (bag.js,
 * sheet.js), the talk, an offer and the picture have files of their own.
 */

import { byId, el, place, setText } from "/static/client/dom.js";
import { Close, Livestream } from "/static/client/livestream.js";
import { STOREFRONT_FRAMES, Storefront } from "/static/client/storefront.js";
import { Bag } from "./bag.js";
import { Offer } from "./offer.js";
import { Sheet } from "./sheet.js";
import { dress, t } from "./speech.js";
import { Talk } from "./talk.js";

const room = decodeURIComponent(location.pathname.split("/").filter(Boolean).pop());
/** A blink of the connection is nobody's business. */
const LINE_AFTER_MS = 1_200;
/** How long an announcement stays on the stage; it stays in the chat. */
const ANNOUNCED_MS = 15_000;

// -- the way in ---------------------------------------------------------------------------------

const TICKET = `ticket:${room}`;
const SHOWN_OUT = `shown-out:${room}`;

/** A ticket from the fragment goes into this tab's memory and out of the address bar. */
function keepTicket() {
  const ticket = new URLSearchParams(location.hash.slice(1)).get("ticket");
  if (!ticket) return;
  sessionStorage.setItem(TICKET, ticket);
  history.replaceState(null, "", location.pathname + location.search);
}

/** A ticket for this tab; `known`, if it is still good, goes on as the viewer that it names. */
async function walkIn(known) {
  const answer = await fetch(`/api/v1/rooms/${encodeURIComponent(room)}/walk-in`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(known ? { ticket: known } : {}),
  });
  if (answer.status === 403) {
    sessionStorage.removeItem(TICKET);
    return null; // this house wants tickets of the merchant's: watch as a guest
  }
  if (!answer.ok) throw new Error(`walk-in: ${answer.status}`);
  const { ticket } = await answer.json();
  sessionStorage.setItem(TICKET, ticket);
  return ticket;
}

/** Whoever was shown out does not come back by reloading: this page asks for no other ticket. */
const shownOut = () => sessionStorage.getItem(SHOWN_OUT) !== null;

/**
 * The ticket for the next connection; `renew` when the last one was refused or ran out. While the
 * house is down everybody is refused: only when it answers again does it say whose ticket is good.
 */
async function ticketFor(config, renew) {
  const known = sessionStorage.getItem(TICKET);
  if (known && (!renew || shownOut())) return known;
  return known || config.walk_in ? walkIn(known) : null;
}

// -- the room -----------------------------------------------------------------------------------

const view = new Storefront();
const offers = new Map();
let live;
let bag;
let sheet;
let talk;
let screen = null;

const titleOf = (sku) =>
  [...view.cards.values()].find((card) => card.sku === sku)?.title ?? view.dropOf(sku)?.title ?? sku;

/** Perks that an order of these pieces may win. */
const perks = (skus) => [
  ...skus.flatMap((sku) => view.dropOf(sku)?.perks ?? []),
  ...view.rules.perks,
];

/** What a press on an offer does. */
async function act(what, { sku }) {
  if (what === "enter") return bag.enter(sku);
  if (what === "leave") return bag.leave(sku);
  if (what === "wait" && !(await bag.wait(sku))) return undefined;
  if (what === "reserve") await bag.reserve(sku);
  return sheet.open();
}

/** What is on show: every card with the drop of its SKU, and drops that have no card. */
function onShow() {
  const shown = [...view.cards.values()].map((card) => ({
    key: `card:${card.card_id}`,
    card,
    drop: card.sku ? view.dropOf(card.sku) : null,
  }));
  const skus = new Set(shown.map(({ card }) => card.sku));
  for (const drop of view.drops.values()) {
    if (!skus.has(drop.sku) && view.dropOf(drop.sku) === drop && drop.status !== "closed")
      shown.push({ key: `drop:${drop.drop_id}`, card: null, drop });
  }
  return shown;
}

function draw() {
  const title = view.title || room;
  setText(byId("title"), title);
  document.title = title;
  setText(byId("status"), t(`room.${view.status}`));
  byId("status").dataset.status = view.status;

  const shown = onShow();
  const nowMs = live.now();
  for (const { key, card, drop } of shown) {
    if (!offers.has(key)) offers.set(key, new Offer(bag, act));
    offers.get(key).update(card, drop, view, nowMs);
  }
  for (const key of offers.keys()) if (!shown.some((each) => each.key === key)) offers.delete(key);

  const first = shown.find(({ key }) => key === `card:${view.pinned}`) ?? shown.at(-1);
  const rest = shown.filter((each) => each !== first).reverse();
  const nodesOf = (some) => some.map(({ key }) => offers.get(key).node);
  place(byId("stage"), first ? nodesOf([first]) : []);
  place(byId("cards"), nodesOf(rest));
  byId("others").hidden = rest.length === 0;
  setText(byId("empty"), first ? "" : t(view.status === "ended" ? "room.thanks" : "room.soon"));
  sheet.expect([...view.drops.values()]);
  drawScreen();
}

/** The picture; without one its place is the piece's own. */
async function drawScreen() {
  const { hls_url, poster_url } = view.stream;
  byId("screen").hidden = !hls_url && !poster_url;
  if (!screen && byId("screen").hidden) return;
  try {
    const { Screen } = await import("./screen.js");
    screen ??= new Screen(byId("screen"), t("room.picture"));
    screen.show(view.stream, view.status);
  } catch (error) {
    console.error(error); // the next change of the room tries again
  }
}

function tick() {
  const nowMs = live.now();
  for (const offer of offers.values()) offer.tick(nowMs);
  sheet.tick(nowMs);
}

/** For those who listen: a fresh node, so that the same words said twice are said twice. */
function speak(text) {
  byId("spoken").replaceChildren(el("p", {}, text));
}

let announced = 0;
function announce(text) {
  setText(byId("announcement"), text);
  clearTimeout(announced);
  announced = setTimeout(() => setText(byId("announcement"), ""), ANNOUNCED_MS);
  speak(text);
  talk.announce(text);
}

/** Of a drop it is said once that it opens, and that it is over: the levels in between are seen. */
function tellOf(key) {
  return ({ drop_id }) => {
    const drop = view.drops.get(drop_id);
    if (drop) speak(t(key, { title: titleOf(drop.sku) }));
  };
}

// -- the line -----------------------------------------------------------------------------------

let lineTimer = 0;
function showLine({ state, code }) {
  clearTimeout(lineTimer);
  if (code === Close.BANNED) sessionStorage.setItem(SHOWN_OUT, "");
  else if (state === "open") sessionStorage.removeItem(SHOWN_OUT);
  const say = (key) => setText(byId("line"), key ? t(key) : "");
  if (shownOut()) say("room.shown_out");
  else if (state === "open") say("");
  else if (state === "closed") say("room.closed");
  else lineTimer = setTimeout(() => say(live.viewer ? "room.again" : "room.enter"), LINE_AFTER_MS);
}

// -- the beginning ------------------------------------------------------------------------------

async function begin() {
  const ticketed = sessionStorage.getItem(TICKET) !== null;
  const answer = await fetch(`/watch/${encodeURIComponent(room)}/config.json`);
  if (answer.status === 404) {
    setText(byId("line"), t("room.none"));
    return;
  }
  if (!answer.ok) throw new Error(`config: ${answer.status}`);
  const config = await answer.json();
  live = new Livestream({ url: config.gateway_url, ticket: (renew) => ticketFor(config, renew) });
  bag = new Bag(live, ticketed);
  sheet = new Sheet(bag, {
    room,
    live,
    titleOf,
    perks,
    speak,
    sandbox: config.payments === "sandbox",
    dropOf: (sku) => view.dropOf(sku),
    ticket: () => sessionStorage.getItem(TICKET),
    refresh: () => bag.refresh(),
  });
  talk = new Talk(live);
  live.on("state", showLine);
  live.on("welcome", ({ role, snapshot }) => {
    talk.allow(role);
    if (snapshot) {
      view.reset(snapshot);
      showViewers(snapshot.viewers);
    }
    draw();
  });
  bag.on("change", draw);
  for (const type of STOREFRONT_FRAMES) {
    live.on(type, (frame) => {
      view.apply(frame);
      draw();
    });
  }
  live.on("room.started", () => announce(t("room.begins")));
  live.on("room.ended", () => announce(t("room.thanks")));
  live.on("announcement", ({ text }) => announce(text));
  live.on("drop.opened", tellOf("spoken.opened"));
  live.on("drop.sold_out", tellOf("spoken.sold_out"));
  live.on("pulse", ({ viewers }) => showViewers(viewers));
  setInterval(tick, 200);
  // A page that is left takes no chat; orders and stock still reach it.
  document.addEventListener("visibilitychange", () =>
    live.attention(document.hidden ? "commerce" : "full"),
  );
  live.open();
}

function showViewers(viewers) {
  setText(byId("viewers"), viewers ? t("room.viewers", { n: viewers }) : "");
}

function comeIn() {
  begin().catch((error) => {
    console.error(error);
    setText(byId("line"), t("room.no_answer"));
    setTimeout(comeIn, 2_000 + Math.random() * 3_000);
  });
}

keepTicket();
dress();
comeIn();
