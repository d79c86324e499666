/**
 * The viewer's page: comes in by a ticket, by walking in, or as a guest; draws the room.
 *
 * Owns the way in, the stage and the one line about the connection. The bag, the talk and an offer
 * have files of their own.
 */

import { Livestream } from "/static/client/livestream.js";
import { byId, plural, setText } from "/static/client/page.js";
import { STOREFRONT_FRAMES, Storefront } from "/static/client/storefront.js";
import { Bag } from "./bag.js";
import { Offer } from "./offer.js";
import { Talk } from "./talk.js";

const room = decodeURIComponent(location.pathname.split("/").filter(Boolean).pop());
const STATUS_WORDS = { created: "Soon", live: "Live", ended: "Ended" };
/** A blink of the connection is nobody's business. */
const LINE_AFTER_MS = 1_200;
/** How long an announcement stays on the stage; it stays in the chat. */
const ANNOUNCED_MS = 15_000;

// -- the way in ---------------------------------------------------------------------------------

/** A ticket from the fragment goes into this tab's memory and out of the address bar; whether there is one. */
function keepTicket() {
  const ticket = new URLSearchParams(location.hash.slice(1)).get("ticket");
  if (ticket) {
    sessionStorage.setItem(`ticket:${room}`, ticket);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return sessionStorage.getItem(`ticket:${room}`) !== null;
}

/** A ticket for this tab; `known`, if it is still good, goes on as the viewer that it names. */
async function walkIn(known) {
  const answer = await fetch(`/api/v1/rooms/${encodeURIComponent(room)}/walk-in`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(known ? { ticket: known } : {}),
  });
  if (answer.status === 403) {
    sessionStorage.removeItem(`ticket:${room}`);
    return null; // this house wants tickets of the merchant's: watch as a guest
  }
  if (!answer.ok) throw new Error(`walk-in: ${answer.status}`);
  const { ticket } = await answer.json();
  sessionStorage.setItem(`ticket:${room}`, ticket);
  return ticket;
}

/** Whoever was shown out does not come back by reloading: this page asks for no other ticket. */
const shownOut = () => sessionStorage.getItem(`shown-out:${room}`) !== null;

/**
 * The ticket for the next connection; `renew` when the last one was refused or ran out. While the
 * house is down everybody is refused: only when it answers again does it say whose ticket is good.
 */
async function ticketFor(config, renew) {
  const known = sessionStorage.getItem(`ticket:${room}`);
  if (known && (!renew || shownOut())) return known;
  return known || config.walk_in ? walkIn(known) : null;
}

// -- the room -----------------------------------------------------------------------------------

const view = new Storefront();
const offers = new Map();
let live;
let bag;
let talk;

const titleOf = (sku) => {
  const card = [...view.cards.values()].find((each) => each.sku === sku);
  return card?.title ?? view.dropOf(sku)?.title ?? sku;
};

/** What is on show: every card with the drop of its SKU, and drops that have no card. */
function onShow() {
  const shown = [...view.cards.values()].map((card) => ({
    key: `card:${card.card_id}`,
    card,
    drop: card.sku ? view.dropOf(card.sku) : null,
  }));
  const skus = new Set(shown.map(({ card }) => card.sku));
  for (const drop of view.drops.values()) {
    if (!skus.has(drop.sku) && view.dropOf(drop.sku) === drop && drop.status !== "closed") {
      shown.push({ key: `drop:${drop.drop_id}`, card: null, drop });
    }
  }
  return shown;
}

