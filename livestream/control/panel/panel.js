/**
 * The host panel: sign in, choose a room, run the show.
 *
 * Owns the way to a room and the top of the page; drops, cards, chat and numbers have files of their
 * own.
 */

import { CURRENCIES, byId, el, formatMoney, onPress, place, plural, setText } from "/static/client/page.js";
import { askOnce } from "./ask.js";
import { Cards, wireCardForms } from "./cards.js";
import { Api, Desk } from "./desk.js";
import { DropForm } from "./drop-form.js";
import { Drops } from "./drops.js";
import { FlightDeck, wireFlightDeck } from "./flight.js";
import { wireHouse } from "./house.js";
import { wireKeys } from "./keys.js";
import { Line } from "./line_pane.js";
import { Numbers } from "./numbers.js";
import { wirePicture } from "./picture.js";
import { Pressed, forgetPresses, keptPresses, wireUndo } from "./pressed.js";
import { Playback } from "./playback.js";
import { Rehearsals, SandboxStrip, wipeButton } from "./rehearsal.js";
import { ReplayStrip } from "./replay.js";
import { Run } from "./run_pane.js";
import { closeSheet } from "./sheet.js";
import { askAgain, fromFragment, keepInAddress, showSessionEnd, signOut, stopAsking, wireSignIn } from "./sign-in.js";
import { Talk, wireFilter } from "./talk.js";
import { showSlowMode, wireTools } from "./talk_tools.js";
import { clockTime } from "./words.js";

const STATUS_WORDS = { created: "Not begun", live: "Live", ended: "Ended" };
const ROOMS_EVERY_MS = 5_000;
/** A pane that has nothing to tell in a replay. */
const IDLE = { tick() {}, leave() {} };

let api = null;
let desk = null;
let parts = null;
let dropForm = null;
let forgetHouse = null;
let lastRoom = null;
let roomsTimer = 0;
let rehearsals = null;

// -- where we are -------------------------------------------------------------------------------

/** Show one of the three pages. */
function show(page) {
  document.body.dataset.page = page;
  for (const id of ["sign-in", "rooms", "desk"]) byId(id).hidden = id !== page;
  byId("clock").hidden = page !== "desk";
  byId("who").hidden = page === "sign-in";
  byId("room-actions").hidden = page !== "desk";
  byId("status").hidden = page !== "desk";
  if (page !== "desk") byId("light").hidden = true;
  document.body.dataset.role = api?.role ?? ""; // sign-in.css: what a role may not do it does not see
  if (page !== "desk") {
    setText(byId("title"), "The desk");
    document.title = "The desk";
  }
  clearInterval(roomsTimer);
  rehearsals?.stop();
}

// -- signing in ---------------------------------------------------------------------------------

function greet(newApi) {
  api = newApi;
  setText(byId("who-name"), `${api.name}, ${api.role}`);
}

/** Back to the first page: nobody has signed in. */
function signedOut(words = "") {
  leaveDesk();
  stopAsking(); // the feed may have told it first
  api = null;
  keepInAddress(null);
  show("sign-in");
  setText(byId("sign-in-said"), words);
  byId("token").focus();
}

/** Signed in again over the desk: forms and what is typed in them stay as they are. */
function goOn(newApi) {
  if (desk && api.isSameAs(newApi)) {
    desk.resume();
    return;
  }
  greet(newApi);
  if (desk) openRoom(desk.room, desk.isReplay);
  else chooseRoom();
}

// -- rooms --------------------------------------------------------------------------------------

function chooseRoom() {
  leaveDesk();
  keepInAddress(null);
  show("rooms");
  const refresh = () =>
    listRooms().catch((error) => {
      setText(byId("rooms-said"), error.message);
      if (error.status === 401) askAgain();
    });
  refresh();
  roomsTimer = setInterval(refresh, ROOMS_EVERY_MS);
  rehearsals.start();
}

async function listRooms() {
  const { rooms } = await api.call("GET", "/rooms");
  setText(byId("rooms-said"), "");
  byId("rooms-empty").hidden = rooms.length > 0;
  const known = new Map([...byId("room-list").children].map((row) => [row.dataset.room, row]));
  place(
    byId("room-list"),
    rooms.map((each) => roomRow(known.get(each.room), each)),
  );
}

/** A row for the room; one that is on screen already keeps its button, and so the focus. */
function roomRow(row, line) {
  const { room, title, status, sandbox, resting, viewers, totals } = line;
  if (!row) {
    row = el(
      "li",
      { className: "room" },
      el(
        "button",
        { type: "button" },
        el("span", { className: "name" }),
        el("span", { className: "quiet" }),
      ),
    );
    row.dataset.room = room;
    row.firstChild.addEventListener("click", () => openRoom(room));
    const said = (text) => setText(byId("rooms-said"), text);
    row.append(wipeButton(api, line, said, () => row.remove()) ?? "");
  }
  const sums = totals.map(({ net_minor, currency }) => formatMoney(net_minor, currency));
  setText(row.firstChild.firstChild, title || room);
  setText(
    row.firstChild.lastChild,
    [
      room,
      sandbox ? "a sandbox" : "",
      STATUS_WORDS[status],
      resting ? "at rest" : plural(viewers, "viewer"),
      ...sums,
    ]
      .filter(Boolean)
      .join(" · "),
  );
  return row;
}

// -- the desk -----------------------------------------------------------------------------------

