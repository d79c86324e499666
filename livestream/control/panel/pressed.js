/**
 * What was pressed, on screen: the list with each press's fate, the offer to undo, the band that says
 * that the connection is lost.
 *
 * Owns the pane `#pressed`, `#undo` and `#band`, and that the list outlives a reload of this tab.
 * Refuses to decide any fate: `fates.js` does.
 */

import { byId, el, onPress, place, setText } from "/static/client/page.js";
import { OPEN_FATES, fateInWords, unsureOf } from "./fates.js";
import { clockTime } from "./words.js";

const nameOf = (room) => `pressed ${room}`;

/** What was pressed at this room's desk in this tab, before the page was loaded anew. */
export function keptPresses(room) {
  return JSON.parse(sessionStorage.getItem(nameOf(room)) ?? "[]");
}

/** Nothing of it stays behind for who signs in next. */
export function forgetPresses() {
  for (const name of Object.keys(sessionStorage))
    if (name.startsWith(nameOf(""))) sessionStorage.removeItem(name);
}

export class Pressed {
  #actions;
  #desk;
  #lostAtMs = null;
  #rows = new Map();
  #stops;

  constructor(desk) {
    this.#desk = desk;
    this.#actions = desk.actions;
    this.#actions.on("change", () =>
      sessionStorage.setItem(nameOf(desk.room), JSON.stringify(this.#actions.presses)),
    );
    this.#stops = [
      this.#actions.on("change", () => this.#draw()),
      desk.on("state", (state) => this.#showLink(state)),
      desk.on("begin", () => this.#found()),
    ];
    this.#draw();
  }

  /** Nobody is at this desk any more: nothing is offered, and no connection is missed. */
  leave() {
    for (const stop of this.#stops) stop();
    byId("undo").hidden = true;
    hideBand();
  }

  tick(nowMs) {
    this.#actions.tick();
    const { undo } = this.#actions;
    if (undo) setText(byId("undo-left"), `${Math.max(0, Math.ceil((undo.untilMs - nowMs) / 1000))} s`);
  }

  #draw() {
    const { presses, undo } = this.#actions;
    // A press that is as it was keeps its row, and so the focus.
    this.#rows = new Map(presses.map((press) => [press, this.#rows.get(press) ?? this.#row(press)]));
    place(byId("pressed-list"), [...this.#rows.values()]);
    byId("pressed-empty").hidden = presses.length > 0;
    const unsure = unsureOf(presses);
    byId("pressed-unsure").hidden = !unsure;
    setText(byId("pressed-unsure"), `${unsure} unsure`);
    byId("undo").hidden = !undo;
    if (undo) setText(byId("undo-what"), undo.words);
  }

  #row(press) {
    const { key, words, fate, atMs } = press;
    const row = el(
      "li",
      {},
      el("time", { className: "quiet" }, clockTime(atMs)),
      el(
        "span",
        { className: "run-what" },
        el("span", {}, words),
        el("span", { className: "quiet fate" }, fateInWords(press)),
      ),
    );
    row.dataset.fate = fate;
    if (fate === "unsure" || fate === "unheard") {
      const again = el("button", { type: "button", className: "tiny" }, "Ask again");
      onPress(again, () => this.#actions.again(key), () => {});
      const forget = el("button", { type: "button", className: "tiny" }, "Dismiss");
      onPress(forget, () => this.#actions.forget(key), () => {});
      row.append(el("span", { className: "actions" }, again, forget));
    }
    return row;
  }

  /** The first frame after a connection tells everything: what is on screen is of now again. */
  #found() {
    this.#lostAtMs = null;
    hideBand();
  }

  /** The band: since when nothing is heard, and what that means for what is pressed. */
  #showLink({ state, retryInMs }) {
    if (state === "closed") {
      hideBand(); // for good: somebody signs in again, or has left
      return;
    }
    if (state !== "waiting" && this.#lostAtMs === null) return;
    this.#lostAtMs ??= this.#desk.clock.now();
    const waiting = this.#actions.presses.filter(({ fate }) => OPEN_FATES.has(fate)).length;
    const parts = [
      `Connection lost at ${clockTime(this.#lostAtMs)}.`,
      "What you see is of then, and nothing that you press is sent.",
      waiting ? `${waiting} without an answer: what became of it is told once it is back.` : "",
    ];
    setText(byId("band-words"), parts.filter(Boolean).join(" "));
    setText(
      byId("band-again"),
      state === "waiting" ? `Again in ${Math.ceil(retryInMs / 1000)} s` : "Connecting…",
    );
    byId("band").hidden = false;
    document.body.classList.add("offline");
  }
}

function hideBand() {
  byId("band").hidden = true;
  document.body.classList.remove("offline");
}

/** Wire the offer to undo once; `current()` is the desk at work. */
export function wireUndo(current) {
  onPress(byId("undo-button"), () => current()?.actions.takeBack(), () => {});
}
