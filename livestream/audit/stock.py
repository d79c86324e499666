"""Checks about units: 1 they add up, 2 none is sold that is not there, 9 nobody has more than the
limit, 11 what was shown was true.
"""

from __future__ import annotations

from collections.abc import Iterator

from cart import events
from livestream.audit.check import Check, Rule, after, before
from livestream.audit.evidence import Evidence
from livestream.audit.ledger import DropAccount, Ledger


class StockAddsUp(Check):
    """Invariant 1."""

    rule = Rule(
        1,
        "stock adds up",
        "available + held + sold + withdrawn = supplied, each at least 0, for every drop",
    )

    @after(
        events.DropScheduled,
        events.DropRestocked,
        events.DropClosed,
        events.HoldPlaced,
        events.HoldReleased,
        events.HoldExpired,
        events.OrderPlaced,
        events.OrderPaid,
        events.OrderExpired,
        events.OrderRefunded,
        events.OrderRefundedPartly,
        events.DepositPaid,
        events.OrderDefaulted,
        events.OrderCancelled,
    )
    def no_column_below_zero(self, fact: object) -> Iterator[str]:
        for drop in self.ledger.touched:
            columns = (drop.available, drop.held, drop.sold, drop.withdrawn)
            if min(columns) < 0 or sum(columns) != drop.supplied:
                yield f"drop {drop.terms.drop_id} does not add up: {drop.columns()}"

    @before(events.DropScheduled)
    def scheduled_once(self, fact: events.DropScheduled) -> Iterator[str]:
        if fact.terms.drop_id in self.ledger.drops:
            yield f"drop {fact.terms.drop_id} is scheduled a second time: its supply would double"

    @before(events.DropClosed)
    def all_that_is_free_is_withdrawn(self, fact: events.DropClosed) -> Iterator[str]:
        drop = self.ledger.drops.get(fact.drop_id)
        if drop is not None and drop.available != fact.withdrawn:
            yield (
                f"drop {fact.drop_id} closes and withdraws {fact.withdrawn} units, "
                f"but {drop.available} are free"
            )

    @before(
        events.DropOpened,
        events.DropAllHeld,
        events.DropPaused,
        events.DropRestocked,
        events.DropSoldOut,
        events.DropClosed,
        events.StockShown,
        events.HoldPlaced,
    )
    def the_drop_is_known(self, fact: events.DropOpened) -> Iterator[str]:
        if fact.drop_id not in self.ledger.drops:
            yield f"drop {fact.drop_id} was never scheduled"


def _units_back(ledger: Ledger, fact: events.OrderRefundedPartly) -> Iterator[tuple[str, int]]:
    """Units that go back to each drop, as the lines of the refund say."""
    order = ledger.orders.get(fact.order_id)
    for line in order.lines if order else ():
        for back in fact.lines:
            if back.hold_id == line.hold_id:
                yield line.drop_id, back.quantity


