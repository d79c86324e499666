/**
 * An offer: a card, and the drop that sells its SKU, if any.
 *
 * Owns what is drawn of one piece. Refuses to decide what may be pressed (offering.js), and to know
 * what happens then.
 */

import { copyOf, el, setText, stockBar } from "/static/client/dom.js";
import { hint, notes, opensAtMs, priceAt, wish } from "./offering.js";
import { language, press, t } from "./speech.js";

export class Offer {
  #bag;
  #drop = null;
  #priced = null;
  #act = null;
  #roomStatus = "";

  /** `act(what, drop)` does what the button says; what it throws is said beside it. */
  constructor(bag, act) {
    this.#bag = bag;
    Object.assign(this, copyOf("offer"));
    this.bar = stockBar();
    this.countdown.after(this.bar.node);
    this.image.addEventListener("error", () => this.#picture(false));
    this.image.addEventListener("load", () => this.#picture(true));
    press(this.buy, () => act(this.#act, this.#drop), this.said);
  }

  /** Draw the card and its drop as they stand; either may be null, not both. */
  update(card, drop, room, nowMs) {
    if (this.#drop?.status !== drop?.status) setText(this.said, ""); // what was said is history
    this.#drop = drop;
    this.#roomStatus = room.status;
    const title = card?.title ?? drop.title;
    setText(this.title, title);
    setText(this.initial, [...title][0]);
    setText(this.description, card?.description ?? "");
    if ((card?.image_url ?? "") !== (this.image.getAttribute("src") ?? "")) {
      this.#picture(false);
      if (card?.image_url) this.image.src = card.image_url;
      else this.image.removeAttribute("src");
    }
    this.#priced = drop ?? (card?.price_minor === undefined ? null : card);
    const pieces = drop?.numbered ? "edition.numbered" : "edition.pieces";
    setText(this.edition, drop ? t(pieces, { n: drop.supply }) : "");
    const said = drop ? notes(drop, room.rules, language) : [];
    if (said.join() !== this.perks.said) {
      this.perks.said = said.join();
      this.perks.replaceChildren(...said.map((text) => el("p", { className: "perk" }, text)));
    }
    this.sale.hidden = !drop;
    if (drop) {
      const draws = Boolean(drop.lottery);
      this.countdown.hidden = opensAtMs(drop) === null;
      this.bar.node.hidden = !this.countdown.hidden;
      setText(this.until, t(draws ? "draw.in" : "buy.opens_in"));
      this.bar.update(drop);
      setText(this.hint, hint(drop, this.#bag.of(drop), language));
    }
    this.tick(nowMs);
  }

  /** Move what changes by the clock to the server's `nowMs`. */
  tick(nowMs) {
    const drop = this.#drop;
    if (this.#priced) {
      const { minor, untilMs } = priceAt(this.#priced, nowMs);
      const price = language.money(minor, this.#priced.currency);
      const left = untilMs && language.span(untilMs - nowMs);
      setText(this.price, left ? t("price.flash", { price, left }) : price);
    } else setText(this.price, "");
    if (!drop) return;
    const opens = opensAtMs(drop);
    if (opens !== null)
      setText(this.clock, opens > nowMs ? language.span(opens - nowMs) : t("buy.a_moment"));
    const mine = this.#bag.of(drop);
    const { act, key } = wish(drop, this.#roomStatus, mine, nowMs);
    this.#act = act;
    this.buy.disabled = act === null;
    setText(this.buy, t(key));
  }

  #picture(shown) {
    this.image.hidden = !shown;
    this.initial.hidden = shown;
  }
}
