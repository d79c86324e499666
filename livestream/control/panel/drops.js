/**
 * Drops at the desk: the list with its buttons, and the drafts.
 *
 * Owns how a host runs a drop. Refuses to know what may be done when: the engine answers that.
 */

import {
  byId,
  el,
  formatCount,
  formatMoney,
  formatSpan,
  onPress,
  place,
  plural,
  setText,
  stockBar,
} from "/static/client/page.js";
import { firstOpensAtMs } from "/static/client/storefront.js";
import { askOnce } from "./ask.js";
import { wordsOf } from "./words.js";

const STATUS_WORDS = {
  scheduled: "Scheduled",
  open: "Open",
  all_held: "All held",
  paused: "Paused",
  sold_out: "Sold out",
  closed: "Closed",
};
/** Which buttons make sense in which state; the engine has the last word. */
const BUTTONS = {
  scheduled: ["open", "restock", "close"],
  open: ["pause", "restock", "close"],
  all_held: ["pause", "restock", "close"],
  paused: ["resume", "restock", "close"],
  sold_out: ["restock", "close"],
  closed: [],
};
/** What is on stands above what is to come, and that above what is over. */
const RANK = { open: 0, all_held: 0, paused: 0, scheduled: 1, sold_out: 2, closed: 3 };

class DropRow {
  #desk;
  #drop = null;

  constructor(desk) {
    this.#desk = desk;
    this.title = el("h3");
    this.status = el("span", { className: "chip" });
    this.terms = el("p", { className: "quiet" });
    this.bar = stockBar();
    this.levels = el("p", { className: "levels" });
    this.clock = el("p", { className: "quiet", role: "timer", "aria-live": "off" });
    this.said = el("p", { className: "bad", role: "alert" });
    const button = (text, path, props = {}) => {
      const node = el("button", { type: "button", className: "small", ...props }, text);
      node.dataset.press = path;
      onPress(
        node,
        () => this.#desk.call("POST", `${this.#path()}/${path}`),
        (words) => setText(this.said, words),
      );
      return node;
    };
    this.buttons = {
      open: button("Open now", "open", { className: "small main" }),
      pause: button("Pause", "pause"),
      resume: button("Resume", "resume", { className: "small main" }),
      rest: el("button", { type: "button", className: "small" }, "Sell the rest"),
      close: el("button", { type: "button", className: "small grave" }, "Close"),
    };
    onPress(
      this.buttons.rest,
      () => this.#sellRest(),
      (words) => setText(this.said, words),
    );
    onPress(
      this.buttons.close,
      () => this.#close(),
      (words) => setText(this.said, words),
    );
    this.more = el("input", {
      type: "number",
      min: 1,
      max: 1_000_000,
      value: 10,
      required: true,
      "aria-label": "Units to add",
    });
    this.shelf = el("select", { "aria-label": "For the shelf of", hidden: true });
    const restock = el("button", { type: "submit", className: "small" }, "Restock");
    this.buttons.restock = el(
      "form",
      { className: "restock", autocomplete: "off" },
      this.more,
      this.shelf,
      restock,
    );
    onPress(
      restock,
      () => this.#restock(),
      (words) => setText(this.said, words),
    );
    this.actions = el(
      "div",
      { className: "actions", hidden: !desk.api.may("host") },
      ...Object.values(this.buttons),
    );
    this.node = el(
      "li",
      { className: "drop" },
      el("div", { className: "title-row" }, this.title, this.status),
      this.terms,
      this.clock,
      this.bar.node,
      this.levels,
      this.actions,
      this.said,
    );
  }

