/**
 * The run of the show on screen: a countdown to what is next, and the list of what is on and to come.
 *
 * Owns the pane `#run`. Refuses to know which times matter: `run.js` says it.
 */

import { byId, el, formatSpan, setText } from "/static/client/page.js";
import { nextOf, runOf } from "./run.js";

/** From here on the countdown stands out. */
const SOON_MS = 10_000;

export class Run {
  #desk;
  #entries = [];
  #drawn = "";
  #rows = [];

  constructor(desk) {
    this.#desk = desk;
    this.tick(desk.clock.now());
  }

  /** Work the list out anew; rows are made only where it is another one. */
  tick(nowMs) {
    const { view, ledger } = this.#desk;
    const drops = [...view.drops.values()].map((drop) => this.#desk.dropNow(drop));
    const pinned = view.cards.get(view.pinned) ?? null;
    this.#entries = runOf({ pinned, drops, drafts: ledger?.drafts ?? [] }, nowMs);
    const drawn = JSON.stringify(this.#entries.map(({ when, kind, id, title }) => [when, kind, id, title]));
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.#rows = this.#entries.map(rowOf);
      byId("run-list").replaceChildren(...this.#rows.map(({ node }) => node));
      byId("run-empty").hidden = this.#rows.length > 0;
    }
    for (const [at, { time, words }] of this.#rows.entries()) {
      setText(words, this.#entries[at].words);
      setText(time, timeOf(this.#entries[at], nowMs));
    }
    drawNext(nextOf(this.#entries), nowMs);
  }
}

function rowOf({ when, title }) {
  const time = el("span", { className: "run-time" });
  const words = el("span", { className: "quiet" });
  const what = el("span", { className: "run-what" }, el("span", {}, title), words);
  const node = el("li", { className: "run-entry" }, time, what);
  node.dataset.when = when;
  return { node, time, words };
}

function timeOf({ when, atMs, sinceMs }, nowMs) {
  if (when === "ready") return "by hand";
  if (atMs !== null) return when === "on" ? `${formatSpan(atMs - nowMs)} left` : formatSpan(atMs - nowMs);
  return sinceMs === null ? "now" : `for ${formatSpan(Math.max(0, nowMs - sinceMs - 999))}`;
}

function drawNext(next, nowMs) {
  byId("next").hidden = !next;
  if (!next) return;
  const leftMs = next.atMs - nowMs;
  setText(byId("next-clock"), formatSpan(leftMs));
  byId("next-clock").classList.toggle("soon", leftMs <= SOON_MS);
  setText(byId("next-what"), `${next.title} · ${next.words}`);
}
