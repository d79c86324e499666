/**
 * What holds for the whole room: its rules, delivery slots, coupons; each a sheet with a list and a
 * form of its own.
 *
 * Owns these sheets. Refuses to know what the terms mean (house-terms.js) and how they read
 * (words.js). Viewers are told of the rules and the slots, of coupons nobody is.
 */

import {
  CURRENCIES,
  byId,
  el,
  formatCount,
  onPress,
  setText,
} from "/static/client/page.js";
import { perkFields } from "./drop-form.js";
import {
  check,
  choice,
  count,
  fields,
  fill,
  mark,
  money,
  rows,
  text,
  time,
  toldOf,
  valuesIn,
} from "./fields.js";
import {
  EMPTY_COUPON,
  EMPTY_RULES,
  EMPTY_SLOT,
  couponTermsOf,
  couponValues,
  rulesTermsOf,
  rulesValues,
  slotTermsOf,
  slotValues,
} from "./house-terms.js";
import { sheet } from "./sheet.js";
import { ROW, ROWS_MAX } from "./terms.js";
import { couponWords, rulesWords, when } from "./words.js";

const LOOK_AGAIN_MS = 5_000;

/** A list over a form: what is there, and one more or another of the same name. */
class Listing {
  #current;
  #form;
  #list = el("ul", { className: "rows" });
  #none;
  #said = el("p", { className: "bad", role: "alert" });
  #drawn = "";
  #lines = [];
  #spec;

