/**
 * One order in the sheet, from its deadline to its perk, its number and its certificate.
 *
 * Owns the row. What few orders have, a certificate or a place in a delivery slot, is loaded when it
 * is asked for.
 */

import { copyOf, el, setText } from "/static/client/dom.js";
import { dueMinor, slotPerkOf, stateOf, waitsForMoney } from "./orders.js";
import { dress, language, press, t } from "./speech.js";

export class OrderRow {
  #shop;
  #order = {};
  #drawn = "";

  /** `bank()` gives the token to pay with. */
  constructor(shop, bag, orderId, bank) {
    this.#shop = shop;
    Object.assign(this, copyOf("order"));
    dress(this.node);
    setText(this.id, t("order.title", { id: orderId }));
    press(this.pay, () => bag.pay(orderId, bank()), this.said);
    const shows = (button, load) =>
      press(
        button,
        async () => {
          const { ofOrder } = await load();
          this.more.replaceChildren(await ofOrder(shop, this.#order));
        },
        this.said,
      );
    shows(this.certificate, () => import("./certificates.js"));
    shows(this.slot, () => import("./slots.js"));
  }

  update(order, nowMs) {
    this.#order = order;
    const drawn = JSON.stringify(order);
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.#draw(order);
    }
    this.tick(order, nowMs);
  }

  #draw(order) {
    const waits = waitsForMoney(order);
    setText(this.state, stateOf(order, language));
    this.state.dataset.status = order.status;
    this.lines.replaceChildren(...order.lines.flatMap((line) => this.#line(line, order)));
    const said = [
      ...(order.perks ?? []).map(({ name, rank }) => t("perk.won", { name, n: rank })),
      ...(order.editions ?? []).map(({ sku, numbers, of }) =>
        t("edition.yours", { title: this.#shop.titleOf(sku), numbers: numbers.join(", "), of }),
      ),
      ...(order.slots ?? []).map(({ city, from_ms, until_ms }) =>
        t("order.slot_yours", { city, from: language.when(from_ms), until: language.when(until_ms, from_ms) }),
      ),
    ];
    this.won.replaceChildren(...said.map((text) => el("p", { className: "perk" }, text)));
    this.certificate.hidden = !order.editions?.length || order.status !== "paid";
    const skus = order.lines.map(({ sku }) => sku);
    this.slot.hidden = !slotPerkOf(order, this.#shop.perks(skus));
    setText(this.slot, t(order.slots?.length ? "order.slot_change" : "order.slot_choose"));
    if (order.payment === "declined" && waits) setText(this.said, t("no.payment_declined"));
    else if (!waits || order.payment === "processing") setText(this.said, "");
  }

  /** Move the deadline to the server's `nowMs`; the balance of a presale falls due by the clock. */
  tick(order, nowMs, showLeft) {
    const due = dueMinor(order, nowMs);
    this.deadline.hidden = !waitsForMoney(order);
    this.pay.hidden = due === null || !this.#shop.sandbox;
    if (due !== null)
      setText(this.pay, t("pay.now", { money: due ? language.money(due, order.currency) : "" }));
    showLeft?.(this.until, order.expires_at_ms - nowMs);
  }

  /** A line and, where there is any, what is written on its pieces, its extras and its discount. */
  #line({ sku, quantity, price_minor, extras_minor, discount_minor }, order) {
    const money = (minor) => language.money(minor, order.currency);
    const row = (name, words, className) =>
      el("p", { className: "head" }, el("span", { className }, name), el("span", {}, words));
    const texts = Object.values(order.personalisation?.[sku] ?? {}).filter(Boolean);
    const wishes = texts.map((text) => `“${text}”`).join(", ") || t("order.extras");
    const pieces = quantity > 1 ? `${quantity} × ` : "";
    const rows = [row(this.#shop.titleOf(sku), `${pieces}${money(price_minor)}`, "name")];
    if (texts.length || extras_minor)
      rows.push(row(wishes, extras_minor ? money(extras_minor) : "", "quiet"));
    if (discount_minor)
      rows.push(
        row(t("coupon.taken", { code: order.coupon ?? "" }), money(-discount_minor), "quiet"),
      );
    return rows;
  }
}
