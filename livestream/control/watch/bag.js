/**
 * The viewer's bag: what is reserved, what is ordered, what is paid.
 *
 * Owns the way from "Reserve" to a paid order on this page. The server decides everything; this
 * only remembers its answers and never shows an order going backwards. Refuses to know cards and
 * chat. The payment provider is the sandbox, and says so.
 */

import { Refused, makeId } from "/static/client/livestream.js";
import {
  byId,
  el,
  formatMoney,
  formatSpan,
  onPress,
  plural,
  setText,
} from "/static/client/page.js";
import { Wishes } from "./wishes.js";
import { inWords } from "./words.js";

/** An order only moves to the right; a late answer may tell of an earlier state. */
const ORDER_STATES = ["placed", "expired", "deposited", "defaulted", "cancelled", "paid", "refunded"];
const SHORT_MS = 20_000;
/** News that is later than this was lost on its way; pages of a crowd do not ask all at once. */
const NEWS_LATE_MS = 2_000 + Math.random() * 3_000;
/** A bank's answer may take longer. */
const BANK_MS = 8_000;
/** From one question about lost news to the next. */
const ASK_AGAIN_MS = 10_000;

export class Bag {
  #live;
  #titleOf;
  #holds = new Map();
  /** Places in line, by SKU. */
  #waiting = new Map();
  #orders = new Map();
  /** Entries to lotteries that are not drawn yet, by SKU. */
  #entries = new Map();
  #rows = new Map();
  /** The checkout under way: it keeps its id and content until there is an answer. */
  #checkout = null;
  #shops;
  #wishes;
  /** When news of a payment is due, by order; and before when not to ask for any. */
  #bankDueMs = new Map();
  #askAgainMs = 0;