function draw() {
  setText(byId("title"), view.title || room);
  document.title = view.title || room;
  setText(byId("status"), STATUS_WORDS[view.status]);
  byId("status").dataset.status = view.status;

  const shown = onShow();
  const pinned = `card:${view.pinned}`;
  const first = shown.find(({ key }) => key === pinned) ?? shown.at(-1);
  for (const { key, card, drop } of shown) {
    if (!offers.has(key)) offers.set(key, new Offer(bag, draw));
    offers.get(key).update(card, drop, view.status);
  }
  const keys = new Set(shown.map(({ key }) => key));
  for (const key of [...offers.keys()]) if (!keys.has(key)) offers.delete(key);

  const rest = shown.filter((each) => each !== first).reverse();
  place(byId("stage"), first ? [offers.get(first.key).node] : []);
  place(
    byId("cards"),
    rest.map(({ key }) => offers.get(key).node),
  );
  byId("others").hidden = rest.length === 0;
  byId("empty").hidden = shown.length > 0;
  setText(
    byId("empty"),
    view.status === "ended"
      ? "The show has ended. Thank you for being here."
      : "The show is about to begin.",
  );
  tick();
}

/** Put the nodes in their order, touching nothing that stands right: focus stays where it is. */
function place(parent, nodes) {
  if (
    nodes.length === parent.children.length &&
    nodes.every((node, at) => parent.children[at] === node)
  )
    return;
  parent.replaceChildren(...nodes);
}

function tick() {
  const nowMs = live.now();
  for (const offer of offers.values()) offer.tick(nowMs);
  bag.tick(nowMs);
}

let announced = 0;
function announce(text) {
  const stage = byId("announcement");
  stage.textContent = "";
  // A fresh node: the same words said twice are announced twice.
  stage.append(Object.assign(document.createElement("p"), { textContent: text }));
  clearTimeout(announced);
  announced = setTimeout(() => stage.replaceChildren(), ANNOUNCED_MS);
  talk.announce(text);
}

// -- the line -----------------------------------------------------------------------------------

let lineTimer = 0;
function showLine({ state, code }) {
  clearTimeout(lineTimer);
  if (code === 4003) sessionStorage.setItem(`shown-out:${room}`, "");
  else if (state === "open") sessionStorage.removeItem(`shown-out:${room}`);
  const words = {
    open: "",
    closed: "The room is closed to this page.",
  }[state];
  if (shownOut()) setText(byId("line"), "You were shown out of this room.");
  else if (words !== undefined) setText(byId("line"), words);
  else
    lineTimer = setTimeout(
      () =>
        setText(
          byId("line"),
          live.viewer ? "Connecting again. What you reserved stays reserved." : "Connecting…",
        ),
      LINE_AFTER_MS,
    );
}

// -- the beginning ------------------------------------------------------------------------------

async function begin() {
  const ticketed = keepTicket();
  const answer = await fetch(`/watch/${encodeURIComponent(room)}/config.json`);
  if (answer.status === 404) {
    setText(byId("line"), "There is no such room.");
    return;
  }
  if (!answer.ok) throw new Error(`config: ${answer.status}`);
  const config = await answer.json();
  live = new Livestream({ url: config.gateway_url, ticket: (renew) => ticketFor(config, renew) });
  bag = new Bag(live, titleOf, (sku) => view.dropOf(sku), ticketed);
  talk = new Talk(live);
  live.on("state", showLine);
  live.on("welcome", ({ role, snapshot }) => {
    talk.allow(role);
    if (snapshot) {
      view.reset(snapshot);
      showViewers(snapshot.viewers);
    }
    draw();
    bag.draw();
  });
  for (const type of STOREFRONT_FRAMES) {
    live.on(type, (frame) => {
      view.apply(frame);
      draw();
    });
  }
  live.on("room.started", () => announce("The show begins."));
  live.on("room.ended", () => announce("The show has ended. Thank you for being here."));
  live.on("announcement", ({ text }) => announce(text));
  live.on("pulse", ({ viewers }) => showViewers(viewers));
  setInterval(tick, 200);
  // A page that is left takes no chat; orders and stock still reach it.
  document.addEventListener("visibilitychange", () =>
    live.attention(document.hidden ? "commerce" : "full"),
  );
  live.open();
}

function showViewers(viewers) {
  setText(byId("viewers"), viewers ? plural(viewers, "viewer") : "");
}

function comeIn() {
  begin().catch(() => {
    setText(byId("line"), "The house does not answer. Trying again…");
    setTimeout(comeIn, 2_000 + Math.random() * 3_000);
  });
}

comeIn();