class NeverOversold(Check):
    """Invariant 2, with a count of its own: units that are out (held, sold, or written off after a
    refund) against units supplied.
    """

    rule = Rule(
        2,
        "never oversold, never undersold",
        "units held and sold never pass the supply; with enough demand every unit is sold",
    )

    def __init__(self, ledger: Ledger, evidence: Evidence) -> None:
        super().__init__(ledger, evidence)
        self._supplied: dict[str, int] = {}
        self._out: dict[str, int] = {}
        self._left_over: dict[str, int] = {}
        self._sold_from: set[str] = set()

    @before(events.DropScheduled)
    def supplied(self, fact: events.DropScheduled) -> Iterator[str]:
        self._supplied[fact.terms.drop_id] = fact.terms.supply
        yield from ()

    @before(events.DropRestocked)
    def restocked(self, fact: events.DropRestocked) -> Iterator[str]:
        self._supplied[fact.drop_id] = self._supplied.get(fact.drop_id, 0) + fact.quantity
        yield from ()

    @before(events.HoldPlaced)
    def held(self, fact: events.HoldPlaced) -> Iterator[str]:
        if fact.reserved:
            yield from self._take(fact.drop_id, fact.quantity, f"hold {fact.hold_id}")

    @before(events.OrderPlaced)
    def set_aside(self, fact: events.OrderPlaced) -> Iterator[str]:
        for line in fact.lines:
            hold = self.ledger.holds.get(line.hold_id)
            if line.reserved and hold is not None and not hold.reserved:
                yield from self._take(line.drop_id, line.quantity, f"order {fact.order_id}")

    @before(events.OrderPaid)
    def sold(self, fact: events.OrderPaid) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        if order is None:
            return
        for drop_id, units in order.units().items():
            self._sold_from.add(drop_id)
            if not fact.late and order.status not in ("paid", "refunded"):
                units = order.wishes().get(drop_id, 0)
            if units:
                yield from self._take(drop_id, units, f"the payment of order {fact.order_id}")

    @before(events.DepositPaid)
    def held_again(self, fact: events.DepositPaid) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        if order is not None and fact.late:
            for drop_id, units in order.units().items():
                yield from self._take(drop_id, units, f"the deposit of order {fact.order_id}")

    def _take(self, drop_id: str, units: int, taker: str) -> Iterator[str]:
        out = self._out[drop_id] = self._out.get(drop_id, 0) + units
        supplied = self._supplied.get(drop_id, 0)
        if out > supplied:
            yield f"drop {drop_id} is oversold: with {taker} {out} of {supplied} units are out"

    @before(events.HoldReleased)
    def released(self, fact: events.HoldReleased) -> Iterator[str]:
        hold = self.ledger.holds.get(fact.hold_id)
        if hold is not None and hold.reserved:
            self._out[hold.drop_id] -= fact.quantity
        yield from ()

    @before(events.HoldExpired)
    def expired(self, fact: events.HoldExpired) -> Iterator[str]:
        hold = self.ledger.holds.get(fact.hold_id)
        if hold is not None and hold.reserved:
            self._out[hold.drop_id] -= hold.quantity
        yield from ()

    @before(events.OrderExpired, events.OrderDefaulted, events.OrderCancelled, events.OrderRefunded)
    def came_back(
        self,
        fact: events.OrderExpired
        | events.OrderDefaulted
        | events.OrderCancelled
        | events.OrderRefunded,
    ) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        if order is not None and (
            isinstance(fact, events.OrderExpired | events.OrderDefaulted) or fact.restocked
        ):
            wishes = order.wishes() if isinstance(fact, events.OrderExpired) else {}
            for drop_id, units in order.units_left().items():
                back = units - wishes.get(drop_id, 0)
                self._out[drop_id] = self._out.get(drop_id, 0) - back
        yield from ()

    @before(events.OrderRefundedPartly)
    def came_back_in_part(self, fact: events.OrderRefundedPartly) -> Iterator[str]:
        for drop_id, units in _units_back(self.ledger, fact):
            if fact.restocked:
                self._out[drop_id] = self._out.get(drop_id, 0) - units
        yield from ()

    @before(events.DropSoldOut)
    def sold_out_means_nothing_is_left(self, fact: events.DropSoldOut) -> Iterator[str]:
        drop = self.ledger.drops.get(fact.drop_id)
        if drop is not None and (drop.available or drop.held):
            yield f"drop {fact.drop_id} is declared sold out with {drop.columns()}"

    @before(events.DropAllHeld)
    def all_held_means_nothing_is_free(self, fact: events.DropAllHeld) -> Iterator[str]:
        drop = self.ledger.drops.get(fact.drop_id)
        if drop is not None and (drop.available or not drop.held):
            yield f"drop {fact.drop_id} is declared all held with {drop.columns()}"

    def record_ends(self) -> Iterator[str]:
        for drop_id in sorted(self._sold_from):
            drop = self.ledger.drops.get(drop_id)
            if (
                drop is not None
                and drop.status in ("open", "all_held", "paused")
                and drop.available == drop.held == 0
            ):
                yield f"the last unit of drop {drop_id} is sold and nobody declared it sold out"
        self._sold_from.clear()
        for drop_id, drop in self.ledger.drops.items():
            if drop.status == "open" and drop.held and not drop.available:
                yield f"every unit of drop {drop_id} is held and nobody declared it"
            elif drop.status == "all_held" and drop.available and not drop.waiting:
                yield f"drop {drop_id} stays all held with {drop.columns()}"

    @before(events.DropClosed)
    def left_over(self, fact: events.DropClosed) -> Iterator[str]:
        self._left_over[fact.drop_id] = fact.withdrawn
        yield from ()

    def log_ends(self) -> Iterator[str]:
        if self.ledger.holds:
            return
        for drop_id, drop in self.ledger.drops.items():
            ended = self.ledger.room_status == "ended"
            if ended and drop.sold + drop.withdrawn != drop.supplied:
                yield f"the room has ended and drop {drop_id} has units left: {drop.columns()}"
            unsold = self._left_over.get(drop_id, 0) + drop.available
            if self.evidence.demand_exceeded and unsold:
                yield f"drop {drop_id} is undersold: {unsold} units were wanted and not sold"

    def note(self) -> str:
        if self.evidence.demand_exceeded and self.ledger.holds:
            return f"undersold not checked: {len(self.ledger.holds)} holds are open"
        return "" if self.evidence.demand_exceeded else "undersold not checked: demand not known"


