"""Check 15: allocations. Each shelf adds up, and all of them to their drop.

Kept from the facts alone, in columns of its own: supplied, available, held, sold, withdrawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import get_args

from msgspec import Struct

from cart import events
from cart.order import OrderLine
from livestream.audit.check import Check, Rule, after, before
from livestream.audit.evidence import Evidence
from livestream.audit.holds import LATE_MAX_MS
from livestream.audit.ledger import DropAccount, Ledger


class ShelfAccount(Struct):
    """Units of one channel's allocation, or ("") of what is for all."""

    supplied: int
    available: int
    held: int = 0
    sold: int = 0
    withdrawn: int = 0

    def columns(self) -> tuple[int, int, int, int, int]:
        """The five numbers."""
        return self.supplied, self.available, self.held, self.sold, self.withdrawn


class AllocationAccount(Struct):
    """The shelves of one drop."""

    shelves: dict[str, ShelfAccount]
    merge_at_ms: int | None
    merged: bool = False
    closed: bool = False

    def to_common(self, shelf: str, units: int) -> None:
        """Free units leave a shelf for the common one."""
        for account, moved in ((self.shelves[shelf], -units), (self.shelves[""], units)):
            account.supplied += moved
            account.available += moved

    def fall_free(self, shelf: str, units: int) -> None:
        """Units that nobody holds any more."""
        account = self.shelves[shelf]
        if self.closed:
            account.withdrawn += units
            return
        account.available += units
        if self.merged and shelf:
            self.to_common(shelf, units)


