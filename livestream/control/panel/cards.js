/**
 * Cards and announcements at the desk.
 *
 * Owns the list of cards on screen, the form that puts one, and what was announced. Refuses to know
 * drops and money beyond a price typed by a person.
 */

import { byId, el, formatMoney, onPress, parseMoney, setText } from "/static/client/page.js";
import { moneyText } from "./reading.js";

const ANNOUNCED_MAX = 20;
/** The height of the pane's title, under which rows scroll away. */
const TITLE_PX = 48;

export class Cards {
  #desk;

  constructor(desk) {
    this.#desk = desk;
    byId("announced").replaceChildren();
    desk.on("announcement", ({ text, at_ms }) => {
      const time = new Date(at_ms).toLocaleTimeString();
      byId("announced").prepend(el("li", {}, el("time", { className: "quiet" }, time), text));
      while (byId("announced").children.length > ANNOUNCED_MAX)
        byId("announced").lastChild.remove();
    });
  }

  /** Cards change by hand, a few times an hour: the whole list is drawn anew, and only then. */
  draw() {
    const { cards, pinned } = this.#desk.view;
    const drawn = JSON.stringify([[...cards.values()], pinned]);
    if (this.drawn === drawn) return;
    this.drawn = drawn;
    byId("card-list").replaceChildren(
      ...[...cards.values()].reverse().map((card) => this.#row(card, card.card_id === pinned)),
    );
    if (pinned !== this.pinned) this.#showPinned(pinned);
    byId("cards-empty").hidden = cards.size > 0;
  }

  /** What was pinned comes into sight, unless a hand is in the list. */
  #showPinned(pinned) {
    this.pinned = pinned;
    const [pane, row] = [byId("cards"), byId("card-list").querySelector(".pinned")];
    if (!row || pane.matches(":hover, :focus-within")) return;
    const [around, at] = [pane.getBoundingClientRect(), row.getBoundingClientRect()];
    const below = at.top - around.top - TITLE_PX;
    if (below < 0 || at.bottom > around.bottom) pane.scrollTop += below;
  }

  #row(card, pinned) {
    const say = (text) => setText(byId("cards-said"), text);
    const pin = el("button", { type: "button", className: "small" }, pinned ? "Unpin" : "Pin");
    pin.dataset.press = "pin";
    onPress(
      pin,
      () => this.#desk.call("PUT", "/pin", { card_id: pinned ? null : card.card_id }),
      say,
    );
    const edit = el("button", { type: "button", className: "small" }, "Edit");
    edit.addEventListener("click", () => fillCardForm(card));
    const withdraw = el("button", { type: "button", className: "small" }, "Withdraw");
    onPress(
      withdraw,
      () => this.#desk.call("DELETE", `/cards/${encodeURIComponent(card.card_id)}`),
      say,
    );
    const price =
      card.price_minor === undefined ? "" : formatMoney(card.price_minor, card.currency);
    return el(
      "li",
      { className: pinned ? "card pinned" : "card" },
      el(
        "div",
        { className: "title-row" },
        el("h3", { title: card.sku }, card.title),
        pinned ? el("span", { className: "chip", "data-status": "open" }, "Pinned") : null,
      ),
      el(
        "div",
        { className: "card-row" },
        el("p", { className: "quiet" }, price),
        el("div", { className: "actions", hidden: !this.#desk.api.may("host") }, pin, edit, withdraw),
      ),
    );
  }
}

function fillCardForm(card) {
  const form = byId("card-form");
  const { elements } = form;
  form.closest("details").open = true;
  for (const name of ["card_id", "title", "sku", "description", "image_url"])
    elements[name].value = card[name] ?? "";
  elements.price.value =
    card.price_minor === undefined ? "" : moneyText(card.price_minor, card.currency);
  if (card.currency) elements.currency.value = card.currency;
  elements.title.focus();
}

/** Wire the forms once; `current()` is the desk at work. */
export function wireCardForms(current) {
  const form = byId("card-form");
  const { elements } = form;
  elements.sku.addEventListener("change", () => {
    elements.card_id.value ||= elements.sku.value;
  });
  onPress(
    byId("card-put"),
    async () => {
      const card = { title: elements.title.value.trim() };
      for (const name of ["sku", "description", "image_url"]) {
        if (elements[name].value.trim()) card[name] = elements[name].value.trim();
      }
      if (elements.price.value.trim()) {
        card.currency = elements.currency.value;
        card.price_minor = parseMoney(elements.price.value, card.currency);
      }
      await current().call(
        "PUT",
        `/cards/${encodeURIComponent(elements.card_id.value.trim())}`,
        card,
      );
      form.reset();
      form.closest("details").open = false;
    },
    (text) => setText(byId("card-said"), text),
  );
  onPress(
    byId("announce"),
    async () => {
      await current().call("POST", "/announcements", { text: byId("announce-text").value.trim() });
      byId("announce-form").reset();
    },
    (text) => setText(byId("announce-said"), text),
  );
}