  constructor(current, id, title, spec) {
    this.#current = current;
    this.#spec = spec;
    this.#none = el("p", { className: "quiet" }, spec.none);
    this.#form = el(
      "form",
      { id: `${id}-form`, className: "stack", autocomplete: "off", noValidate: true, "data-needs": "host" },
      el("h3", {}, spec.heading),
      ...spec.fields(),
      el(
        "div",
        { className: "actions foot" },
        el("button", { id: `${id}-put`, type: "submit", className: "main" }, spec.put),
        this.#said,
      ),
    );
    this.sheet = sheet(
      `${id}-sheet`,
      title,
      el("div", { className: "stack" }, this.#list, this.#none, this.#form),
      () => this.refresh(),
    );
    fill(this.#form, spec.blank);
    onPress(this.#form.querySelector("[type=submit]"), () => this.#put(), this.#say);
    byId(`${id}-open`).addEventListener("click", () => this.sheet.show());
    setInterval(() => this.sheet.isOpen && this.refresh(), LOOK_AGAIN_MS);
  }

  #say = (words) => setText(this.#said, words);

  /** Nothing of one room is left for another one. */
  forget() {
    this.#drawn = "";
    this.#list.replaceChildren();
    this.#none.hidden = true;
    fill(this.#form, this.#spec.blank);
  }

  async refresh() {
    const desk = this.#current();
    if (!desk) return;
    this.#spec.prepare?.(this.#form, desk);
    const found = await desk.call("GET", this.#spec.path).catch((error) => this.#say(error.message));
    if (!found || desk !== this.#current()) return;
    const drawn = JSON.stringify([desk.room, found[this.#spec.list]]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const lines = found[this.#spec.list];
    this.#lines = lines;
    this.#none.hidden = lines.length > 0;
    this.#list.replaceChildren(...lines.map((line) => this.#row(line)));
  }

  #row(line) {
    const { title, words, levels } = this.#spec.words(line);
    const edit = el("button", { type: "button", className: "small", "data-needs": "host" }, "Edit");
    edit.addEventListener("click", () => {
      fill(this.#form, this.#spec.valuesOf(line));
      this.#form.querySelector("input").focus();
    });
    const extra = this.#spec.actions?.(line, (terms) => this.#send(terms), this.#say) ?? [];
    return el(
      "li",
      {},
      el("div", { className: "title-row" }, el("h3", {}, title), el("span", { className: "actions" }, edit, ...extra)),
      el("p", { className: "quiet" }, words),
      el("p", { className: "levels" }, levels),
    );
  }

  async #put() {
    const { terms, flaws } = this.#spec.termsOf(valuesIn(this.#form));
    if (!mark(this.#form, flaws)) throw new Error(toldOf(flaws));
    await this.#send(terms);
    fill(this.#form, this.#spec.blank);
  }

  async #send(terms) {
    const { path, name, termsIn } = this.#spec;
    const known = this.#lines.find((line) => line[name] === terms[name]);
    const address = `${path}/${encodeURIComponent(terms[name])}`;
    const undo = known ? [["PUT", address, termsIn(known)]] : null;
    await this.#current().call("PUT", address, terms, { undo });
    await this.refresh();
  }
}

const COUPONS = {
  path: "/coupons",
  list: "coupons",
  name: "code",
  none: "No coupon yet. Viewers are told of none: whoever knows the code may use it.",
  heading: "A coupon",
  put: "Put the coupon",
  blank: EMPTY_COUPON,
  valuesOf: couponValues,
  termsIn: ({ held: _, redeemed: __, ...terms }) => terms,
  termsOf: couponTermsOf,
  fields: () => {
    const kind = choice("kind", "Takes off", [
      ["percent", "a percentage"],
      ["amount", "an amount"],
    ]);
    const percent = text("percent", "Per cent", { inputMode: "decimal", width: "slim" });
    const amount = money("amount", "Amount", { width: "slim" });
    const show = () => {
      const isAmount = kind.querySelector("select").value === "amount";
      amount.hidden = !isAmount;
      percent.hidden = isAmount;
    };
    kind.addEventListener("filled", show);
    kind.addEventListener("change", show);
    return [
      fields(text("code", "Code", { maxLength: 32 }), kind, percent, amount),
      fields(
        choice("currency", "Currency", [["", "any"], ...CURRENCIES.map((code) => [code, code])]),
        count("supply", "How many"),
        count("per_viewer", "Each may use it"),
      ),
      text("skus", "Only for", { hint: "SKUs; empty: everything", placeholder: "santos, tank" }),
      fields(time("from", "From", { hint: "empty: now" }), time("until", "Until", { hint: "empty: always" })),
    ];
  },
  words: (coupon) => ({
    title: coupon.code,
    words: couponWords(coupon),
    levels: `${formatCount(coupon.redeemed)} used · ${formatCount(coupon.held)} in orders that wait · of ${formatCount(coupon.supply)}`,
  }),
  actions: (coupon, send, say) => {
    if (coupon.until_ms && coupon.until_ms <= Date.now()) return [];
    const end = el(
      "button",
      { type: "button", className: "small grave", "data-needs": "host" },
      "End it",
    );
    onPress(
      end,
      () =>
        send({
          ...COUPONS.termsIn(coupon),
          until_ms: Math.max(Date.now(), (coupon.from_ms ?? 0) + 1),
        }),
      say,
    );
    return [end];
  },
};

const SLOTS = {
  path: "/slots",
  list: "slots",
  name: "slot_id",
  none: "No delivery slot yet. A slot is for a perk that is delivered in slots.",
  heading: "A delivery slot",
  put: "Put the slot",
  blank: EMPTY_SLOT,
  valuesOf: slotValues,
  termsIn: ({ held: _, taken: __, free: ___, ...terms }) => terms,
  termsOf: slotTermsOf,
  fields: () => [
    fields(
      text("slot_id", "Slot id", { maxLength: 64, placeholder: "sh-sat-10" }),
      choice("perk_id", "Perk", []),
      text("city", "City", { maxLength: 120, placeholder: "Shanghai" }),
    ),
    fields(time("from", "From"), time("until", "Until"), count("capacity", "Deliveries")),
  ],
  /** The perks that are delivered in slots: the room's own and those of all drops. */
  prepare: (form, { view }, rules) => {
    const perks = [...view.drops.values()].flatMap((drop) => drop.perks);
    const names = new Map(
      [...perks, ...(rules?.perks ?? [])]
        .filter((perk) => perk.slots)
        .map((perk) => [perk.perk_id, perk.name]),
    );
    const select = form.querySelector("[name=perk_id]");
    const known = [...select.options].map((option) => option.value);
    if (JSON.stringify(known) === JSON.stringify([...names.keys()])) return;
    const chosen = select.value;
    select.replaceChildren(
      ...[...names].map(([perkId, name]) => el("option", { value: perkId }, name)),
    );
    if (names.has(chosen)) select.value = chosen;
  },
  words: ({ slot_id, perk_id, city, from_ms, until_ms, held, taken, free, capacity }) => ({
    title: `${city}, ${when(from_ms)}`,
    words: `${slot_id} · ${perk_id} · until ${when(until_ms)}`,
    levels: `${formatCount(free)} free · ${formatCount(held)} held · ${formatCount(taken)} taken · of ${formatCount(capacity)}`,
  }),
};

class Rules {
  known = null;
  #current;
  #form;
  #words = el("ul", { id: "rules-words", className: "rows" });
  #said = el("p", { className: "bad", role: "alert" });
  #touched = false;

  constructor(current) {
    this.#current = current;
    this.#form = el(
      "form",
      { id: "rules-form", className: "stack", autocomplete: "off", noValidate: true, "data-needs": "host" },
      el("h3", {}, "Other rules"),
      el("p", { className: "quiet" }, "They bind what is asked from then on. Perks may change until the first order is paid."),
      check("invited_only", "Only invited viewers may watch and buy"),
      check("one_product_per_order", "One product for each order"),
      fields(text("limit", "Pieces each, of all drops together", { hint: "empty: no limit", inputMode: "numeric" })),
      rows("perks", { title: "perks of the room", add: "Add a perk of the room", most: ROWS_MAX.perks, blank: ROW.perks, make: perkFields }),
      el(
        "div",
        { className: "actions foot" },
        el("button", { id: "rules-put", type: "submit", className: "main" }, "Set the rules"),
        this.#said,
      ),
    );
    this.sheet = sheet(
      "rules-sheet",
      "Rules of the room",
      el("div", { className: "stack" }, this.#words, this.#form),
      () => this.refresh(),
    );
    fill(this.#form, EMPTY_RULES);
    this.#form.addEventListener("input", () => {
      this.#touched = true;
    });
    onPress(byId("rules-put"), () => this.#put(), this.#say);
    byId("rules-open").addEventListener("click", () => this.sheet.show());
  }

  #say = (words) => setText(this.#said, words);

  forget() {
    this.known = null;
    this.#touched = false;
    this.#words.replaceChildren();
    fill(this.#form, EMPTY_RULES);
  }

  /** The rules as they are; the form shows them unless somebody is typing other ones. */
  async refresh() {
    const desk = this.#current();
    const found = await desk.call("GET", "/rules").catch((error) => this.#say(error.message));
    if (found && desk === this.#current()) this.#show(found.rules);
  }

  #show(rules) {
    this.#words.replaceChildren(...rulesWords(rules).map((phrase) => el("li", {}, phrase)));
    this.known = rules;
    if (!this.#touched) fill(this.#form, rulesValues(rules));
  }

  async #put() {
    const { terms, flaws } = rulesTermsOf(valuesIn(this.#form));
    if (!mark(this.#form, flaws)) throw new Error(toldOf(flaws));
    const undo = this.known ? [["PUT", "/rules", this.known]] : null;
    const { rules } = await this.#current().call("PUT", "/rules", terms, { undo });
    this.#touched = false;
    this.#show(rules);
  }
}

/** The three sheets, made once; `current()` is the desk at work. Gives what forgets a room. */
export function wireHouse(current) {
  const rules = new Rules(current);
  const coupons = new Listing(current, "coupons", "Coupons", COUPONS);
  const slots = new Listing(current, "slots", "Delivery slots", {
    ...SLOTS,
    prepare: (form, desk) => {
      SLOTS.prepare(form, desk, rules.known);
      if (!rules.known) rules.refresh().then(() => SLOTS.prepare(form, desk, rules.known));
    },
  });
  return () => [rules, coupons, slots].forEach((each) => each.forget());
}