  /**
   * `titleOf(sku)` names a piece for people, `dropOf(sku)` has its options. `shops` says whether this viewer may have something in
   * the bag already: of a crowd that comes back, only those who shop ask the counter.
   */
  constructor(live, titleOf, dropOf, shops) {
    this.#live = live;
    this.#titleOf = titleOf;
    this.#shops = shops;
    this.#wishes = new Wishes(dropOf, titleOf, () => this.#drawTotal());
    byId("options").replaceChildren(this.#wishes.node);
    this.dialog = byId("bag");
    byId("bag-open").addEventListener("click", () => this.dialog.showModal());
    byId("bag-close").addEventListener("click", () => this.dialog.close());
    onPress(
      byId("checkout"),
      () => this.#checkOut(),
      (text) => setText(byId("checkout-said"), text),
    );
    live.on("welcome", () => this.#refresh());
    live.on("hold.expired", ({ hold_id, sku }) => {
      if (!this.#holds.delete(hold_id)) return;
      setText(byId("checkout-said"), `The time for ${titleOf(sku)} ran out; it went back.`);
      this.draw();
    });
    live.on("hold.offered", ({ type, ...hold }) => {
      this.#waiting.delete(hold.sku);
      this.#keep(hold);
    });
    live.on("line.left", ({ sku }) => {
      this.#waiting.delete(sku);
      this.draw();
    });
    live.on("lottery.drawn", () => {
      // Who entered has a place in line now; not all of a crowd ask for theirs at once.
      if (this.#entries.size) setTimeout(() => this.#refresh(), NEWS_LATE_MS * Math.random());
    });
    for (const status of ["paid", "expired", "refunded"]) {
      live.on(`order.${status}`, ({ type, ...order }) => this.#learn({ ...order, status }));
    }
    live.on("order.refunded_partly", ({ order_id, refunded_minor }) =>
      this.#learn({ order_id, refunded_minor }),
    );
    live.on("deposit.paid", ({ type, order_id, currency, ...presale }) =>
      this.#learn({
        order_id,
        status: "deposited",
        payment: "confirmed",
        presale,
        expires_at_ms: presale.balance_until_ms,
      }),
    );
    live.on("order.defaulted", ({ order_id, forfeited }) =>
      this.#learn({ order_id, status: "defaulted", forfeited }),
    );
    live.on("order.cancelled", ({ order_id }) => this.#learn({ order_id, status: "cancelled" }));
    live.on("payment.declined", ({ order_id }) => this.#learn({ order_id, payment: "declined" }));
    live.on("payment.returned", ({ order_id }) => this.#learn({ order_id, payment: "refunding" }));
    live.on("perk.awarded", ({ type, ...perk }) => {
      const known = this.#orders.get(perk.order_id)?.perks ?? [];
      const others = known.filter(
        ({ drop_id, perk_id }) => drop_id !== perk.drop_id || perk_id !== perk.perk_id,
      );
      this.#learn({ order_id: perk.order_id, perks: [...others, perk] });
    });
    live.on("edition.numbered", ({ type, order_id, ...edition }) => {
      const known = this.#orders.get(order_id)?.editions ?? [];
      const others = known.filter(({ drop_id }) => drop_id !== edition.drop_id);
      this.#learn({ order_id, editions: [...others, edition] });
    });
  }

  /** Reserve one unit and show the bag. Throws an Error whose message a viewer can read. */
  async reserve(sku) {
    this.#shops = true;
    this.#keep(await this.#ask({ type: "cart.add", sku, quantity: 1 }));
  }

  /** Wait in line for one unit; if one is free by now it is reserved instead. */
  async waitFor(sku) {
    this.#shops = true;
    const got = await this.#ask({ type: "line.join", sku, quantity: 1 });
    if (got.hold_id) this.#keep(got);
    else this.#waiting.set(sku, got);
  }

  /** Enter the lottery of this SKU, or hear again that one has. */
  async enterDraw(sku) {
    this.#shops = true;
    this.#entries.set(sku, await this.#ask({ type: "lottery.enter", sku }));
  }

  /** The viewer's entry to the lottery of this SKU, or undefined. */
  entryFor(sku) {
    return this.#entries.get(sku);
  }

  async waitNoMore(sku) {
    await this.#ask({ type: "line.leave", sku });
    this.#waiting.delete(sku);
  }

  /**
   * The viewer's place in the line of this drop, or null. `next` and `waiting` are what everybody is
   * told; when the line is past the place and no offer came, it was lost on its way.
   */
  placeIn({ sku, status, next }) {
    if (status === "sold_out" || status === "closed") this.#waiting.delete(sku);
    const place = this.#waiting.get(sku);
    if (!place) return null;
    const isPast = !next || next > place.number;
    place.overdueMs = isPast ? (place.overdueMs ?? this.#live.now()) : undefined;
    return place;
  }

  #keep(hold) {
    this.#holds.set(hold.hold_id, hold);
    setText(byId("checkout-said"), "");
    this.draw();
    if (!this.dialog.open) this.dialog.showModal();
  }

  async #ask(message) {
    try {
      return await this.#live.ask(message);
    } catch (error) {
      throw error instanceof Refused ? new Error(inWords(error), { cause: error }) : error;
    }
  }

  /** After a connect, or a silence: what was decided while nobody here heard of it. */
  async #refresh() {
    if (!this.#shops || this.#live.role !== "viewer") return;
    try {
      const shown = await this.#live.ask({ type: "cart.show" });
      const { holds, orders, waiting, entries = [] } = shown;
      this.#shops = holds.length + orders.length + waiting.length + entries.length > 0;
      this.#entries = new Map(entries.map((entry) => [entry.sku, entry]));
      this.#waiting = new Map(waiting.map((place) => [place.sku, place]));
      this.#holds = new Map(holds.map((hold) => [hold.hold_id, hold]));
      for (const order of orders) this.#learn(order);
      this.draw();
    } catch (error) {
      if (!(error instanceof Refused)) throw error; // refused: the next connect asks again
    }
  }

  async #putBack(sku) {
    await this.#ask({ type: "cart.remove", sku });
    for (const hold of this.#holds.values()) if (hold.sku === sku) this.#holds.delete(hold.hold_id);
    this.draw();
  }

  async #checkOut() {
    const { personalisation } = this.#wishes;
    const coupon = byId("coupon").value.trim() || null;
    // After a timeout the first attempt may have gone through, so its id and content stay as they were.
    this.#checkout ??= { type: "checkout", checkout_id: makeId("k"), personalisation, coupon };
    try {
      const order = await this.#ask(this.#checkout);
      this.#checkout = null;
      this.#holds.clear();
      byId("checkout-form").reset();
      this.#learn(order);
    } catch (error) {
      const code = error.cause?.code;
      if (code !== "timeout" && code !== "offline" && code !== "busy") this.#checkout = null;
      if (code === "hold_expired" || code === "empty_cart") this.#refresh();
      throw error;
    }
  }

  /** What is private is told once, and is lost while the gateway is cut off: then the cart tells. */
  #missNews(nowMs) {
    const orders = [...this.#orders.values()].filter(isWaiting);
    const due = [
      ...[...this.#holds.values(), ...orders].map(({ expires_at_ms }) => expires_at_ms),
      ...orders.map(({ order_id }) => this.#bankDueMs.get(order_id)),
      ...[...this.#waiting.values()].map(({ overdueMs }) => overdueMs),
    ].filter(Number.isFinite);
    if (nowMs < Math.min(...due) + NEWS_LATE_MS || nowMs < this.#askAgainMs) return;
    this.#askAgainMs = nowMs + ASK_AGAIN_MS * (1 + Math.random());
    this.#refresh();
  }

  async #pay(order_id, payment_token) {
    this.#bankDueMs.set(order_id, this.#live.now() + BANK_MS);
    this.#learn(await this.#ask({ type: "order.pay", order_id, payment_token }));
  }

  #learn(news) {
    const known = this.#orders.get(news.order_id);
    const order = { lines: [], ...known, ...news };
    if (known && ORDER_STATES.indexOf(known.status) > ORDER_STATES.indexOf(order.status)) {
      order.status = known.status;
    }
    this.#orders.set(order.order_id, order);
    if (order.payment !== "started") this.#bankDueMs.delete(order.order_id);
    this.draw();
  }

  draw() {
    const holds = [...this.#holds.values()];
    byId("bag-holds").hidden = holds.length === 0;
    byId("holds").replaceChildren(...holds.map((hold) => this.#holdRow(hold)));
    this.#wishes.draw([...new Set(holds.map(({ sku }) => sku))]);
    this.#drawTotal();
    const orders = [...this.#orders.values()].reverse();
    for (const order of orders) {
      if (!this.#rows.has(order.order_id)) {
        this.#rows.set(
          order.order_id,
          new OrderRow((token) => this.#pay(order.order_id, token), this.#titleOf),
        );
      }
      this.#rows.get(order.order_id).update(order, this.#live.now());
    }
    const nodes = orders.map(({ order_id }) => this.#rows.get(order_id).node);
    if (nodes.some((node, at) => byId("orders").children[at] !== node))
      byId("orders").replaceChildren(...nodes);
    byId("bag-orders").hidden = orders.length === 0;
    byId("bag-empty").hidden = holds.length + orders.length > 0;
    byId("bag-open").hidden = holds.length + orders.length === 0;
    this.tick(this.#live.now());
  }

  /** What is to pay by what is chosen so far; only the checkout knows what a coupon takes off. */
  #drawTotal() {
    const holds = [...this.#holds.values()];
    const total = holds.reduce(
      (sum, { sku, quantity, price_minor }) =>
        sum + quantity * (price_minor + this.#wishes.extrasOf(sku)),
      0,
    );
    setText(
      byId("checkout"),
      holds.length ? `Check out · ${formatMoney(total, holds[0].currency)}` : "Check out",
    );
  }

  #holdRow(hold) {
    const title = this.#titleOf(hold.sku);
    const back = el("button", { type: "button", "aria-label": `Put back ${title}` }, "Put back");
    onPress(
      back,
      () => this.#putBack(hold.sku),
      (text) => setText(byId("checkout-said"), text),
    );
    const clock = el("span", { className: "clock" });
    clock.dataset.until = hold.expires_at_ms;
    const pieces = hold.quantity > 1 ? `${hold.quantity} × ` : "";
    return el(
      "li",
      {},
      el("span", { className: "name" }, title),
      back,
      el(
        "span",
        { className: "quiet" },
        `${pieces}${formatMoney(hold.price_minor, hold.currency)} · ${hold.reserved === false ? "in your bag, not reserved yet," : "yours"} for `,
        clock,
      ),
    );
  }

  /** Move every deadline in the bag, and the line that opens it, to the server's `nowMs`. */
  tick(nowMs) {
    this.#missNews(nowMs);
    for (const clock of document.querySelectorAll("#bag .clock[data-until]")) {
      showLeft(clock, Number(clock.dataset.until) - nowMs);
    }
    const holds = [...this.#holds.values()];
    const due = [...this.#orders.values()].filter((order) => dueMinor(order, nowMs) !== null);
    for (const order of this.#orders.values()) {
      if (order.status === "deposited") this.#rows.get(order.order_id)?.update(order, nowMs);
    }
    const paid = [...this.#orders.values()].filter(({ status }) => status === "paid").length;
    const until = Math.min(...[...holds, ...due].map(({ expires_at_ms }) => expires_at_ms));
    let summary = paid ? `${plural(paid, "order")} confirmed` : "Your orders";
    if (due.length) summary = `${plural(due.length, "order")} to pay`;
    if (holds.length)
      summary = `${plural(
        holds.reduce((sum, { quantity }) => sum + quantity, 0),
        "piece",
      )} reserved for you`;
    setText(byId("bag-summary"), summary);
    if (Number.isFinite(until)) showLeft(byId("bag-clock"), until - nowMs);
    else setText(byId("bag-clock"), "");
  }
}

function showLeft(clock, leftMs) {
  setText(clock, formatSpan(leftMs));
  clock.classList.toggle("short", leftMs < SHORT_MS);
}

/** One order, from its deadline to its perk. */
class OrderRow {
  #titleOf;
  #sandboxName = makeId("bank");

  constructor(pay, titleOf) {
    this.#titleOf = titleOf;
    this.id = el("span", { className: "label" });
    this.state = el("span", { className: "state quiet", role: "status" });
    this.lines = el("div");
    this.until = el("span", { className: "clock" });
    this.deadline = el("p", { className: "quiet" }, "Kept for you for ", this.until);
    this.perks = el("div");
    const choice = (value, text, checked) =>
      el(
        "label",
        {},
        el("input", { type: "radio", name: this.#sandboxName, value, checked }),
        text,
      );
    this.choices = el(
      "div",
      { className: "choices" },
      choice("tok_approve", "approves", true),
      choice("tok_decline", "declines", false),
    );
    this.sandbox = el(
      "fieldset",
      { className: "sandbox" },
      el("legend", { className: "label" }, "Sandbox"),
      el("p", { className: "quiet" }, "No money moves here. Choose what the bank answers:"),
      this.choices,
    );
    this.button = el("button", { type: "button", className: "main" });
    this.said = el("p", { className: "bad", role: "status" });
    this.node = el(
      "li",
      { className: "order" },
      el("p", { className: "head" }, this.id, this.state),
      this.lines,
      this.perks,
      this.deadline,
      this.sandbox,
      this.button,
      this.said,
    );
    const token = () => this.choices.querySelector("input:checked").value;
    onPress(
      this.button,
      () => pay(token()),
      (text) => setText(this.said, text),
    );
  }

  update(order, nowMs) {
    const waits = isWaiting(order);
    const due = dueMinor(order, nowMs);
    const underWay = waits && order.payment === "processing";
    setText(this.id, `Order ${order.order_id}`);
    setText(this.state, orderState(order, underWay));
    this.state.dataset.status = order.status;
    this.lines.replaceChildren(...order.lines.flatMap((line) => this.#line(line, order)));
    this.perks.replaceChildren(
      ...(order.perks ?? []).map(({ name, rank }) =>
        el("p", { className: "perk" }, `${name} · you are number ${rank}`),
      ),
      ...(order.editions ?? []).map(({ sku, numbers, of }) =>
        el("p", { className: "perk" }, `${titleOf(sku)} · No. ${numbers.join(", ")} of ${of}`),
      ),
    );
    this.until.dataset.until = order.expires_at_ms ?? 0;
    this.deadline.hidden = !waits;
    this.sandbox.hidden = this.button.hidden = due === null || underWay;
    setText(this.button, due ? `Pay ${formatMoney(due, order.currency)}` : "Pay");
    if (order.payment === "declined" && waits)
      setText(this.said, "The bank declined. The order is still yours: try again.");
    else if (!waits || underWay) setText(this.said, "");
  }

  /** A line and, where there is any, what is written on its pieces, its extras and its discount. */
  #line({ sku, quantity, price_minor, extras_minor, discount_minor }, order) {
    const pieces = quantity > 1 ? `${quantity} × ` : "";
    const row = (name, words, className) =>
      el("p", { className: "head" }, el("span", { className }, name), el("span", {}, words));
    const money = (minor) => formatMoney(minor, order.currency);
    const texts = Object.values(order.personalisation?.[sku] ?? {}).filter(Boolean);
    const wishes = texts.map((text) => `“${text}”`).join(", ") || "Personalisation";
    return [
      row(this.#titleOf(sku), `${pieces}${money(price_minor)}`, "name"),
      texts.length || extras_minor
        ? row(wishes, extras_minor ? money(extras_minor) : "", "quiet")
        : null,
      discount_minor ? row(`Coupon ${order.coupon ?? ""}`, money(-discount_minor), "quiet") : null,
    ].filter(Boolean);
  }
}

/** Whether the viewer has something to pay for this order, now or later. */
function isWaiting({ status }) {
  return status === "placed" || status === "deposited";
}

/** What can be paid now, in minor units (0: not known yet), or null. A presale takes two payments. */
function dueMinor({ status, total_minor, presale }, nowMs) {
  if (status === "placed") return presale?.deposit_minor ?? total_minor ?? 0;
  if (status !== "deposited" || nowMs < presale.balance_from_ms) return null;
  return presale.balance_minor;
}

function orderState(order, underWay) {
  const { status, paid_seq, payment, refunded_minor, currency, presale, forfeited } = order;
  if (underWay) return "Payment under way…";
  if (status === "deposited")
    return `Deposit paid · the rest is due from ${new Date(presale.balance_from_ms).toLocaleString()}`;
  if (status === "defaulted")
    return forfeited === false
      ? "Not paid in time; your deposit is on its way back"
      : "Not paid in time";
  if (status === "placed" && presale) return "Waits for the deposit";
  if (status === "paid") {
    const back = refunded_minor ? ` · ${formatMoney(refunded_minor, currency)} given back` : "";
    return `Confirmed${paid_seq ? ` · no. ${paid_seq}` : ""}${back}`;
  }
  if (status === "refunded") return "Refunded";
  if (status === "cancelled") return "Cancelled; your deposit is on its way back";
  if (status === "expired")
    return payment === "refunding" ? "Expired; your money is on its way back" : "Expired";
  return "Waits for payment";
}
