"""Check 23: units are set aside when the drop's terms say so, and only for who may have them."""

from __future__ import annotations

from collections.abc import Iterator

from cart import events
from livestream.audit.check import Check, Checks, Rule, before
from livestream.audit.shelves import ShelvesAddUp


class ReservedWhenDeclared(Check):
    """Invariant 23."""

    rule = Rule(
        23,
        "reserved when declared",
        "in the cart, at the checkout or by the payment, as the drop says; what is reserved at the "
        "checkout is of an open drop for which nobody waits",
    )

    def meet(self, others: Checks) -> None:
        self._shelves = others.one(ShelvesAddUp)

    @before(events.HoldPlaced)
    def in_the_cart(self, fact: events.HoldPlaced) -> Iterator[str]:
        drop = self.ledger.drops.get(fact.drop_id)
        if drop is None:
            return
        reserve_on = drop.terms.reserve_on
        if fact.reserved != (reserve_on == "cart" or fact.offered):
            how = "reserves" if fact.reserved else "does not reserve"
            yield f"hold {fact.hold_id} {how} units of drop {fact.drop_id}, which is {reserve_on}'s"

    @before(events.OrderPlaced)
    def at_the_checkout(self, fact: events.OrderPlaced) -> Iterator[str]:
        for line in fact.lines:
            hold, drop = self.ledger.holds.get(line.hold_id), self.ledger.drops.get(line.drop_id)
            if hold is None or drop is None or (hold.reserved and line.reserved):
                continue
            what = f"order {fact.order_id}, line {line.sku},"
            reserve_on = drop.terms.reserve_on
            if line.reserved != (hold.reserved or reserve_on == "checkout"):
                how = "reserves" if line.reserved else "does not reserve"
                yield f"{what} {how} units of drop {line.drop_id}, which is {reserve_on}'s"
            if line.reserved and drop.status not in ("open", "all_held"):
                yield f"{what} reserves units of a drop that is {drop.status}"
            if line.reserved and any(self._shelves.queue(drop, line.shelf)):
                yield f"{what} overtakes others who wait for drop {line.drop_id}"
