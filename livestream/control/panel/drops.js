/**
 * Drops at the desk: the list with its buttons, and the form that schedules one.
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
  parseMoney,
  plural,
  setText,
  stockBar,
} from "/static/client/page.js";
import { firstOpensAtMs } from "/static/client/storefront.js";
import { askOnce } from "./ask.js";

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
      close: el("button", { type: "button", className: "small grave" }, "Close"),
    };
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
    const restock = el("button", { type: "submit", className: "small" }, "Restock");
    this.buttons.restock = el(
      "form",
      { className: "restock", autocomplete: "off" },
      this.more,
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

  async #restock() {
    await this.#desk.call("POST", `${this.#path()}/restock`, { quantity: this.more.valueAsNumber });
  }

  update(drop) {
    this.#drop = drop;
    setText(this.title, drop.title);
    setText(this.status, STATUS_WORDS[drop.status]);
    this.status.dataset.status = drop.status;
    const perks = drop.perks
      .map(({ first_n, name }) => `, first ${formatCount(first_n)}: ${name}`)
      .join("");
    const given = perks && ` (${formatCount(drop.perks_awarded)} given)`;
    setText(
      this.terms,
      `${drop.sku} · ${formatMoney(drop.price_minor, drop.currency)} · ${formatCount(drop.limit_per_viewer)} each${drop.numbered ? ", numbered" : ""}${perks}${given}`,
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
  }

  tick(nowMs) {
    if (this.#drop) setText(this.clock, openingInWords(this.#drop, nowMs));
  }
}

/** What is at work first, the newest of it on top; then what comes, as it will come. */
function inOrder(drops) {
  const comesAt = (drop) => drop.lottery?.entries_until_ms ?? firstOpensAtMs(drop) ?? Infinity;
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
  if (drop.lottery) return `Opens by its draw in ${formatSpan(drop.lottery.entries_until_ms - nowMs)}`;
  const opensAtMs = firstOpensAtMs(drop);
  return opensAtMs ? `Opens in ${formatSpan(opensAtMs - nowMs)}` : "Opens when you say so";
}

/** A drop that nobody else knows of yet. */
function draftRow(desk, { drop_id, title, sku, supply, price_minor, currency }) {
  const said = el("p", { className: "bad", role: "alert" });
  const path = `/drafts/${encodeURIComponent(drop_id)}`;
  const schedule = el("button", { type: "button", className: "small main" }, "Schedule");
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
    el("div", { className: "actions", hidden: !desk.api.may("host") }, schedule, discard),
    said,
  );
}

export class Drops {
  #desk;
  #rows = new Map();
  #draftsShown = "[]";

  constructor(desk) {
    this.#desk = desk;
    byId("drop-list").replaceChildren();
    byId("drafts").replaceChildren();
  }

