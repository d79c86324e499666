/**
 * Delivery slots of a perk: chosen at the checkout or afterwards.
 *
 * Owns the list of slots on screen. Refuses to judge who may have one: the server does. Loaded when a
 * piece in the bag, or an order, has a perk that is delivered in slots.
 */

import { el, setText } from "/static/client/dom.js";
import { slotPerkOf } from "./orders.js";
import { language, learnMore, press, t } from "./speech.js";

await learnMore();

/** Answers of at most 100 slots: 500 are more than anybody scrolls through. */
const PAGES_MAX = 5;

/** Slots of the perk that are still to come, and have a place or are the one `chosen`. */
async function slotsOf(live, perk_id, chosen = null) {
  const found = new Map();
  for (let page = 0, from_ms = 0, more = true; more && page < PAGES_MAX; page += 1) {
    const answer = await live.ask({ type: "slots.show", perk_id, from_ms });
    for (const slot of answer.slots) found.set(slot.slot_id, slot);
    from_ms = answer.slots.at(-1)?.from_ms ?? 0;
    more = answer.more;
  }
  return [...found.values()].filter(({ free, slot_id }) => free || slot_id === chosen);
}

/** Options of a select, in groups by city. */
function choices(slots, chosen) {
  const cities = new Map();
  for (const slot of slots) cities.set(slot.city, [...(cities.get(slot.city) ?? []), slot]);
  return [...cities].map(([label, each]) =>
    el(
      "optgroup",
      { label },
      ...each.map(({ slot_id, from_ms, until_ms, free }) =>
        el(
          "option",
          { value: slot_id, selected: slot_id === chosen },
          t("slot.choice", {
            from: language.when(from_ms),
            until: language.when(until_ms, from_ms),
            n: free,
          }),
        ),
      ),
    ),
  );
}

/** The field of the checkout. */
export class Slots {
  #shop;
  #perk = null;

  constructor(shop) {
    this.#shop = shop;
    this.label = el("span", { className: "label" });
    this.select = el("select", { id: "slot" });
    this.said = el("p", { className: "bad", role: "status" });
    this.node = el("label", { className: "stack tight" }, this.label, this.select, this.said);
  }

  get chosen() {
    return this.node.hidden ? null : this.select.value || null;
  }

  /** Show the slots of this perk (undefined: of none). */
  async draw(perk) {
    this.node.hidden = !perk;
    if (!perk || perk.perk_id === this.#perk) return;
    this.#perk = perk.perk_id;
    setText(this.label, t("slot.for", { name: perk.name, n: perk.first_n }));
    this.select.replaceChildren(el("option", { value: "" }, t("slot.later")));
    try {
      this.select.append(...choices(await slotsOf(this.#shop.live, perk.perk_id)));
    } catch (error) {
      this.#perk = null; // the next change of the bag asks again
      if (!error.code) throw error;
    }
  }
}

/** A form that gives the order another slot. */
export async function ofOrder(shop, order) {
  const { order_id, lines, slots = [] } = order;
  const perk = slotPerkOf(order, shop.perks(lines.map(({ sku }) => sku)));
  const chosen = slots.find(({ perk_id }) => perk_id === perk?.perk_id)?.slot_id;
  const found = perk ? await slotsOf(shop.live, perk.perk_id, chosen) : [];
  if (!found.length) return el("p", { className: "quiet" }, t("slot.none"));
  const select = el("select", { "aria-label": perk.name }, ...choices(found, chosen));
  const take = el("button", { type: "button" }, t("slot.take"));
  const said = el("p", { className: "bad", role: "status" });
  const form = el("div", { className: "stack" }, select, take, said);
  press(
    take,
    async () => {
      await shop.live.ask({ type: "slot.choose", order_id, slot_id: select.value });
      form.remove();
      await shop.refresh();
    },
    said,
  );
  return form;
}
