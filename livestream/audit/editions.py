"""Check 18: each paid unit of a numbered drop has its number, and each number one unit."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from cart import events
from livestream.audit.check import Check, Rule, before
from livestream.audit.evidence import Evidence
from livestream.audit.ledger import Ledger


class Numbering(Struct):
    """Numbers of one drop: who has them, and which come next."""

    numbers_of: dict[str, list[int]] = {}
    #: Numbers that came back with their units.
    free: set[int] = set()
    #: Numbers 1...`given` were given at least once.
    given: int = 0

    def take(self, order_id: str, units: int) -> list[int]:
        """The numbers that the order must get: what came back first, then new ones."""
        numbers = sorted(self.free)[:units]
        self.free.difference_update(numbers)
        while len(numbers) < units:
            self.given += 1
            numbers.append(self.given)
        self.numbers_of[order_id] = list(numbers)
        return numbers

    def give_up(self, order_id: str, units: int | None, restocked: bool) -> list[int]:
        """The numbers that the order must lose: the highest of so many units; None: all."""
        mine = sorted(self.numbers_of.get(order_id, []))
        stay = 0 if units is None else max(0, len(mine) - units)
        self.numbers_of[order_id] = mine[:stay]
        if not stay:
            del self.numbers_of[order_id]
        if restocked:
            self.free.update(mine[stay:])
        return mine[stay:]


class EachNumberOnce(Check):
    """Invariant 18. After each payment and refund the auditor works out the numbers itself; by the
    end of the record, the log must have said the same.
    """

    rule = Rule(
        18,
        "each number once",
        "numbers 1, 2, 3... of an edition, each to one paid unit, those that came back first",
    )

    def __init__(self, ledger: Ledger, evidence: Evidence) -> None:
        super().__init__(ledger, evidence)
        self._numberings: dict[str, Numbering] = {}
        #: (drop, order) -> numbers that this record still has to give, or to revoke.
        self._to_give: dict[tuple[str, str], list[int]] = {}
        self._to_revoke: dict[tuple[str, str], tuple[list[int], bool]] = {}

    def numbers_of(self, drop_id: str) -> dict[str, list[int]]:
        """order -> its numbers, now."""
        numbering = self._numberings.get(drop_id)
        return {} if numbering is None else numbering.numbers_of

    @before(events.DropScheduled)
    def declared(self, fact: events.DropScheduled) -> Iterator[str]:
        if fact.terms.numbered:
            self._numberings.setdefault(fact.terms.drop_id, Numbering())
        yield from ()

    @before(events.OrderPaid)
    def paid(self, fact: events.OrderPaid) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        for drop_id, units in order.units().items() if order else ():
            numbering = self._numberings.get(drop_id)
            if numbering is not None and fact.order_id not in numbering.numbers_of:
                self._to_give[drop_id, fact.order_id] = numbering.take(fact.order_id, units)
        yield from ()

    @before(events.OrderRefunded)
    def refunded(self, fact: events.OrderRefunded) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        for drop_id in order.units() if order else ():
            self._give_up(drop_id, fact, None)
        yield from ()

    @before(events.OrderRefundedPartly)
    def refunded_partly(self, fact: events.OrderRefundedPartly) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        drop_of = {line.hold_id: line.drop_id for line in order.lines} if order else {}
        units: dict[str, int] = {}
        for back in fact.lines:
            if back.hold_id in drop_of:
                drop_id = drop_of[back.hold_id]
                units[drop_id] = units.get(drop_id, 0) + back.quantity
        for drop_id, gone in units.items():
            self._give_up(drop_id, fact, gone)
        yield from ()

    def _give_up(
        self,
        drop_id: str,
        fact: events.OrderRefunded | events.OrderRefundedPartly,
        units: int | None,
    ) -> None:
        numbering = self._numberings.get(drop_id)
        if numbering is not None:
            numbers = numbering.give_up(fact.order_id, units, fact.restocked)
            if numbers:
                self._to_revoke[drop_id, fact.order_id] = (numbers, fact.restocked)

    @before(events.EditionNumbered)
    def numbered(self, fact: events.EditionNumbered) -> Iterator[str]:
        due = self._to_give.pop((fact.drop_id, fact.order_id), None)
        if due is None:
            yield f"order {fact.order_id} gets numbers of drop {fact.drop_id} and is owed none"
        elif due != fact.numbers:
            yield (
                f"order {fact.order_id} gets numbers {fact.numbers} of drop {fact.drop_id}, "
                f"its are {due}"
            )
        order, drop = self.ledger.orders.get(fact.order_id), self.ledger.drops.get(fact.drop_id)
        if order is not None and order.viewer != fact.viewer:
            yield f"numbers of order {fact.order_id} go to {fact.viewer}, not {order.viewer}"
        if drop is not None and drop.supplied != fact.of:
            yield f"drop {fact.drop_id} is numbered of {fact.of}, supplied are {drop.supplied}"
        if max(fact.numbers, default=0) > fact.of:
            yield f"number {max(fact.numbers)} of {fact.of} in drop {fact.drop_id}"

    @before(events.EditionRevoked)
    def revoked(self, fact: events.EditionRevoked) -> Iterator[str]:
        due = self._to_revoke.pop((fact.drop_id, fact.order_id), None)
        if due != (fact.numbers, fact.freed):
            yield (
                f"order {fact.order_id} loses numbers {fact.numbers} of drop {fact.drop_id} "
                f"({'freed' if fact.freed else 'for good'}), and by its refund it loses {due}"
            )

    def record_ends(self) -> Iterator[str]:
        for (drop_id, order_id), numbers in self._to_give.items():
            yield f"order {order_id} was not given its numbers {numbers} of drop {drop_id}"
        for (drop_id, order_id), (numbers, _) in self._to_revoke.items():
            yield f"numbers {numbers} of drop {drop_id} were not taken from order {order_id}"
        self._to_give.clear()
        self._to_revoke.clear()
