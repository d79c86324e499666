/**
 * What is this viewer's: holds, places in line, entries to lotteries, orders.
 *
 * Owns the way from "Reserve" to a paid order. The server decides everything; this remembers its
 * answers and never shows an order going backwards. Emits `change`; `offered` when a wait is over;
 * `lapsed` (the hold) when a time ran out. Refuses to know the page and its words.
 */

import { Emitter, Refused, makeId } from "/static/client/livestream.js";
import { dueMinor, later, waitsForMoney } from "./orders.js";

/** News that is later than this was lost on its way; pages of a crowd do not ask all at once. */
const NEWS_LATE_MS = 2_000 + Math.random() * 3_000;
/** A bank's answer may take longer. */
const BANK_MS = 8_000;
/** From one question about lost news to the next. */
const ASK_AGAIN_MS = 10_000;
/** No answer to a checkout says that it was not done: it is asked again as it was. */
const UNSURE = ["timeout", "offline", "busy"];

export class Bag extends Emitter {
  /** By hold id; `waiting` and `entries` by SKU; `orders` by order id. */
  holds = new Map();
  waiting = new Map();
  entries = new Map();
  orders = new Map();
  #live;
  #shops;
  /** The checkout under way: it keeps its id and content until there is an answer. */
  #checkout = null;
  /** When news of a payment is due, by order; and before when not to ask for any. */
  #bankDueMs = new Map();
  #askAgainMs = 0;
  /** Orders of which the bank has said something since they were last asked to be paid. */
  #said = new Set();

  /**
   * `shops` says whether this viewer may have something already: of a crowd that comes back, only
   * those who shop ask the counter.
   */
  constructor(live, shops) {
    super();
    this.#live = live;
    this.#shops = shops;
    live.on("welcome", () => this.refresh());
    live.on("hold.expired", ({ hold_id }) => {
      const hold = this.holds.get(hold_id);
      if (!this.holds.delete(hold_id)) return;
      this.emit("lapsed", hold);
      this.emit("change");
    });
    live.on("hold.offered", ({ type, ...hold }) => {
      this.waiting.delete(hold.sku);
      this.#keep(hold);
      this.emit("offered", hold);
    });
    live.on("line.left", ({ sku }) => {
      this.waiting.delete(sku);
      this.emit("change");
    });
    live.on("lottery.drawn", () => {
      // Who entered has a place in line now; not all of a crowd ask for theirs at once.
      if (this.entries.size) setTimeout(() => this.refresh(), NEWS_LATE_MS * Math.random());
    });
    const learns = (type, news) =>
      live.on(type, ({ type: _, ...frame }) =>
        this.#learn({ order_id: frame.order_id, ...news(frame) }),
      );
    for (const status of ["paid", "expired", "refunded", "cancelled"])
      learns(`order.${status}`, (frame) => ({ ...frame, status }));
    learns("order.refunded_partly", ({ refunded_minor }) => ({ refunded_minor }));
    learns("deposit.paid", (presale) => ({
      status: "deposited",
      payment: "confirmed",
      presale,
      expires_at_ms: presale.balance_until_ms,
    }));
    learns("order.defaulted", ({ forfeited }) => ({ status: "defaulted", forfeited }));
    learns("payment.declined", ({ order_id }) => {
      this.#said.add(order_id);
      return { payment: "declined" };
    });
    learns("payment.returned", () => ({ payment: "refunding" }));
    learns("perk.awarded", (perk) => ({
      perks: this.#beside(perk, "perks", ({ drop_id, perk_id }) => `${drop_id} ${perk_id}`),
    }));
    learns("edition.numbered", (edition) => ({
      editions: this.#beside(edition, "editions", ({ drop_id }) => drop_id),
    }));
    for (const type of ["slot.taken", "slot.released"])
      live.on(type, ({ order_id }) => this.orders.has(order_id) && this.refresh());
  }

