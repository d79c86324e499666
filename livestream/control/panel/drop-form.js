/**
 * The form for a drop's terms: short for a simple drop, the rest folded away.
 *
 * Owns the form, what it begins with and where it sends the terms: to the schedule, or to the
 * drafts. Refuses to know what terms mean (terms.js) and how they read (words.js).
 */

import { CURRENCIES, byId, el, onPress, setText } from "/static/client/page.js";
import {
  check,
  choice,
  count,
  fieldNamed,
  fields,
  fill,
  fold,
  follow,
  mark,
  money,
  onlyWith,
  rows,
  summarise,
  text,
  time,
  toldOf,
  valuesIn,
} from "./fields.js";
import { localText, moneyText } from "./reading.js";
import { sheet } from "./sheet.js";
import { EMPTY, ROW, ROWS_MAX, termsOf, valuesOf } from "./terms.js";
import { ALPHABETS, PARTS } from "./words.js";

const RESERVE_ON = [
  ["cart", "in the cart"],
  ["checkout", "at the checkout"],
  ["payment", "by the payment"],
];
const KINDS = [
  ["engraving", "Engraving"],
  ["embossing", "Embossing"],
  ["gift_card", "Gift card"],
  ["gift_wrap", "Gift wrap"],
];
const DEFAULTS = [
  ["forfeit", "is forfeit"],
  ["refund", "is given back"],
];

/** The fields of a perk, for drops and for the room. */
export const perkFields = () => [
  text("name", "Perk", { width: "wide", maxLength: 120, placeholder: "Bellboy delivery" }),
  count("first_n", "For the first"),
  choice("on_refund", "After a refund", [
    ["stay", "it is gone"],
    ["pass", "the next gets it"],
  ]),
  check("slots", "delivered in slots"),
];

function optionFields() {
  const kind = choice("kind", "Kind", KINDS);
  const written = [
    count("characters", "Characters"),
    choice("alphabet", "Alphabet", Object.entries(ALPHABETS), { width: "wide" }),
  ];
  const select = kind.querySelector("select");
  const show = () => {
    for (const node of written) node.hidden = select.value === "gift_wrap"; // it carries no text
  };
  for (const type of ["change", "filled"]) select.addEventListener(type, show);
  return [
    kind,
    ...written,
    money("price", "Price each", { placeholder: "free", width: "slim" }),
    check("required", "must be chosen"),
  ];
}

const opensIn = (seconds, words) =>
  el("button", { type: "button", className: "small", "data-opens-in": seconds }, words);

function basics() {
  return [
    el(
      "label",
      { className: "stack tight", id: "drop-card-field" },
      el("span", { className: "label" }, "From a card"),
      el("select", { id: "drop-card" }),
    ),
    text("title", "Title", { maxLength: 120 }),
    fields(
      text("sku", "SKU", { maxLength: 64 }),
      text("drop_id", "Drop id", { maxLength: 64 }),
    ),
    fields(
      money("price", "Price"),
      choice("currency", "Currency", CURRENCIES.map((code) => [code, code]), { width: "slim" }),
      count("supply", "Supply"),
      count("limit", "Limit each"),
    ),
    time("opens_at", "Opens at", { hint: "empty: when you say so" }),
    el(
      "span",
      { className: "actions", role: "group", "aria-label": "Opens in" },
      opensIn("30", "in 30 s"),
      opensIn("60", "in 1 min"),
      opensIn("300", "in 5 min"),
      opensIn("", "by hand"),
    ),
  ];
}

function folded() {
  return [
    fold(
      "Perks",
      "perks",
      rows("perks", { title: "perks", add: "Add a perk", most: ROWS_MAX.perks, blank: ROW.perks, make: perkFields }),
    ),
    fold(
      "Personalisation",
      "options",
      rows("options", { title: "options", add: "Add an option", most: ROWS_MAX.options, blank: ROW.options, make: optionFields }),
    ),
    fold(
      "Numbers and guarantee",
      "edition",
      check("numbered", "Each paid piece has its number, and a certificate"),
      onlyWith("numbered", fields(count("guarantee", "Guarantee, days", { hint: "0: not said" }))),
    ),
    fold(
      "Reserving",
      "reserving",
      fields(
        choice("reserve_on", "A piece is reserved", RESERVE_ON),
        count("hold", "In the cart, s"),
        count("pay", "To pay, s"),
      ),
    ),
    fold(
      "Who, and who first",
      "access",
      check("invited_only", "Only for invited viewers"),
      rows("tiers", {
        title: "tiers",
        add: "Add a tier that may buy earlier",
        most: ROWS_MAX.tiers,
        blank: ROW.tiers,
        make: () => [text("tier", "Tier", { placeholder: "gold" }), time("from", "May buy from")],
      }),
    ),
    fold(
      "Flash prices",
      "flash",
      rows("flash", {
        title: "flash prices",
        add: "Add another price for a while",
        most: ROWS_MAX.flash,
        blank: ROW.flash,
        make: () => [time("from", "From"), time("until", "Until"), money("price", "Price")],
      }),
    ),
    fold(
      "Channels",
      "channels",
      rows("allocations", {
        title: "channels",
        add: "Give pieces to a channel",
        most: ROWS_MAX.allocations,
        blank: ROW.allocations,
        make: () => [text("channel", "Channel", { placeholder: "tmall" }), count("units", "Pieces")],
      }),
      time("merge_at", "What is left flows together at", { hint: "empty: never" }),
    ),
    fold(
      "Presale",
      "presale",
      check("presale", "Sold by a deposit, the rest later"),
      onlyWith(
        "presale",
        fields(money("deposit", "Deposit each"), time("deposit_until", "Deposits until")),
        fields(time("balance_from", "The rest from"), time("balance_until", "until")),
        choice("on_default", "Not paid in time: the deposit", DEFAULTS),
      ),
    ),
    fold(
      "Lottery",
      "lottery",
      check("lottery", "Drawn among all who enter"),
      onlyWith(
        "lottery",
        fields(time("entries_from", "Entries from"), time("entries_until", "Draw at")),
      ),
    ),
  ];
}

