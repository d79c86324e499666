"""The counter: the books of one room, and what can be looked up in them quickly.

    agenda    deadlines in a heap: when time itself will have something to say
    touched   drops whose stock or line moved, until `cart.consequences` has looked at them

Both are indexes that can be rebuilt from the books and are therefore no part of a snapshot; nor is
what this turn may still offer to those in line. Owns them. Refuses to decide anything: what may
happen is decided in `cart.desk` (the host), `cart.shopper` and `cart.waiting` (a viewer),
`cart.settlement` (the payment provider), `cart.clock` (time) and `cart.consequences` (what follows
from all of them), which read this state and return facts; and to change the books: that is for
`cart.folds`.
"""

from __future__ import annotations

from heapq import heapify, heappop
from typing import Literal

from cart.books import Books, Takings
from cart.drop import Drop, DropStatus
from cart.order import OrderStatus

#: Entries of the agenda that have ended and are dropped at one look: 1,000 x about 2 us = 2 ms. One
#: forgotten cart at the top can keep those of 100,000 paid orders below it, which would be 0.4 s.
STALE_PER_LOOK_MAX = 1_000

#: Units that one turn offers to those who wait, or places that it passes over: 1,000 x about 10 us
#: = 10 ms for which commands wait, when a drop is restocked before a line of 10,000.
OFFERS_PER_TURN_MAX = 1_000

Deadline = tuple[
    int, Literal["drop", "hold", "order", "line", "balance", "presale", "draw", "merge"], str
]


class Counter:
    """The books and their indexes. `agenda` is a heap of `(at_ms, kind, id)`; entries of things
    that ended stay until their time comes and are then skipped. `touched` is a dict for its order.
    """

    __slots__ = ("agenda", "books", "offers_left", "touched")

    def __init__(self, books: Books | None = None) -> None:
        self.books = books if books is not None else Books()
        self.touched: dict[str, None] = dict.fromkeys(self.books.drops)
        self.offers_left = OFFERS_PER_TURN_MAX
        self.agenda: list[Deadline] = []
        for drop in self.books.drops.values():
            opens_at_ms = drop.terms.first_opens_at_ms
            if drop.status is DropStatus.SCHEDULED and opens_at_ms is not None:
                self.agenda.append((opens_at_ms, "drop", drop.terms.drop_id))
            if drop.terms.presale is not None:
                at_ms = drop.terms.presale.deposit_until_ms
                self.agenda.append((at_ms, "presale", drop.terms.drop_id))
            if drop.terms.lottery is not None:
                at_ms = drop.terms.lottery.entries_until_ms
                self.agenda.append((at_ms, "draw", drop.terms.drop_id))
            if drop.is_apart and drop.terms.merge_at_ms is not None:
                self.agenda.append((drop.terms.merge_at_ms, "merge", drop.terms.drop_id))
        for hold in self.books.holds.values():
            if not hold.order_id:
                self.agenda.append((hold.expires_at_ms, "hold", hold.hold_id))
        for order in self.books.orders.values():
            if order.status is OrderStatus.PLACED:
                self.agenda.append((order.expires_at_ms, "order", order.order_id))
            elif order.status is OrderStatus.DEPOSITED:
                self.agenda.append((order.expires_at_ms, "balance", order.order_id))
        heapify(self.agenda)

    def stock_moved(self, drop: Drop) -> None:
        """Something may follow from this: most moves leave an open drop with units, and then
        nothing does, unless people wait for a shelf of their own.
        """
        if drop.stock.available == 0 or drop.status is not DropStatus.OPEN or drop.line.queues:
            self.touched[drop.terms.drop_id] = None

    def is_stale(self, deadline: Deadline) -> bool:
        """Whether what the deadline was for has ended or moved on."""
        _, kind, name = deadline
        if kind == "hold":
            hold = self.books.holds.get(name)
            return hold is None or bool(hold.order_id)
        if kind == "order":
            return self.books.orders[name].status is not OrderStatus.PLACED
        if kind == "balance":
            return self.books.orders[name].status is not OrderStatus.DEPOSITED
        drop = self.books.drops[name]
        if kind == "line":
            return not drop.line.places or not drop.status.is_open
        if kind == "presale":
            return drop.status is DropStatus.CLOSED
        if kind == "merge":
            return not drop.is_apart or drop.status is DropStatus.CLOSED
        return drop.status is not DropStatus.SCHEDULED

    def next_deadline_ms(self) -> int | None:
        """When time itself will have something to say, or None. Drops stale entries on the way;
        after STALE_PER_LOOK_MAX of them the answer may be too early, and never too late.
        """
        for _ in range(STALE_PER_LOOK_MAX):
            if not self.agenda or not self.is_stale(self.agenda[0]):
                break
            heappop(self.agenda)
        return self.agenda[0][0] if self.agenda else None

    def takings_of(self, currency: str, sku: str, channel: str) -> Takings:
        """The row of the ledger for one currency, SKU and channel, made when first asked for."""
        try:
            return self.books.takings[currency][sku][channel]
        except KeyError:
            by_channel = self.books.takings.setdefault(currency, {}).setdefault(sku, {})
            return by_channel.setdefault(channel, Takings())
