/**
 * An offer: a card, and the drop that sells its SKU, if any.
 *
 * Owns what a viewer sees of one piece: words, price, countdown, stock, and the button. Refuses to
 * know what happens when the button is pressed.
 */

import {
  el,
  formatCount,
  formatMoney,
  formatSpan,
  onPress,
  plural,
  setText,
  stockBar,
} from "/static/client/page.js";
import { firstOpensAtMs } from "/static/client/storefront.js";

export class Offer {
  #drop = null;
  #opensAtMs = null;
  #bag;
  #priced = null;

  /**
   * When the viewer asks for the piece, the `bag` reserves it or waits in line for it; what it throws
   * is said under it. `redraw` shows what came of it.
   */
  constructor(bag, redraw) {
    this.#bag = bag;
    this.image = el("img", { alt: "", decoding: "async", hidden: true });
    this.initial = el("span", { className: "initial", "aria-hidden": "true" });
    this.edition = el("span", { className: "edition", "aria-hidden": "true" });
    this.title = el("h2");
    this.description = el("p", { className: "description" });
    this.price = el("p", { className: "price" });
    this.perks = el("div", { className: "perks" });
    this.bar = stockBar();
    this.hint = el("p", { className: "quiet" });
    this.stock = el("div", { className: "stock" }, this.bar.node, this.hint);
    this.clock = el("span", { className: "clock", role: "timer", "aria-live": "off" });
    this.countdown = el(
      "p",
      { className: "countdown" },
      el("span", { className: "label" }, "Opens in"),
      this.clock,
    );
    this.buy = el("button", { type: "button", className: "buy main" }, "Reserve");
    this.said = el("p", { className: "bad", role: "status" });
    this.node = el(
      "article",
      { className: "offer" },
      el("div", { className: "plate" }, this.image, this.initial, this.edition),
      el(
        "div",
        { className: "words" },
        this.title,
        this.description,
        this.price,
        this.perks,
        this.countdown,
        this.stock,
        this.buy,
        this.said,
      ),
    );
    this.image.addEventListener("error", () => this.#picture(false));
    this.image.addEventListener("load", () => this.#picture(true));
    onPress(
      this.buy,
      async () => {
        await this.#press();
        redraw();
      },
      (text) => setText(this.said, text),
    );
  }

  #press() {
    const { sku, lottery, status } = this.#drop;
    if (lottery && status === "scheduled") return this.#bag.enterDraw(sku);
    if (this.#bag.placeIn(this.#drop)) return this.#bag.waitNoMore(sku);
    return mustWait(this.#drop) ? this.#bag.waitFor(sku) : this.#bag.reserve(sku);
  }

  /** Draw the card and its drop as they stand; either may be null, not both. */
  update(card, drop, roomStatus) {
    if (this.buy.dataset.status !== drop?.status) setText(this.said, ""); // what was said is history
    this.buy.dataset.status = drop?.status;
    this.#drop = drop;
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
    if (!this.#priced?.flash) this.#drawPrice(0);
    const pieces = drop?.numbered ? "numbered pieces" : "pieces";
    setText(this.edition, drop ? `${formatCount(drop.supply)} ${pieces}${inTwoParts(drop)}` : "");
    this.perks.replaceChildren(
      ...(drop?.perks ?? []).map(({ first_n, name }) =>
        el("p", { className: "perk" }, `The first ${plural(first_n, "order")}: ${name}`),
      ),
    );
    this.#updateSale(drop, roomStatus);
  }

  #updateSale(drop, roomStatus) {
    this.#opensAtMs = drop?.status === "scheduled" ? opensAtMs(drop) : null;
    this.countdown.hidden = this.#opensAtMs === null;
    this.stock.hidden = !drop || drop.status === "scheduled";
    this.buy.hidden = !drop;
    if (!drop) return;
    const open = OPEN.has(drop.status) && roomStatus === "live";
    this.buy.disabled = !open;
    if (drop.lottery && drop.status === "scheduled") return this.#offerDraw(drop);
    const place = this.#bag.placeIn(drop);
    if (drop.lottery && !place) this.buy.disabled = true; // it goes to those who were drawn
    const waits = drop.lottery ? "Given by the draw" : "Wait in line";
    const wish = place ? "Leave the line" : drop.lottery || mustWait(drop) ? waits : "Reserve";
    setText(this.buy, open ? wish : (CLOSED_LABELS[drop.status] ?? "Not yet open"));
    this.bar.update(drop);
    setText(this.hint, place ? lineHint(drop, place) : stockHint(drop));
  }

  #offerDraw({ sku, supply, lottery }) {
    const entry = this.#bag.entryFor(sku);
    this.buy.disabled = Boolean(entry);
    setText(this.buy, entry ? "You have entered" : "Enter the draw");
    this.bar.update(this.#drop);
    const drawn = new Date(lottery.entries_until_ms).toLocaleTimeString();
    const who = entry ? `You are entry no. ${formatCount(entry.number)}. ` : "";
    setText(this.hint, `${who}${plural(supply, "piece")} are given by a draw at ${drawn}.`);
  }

  /** The price at the server's `nowMs`: a flash price holds from its start, and not at its end. */
  #drawPrice(nowMs) {
    const priced = this.#priced;
    const flash = priced?.flash?.find(
      ({ from_ms, until_ms }) => from_ms <= nowMs && nowMs < until_ms,
    );
    const until = flash ? ` · for ${formatSpan(flash.until_ms - nowMs)}` : "";
    const price = flash?.price_minor ?? priced?.price_minor;
    setText(this.price, priced ? `${formatMoney(price, priced.currency)}${until}` : "");
  }

  #picture(shown) {
    this.image.hidden = !shown;
    this.initial.hidden = shown;
  }

  /** Move the countdown, and a price that changes by the clock, to the server's `nowMs`. */
  tick(nowMs) {
    if (this.#priced?.flash) this.#drawPrice(nowMs);
    if (this.#opensAtMs === null) return;
    const leftMs = this.#opensAtMs - nowMs;
    setText(this.clock, leftMs > 0 ? formatSpan(leftMs) : "a moment");
  }
}

const OPEN = new Set(["open", "all_held"]);
const CLOSED_LABELS = { sold_out: "Sold out", closed: "Closed", paused: "A short pause" };

/** Whether a piece that falls free goes to somebody in line, or nothing is free at all. */
const mustWait = ({ status, waiting }) => status === "all_held" || waiting > 0;

/** Everybody is told which number is next, so nobody has to ask for the own place. */
function lineHint({ held, next }, { number }) {
  const ahead = next ? number - next : 0;
  const first = ahead > 0 ? `At most ${formatCount(ahead)} before you` : "You are next";
  return `You are number ${formatCount(number)} in line. ${first}; ${plural(held, "piece")} reserved may still come back.`;
}

/** When a scheduled drop opens: a lottery by its draw. */
const opensAtMs = (drop) => drop.lottery?.entries_until_ms ?? firstOpensAtMs(drop);

/** How a presale is paid. */
function inTwoParts({ presale, currency }) {
  if (!presale) return "";
  const from = new Date(presale.balance_from_ms).toLocaleString();
  return ` · presale: ${formatMoney(presale.deposit_minor, currency)} now, the rest from ${from}`;
}

/** What a viewer may fairly expect. The numbers are told a few times a second, so it is a hint. */
function stockHint({ status, available, held, sold, supply, waiting }) {
  if (status === "sold_out") return `Sold out: all ${plural(supply, "piece")}.`;
  if (status === "closed") return `This has ended: ${plural(sold, "piece")} sold.`;
  if (status === "paused") return "The counter is paused. It opens again shortly.";
  if (available === 0)
    return `All are reserved just now (${formatCount(held)}). Some may come back.${waiting ? ` ${formatCount(waiting)} in line.` : ""}`;
  const carts = held ? `, ${formatCount(held)} reserved` : "";
  return `${formatCount(available)} of ${formatCount(supply)} left${carts}`;
}
