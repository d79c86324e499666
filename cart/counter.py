"""The counter: all drops, carts, orders and takings of one room, as a fold of its log.

Owns the state and the only way it changes, `evolve(counter, event, at_ms)`. Refuses to decide
anything: what may happen is decided in `cart.desk` (the host), `cart.shopper` (a viewer),
`cart.settlement` (the payment provider) and `cart.clock` (time), which all read this state and
return events.

`Books` is everything a snapshot keeps. `Counter` adds the agenda: deadlines in a heap, an index
that can be rebuilt from the books and is therefore no part of them.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any, Literal

from msgspec import Struct

from cart.basket import Basket, PutBack
from cart.drop import Drop, DropStatus, StockLevels
from cart.events import (
    DropClosed,
    DropOpened,
    DropPaused,
    DropRestocked,
    DropScheduled,
    DropSoldOut,
    HoldExpired,
    HoldPlaced,
    HoldReleased,
    OrderExpired,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    PaymentDeclined,
    PaymentReturned,
    PaymentStarted,
    PerkAwarded,
    PerkRevoked,
    RefundSettled,
    StockShown,
)
from cart.fact import Fact
from cart.hold import Hold
from cart.order import Order, OrderStatus, Payment, PaymentStatus
from cart.stock import BrokenBooksError, Stock


class Takings(Struct, gc=False):
    """Money and units of paid orders, for one currency, SKU and channel. Net is gross minus
    refunded.
    """

    gross_minor: int = 0
    refunded_minor: int = 0
    units_sold: int = 0
    units_refunded: int = 0

    @property
    def net_minor(self) -> int:
        """What stays, in minor units."""
        return self.gross_minor - self.refunded_minor


class Books(Struct):
    """Everything the counter knows. Its size grows with shoppers, not with viewers."""

    drops: dict[str, Drop] = {}
    #: sku -> the drop that sells it now, or sold it last.
    drop_of_sku: dict[str, str] = {}
    baskets: dict[str, Basket] = {}
    holds: dict[str, Hold] = {}
    orders: dict[str, Order] = {}
    #: viewer -> checkout_id -> order_id.
    checkouts: dict[str, dict[str, str]] = {}
    payments: dict[str, Payment] = {}
    #: Payments on which the provider owes us an answer, or we owe a refund. A dict for its order.
    unsettled: dict[str, None] = {}
    #: currency -> sku -> channel -> takings.
    takings: dict[str, dict[str, dict[str, Takings]]] = {}
    holds_placed: int = 0
    orders_placed: int = 0
    orders_paid: int = 0
    orders_expired: int = 0
    orders_refunded: int = 0


#: Entries of the agenda that have ended and are dropped at one look: 1,000 x about 2 us = 2 ms. One
#: forgotten cart at the top can keep those of 100,000 paid orders below it, which would be 0.4 s.
STALE_PER_LOOK_MAX = 1_000

Deadline = tuple[int, Literal["drop", "hold", "order"], str]


class Counter:
    """The books and the agenda. `agenda` is a heap of `(at_ms, kind, id)`; entries of things that
    ended stay until their time comes and are then skipped.
    """

    __slots__ = ("agenda", "books")

    def __init__(self, books: Books | None = None) -> None:
        self.books = books if books is not None else Books()
        self.agenda: list[Deadline] = []
        for drop in self.books.drops.values():
            if drop.status is DropStatus.SCHEDULED and drop.terms.opens_at_ms is not None:
                self.agenda.append((drop.terms.opens_at_ms, "drop", drop.terms.drop_id))
        for hold in self.books.holds.values():
            if not hold.order_id:
                self.agenda.append((hold.expires_at_ms, "hold", hold.hold_id))
        for order in self.books.orders.values():
            if order.status is OrderStatus.PLACED:
                self.agenda.append((order.expires_at_ms, "order", order.order_id))
        heapify(self.agenda)

    def is_stale(self, deadline: Deadline) -> bool:
        """Whether what the deadline was for has ended or moved on."""
        _, kind, name = deadline
        if kind == "hold":
            hold = self.books.holds.get(name)
            return hold is None or bool(hold.order_id)
        if kind == "order":
            return self.books.orders[name].status is not OrderStatus.PLACED
        return self.books.drops[name].status is not DropStatus.SCHEDULED

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


def evolve(counter: Counter, event: Fact, at_ms: int) -> None:
    """Fold one fact into the state, in place.

    Raises:
        BrokenBooksError: the fact cannot be true of this state; the log or the code is broken.
    """
    try:
        _FOLDS[type(event)](counter, event, at_ms)
    except (LookupError, ValueError) as missing:
        raise BrokenBooksError(f"{event} speaks of what is not on the books") from missing


# -- the drop ----------------------------------------------------------------------------------


def _drop_scheduled(counter: Counter, event: DropScheduled, at_ms: int) -> None:
    terms = event.terms
    counter.books.drops[terms.drop_id] = Drop(
        terms=terms,
        stock=Stock(supplied=terms.supply, available=terms.supply),
        status=DropStatus.SCHEDULED,
        shown=StockLevels(terms.supply, 0, 0),
        shown_at_ms=at_ms,
    )
    counter.books.drop_of_sku[terms.sku] = terms.drop_id
    if terms.opens_at_ms is not None:
        heappush(counter.agenda, (terms.opens_at_ms, "drop", terms.drop_id))


def _drop_opened(counter: Counter, event: DropOpened, at_ms: int) -> None:
    drop = counter.books.drops[event.drop_id]
    drop.status = DropStatus.OPEN
    drop.paused = False


def _drop_paused(counter: Counter, event: DropPaused, at_ms: int) -> None:
    drop = counter.books.drops[event.drop_id]
    drop.status = DropStatus.PAUSED
    drop.paused = True


def _drop_restocked(counter: Counter, event: DropRestocked, at_ms: int) -> None:
    counter.books.drops[event.drop_id].stock.restock(event.quantity)


def _drop_sold_out(counter: Counter, event: DropSoldOut, at_ms: int) -> None:
    drop = counter.books.drops[event.drop_id]
    if not drop.stock.exhausted:
        raise BrokenBooksError(f"{event.drop_id} sold out with units left")
    drop.status = DropStatus.SOLD_OUT


def _drop_closed(counter: Counter, event: DropClosed, at_ms: int) -> None:
    drop = counter.books.drops[event.drop_id]
    drop.stock.withdraw(event.withdrawn)
    drop.status = DropStatus.CLOSED


def _stock_shown(counter: Counter, event: StockShown, at_ms: int) -> None:
    drop = counter.books.drops[event.drop_id]
    drop.shown = StockLevels(event.available, event.held, event.sold)
    drop.shown_at_ms = at_ms


# -- the cart ----------------------------------------------------------------------------------


def _hold_placed(counter: Counter, event: HoldPlaced, at_ms: int) -> None:
    books = counter.books
    hold = Hold(
        event.hold_id,
        event.viewer,
        event.drop_id,
        event.sku,
        event.quantity,
        event.price_minor,
        event.currency,
        event.expires_at_ms,
    )
    drop = books.drops[event.drop_id]
    drop.stock.hold(event.quantity)
    drop.taken[event.viewer] = drop.taken.get(event.viewer, 0) + event.quantity
    books.holds[event.hold_id] = hold
    books.holds_placed += 1
    basket = books.baskets.get(event.viewer)
    if basket is None:
        basket = books.baskets[event.viewer] = Basket()
    basket.hold_ids.append(event.hold_id)
    basket.expired = False
    basket.remember(event.command_id, event)
    heappush(counter.agenda, (event.expires_at_ms, "hold", event.hold_id))


def _hold_released(counter: Counter, event: HoldReleased, at_ms: int) -> None:
    hold = counter.books.holds[event.hold_id]
    _give_back(counter, hold, event.quantity)
    basket = counter.books.baskets[hold.viewer]
    hold.quantity -= event.quantity
    if hold.quantity == 0:
        del counter.books.holds[event.hold_id]
        basket.hold_ids.remove(event.hold_id)
    before = basket.recent.get(event.command_id)
    already = before.quantity if isinstance(before, PutBack) else 0
    basket.remember(event.command_id, PutBack(hold.sku, already + event.quantity))


def _hold_expired(counter: Counter, event: HoldExpired, at_ms: int) -> None:
    hold = counter.books.holds.pop(event.hold_id)
    _give_back(counter, hold, hold.quantity)
    basket = counter.books.baskets[hold.viewer]
    basket.hold_ids.remove(event.hold_id)
    basket.expired = True


def _give_back(counter: Counter, hold: Hold, units: int) -> None:
    """held -> available, or -> withdrawn when the drop has closed meanwhile."""
    drop = counter.books.drops[hold.drop_id]
    drop.stock.release(units)
    if drop.status is DropStatus.CLOSED:
        drop.stock.withdraw(units)
    _untake(drop, hold.viewer, units)


def _untake(drop: Drop, viewer: str, units: int) -> None:
    left = drop.taken.get(viewer, 0) - units
    if left < 0:
        raise BrokenBooksError(f"{viewer} gives back more of {drop.terms.drop_id} than taken")
    if left:
        drop.taken[viewer] = left
    else:
        del drop.taken[viewer]


# -- the order ---------------------------------------------------------------------------------


def _order_placed(counter: Counter, event: OrderPlaced, at_ms: int) -> None:
    books = counter.books
    books.orders[event.order_id] = Order(
        order_id=event.order_id,
        checkout_id=event.checkout_id,
        viewer=event.viewer,
        channel=event.channel,
        lines=event.lines,
        total_minor=event.total_minor,
        currency=event.currency,
        placed_at_ms=at_ms,
        expires_at_ms=event.expires_at_ms,
        personalisation=event.personalisation,
    )
    for line in event.lines:
        hold = books.holds[line.hold_id]
        hold.order_id = event.order_id
        hold.expires_at_ms = event.expires_at_ms
    books.baskets[event.viewer].hold_ids.clear()
    mine = books.checkouts.get(event.viewer)
    if mine is None:
        mine = books.checkouts[event.viewer] = {}
    mine[event.checkout_id] = event.order_id
    books.orders_placed += 1
    heappush(counter.agenda, (event.expires_at_ms, "order", event.order_id))


def _payment_started(counter: Counter, event: PaymentStarted, at_ms: int) -> None:
    books = counter.books
    books.payments[event.payment_id] = Payment(
        event.payment_id, event.order_id, event.token, event.amount_minor, event.currency
    )
    books.unsettled[event.payment_id] = None
    books.orders[event.order_id].payment_ids.append(event.payment_id)


def _payment_declined(counter: Counter, event: PaymentDeclined, at_ms: int) -> None:
    counter.books.payments[event.payment_id].status = PaymentStatus.DECLINED
    counter.books.unsettled.pop(event.payment_id, None)


def _order_paid(counter: Counter, event: OrderPaid, at_ms: int) -> None:
    books = counter.books
    order = books.orders[event.order_id]
    for line in order.lines:
        drop = books.drops[line.drop_id]
        if event.late:
            drop.stock.hold(line.quantity)
            drop.taken[order.viewer] = drop.taken.get(order.viewer, 0) + line.quantity
        else:
            del books.holds[line.hold_id]
        drop.stock.sell(line.quantity)
        if not drop.paid_orders or drop.paid_orders[-1] != order.order_id:
            drop.paid_orders.append(order.order_id)
        row = counter.takings_of(order.currency, line.sku, order.channel)
        row.gross_minor += line.total_minor
        row.units_sold += line.quantity
    if event.late:
        books.orders_expired -= 1
    order.status = OrderStatus.PAID
    order.paid_seq = event.paid_seq
    books.orders_paid = event.paid_seq
    books.payments[event.payment_id].status = PaymentStatus.CONFIRMED
    books.unsettled.pop(event.payment_id, None)


def _order_expired(counter: Counter, event: OrderExpired, at_ms: int) -> None:
    books = counter.books
    order = books.orders[event.order_id]
    for line in order.lines:
        hold = books.holds.pop(line.hold_id)
        _give_back(counter, hold, hold.quantity)
    order.status = OrderStatus.EXPIRED
    books.orders_expired += 1


def _order_refunded(counter: Counter, event: OrderRefunded, at_ms: int) -> None:
    books = counter.books
    order = books.orders[event.order_id]
    for line in order.lines:
        drop = books.drops[line.drop_id]
        if event.restocked:
            drop.stock.take_back(line.quantity)
            if drop.status is DropStatus.CLOSED:
                drop.stock.withdraw(line.quantity)
        else:
            drop.stock.write_off(line.quantity)
        _untake(drop, order.viewer, line.quantity)
        row = counter.takings_of(order.currency, line.sku, order.channel)
        row.refunded_minor += line.total_minor
        row.units_refunded += line.quantity
    order.status = OrderStatus.REFUNDED
    books.orders_refunded += 1
    _owe_refund(books, event.payment_id)


def _payment_returned(counter: Counter, event: PaymentReturned, at_ms: int) -> None:
    _owe_refund(counter.books, event.payment_id)


def _owe_refund(books: Books, payment_id: str) -> None:
    books.payments[payment_id].status = PaymentStatus.REFUNDING
    books.unsettled[payment_id] = None


def _refund_settled(counter: Counter, event: RefundSettled, at_ms: int) -> None:
    counter.books.payments[event.payment_id].status = PaymentStatus.REFUNDED
    counter.books.unsettled.pop(event.payment_id, None)


# -- the perk ----------------------------------------------------------------------------------


def _perk_awarded(counter: Counter, event: PerkAwarded, at_ms: int) -> None:
    counter.books.drops[event.drop_id].perks.award(event.order_id, event.rank)


def _perk_revoked(counter: Counter, event: PerkRevoked, at_ms: int) -> None:
    counter.books.drops[event.drop_id].perks.revoke(event.order_id)


_FOLDS: dict[type, Callable[[Counter, Any, int], None]] = {
    DropScheduled: _drop_scheduled,
    DropOpened: _drop_opened,
    DropPaused: _drop_paused,
    DropRestocked: _drop_restocked,
    DropSoldOut: _drop_sold_out,
    DropClosed: _drop_closed,
    StockShown: _stock_shown,
    HoldPlaced: _hold_placed,
    HoldReleased: _hold_released,
    HoldExpired: _hold_expired,
    OrderPlaced: _order_placed,
    PaymentStarted: _payment_started,
    PaymentDeclined: _payment_declined,
    OrderPaid: _order_paid,
    OrderExpired: _order_expired,
    OrderRefunded: _order_refunded,
    PaymentReturned: _payment_returned,
    RefundSettled: _refund_settled,
    PerkAwarded: _perk_awarded,
    PerkRevoked: _perk_revoked,
}