  #path() {
    return `/drops/${encodeURIComponent(this.#drop.drop_id)}`;
  }

  async #close() {
    const { title, available } = this.#drop;
    const sure = await askOnce(
      `Close the drop of ${title}? ${plural(available, "free piece")} will be withdrawn; what is held may still be paid.`,
      "Close the drop",
    );
    if (sure) await this.#desk.call("POST", `${this.#path()}/close`);
  }

  async #sellRest() {
    const { title } = this.#drop;
    const sure = await askOnce(
      `Sell what is left of ${title} to everybody, at the full price? That cannot be taken back.`,
      "Sell the rest",
    );
    if (sure) await this.#desk.call("POST", `${this.#path()}/open-rest`);
  }

  async #restock() {
    const channel = this.shelf.hidden ? "" : this.shelf.value;
    await this.#desk.call("POST", `${this.#path()}/restock`, {
      quantity: this.more.valueAsNumber,
      ...(channel && { channel }),
    });
  }

  /** Channels that have shelves of their own; the first choice is what is for all others. */
  #showShelves({ shelves }) {
    const names = Object.keys(shelves ?? {});
    this.shelf.hidden = names.length === 0;
    if (names.join() === [...this.shelf.options].map(({ value }) => value).join()) return;
    this.shelf.replaceChildren(...names.map((value) => el("option", { value }, value || "others")));
  }

  update(drop) {
    this.#drop = drop;
    setText(this.title, drop.title);
    setText(this.status, STATUS_WORDS[drop.status]);
    this.status.dataset.status = drop.status;
    setText(
      this.terms,
      [
        drop.sku,
        formatMoney(drop.price_minor, drop.currency),
        `${formatCount(drop.limit_per_viewer)} each`,
        ...wordsOf(drop),
        drop.perks_awarded ? `${plural(drop.perks_awarded, "perk")} given` : "",
      ]
        .filter(Boolean)
        .join(" · "),
    );
    this.bar.update(drop);
    const waiting = drop.waiting ? ` · ${formatCount(drop.waiting)} in line` : "";
    const withdrawn = drop.withdrawn ? ` · ${formatCount(drop.withdrawn)} withdrawn` : "";
    setText(
      this.levels,
      `${formatCount(drop.available)} free · ${formatCount(drop.held)} held · ${formatCount(drop.sold)} sold${withdrawn} · of ${formatCount(drop.supply)}${waiting}`,
    );
    for (const [name, node] of Object.entries(this.buttons))
      node.hidden = !BUTTONS[drop.status].includes(name) || (name === "open" && Boolean(drop.lottery));
    this.#showShelves(drop);
  }

  tick(nowMs) {
    if (!this.#drop) return;
    setText(this.clock, openingInWords(this.#drop, nowMs));
    this.buttons.rest.hidden = !hasRest(this.#drop, nowMs);
  }
}

/** What a presale or a lottery left may be sold once nobody has a right to it any more. */
function hasRest({ status, presale, lottery, waiting, available }, nowMs) {
  const running = BUTTONS[status].includes("pause") || status === "paused";
  const over = presale ? nowMs >= presale.balance_until_ms : Boolean(lottery);
  return running && over && !waiting && available > 0;
}

/** What is at work first, the newest of it on top; then what comes, as it will come. */
function inOrder(drops) {
  const comesAt = (drop) => firstOpensAtMs(drop) ?? Infinity;
  const place = new Map(drops.map((drop, at) => [drop, at]));
  return [...drops].sort((one, other) => {
    const rank = RANK[one.status] - RANK[other.status];
    if (rank) return rank;
    if (one.status !== "scheduled") return place.get(other) - place.get(one);
    const [first, second] = [comesAt(one), comesAt(other)];
    return first === second ? place.get(one) - place.get(other) : first - second;
  });
}

function openingInWords(drop, nowMs) {
  if (drop.status !== "scheduled") return "";
  const opensAtMs = firstOpensAtMs(drop);
  if (!opensAtMs) return "Opens when you say so";
  return `Opens ${drop.lottery ? "by its draw " : ""}in ${formatSpan(opensAtMs - nowMs)}`;
}

/** A drop that nobody else knows of yet. */
function draftRow(desk, draft, edit) {
  const { drop_id, title, sku, supply, price_minor, currency } = draft;
  const said = el("p", { className: "bad", role: "alert" });
  const path = `/drafts/${encodeURIComponent(drop_id)}`;
  const schedule = el("button", { type: "button", className: "small main" }, "Schedule");
  const change = el("button", { type: "button", className: "small" }, "Edit");
  change.addEventListener("click", () => edit(draft));
  const discard = el("button", { type: "button", className: "small grave" }, "Discard");
  onPress(
    schedule,
    () => desk.call("POST", `${path}/schedule`),
    (words) => setText(said, words),
  );
  onPress(
    discard,
    () => desk.call("DELETE", path),
    (words) => setText(said, words),
  );
  return el(
    "li",
    { className: "drop" },
    el(
      "div",
      { className: "title-row" },
      el("h3", {}, title),
      el("span", { className: "chip" }, "Draft"),
    ),
    el(
      "p",
      { className: "quiet" },
      `${drop_id} · ${sku} · ${formatMoney(price_minor, currency)} · ${plural(supply, "piece")}`,
    ),
    el("p", { className: "quiet" }, wordsOf(draft).join(" · ")),
    el("div", { className: "actions", hidden: !desk.api.may("host") }, schedule, change, discard),
    said,
  );
}

export class Drops {
  #desk;
  #rows = new Map();
  #draftsShown = "[]";
  #edit;

  /** `edit(draft)` opens the form with the terms of a draft. */
  constructor(desk, edit) {
    this.#desk = desk;
    this.#edit = edit;
    byId("drop-list").replaceChildren();
    byId("drafts").replaceChildren();
  }

  draw() {
    const drops = [...this.#desk.view.drops.values()].map((drop) => this.#desk.dropNow(drop));
    for (const [id, { node }] of this.#rows)
      if (!this.#desk.view.drops.has(id)) {
        node.remove(); // a replay went back to before it
        this.#rows.delete(id);
      }
    for (const drop of drops) {
      if (!this.#rows.has(drop.drop_id)) {
        const row = new DropRow(this.#desk);
        this.#rows.set(drop.drop_id, row);
        byId("drop-list").prepend(row.node); // the newest first: it is the one at work
      }
      this.#rows.get(drop.drop_id).update(drop);
    }
    this.#arrange(drops);
    const drafts = this.#desk.ledger?.drafts ?? [];
    const shown = JSON.stringify(drafts);
    if (shown !== this.#draftsShown) {
      this.#draftsShown = shown;
      byId("drafts").replaceChildren(...drafts.map((draft) => draftRow(this.#desk, draft, this.#edit)));
    }
    byId("drops-empty").hidden = drops.length + drafts.length > 0;
  }

  /** In order of what is at work; nothing moves under a hand that is about to press. */
  #arrange(drops) {
    const list = byId("drop-list");
    if (list.matches(":hover, :focus-within")) return;
    place(
      list,
      inOrder(drops).map(({ drop_id }) => this.#rows.get(drop_id).node),
    );
  }

  tick(nowMs) {
    for (const row of this.#rows.values()) row.tick(nowMs);
  }
}