  /** What is known of the order, with `news` instead of what has the same key. */
  #beside(news, name, keyOf) {
    const known = this.orders.get(news.order_id)?.[name] ?? [];
    return [...known.filter((each) => keyOf(each) !== keyOf(news)), news];
  }

  /** What is the viewer's of this drop, as `offering.js` takes it. */
  of({ sku, status, next }) {
    const holds = [...this.holds.values()].filter((hold) => hold.sku === sku);
    if (status === "sold_out" || status === "closed") this.waiting.delete(sku);
    const place = this.waiting.get(sku);
    if (place) {
      // When the line is past the place and no offer came, it was lost on its way.
      const isPast = !next || next > place.number;
      place.overdueMs = isPast ? (place.overdueMs ?? this.#live.now()) : undefined;
    }
    return {
      held: holds.reduce((sum, { quantity }) => sum + quantity, 0),
      reserved: holds.every(({ reserved }) => reserved !== false),
      place,
      entry: this.entries.get(sku),
    };
  }

  /** Reserve one unit. This and what follows throw a `Refused`. */
  async reserve(sku) {
    this.#shops = true;
    this.#keep(await this.#live.ask({ type: "cart.add", sku, quantity: 1 }));
  }

  /** Wait in line for one unit; whether one is free by now, and so reserved instead. */
  async wait(sku) {
    this.#shops = true;
    const got = await this.#live.ask({ type: "line.join", sku, quantity: 1 });
    if (got.hold_id) this.#keep(got);
    else this.waiting.set(sku, got);
    this.emit("change");
    return Boolean(got.hold_id);
  }

  async leave(sku) {
    await this.#live.ask({ type: "line.leave", sku });
    this.waiting.delete(sku);
    this.emit("change");
  }

  async enter(sku) {
    this.#shops = true;
    this.entries.set(sku, await this.#live.ask({ type: "lottery.enter", sku }));
    this.emit("change");
  }

  async putBack(sku) {
    await this.#live.ask({ type: "cart.remove", sku });
    for (const hold of this.holds.values()) if (hold.sku === sku) this.holds.delete(hold.hold_id);
    this.emit("change");
  }

  /** Order everything that is held, as `chosen` (personalisation, coupon, slot_id) says. */
  async checkOut(chosen) {
    // After a timeout the first attempt may have gone through, so its id and content stay as they were.
    this.#checkout ??= {
      type: "checkout",
      id: makeId("c"), // the same command each time: what is offered meanwhile makes no other of it
      checkout_id: makeId("k"),
      ...chosen,
    };
    try {
      const order = await this.#live.ask(this.#checkout);
      this.#checkout = null;
      this.holds.clear();
      this.#learn(order);
      return order;
    } catch (error) {
      if (!UNSURE.includes(error.code)) this.#checkout = null;
      if (["hold_expired", "empty_cart", "conflict"].includes(error.code)) this.refresh();
      throw error;
    }
  }

  async pay(order_id, payment_token) {
    this.#said.delete(order_id);
    const order = await this.#live.ask({ type: "order.pay", order_id, payment_token });
    // Answers and news come by two ways: the bank's word may be here before this.
    if (this.#said.has(order_id)) delete order.payment;
    this.#learn(order);
  }

  /** What can be paid of an order now, in minor units, or null. */
  due(order) {
    return dueMinor(order, this.#live.now());
  }

  /** After a connect, or a silence: what was decided while nobody here heard of it. */
  async refresh() {
    if (!this.#shops || this.#live.role !== "viewer") return;
    try {
      const { holds, orders, waiting, entries = [] } = await this.#live.ask({ type: "cart.show" });
      this.#shops = holds.length + orders.length + waiting.length + entries.length > 0;
      this.entries = new Map(entries.map((entry) => [entry.sku, entry]));
      this.waiting = new Map(waiting.map((place) => [place.sku, place]));
      this.holds = new Map(holds.map((hold) => [hold.hold_id, hold]));
      for (const order of orders) this.#learn(order);
      this.emit("change");
    } catch (error) {
      if (!(error instanceof Refused)) throw error; // refused: the next connect asks again
    }
  }

  /** What is private is told once, and is lost while the gateway is cut off: then the cart tells. */
  tick(nowMs) {
    const orders = [...this.orders.values()].filter(waitsForMoney);
    const due = [
      ...[...this.holds.values(), ...orders].map(({ expires_at_ms }) => expires_at_ms),
      ...orders.map(({ order_id }) => this.#bankDueMs.get(order_id)),
      ...[...this.waiting.values()].map(({ overdueMs }) => overdueMs),
    ].filter(Number.isFinite);
    if (nowMs < Math.min(...due) + NEWS_LATE_MS || nowMs < this.#askAgainMs) return;
    this.#askAgainMs = nowMs + ASK_AGAIN_MS * (1 + Math.random());
    this.refresh();
  }

  #keep(hold) {
    this.holds.set(hold.hold_id, hold);
    this.emit("change");
  }

  #learn(news) {
    const order = later(this.orders.get(news.order_id), news);
    this.orders.set(order.order_id, order);
    if (order.payment !== "processing" || !waitsForMoney(order))
      this.#bankDueMs.delete(order.order_id);
    else if (!this.#bankDueMs.has(order.order_id))
      this.#bankDueMs.set(order.order_id, this.#live.now() + BANK_MS);
    this.emit("change");
  }
}
