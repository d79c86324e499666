"""Check 19: what is put on a piece was offered for it, and costs what was declared."""

from __future__ import annotations

from collections.abc import Iterator

import regex

from cart import events
from cart.order import OrderLine
from livestream.audit.check import Check, Rule, before


class PersonalisedAsOffered(Check):
    """Invariant 19."""

    rule = Rule(
        19,
        "personalised as offered",
        "every text stands under an option of its product and fits it, what must be chosen is, and "
        "each line is charged the options' price for each of its units",
    )

    @before(events.OrderPlaced)
    def line_by_line(self, fact: events.OrderPlaced) -> Iterator[str]:
        for sku in fact.personalisation.keys() - {line.sku for line in fact.lines}:
            yield f"order {fact.order_id} personalises {sku}, which it does not have"
        for line in fact.lines:
            yield from self._line(fact, line)

    def _line(self, fact: events.OrderPlaced, line: OrderLine) -> Iterator[str]:
        drop = self.ledger.drops.get(line.drop_id)
        if drop is None:
            return
        what = f"order {fact.order_id}, {line.sku}"
        offered = {option.option_id: option for option in drop.terms.options}
        chosen = fact.personalisation.get(line.sku, {})
        due_minor = 0
        for option_id, text in chosen.items():
            option = offered.get(option_id)
            if option is None:
                yield f"{what}: nobody offered {option_id}"
                continue
            due_minor += line.quantity * option.price_minor
            if len(regex.findall(r"\X", text)) > option.characters_max:
                yield f"{what}: {option_id} takes {option.characters_max} characters: {text!r}"
        for option_id in offered.keys() - chosen.keys():
            if offered[option_id].required:
                yield f"{what}: {option_id} must be chosen and was not"
        if line.extras_minor != due_minor:
            yield f"{what} is charged {line.extras_minor} for extras, by its options {due_minor}"