/** The desk of a room, or with `replay` the room as it once stood: the same panes, nothing to press. */
function openRoom(room, replay = false) {
  leaveDesk();
  if (room !== lastRoom) {
    dropForm.empty();
    forgetHouse();
  }
  lastRoom = room;
  desk = replay ? new Playback(api, room) : new Desk(api, room, keptPresses(room));
  document.body.dataset.mode = replay ? "replay" : "live";
  parts = {
    strip: replay ? new ReplayStrip(desk, () => openRoom(room)) : new SandboxStrip(desk, api),
    drops: new Drops(desk, (draft) => dropForm.edit(draft)),
    cards: new Cards(desk),
    talk: replay ? IDLE : new Talk(desk),
    numbers: new Numbers(desk),
    run: new Run(desk),
    line: new Line(),
    pressed: replay ? IDLE : new Pressed(desk),
    flight: replay ? IDLE : new FlightDeck(desk),
  };
  keepInAddress(room, replay);
  show("desk");
  document.body.dataset.role = desk.api.role;
  byId("watch-link").href = `/watch/${encodeURIComponent(room)}`;
  byId("report-link").href = `/report/${encodeURIComponent(room)}`;
  for (const type of ["begin", "change"]) desk.on(type, draw);
  for (const type of ["begin", "ledger"]) desk.on(type, drawLedger);
  const here = desk;
  desk.on("room-gone", () => {
    if (desk !== here) return;
    chooseRoom();
    if (!here.ledger?.sandbox) setText(byId("said"), `There is no room ${room}.`);
  });
  desk.on("signed-out", () => askAgain());
  desk.open();
  draw();
}

function leaveDesk() {
  desk?.close();
  parts?.pressed.leave();
  parts?.strip?.close();
  desk = parts = null;
  closeSheet();
  setText(byId("said"), "");
}

function draw() {
  const { view, room } = desk;
  setText(byId("title"), view.title || room);
  document.title = `${view.title || room} – ${desk.isReplay ? "replay" : "the desk"}`;
  setText(byId("status"), STATUS_WORDS[view.status]);
  byId("status").dataset.status = view.status;
  byId("start").hidden = view.status !== "created" || !desk.api.may("host");
  byId("end").hidden = view.status !== "live" || !desk.api.may("host");
  byId("report-link").hidden = view.status !== "ended";
  byId("replay").hidden = view.status !== "ended" || Boolean(desk.isReplay);
  parts.drops.draw();
  parts.cards.draw();
  showSlowMode(view.slowModeMs);
}

const titleOf = (sku) => desk.view.dropOf(sku)?.title ?? sku;

function drawLedger() {
  if (!desk.ledger) return;
  parts.numbers.update(desk.ledger, titleOf);
  parts.line.draw(desk.ledger, desk.clock.now());
  parts.drops.draw();
}

function tick() {
  if (!desk) return;
  desk.tick?.();
  const nowMs = desk.clock.now();
  setText(byId("clock"), clockTime(nowMs));
  const { drops, run, pressed, flight, talk } = parts;
  for (const part of [drops, run, pressed, flight, talk]) part.tick(nowMs);
  showSessionEnd(api, desk.isReplay ? Date.now() : nowMs);
}

// -- wiring, once -------------------------------------------------------------------------------

function wire() {
  for (const select of document.querySelectorAll(".currencies")) {
    select.replaceChildren(...CURRENCIES.map((code) => el("option", {}, code)));
  }
  const say = (text) => setText(byId("said"), text);
  wireSignIn({
    newApi: () => new Api(),
    signedIn: (newApi) => {
      greet(newApi);
      return firstRoom();
    },
    again: goOn,
    left: signedOut,
  });
  onPress(
    byId("room-create"),
    async () => {
      const { room, title } = Object.fromEntries(new FormData(byId("room-form")));
      await api.call("POST", "/rooms", { room: room.trim(), title: title.trim() });
      byId("room-form").reset();
      openRoom(room.trim());
    },
    (text) => setText(byId("room-said"), text),
  );
  onPress(byId("start"), () => desk.call("POST", "/start"), say);
  onPress(
    byId("end"),
    async () => {
      const sure = await askOnce(
        "End the show? Every drop closes; what is held may still be paid. A show does not begin twice.",
        "End the show",
      );
      if (sure) await desk.call("POST", "/end");
    },
    say,
  );
  rehearsals = new Rehearsals(() => api, openRoom);
  byId("leave-room").addEventListener("click", chooseRoom);
  byId("replay").addEventListener("click", () => openRoom(desk.room, true));
  onPress(
    byId("sign-out"),
    async () => {
      await signOut(api);
      forgetPresses();
      signedOut();
    },
    say,
  );
  dropForm = new DropForm(() => desk);
  byId("drop-new").addEventListener("click", () => dropForm.open());
  forgetHouse = wireHouse(() => desk);
  wirePicture(() => desk);
  wireCardForms(() => desk);
  wireTools(() => desk, () => parts.talk.tools);
  wireFilter();
  wireUndo(() => desk);
  for (const jump of document.querySelectorAll("[data-jump]"))
    jump.addEventListener("click", () => byId(jump.dataset.jump).scrollIntoView());
  wireFlightDeck();
  wireKeys(() => desk !== null);
  setInterval(tick, 250);
}

async function begin() {
  const { token, room, replay } = fromFragment();
  const newApi = new Api();
  try {
    if (token) await newApi.signIn(token);
    else await newApi.resume();
  } catch (error) {
    signedOut(token || error.status !== 401 ? error.message : "");
    return;
  }
  greet(newApi);
  if (room) openRoom(room, replay);
  else await firstRoom();
}

/** Where there is but one room, nobody needs to choose. */
async function firstRoom() {
  const { rooms } = await api.call("GET", "/rooms").catch(() => ({ rooms: [] }));
  if (rooms.length === 1) openRoom(rooms[0].room);
  else chooseRoom();
}

wire();
begin();