class ShelvesAddUp(Check):
    """Invariant 15."""

    rule = Rule(
        15,
        "allocations add up",
        "every channel sells from its own shelf until they merge, each shelf adds up, and all of "
        "them to the drop's stock",
    )

    def __init__(self, ledger: Ledger, evidence: Evidence) -> None:
        super().__init__(ledger, evidence)
        self.drops: dict[str, AllocationAccount] = {}
        self._shelf_of: dict[str, str] = {}

    @before(events.DropScheduled)
    def allocated(self, fact: events.DropScheduled) -> Iterator[str]:
        terms = fact.terms
        if not terms.allocations:
            return
        units = {"": terms.supply - sum(terms.allocations.values()), **terms.allocations}
        self.drops[terms.drop_id] = AllocationAccount(
            {shelf: ShelfAccount(count, count) for shelf, count in units.items()},
            terms.merge_at_ms,
        )
        if units[""] < 0:
            yield f"drop {terms.drop_id} allocates more than its supply"

    def _account(self, drop_id: str, shelf: str) -> tuple[AllocationAccount, ShelfAccount] | None:
        drop = self.drops.get(drop_id)
        if drop is None or shelf not in drop.shelves:
            return None
        return drop, drop.shelves[shelf]

    @before(events.DropRestocked)
    def restocked(self, fact: events.DropRestocked) -> Iterator[str]:
        if found := self._account(fact.drop_id, fact.shelf):
            drop, shelf = found
            shelf.supplied += fact.quantity
            shelf.available += fact.quantity
            if drop.merged and fact.shelf:
                yield f"drop {fact.drop_id} is restocked for {fact.shelf} after they merged"
        elif fact.shelf:
            yield f"drop {fact.drop_id} is restocked for {fact.shelf}, which has no shelf"

    @before(events.DropClosed)
    def closed(self, fact: events.DropClosed) -> Iterator[str]:
        if drop := self.drops.get(fact.drop_id):
            drop.closed = True
            for shelf in drop.shelves.values():
                shelf.withdrawn += shelf.available
                shelf.available = 0
        yield from ()

    @before(events.AllocationsMerged)
    def merged(self, fact: events.AllocationsMerged) -> Iterator[str]:
        drop = self.drops.get(fact.drop_id)
        if drop is None or drop.merged or drop.closed:
            yield f"drop {fact.drop_id} has no allocations that could merge"
            return
        if drop.merge_at_ms is None or self.ledger.at_ms < drop.merge_at_ms:
            yield f"the allocations of drop {fact.drop_id} merge before their time"
        free = {name: s.available for name, s in drop.shelves.items() if name and s.available}
        if fact.moved != free:
            yield f"drop {fact.drop_id} merges {fact.moved}; by these books {free} are free"
        for shelf in free:
            drop.to_common(shelf, free[shelf])
        drop.merged = True

    @before(events.HoldPlaced)
    def held(self, fact: events.HoldPlaced) -> Iterator[str]:
        self._shelf_of[fact.hold_id] = fact.shelf
        found = self._account(fact.drop_id, fact.shelf)
        if found is None:
            if fact.shelf:
                yield f"hold {fact.hold_id} is from the shelf of {fact.shelf}, which is not there"
            return
        drop, shelf = found
        if drop.merged and fact.shelf:
            yield f"hold {fact.hold_id} is from the shelf of {fact.shelf}, which has merged"
        own = fact.channel if fact.channel in drop.shelves and not drop.merged else ""
        if fact.shelf != own:
            yield (
                f"hold {fact.hold_id} is from the shelf of {fact.shelf or 'all'}; its viewer comes "
                f"through {fact.channel or 'the line'}"
            )
        due_ms = drop.merge_at_ms
        if due_ms is not None and not drop.merged:
            late_ms = self.ledger.at_ms - max(due_ms, self.ledger.epoch_at_ms)
            if late_ms > LATE_MAX_MS:
                yield f"the allocations of drop {fact.drop_id} should have merged {late_ms} ms ago"
        if fact.reserved:
            shelf.available -= fact.quantity
            shelf.held += fact.quantity

    @before(events.HoldReleased, events.HoldExpired)
    def put_back(self, fact: events.HoldReleased | events.HoldExpired) -> Iterator[str]:
        hold = self.ledger.holds.get(fact.hold_id)
        if hold is not None and hold.reserved:
            self._let_go(hold.drop_id, self._shelf_of.get(fact.hold_id, ""), fact.quantity)
        yield from ()

    def own(self, drop_id: str, channel: str) -> ShelfAccount | None:
        """The shelf from which a viewer of this channel buys now; None: there is one for all."""
        drop = self.drops.get(drop_id)
        if drop is None or drop.merged:
            return None
        return drop.shelves.get(channel) or drop.shelves[""]

    def queue(self, drop: DropAccount, channel: str) -> Iterator[events.LineJoined]:
        """Those in line who wait for what a viewer of this channel buys, in their order."""
        drop_id = drop.terms.drop_id
        own = self.own(drop_id, channel)
        for place in drop.waiting.values():
            if own is None or self.own(drop_id, place.channel) is own:
                yield place

    def for_somebody(self, drop: DropAccount) -> int:
        """Free units for which somebody in line waits."""
        drop_id = drop.terms.drop_id
        account = self.drops.get(drop_id)
        if account is None or account.merged:
            return drop.available if drop.waiting else 0
        return sum(
            shelf.available
            for name, shelf in account.shelves.items()
            if shelf.available and any(self.queue(drop, name))
        )

    def lacks(self, lines: Iterable[OrderLine]) -> bool:
        """Whether a shelf has fewer units free than these lines still need of it."""
        needs: dict[tuple[str, str], int] = {}
        for line in lines:
            drop = self.drops.get(line.drop_id)
            if drop is not None and not line.reserved:
                shelf = line.drop_id, "" if drop.merged else line.shelf
                needs[shelf] = needs.get(shelf, 0) + line.quantity
        return any(
            units > self.drops[drop_id].shelves[name].available
            for (drop_id, name), units in needs.items()
            if name in self.drops[drop_id].shelves
        )

    def _set_aside(self, drop_id: str, name: str, units: int) -> None:
        """available -> held; of a shelf that has merged the units are everybody's until now."""
        if found := self._account(drop_id, name):
            drop, shelf = found
            if drop.merged and name:
                drop.to_common(name, -units)
            shelf.available -= units
            shelf.held += units

    def _let_go(self, drop_id: str, name: str, units: int) -> None:
        if found := self._account(drop_id, name):
            drop, shelf = found
            shelf.held -= units
            drop.fall_free(name, units)

    @before(events.OrderPlaced)
    def ordered(self, fact: events.OrderPlaced) -> Iterator[str]:
        for line in fact.lines:
            shelf = self._shelf_of.get(line.hold_id, "")
            if line.shelf != shelf:
                yield (
                    f"order {fact.order_id} takes hold {line.hold_id} from {line.shelf or 'all'}, "
                    f"and it is from {shelf or 'all'}"
                )
            hold = self.ledger.holds.get(line.hold_id)
            if line.reserved and hold is not None and not hold.reserved:
                self._set_aside(line.drop_id, line.shelf, line.quantity)

    @before(events.OrderPaid)
    def paid(self, fact: events.OrderPaid) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        for line in order.lines if order else ():
            if fact.late or not line.reserved:
                self._set_aside(line.drop_id, line.shelf, line.quantity)
            if found := self._account(line.drop_id, line.shelf):
                found[1].held -= line.quantity
                found[1].sold += line.quantity
        yield from ()

    @before(events.DepositPaid)
    def deposited_late(self, fact: events.DepositPaid) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        for line in order.lines if order and fact.late else ():
            self._set_aside(line.drop_id, line.shelf, line.quantity)
        yield from ()

    @before(events.OrderExpired, events.OrderDefaulted)
    def expired(self, fact: events.OrderExpired | events.OrderDefaulted) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        for line in order.lines if order else ():
            hold = self.ledger.holds.get(line.hold_id)
            if hold is not None and hold.reserved:
                self._let_go(line.drop_id, line.shelf, line.quantity)
        yield from ()

    @before(events.OrderCancelled)
    def cancelled(self, fact: events.OrderCancelled) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        for line in order.lines if order else ():
            if fact.restocked:
                self._let_go(line.drop_id, line.shelf, line.quantity)
            elif found := self._account(line.drop_id, line.shelf):
                found[1].held -= line.quantity
                found[1].withdrawn += line.quantity
        yield from ()

    @before(events.OrderRefunded, events.OrderRefundedPartly)
    def refunded(self, fact: events.OrderRefunded | events.OrderRefundedPartly) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        if order is None:
            return
        if isinstance(fact, events.OrderRefunded):
            back = {
                line.hold_id: line.quantity - order.units_back.get(line.hold_id, 0)
                for line in order.lines
            }
        else:
            back = {line.hold_id: line.quantity for line in fact.lines}
        for line in order.lines:
            found = self._account(line.drop_id, line.shelf)
            units = back.get(line.hold_id, 0)
            if found is None or not units:
                continue
            drop, shelf = found
            shelf.sold -= units
            if fact.restocked:
                drop.fall_free(line.shelf, units)
            else:
                shelf.withdrawn += units
        yield from ()

    @after(*get_args(events.CounterEvent))
    def all_add_up_to_the_drop(self, fact: object) -> Iterator[str]:
        for account in self.ledger.touched:
            drop = self.drops.get(account.terms.drop_id)
            if drop is None:
                continue
            name = account.terms.drop_id
            columns = [shelf.columns() for shelf in drop.shelves.values()]
            for shelf, (supplied, *rest) in zip(drop.shelves, columns, strict=True):
                if min(rest) < 0 or sum(rest) != supplied:
                    yield f"shelf {shelf or 'for all'} of drop {name} does not add up: {rest}"
            stock = (
                *(account.supplied, account.available, account.held),
                *(account.sold, account.withdrawn),
            )
            if tuple(map(sum, zip(*columns, strict=True))) != stock:
                yield f"the shelves of drop {name} do not add up to it: {account.columns()}"

    @before(events.StockShown)
    def as_shown(self, fact: events.StockShown) -> Iterator[str]:
        drop = self.drops.get(fact.drop_id)
        apart = drop is not None and not drop.merged
        free = {n: s.available for n, s in drop.shelves.items()} if drop and apart else {}
        if fact.shelves != free:
            yield f"viewers of drop {fact.drop_id} are shown shelves {fact.shelves}: {free}"
