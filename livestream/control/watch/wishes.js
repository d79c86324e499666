/**
 * What a buyer may have put on the pieces in the bag: the options of their products, as a form.
 *
 * Owns these fields and what was typed into them. Refuses to judge it: the server does, and says
 * what is wrong.
 */

import { el, formatMoney } from "/static/client/page.js";

const WORDS = {
  engraving: "Engraving",
  embossing: "Embossing",
  gift_card: "Gift card",
  gift_wrap: "Gift wrap",
};
const ALPHABETS = { latin: ", letters only", latin_digits: ", letters and digits" };

export class Wishes {
  #dropOf;
  #titleOf;
  #changed;
  /** sku and option -> its field; fields outlive a redraw, and so does what was typed. */
  #fields = new Map();

  /** `dropOf(sku)` gives the drop that sells a piece, `changed()` hears of each choice. */
  constructor(dropOf, titleOf, changed) {
    this.#dropOf = dropOf;
    this.#titleOf = titleOf;
    this.#changed = changed;
    this.node = el("div", { className: "stack" });
  }

  /** Show the options of these pieces, and forget those of others. */
  draw(skus) {
    const wanted = skus.flatMap((sku) =>
      (this.#dropOf(sku)?.options ?? []).map((option) => [sku, option]),
    );
    const keys = wanted.map(([sku, { option_id }]) => `${sku}\n${option_id}`);
    if (keys.join("\n\n") === [...this.#fields.keys()].join("\n\n")) return;
    const before = this.#fields;
    this.#fields = new Map(
      wanted.map(([sku, option], at) => [
        keys[at],
        before.get(keys[at]) ?? this.#field(sku, option, skus.length > 1),
      ]),
    );
    this.node.replaceChildren(...[...this.#fields.values()].map(({ label }) => label));
  }

  #field(sku, option, named) {
    const { option_id, kind, characters_max, alphabet, price_minor, required } = option;
    const wraps = kind === "gift_wrap";
    const input = el(kind === "gift_card" ? "textarea" : "input", {
      id: `wish-${sku}-${option_id}`,
      required,
      ...(wraps ? { type: "checkbox" } : { maxLength: 200 }),
      placeholder: wraps ? null : `up to ${characters_max} characters${ALPHABETS[alphabet] ?? ""}`,
    });
    input.addEventListener(wraps ? "change" : "input", () => this.#changed());
    const price = price_minor
      ? ` · ${formatMoney(price_minor, this.#dropOf(sku).currency)} each`
      : "";
    const piece = named ? `, ${this.#titleOf(sku)}` : "";
    const label = el(
      "label",
      { className: wraps ? "wrap" : "stack tight" },
      el(
        "span",
        { className: "label" },
        `${WORDS[kind]}${piece}${price} `,
        required ? null : el("span", { className: "optional" }, "if you wish"),
      ),
      input,
    );
    return { sku, option, input, label };
  }

  #chosen() {
    return [...this.#fields.values()].filter(({ option, input }) =>
      option.kind === "gift_wrap" ? input.checked : input.value.trim(),
    );
  }

  /** What `checkout` takes: sku -> option -> text, a line break being a space. */
  get personalisation() {
    const wishes = {};
    for (const { sku, option, input } of this.#chosen()) {
      wishes[sku] ??= {};
      wishes[sku][option.option_id] =
        option.kind === "gift_wrap" ? "" : input.value.trim().replace(/\s+/g, " ");
    }
    return wishes;
  }

  /** What the choices cost for each unit of `sku`, in minor units. */
  extrasOf(sku) {
    return this.#chosen().reduce(
      (sum, field) => sum + (field.sku === sku ? field.option.price_minor : 0),
      0,
    );
  }
}
