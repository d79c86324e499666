/**
 * What a buyer may have put on the pieces in the bag: the options of their products, as a form.
 *
 * Owns these fields and what was typed into them. Refuses to judge it: the server does, and says
 * what is wrong. Loaded when the first piece with options is held.
 */

import { el } from "/static/client/dom.js";
import { language, learnMore, t } from "./speech.js";

await learnMore();

export class Wishes {
  #shop;
  #changed;
  /** sku and option -> its field; fields outlive a redraw, and so does what was typed. */
  #fields = new Map();

  /** `shop.dropOf(sku)` has the options, `changed()` hears of each choice. */
  constructor(shop, changed) {
    this.#shop = shop;
    this.#changed = changed;
    this.node = el("div", { className: "stack" });
  }

  /** Show the options of these pieces, and forget those of others. */
  draw(skus) {
    const wanted = skus.flatMap((sku) =>
      (this.#shop.dropOf(sku)?.options ?? []).map((option) => [sku, option]),
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
    const alphabetKey = `wish.${alphabet}`;
    const most = [
      t("wish.most", { n: characters_max }),
      language.has(alphabetKey) ? t(alphabetKey) : "",
    ];
    const input = el(kind === "gift_card" ? "textarea" : "input", {
      id: `wish-${sku}-${option_id}`,
      required,
      ...(wraps ? { type: "checkbox" } : { maxLength: 200, autocomplete: "off" }),
      placeholder: wraps ? null : most.filter(Boolean).join(t("wish.comma")),
    });
    input.addEventListener(wraps ? "change" : "input", () => this.#changed());
    const { currency } = this.#shop.dropOf(sku);
    const about = [
      named ? this.#shop.titleOf(sku) : "",
      price_minor ? t("wish.each", { price: language.money(price_minor, currency) }) : "",
    ];
    const label = el(
      "label",
      { className: wraps ? "wrap" : "stack tight" },
      el(
        "span",
        { className: "label" },
        [t(`wish.${kind}`), ...about].filter(Boolean).join(" · "),
        " ",
        required ? null : el("span", { className: "optional" }, t("wish.optional")),
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