  draw() {
    const drops = [...this.#desk.view.drops.values()].map((drop) => this.#desk.dropNow(drop));
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
      byId("drafts").replaceChildren(...drafts.map((draft) => draftRow(this.#desk, draft)));
    }
    byId("drops-empty").hidden = drops.length + drafts.length > 0;
  }

  /** In order of what is at work; nothing moves under a hand that is about to press. */
  #arrange(drops) {
    const list = byId("drop-list");
    if (list.matches(":hover, :focus-within")) return;
    const wanted = inOrder(drops).map(({ drop_id }) => this.#rows.get(drop_id).node);
    if (wanted.some((node, at) => list.children[at] !== node)) list.replaceChildren(...wanted);
  }

  tick(nowMs) {
    for (const row of this.#rows.values()) row.tick(nowMs);
  }
}

/** Perks that one drop may have. */
const PERKS_MAX = 8;

/** Wire the form once; `current()` is the desk at work. */
export function wireDropForm(current) {
  const form = byId("drop-form");
  const { elements } = form;
  byId("drop-card").addEventListener("change", ({ target }) => {
    const card = current().view.cards.get(target.value);
    if (!card) return;
    elements.title.value = card.title;
    elements.sku.value = card.sku ?? "";
    elements.sku.dispatchEvent(new Event("input"));
    if (card.currency) {
      elements.currency.value = card.currency;
      elements.price.value = formatMoney(card.price_minor, card.currency).slice(4);
    }
  });
  elements.drop_id.addEventListener("input", () => {
    elements.drop_id.dataset.own = "yes";
  });
  elements.sku.addEventListener("input", () => {
    if (!elements.drop_id.dataset.own)
      elements.drop_id.value = freeDropId(current(), elements.sku.value);
  });
  for (const button of form.querySelectorAll("[data-opens-in]")) {
    button.addEventListener("click", () => {
      const seconds = button.dataset.opensIn;
      elements.opens_at.value = seconds
        ? localIso(current().clock.now() + Number(seconds) * 1000)
        : "";
    });
  }
  const perks = byId("drop-perks");
  byId("drop-more-perks").addEventListener("click", ({ currentTarget }) => {
    const row = perks.firstElementChild.cloneNode(true);
    row.querySelector("[name=perk]").value = "";
    perks.append(row);
    currentTarget.disabled = perks.childElementCount >= PERKS_MAX;
  });
  form.addEventListener("reset", () => {
    perks.replaceChildren(perks.firstElementChild);
    byId("drop-more-perks").disabled = false;
  });
  onPress(
    byId("drop-schedule"),
    async () => {
      await current().call("POST", "/drops", dropTerms(elements));
      form.reset();
      delete elements.drop_id.dataset.own;
      form.closest("details").open = false;
    },
    (text) => setText(byId("drop-said"), text),
  );
  onPress(
    byId("drop-draft"),
    async () => {
      if (!form.reportValidity()) return;
      const terms = dropTerms(elements);
      await current().call("PUT", `/drafts/${encodeURIComponent(terms.drop_id)}`, terms);
      form.reset();
      delete elements.drop_id.dataset.own;
      form.closest("details").open = false;
    },
    (text) => setText(byId("drop-said"), text),
  );
}

function freeDropId(desk, sku) {
  let id = sku;
  for (let number = 2; desk.view.drops.has(id); number += 1) id = `${sku}-${number}`;
  return id;
}

function dropTerms(elements) {
  const terms = {
    drop_id: elements.drop_id.value.trim(),
    sku: elements.sku.value.trim(),
    title: elements.title.value.trim(),
    supply: elements.supply.valueAsNumber,
    price_minor: parseMoney(elements.price.value, elements.currency.value),
    currency: elements.currency.value,
    limit_per_viewer: elements.limit.valueAsNumber,
    hold_ttl_ms: elements.hold.valueAsNumber * 1000,
    pay_ttl_ms: elements.pay.valueAsNumber * 1000,
  };
  if (elements.opens_at.value) terms.opens_at_ms = new Date(elements.opens_at.value).getTime();
  terms.perks = perkTerms();
  terms.numbered = elements.numbered.checked;
  if (terms.numbered) terms.guarantee_days = elements.guarantee.valueAsNumber;
  terms.options = optionTerms(elements);
  return terms;
}

/** The usual ways to make a piece one's own, free of charge; the API takes others, with prices. */
function optionTerms({ engraving, gift_card, gift_wrap }) {
  const options = [];
  if (engraving.value)
    options.push({
      option_id: "engraving",
      kind: "engraving",
      characters_max: engraving.valueAsNumber,
      alphabet: "cjk",
    });
  if (gift_card.value)
    options.push({
      option_id: "gift-card",
      kind: "gift_card",
      characters_max: gift_card.valueAsNumber,
    });
  if (gift_wrap.checked) options.push({ option_id: "gift-wrap", kind: "gift_wrap" });
  return options;
}

/** The rows that have a name. A perk's id is its name as a word, or its place in the form. */
function perkTerms() {
  const named = [...document.querySelectorAll("#drop-perks [data-perk]")].map((row) => ({
    name: row.querySelector("[name=perk]").value.trim(),
    first_n: row.querySelector("[name=first_n]").valueAsNumber,
  }));
  const taken = new Set();
  return named
    .filter(({ name }) => name)
    .map(({ name, first_n }, place) => {
      let word = name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 56);
      if (!word || taken.has(word)) word = `perk-${place + 1}`;
      taken.add(word);
      return { perk_id: word, name, first_n };
    });
}

/** What a datetime-local field takes: the reader's own time zone, to the second. */
function localIso(ms) {
  const shifted = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19);
}
