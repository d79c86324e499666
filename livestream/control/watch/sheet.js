/**
 * The sheet over the page: what is reserved, how it is wished for, paying, and the orders.
 *
 * Owns the dialog and the button that opens it. Refuses to know the room beyond its `shop`, and to
 * decide anything. Where the payment provider is the sandbox, the sheet says so.
 */

import { byId, copyOf, place, setText } from "/static/client/dom.js";
import { OrderRow } from "./order.js";
import { dress, language, press, problem, t } from "./speech.js";

const SHORT_MS = 20_000;
/** Said aloud once, so that nobody is surprised who does not see the clock. */
const LAST_MINUTE_MS = 60_000;
/** A drop is heard of by all at once: what it needs is fetched within this time. */
const AHEAD_MS = 5_000;
const inSlots = ({ slots }) => slots;

export class Sheet {
  #bag;
  #shop;
  #rows = new Map();
  #orderRows = new Map();
  #wishes = null;
  #slots = null;
  #expected = 0;
  #extras = null;
  #lacks = false;

  /** `shop` knows the room: `titleOf`, `dropOf` (by SKU), `perks()`, `live`, `ticket`, `speak`,
   * and whether payments are the `sandbox`'s: those of a real provider are made on a page of its own. */
  constructor(bag, shop) {
    this.#bag = bag;
    this.#shop = shop;
    this.dialog = byId("bag");
    byId("bag-open").addEventListener("click", () => this.open());
    byId("bag-close").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("click", (click) => {
      if (click.target === this.dialog) this.dialog.close(); // beside the sheet
    });
    press(byId("checkout"), () => this.#pay(), byId("checkout-said"));
    bag.on("change", () => this.draw());
    bag.on("offered", () => this.open());
    bag.on("lapsed", ({ sku }) => this.#say(t("bag.lapsed", { title: shop.titleOf(sku) })));
  }

  open() {
    this.#say("");
    if (!this.dialog.open) this.dialog.showModal();
  }

  #say(text) {
    setText(byId("checkout-said"), text);
  }

  /** The second of two taps: order and pay. Who has a coupon sees first what it takes off. */
  async #pay() {
    const shown = this.#total();
    const coupon = byId("coupon").value.trim() || null;
    const { order_id, ...order } = await this.#bag.checkOut({
      personalisation: this.#wishes?.personalisation ?? {},
      coupon,
      slot_id: this.#slots?.chosen ?? null,
    });
    byId("checkout-form").reset();
    this.#orderRows.get(order_id).node.focus();
    if (this.#shop.sandbox && !coupon && this.#bag.due(order) === shown)
      await this.#bag.pay(order_id, bank());
  }

  draw() {
    const holds = [...this.#bag.holds.values()];
    const orders = [...this.#bag.orders.values()].reverse();
    byId("bag-holds").hidden = byId("pay").hidden = holds.length === 0;
    this.#list(byId("holds"), this.#rows, holds, "hold_id", (hold) => this.#holdRow(hold));
    this.#list(byId("orders"), this.#orderRows, orders, "order_id", ({ order_id }) =>
      new OrderRow(this.#shop, this.#bag, order_id, bank),
    );
    for (const order of orders)
      this.#orderRows.get(order.order_id).update(order, this.#shop.live.now());
    byId("bag-empty").hidden = holds.length + orders.length > 0;
    this.#askWishes(holds);
    this.#drawTotal();
    this.tick(this.#shop.live.now());
  }

  /** Rows outlive a redraw, and so does the focus in them. */
  #list(parent, rows, items, key, make) {
    const ids = items.map((item) => item[key]);
    for (const id of rows.keys()) if (!ids.includes(id)) rows.delete(id);
    for (const item of items) if (!rows.has(item[key])) rows.set(item[key], make(item));
    place(
      parent,
      ids.map((id) => rows.get(id).node),
    );
  }

  /** What the pieces on show may need and few others do, before a crowd needs it at once. */
  expect(drops) {
    const needs = drops.some(({ options }) => options) || this.#shop.perks([]).some(inSlots);
    const soon = needs || drops.some(({ perks }) => perks.some(inSlots));
    if (soon && !this.#expected) this.#expected = setTimeout(() => this.#load(), AHEAD_MS * Math.random());
  }

  #load() {
    this.#extras ??= Promise.all([import("./wishes.js"), import("./slots.js")]).then(
      ([{ Wishes }, { Slots }]) => {
        this.#wishes = new Wishes(this.#shop, () => this.#drawTotal());
        this.#slots = new Slots(this.#shop);
        byId("options").append(this.#wishes.node, this.#slots.node);
        this.draw();
      },
      (error) => {
        this.#extras = null; // the next change of the bag tries again
        this.#say(problem(error));
      },
    );
  }

  #askWishes(holds) {
    const skus = [...new Set(holds.map(({ sku }) => sku))];
    const perk = this.#shop.perks(skus).find(inSlots);
    this.#lacks = !this.#wishes && (perk || skus.some((sku) => this.#shop.dropOf(sku)?.options));
    if (this.#lacks) this.#load();
    this.#wishes?.draw(skus);
    this.#slots?.draw(perk);
  }

  /** What is to pay now by what is chosen so far; only the checkout knows what a coupon takes off. */
  #total() {
    return [...this.#bag.holds.values()].reduce((sum, { sku, quantity, price_minor }) => {
      const deposit = this.#shop.dropOf(sku)?.presale?.deposit_minor;
      const extras = this.#wishes?.extrasOf(sku) ?? 0;
      return sum + quantity * (deposit ?? price_minor + extras);
    }, 0);
  }

  #drawTotal() {
    const [first] = this.#bag.holds.values();
    if (!first) return;
    const key = this.#shop.dropOf(first.sku)?.presale ? "pay.deposit" : "pay.now";
    const money = language.money(this.#total(), first.currency);
    setText(byId("checkout"), t(this.#shop.sandbox ? key : "pay.order", { money }));
    byId("checkout").disabled = this.#lacks;
  }

  #holdRow({ sku, quantity, price_minor, currency, reserved }) {
    const title = this.#shop.titleOf(sku);
    const row = copyOf("hold");
    dress(row.node);
    setText(row.name, title);
    row.back.ariaLabel = t("bag.put_back_title", { title });
    const putBack = async () => {
      await this.#bag.putBack(sku);
      byId("bag-title").focus();
    };
    press(row.back, putBack, byId("checkout-said"));
    const price = language.money(price_minor, currency);
    const yours = t(reserved === false ? "bag.wished_for" : "bag.yours_for");
    setText(row.about, `${quantity > 1 ? `${quantity} × ` : ""}${price} · ${yours}`);
    return row;
  }

  /** Move every deadline in the bag, and the button that opens it, to the server's `nowMs`. */
  tick(nowMs) {
    this.#bag.tick(nowMs);
    const holds = [...this.#bag.holds.values()];
    for (const hold of holds) {
      const leftMs = hold.expires_at_ms - nowMs;
      showLeft(this.#rows.get(hold.hold_id)?.clock, leftMs);
      if (leftMs < LAST_MINUTE_MS && !hold.warned) {
        hold.warned = true;
        if (leftMs > SHORT_MS)
          this.#shop.speak(t("bag.last_minute", { title: this.#shop.titleOf(hold.sku) }));
      }
    }
    const due = [...this.#bag.orders.values()].filter((order) => this.#bag.due(order) !== null);
    for (const order of this.#bag.orders.values())
      this.#orderRows.get(order.order_id)?.tick(order, nowMs, showLeft);
    const waits = [...holds, ...due];
    byId("sandbox").hidden = !this.#shop.sandbox || waits.length === 0;
    const pieces = holds.reduce((sum, { quantity }) => sum + quantity, 0);
    const n = pieces || due.length || this.#bag.orders.size;
    setText(byId("bag-count"), n ? language.count(n) : "");
    const key = pieces ? "bag.open_held" : due.length ? "bag.open_due" : "bag.open";
    const label = t(key, { n });
    if (byId("bag-open").ariaLabel !== label) byId("bag-open").ariaLabel = label;
    byId("bag-open").classList.toggle("waits", waits.length > 0);
    const untilMs = Math.min(...waits.map(({ expires_at_ms }) => expires_at_ms));
    if (Number.isFinite(untilMs)) showLeft(byId("bag-clock"), untilMs - nowMs);
    else setText(byId("bag-clock"), "");
  }
}

function showLeft(clock, leftMs) {
  if (!clock) return;
  setText(clock, language.span(leftMs));
  clock.classList.toggle("short", leftMs < SHORT_MS);
}

/** What the sandbox's bank is to answer. */
const bank = () => byId("sandbox").querySelector(":checked").value;
