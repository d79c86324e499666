/**
 * Who waits, and what the first ones get: the waiting line of each drop, and the perks handed out.
 *
 * Owns the pane `#queue`. Refuses to compute: `run.js` reads the ledger.
 */

import { byId, el, formatCount, formatSpan, place, plural, setText } from "/static/client/page.js";
import { perksOf, queuesOf } from "./run.js";

export class Line {
  #queues = new Rows(byId("queue-list"));
  #perks = new Rows(byId("perk-list"));

  /** Draw the ledger as of `nowMs`. */
  draw(ledger, nowMs) {
    const queues = queuesOf(ledger.drops, nowMs);
    byId("queue-empty").hidden = queues.length > 0;
    this.#queues.show(queues, (queue) => ({
      title: queue.title,
      count: plural(queue.waiting, "viewer"),
      words: [
        queue.waiting ? `no. ${formatCount(queue.head)} is next` : "",
        queue.oldestMs === null ? "" : `waits for ${formatSpan(queue.oldestMs)}`,
        queue.offers ? `${plural(queue.offers, "offer")} open` : "",
      ],
    }));
    const perks = perksOf(ledger.perks ?? [], ledger.drops);
    byId("perks").hidden = perks.length === 0;
    this.#perks.show(perks, (perk) => ({
      title: perk.name,
      count: `${formatCount(perk.given)} of ${formatCount(perk.firstN)}`,
      share: perk.given / perk.firstN,
      words: [perk.freed ? `${formatCount(perk.freed)} to pass on to who pays next` : ""],
      more: [perk.of, perk.passesOn ? "passes on after a refund" : "stays with a refund"],
    }));
  }
}

/** Rows that keep their elements while what they show is of the same thing. */
class Rows {
  #list;
  #rows = new Map();

  constructor(list) {
    this.#list = list;
    list.replaceChildren();
  }

  show(things, describe) {
    this.#rows = new Map(things.map(({ id }) => [id, this.#rows.get(id) ?? new Row()]));
    place(
      this.#list,
      [...this.#rows.values()].map(({ node }) => node),
    );
    for (const thing of things) this.#rows.get(thing.id).show(describe(thing));
  }
}

class Row {
  title = el("span", { className: "run-what" });
  count = el("span", { className: "tally" });
  meter = el("span", { className: "meter", "aria-hidden": "true" }, el("span"));
  words = el("span", { className: "quiet" });
  node = el(
    "li",
    {},
    el("span", { className: "title-row" }, this.title, this.count),
    this.meter,
    this.words,
  );

  show({ title, count, words, more = [], share = null }) {
    setText(this.title, title);
    this.node.title = more.filter(Boolean).join(" · ");
    setText(this.count, count);
    setText(this.words, words.filter(Boolean).join(" · "));
    this.meter.hidden = share === null;
    this.meter.firstChild.style.width = `${Math.min(1, share ?? 0) * 100}%`;
  }
}