class LimitCountsAll(Check):
    """Invariant 9, with a tally of its own."""

    rule = Rule(
        9,
        "limits count holds and orders",
        "no viewer has more units than the limits of the drop and of the room, holds and orders "
        "together; an order has one product where the room wants it so",
    )

    def __init__(self, ledger: Ledger, evidence: Evidence) -> None:
        super().__init__(ledger, evidence)
        self._has: dict[tuple[str, str], int] = {}

    @before(events.OrderPlaced)
    def one_product(self, fact: events.OrderPlaced) -> Iterator[str]:
        skus = {line.sku for line in fact.lines}
        if self.ledger.rules.one_product_per_order and len(skus) > 1:
            yield f"order {fact.order_id} has {len(skus)} products in a room of one for each order"

    @before(events.HoldPlaced)
    def held(self, fact: events.HoldPlaced) -> Iterator[str]:
        yield from self._take(fact.drop_id, fact.viewer, fact.quantity)

    @before(events.OrderPaid, events.DepositPaid)
    def bought_late(self, fact: events.OrderPaid | events.DepositPaid) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        if order is not None and fact.late:
            for drop_id, units in order.units().items():
                yield from self._take(drop_id, order.viewer, units)

    def _take(self, drop_id: str, viewer: str, units: int) -> Iterator[str]:
        has = self._has[drop_id, viewer] = self._has.get((drop_id, viewer), 0) + units
        drop = self.ledger.drops.get(drop_id)
        if drop is not None and has > drop.terms.limit_per_viewer:
            yield (
                f"viewer {viewer} has {has} units of drop {drop_id}, "
                f"whose limit is {drop.terms.limit_per_viewer}"
            )

        of_room = self.ledger.rules.limit_per_viewer
        if of_room is not None:
            has = sum(self._has.get((drop_id, viewer), 0) for drop_id in self.ledger.drops)
            if has > of_room:
                yield f"viewer {viewer} has {has} units in a room whose limit is {of_room}"

    @before(events.HoldReleased, events.HoldExpired)
    def gave_back(self, fact: events.HoldReleased | events.HoldExpired) -> Iterator[str]:
        if hold := self.ledger.holds.get(fact.hold_id):
            units = fact.quantity if isinstance(fact, events.HoldReleased) else hold.quantity
            self._give_back(hold.drop_id, hold.viewer, units)
        yield from ()

    @before(events.OrderExpired, events.OrderDefaulted, events.OrderCancelled, events.OrderRefunded)
    def order_gave_back(
        self,
        fact: events.OrderExpired
        | events.OrderDefaulted
        | events.OrderCancelled
        | events.OrderRefunded,
    ) -> Iterator[str]:
        if order := self.ledger.orders.get(fact.order_id):
            for drop_id, units in order.units_left().items():
                self._give_back(drop_id, order.viewer, units)
        yield from ()

    @before(events.OrderRefundedPartly)
    def order_gave_a_part_back(self, fact: events.OrderRefundedPartly) -> Iterator[str]:
        if order := self.ledger.orders.get(fact.order_id):
            for drop_id, units in _units_back(self.ledger, fact):
                self._give_back(drop_id, order.viewer, units)
        yield from ()

    def left(self, drop: DropAccount, viewer: str) -> int:
        """How many units more of this drop a viewer may have."""
        more = drop.terms.limit_per_viewer - self._has.get((drop.terms.drop_id, viewer), 0)
        of_room = self.ledger.rules.limit_per_viewer
        if of_room is None:
            return more
        has = sum(self._has.get((drop_id, viewer), 0) for drop_id in self.ledger.drops)
        return min(more, of_room - has)

    def _give_back(self, drop_id: str, viewer: str, units: int) -> None:
        left = self._has.get((drop_id, viewer), 0) - units
        if left > 0:
            self._has[drop_id, viewer] = left
        else:
            self._has.pop((drop_id, viewer), None)


class ShownStockIsTrue(Check):
    """Invariant 11."""

    rule = Rule(
        11,
        "stock shown never goes backwards",
        "levels told to viewers are those of the books at that very seq, and seqs only rise",
    )

    def __init__(self, ledger: Ledger, evidence: Evidence) -> None:
        super().__init__(ledger, evidence)
        self._shown_at: dict[str, int] = {}

    @before(events.StockShown)
    def as_the_books_say(self, fact: events.StockShown) -> Iterator[str]:
        drop = self.ledger.drops.get(fact.drop_id)
        if drop is None:
            return
        last = self._shown_at.get(fact.drop_id, 0)
        if self.ledger.seq <= last:
            yield f"stock of drop {fact.drop_id} was shown at seq {last} and is shown again below"
        self._shown_at[fact.drop_id] = max(last, self.ledger.seq)
        told = (fact.available, fact.held, fact.sold)
        if told != (drop.available, drop.held, drop.sold):
            yield (
                f"viewers of drop {fact.drop_id} are shown {fact.available} available, "
                f"{fact.held} held, {fact.sold} sold; the books say {drop.columns()}"
            )
        line = (len(drop.waiting), next((place.number for place in drop.waiting.values()), 0))
        if (fact.waiting, fact.next) != line:
            yield (
                f"viewers of drop {fact.drop_id} are shown {fact.waiting} in line, next "
                f"{fact.next}; the books say {line}"
            )
        if fact.sku != drop.terms.sku:
            yield f"stock of drop {fact.drop_id} is shown for {fact.sku}, not {drop.terms.sku}"
