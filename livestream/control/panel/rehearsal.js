/**
 * Rehearsals on the list of rooms: one is asked for, watched, stopped, and what came of it is read;
 * and sandbox rooms that are still there, to be wiped. Over the desk of such a room a strip says what
 * it is.
 *
 * Owns these elements. Refuses to know how a show is played.
 */

import { byId, el, formatCount, formatSpan, onPress, plural, setText } from "/static/client/page.js";
import { askOnce } from "./ask.js";

const EVERY_MS = 1_000;
const PHASES = {
  gathering: "People come in",
  playing: "The show runs",
  leaving: "The show is over, people leave",
  judging: "The auditor reads the log",
  wiping: "The room is wiped",
};

/** Where it is, in words. Pure. */
function stateInWords({ state, phase, at_ms: atMs, duration_ms: durationMs, here, orders_paid: paid, reason }) {
  if (state === "failed") return reason;
  if (state === "done") return "Played to its end";
  if (state === "stopping") return "It is being stopped";
  if (phase === "gathering" && atMs < 0) return `${PHASES[phase]}, the show begins in ${formatSpan(-atMs)}`;
  if (phase !== "playing") return PHASES[phase];
  const at = `${formatSpan(Math.max(0, atMs))} of ${formatSpan(durationMs)}`;
  return `${PHASES[phase]}: ${at} · ${plural(here, "viewer")} · ${plural(paid, "order")} paid`;
}

/** What was asked for, in words. Pure. */
function askedInWords({ viewers, buyers, speed, by }) {
  const who = buyers === null ? "" : `, ${formatCount(buyers)} of them buy`;
  return `${speed} × · ${plural(viewers, "viewer")}${who} · by ${by}`;
}

const isUnderWay = ({ state }) => state === "running" || state === "stopping";

/** The list under the rooms. `api()` is who has signed in, `open(room)` goes to a desk. */
export class Rehearsals {
  #api;
  #open;
  #timer = 0;
  #drawn = "";
  #opened = new Set();

  constructor(api, open) {
    this.#api = api;
    this.#open = open;
    const form = byId("rehearse-form");
    form.elements.file.addEventListener("change", async ({ target }) => {
      if (target.files[0]) form.elements.show.value = await target.files[0].text();
    });
    onPress(
      byId("rehearse-start"),
      async () => {
        const { show, viewers, buyers, speed, keep } = form.elements;
        await this.#api().call("POST", "/rehearsals", {
          show: show.value,
          viewers: viewers.valueAsNumber,
          buyers: buyers.value === "" ? null : buyers.valueAsNumber,
          speed: speed.valueAsNumber,
          keep: keep.checked,
        });
        form.closest("details").open = false;
        await this.refresh();
      },
      (text) => setText(byId("rehearse-said"), text),
    );
  }

  start() {
    this.stop();
    this.refresh().catch(() => {});
    this.#timer = setInterval(() => this.refresh().catch(() => {}), EVERY_MS);
  }

  stop() {
    clearInterval(this.#timer);
  }

  async refresh() {
    const { rehearsals } = await this.#api().call("GET", "/rehearsals");
    const drawn = JSON.stringify(rehearsals);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    byId("rehearsals").replaceChildren(...rehearsals.map((each) => this.#row(each)));
    byId("rehearsals-pane").hidden = rehearsals.length === 0;
  }

  #row(rehearsal) {
    const { room, title, state, outcome, cues, wiped, at_ms: atMs, duration_ms: durationMs } = rehearsal;
    const underWay = isUnderWay(rehearsal);
    const said = el("p", { className: "bad", role: "alert" });
    const watch = el("button", { type: "button", className: "small" }, "Look at its desk");
    watch.addEventListener("click", () => this.#open(room));
    const stop = el("button", { type: "button", className: "small grave", disabled: state === "stopping" }, "Stop it");
    onPress(
      stop,
      () => this.#api().call("DELETE", `/rehearsals/${encodeURIComponent(room)}`).then(() => this.refresh()),
      (text) => setText(said, text),
    );
    const kept = !underWay && !wiped ? " Its room is kept." : "";
    return el(
      "li",
      { className: "rehearsal" },
      el(
        "div",
        { className: "title-row" },
        el("h3", {}, title),
        outcome
          ? el("span", { className: "chip", "data-status": outcome.clean ? "open" : "paused" }, outcome.clean ? "Audit clean" : "Findings")
          : null,
      ),
      el("p", { className: "quiet" }, askedInWords(rehearsal)),
      el("p", { role: "status" }, stateInWords(rehearsal) + kept),
      underWay
        ? el("progress", { max: durationMs, value: Math.min(durationMs, Math.max(0, atMs)), "aria-label": "How far the show is" })
        : null,
      underWay && cues.length ? el("p", { className: "quiet" }, cues.at(-1)) : null,
      outcome ? this.#outcome(room, outcome) : null,
      el("div", { className: "actions", hidden: !underWay && wiped }, watch, underWay && this.#api().may("host") ? stop : null),
      said,
    );
  }

  #outcome(room, { audit, figures, not_done }) {
    const details = el(
      "details",
      { open: this.#opened.has(room) },
      el("summary", {}, "The auditor's words"),
      el("pre", { className: "audit", tabIndex: 0 }, audit),
    );
    details.addEventListener("toggle", () => this.#opened[details.open ? "add" : "delete"](room));
    return el(
      "div",
      { className: "stack" },
      el(
        "dl",
        { className: "outcome" },
        ...figures.map(({ name, value }) => el("div", {}, el("dt", { className: "quiet" }, name), el("dd", {}, value))),
      ),
      ...not_done.map((cue) => el("p", { className: "bad" }, `Not as planned: ${cue}`)),
      details,
    );
  }
}

/** A button that wipes a sandbox room, for the list of rooms; null where there is nothing to wipe. */
export function wipeButton(api, { room, title, sandbox }, say, done) {
  if (!sandbox || !api.may("host")) return null;
  const button = el("button", { type: "button", className: "small grave wipe", "aria-label": `Wipe ${title || room}` }, "Wipe");
  onPress(
    button,
    async () => {
      const sure = await askOnce(`Wipe ${title || room}? Nothing of this sandbox room is kept: no order, no log.`, "Wipe it");
      if (!sure) return;
      await api.call("DELETE", `/rooms/${encodeURIComponent(room)}`);
      done();
    },
    say,
  );
  return button;
}

/** Over the desk of a sandbox room: what it is, and how far its rehearsal is. */
export class SandboxStrip {
  #timer = 0;

  constructor(desk, api) {
    this.words = el("p", { role: "status" });
    const strip = byId("rehearsal");
    const look = async () => {
      if (!desk.ledger?.sandbox) return;
      if (strip.hidden) {
        strip.setAttribute("aria-label", "Rehearsal");
        strip.replaceChildren(
          el("div", { className: "title-row" }, el("h2", {}, "Sandbox"), this.words),
        );
        strip.hidden = false;
      }
      const { rehearsals } = await api.call("GET", "/rehearsals");
      const own = rehearsals.find(({ room }) => room === desk.room);
      const words = own ? `${stateInWords(own)}. ` : "";
      setText(this.words, `${words}Nothing that is sold here is real.`);
    };
    this.#timer = setInterval(() => look().catch(() => {}), EVERY_MS);
    desk.on("begin", () => look().catch(() => {}));
  }

  close() {
    clearInterval(this.#timer);
    byId("rehearsal").replaceChildren();
    byId("rehearsal").hidden = true;
  }
}