export class DropForm {
  #current;
  #form;
  #sheet;
  #ownId = false;

  /** Made once; `current()` is the desk at work. */
  constructor(current) {
    this.#current = current;
    this.#form = el(
      "form",
      { id: "drop-form", className: "stack", autocomplete: "off", noValidate: true },
      ...basics(),
      el("div", { className: "folds" }, ...folded()),
      el(
        "div",
        { className: "actions foot" },
        el("button", { id: "drop-schedule", type: "submit", className: "main" }, "Schedule"),
        el("button", { id: "drop-draft", type: "button" }, "Keep as a draft"),
        el("button", { id: "drop-empty", type: "button" }, "Empty the form"),
        el("p", { id: "drop-said", className: "bad", role: "alert" }),
      ),
    );
    this.#sheet = sheet("drop-sheet", "A new drop", this.#form, () => this.#cards());
    this.#wire();
    this.empty();
  }

  /** Open the form as it was left. */
  open() {
    this.#sheet.show();
    this.#field("title").focus();
  }

  /** Open it with the terms of a draft. */
  edit(draft) {
    this.#show(valuesOf(draft), draft.title);
    this.open();
  }

  empty() {
    this.#show(EMPTY, "");
  }

  #field(name) {
    return fieldNamed(this.#form, name);
  }

  #show(values, draft) {
    fill(this.#form, values);
    const { terms } = termsOf(values);
    for (const node of this.#form.querySelectorAll(".fold")) {
      const { part } = node.dataset;
      node.open = Boolean(draft) && part !== "reserving" && PARTS[part](terms) !== "";
    }
    this.#ownId = Boolean(draft);
    this.#field("drop_id").readOnly = Boolean(draft);
    setText(this.#sheet.heading, draft ? `Draft: ${draft}` : "A new drop");
    setText(byId("drop-said"), "");
    this.#summarise();
  }

  #summarise() {
    summarise(this.#form, PARTS, termsOf(valuesIn(this.#form)).terms);
  }

  #cards() {
    const cards = [...this.#current().view.cards.values()].filter(({ sku }) => sku);
    byId("drop-card").replaceChildren(
      el("option", { value: "" }, "—"),
      ...cards.map(({ card_id, title }) => el("option", { value: card_id }, title)),
    );
    byId("drop-card-field").hidden = cards.length === 0;
  }

  #wire() {
    const say = (words) => setText(byId("drop-said"), words);
    this.#form.addEventListener("input", ({ target }) => {
      if (target === this.#field("drop_id")) this.#ownId = true;
      if (target === this.#field("sku") && !this.#ownId)
        this.#field("drop_id").value = freeDropId(this.#current(), target.value);
      follow(this.#form);
      this.#summarise();
    });
    byId("drop-card").addEventListener("change", ({ target }) => this.#fromCard(target.value));
    for (const button of this.#form.querySelectorAll("[data-opens-in]")) {
      button.addEventListener("click", () => {
        const seconds = button.dataset.opensIn;
        const atMs = this.#current().clock.now() + Number(seconds) * 1_000;
        this.#field("opens_at").value = seconds ? localText(atMs) : "";
      });
    }
    onPress(byId("drop-schedule"), () => this.#send((terms) => ["POST", "/drops", terms]), say);
    onPress(
      byId("drop-draft"),
      () => this.#send((terms) => ["PUT", draftPath(terms), terms], { isDraft: true }),
      say,
    );
    byId("drop-empty").addEventListener("click", () => this.empty());
  }

  #fromCard(cardId) {
    const card = this.#current().view.cards.get(cardId);
    if (!card) return;
    this.#field("title").value = card.title;
    this.#field("sku").value = card.sku;
    this.#field("sku").dispatchEvent(new Event("input", { bubbles: true }));
    if (card.currency && card.price_minor !== undefined) {
      this.#field("currency").value = card.currency;
      this.#field("price").value = moneyText(card.price_minor, card.currency);
    }
  }

  async #send(request, { isDraft = false } = {}) {
    const { terms, flaws, doubts } = termsOf(valuesIn(this.#form));
    const wrong = isDraft ? flaws : [...flaws, ...doubts];
    if (!mark(this.#form, wrong)) throw new Error(toldOf(wrong));
    await this.#current().call(...request(terms));
    this.empty();
    this.#sheet.hide();
  }
}

const draftPath = ({ drop_id }) => `/drafts/${encodeURIComponent(drop_id)}`;

function freeDropId(desk, sku) {
  let id = sku;
  for (let number = 2; desk.view.drops.has(id); number += 1) id = `${sku}-${number}`;
  return id;
}
