"""The order book: a room's orders as the desk reads them, folded from its log.

Owns a fold per room, kept and moved on by each call with what the log has gained. Refuses to decide
or to write anything.

What it costs: about 5 us for each new fact, 4 facts for each paid order: the first look at a room
of 20,000 orders takes 0.4 s, the next ones nothing to speak of; and some 2 KB of memory for each
order. Other requests are served between slices of the fold. It is not begun from the engine's
snapshot, which is quicker to fold and cannot be read in slices: one of 20,000 orders would hold up
every other request for half a second. At most ROOMS_KEPT rooms are kept; the one not asked for
longest makes room.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from typing import cast

import structlog
from redis import asyncio as aioredis

from cart.awards import editions_of, perks_of
from cart.books import Books
from cart.coupon import Coupon
from cart.delivery import slot_result, slots_of
from cart.deposits import presale_result
from cart.order import Order
from cart.refund import Refund, units_back
from livestream import journal, keys
from livestream.control.views import (
    CouponList,
    CouponView,
    OrderList,
    OrdersQuery,
    OrderView,
    RefundView,
    SlotList,
)
from livestream.facts import EpochStarted, Record
from livestream.redis_client import StreamEntries
from livestream.room import Room, RoomState, evolve

log = structlog.get_logger()

#: 8 rooms x 100,000 orders x 2 KB = 1.6 GB at the very worst; a usual one is a thousandth of that.
ROOMS_KEPT = 8
#: Facts between two looks at other requests: 1,000 x 5 us = 5 ms.
FACTS_PER_SLICE = 1_000


class _Rewritten(Exception):  # noqa: N818  # a turn in the way, not an error
    """The log is not a continuation of what was folded: Redis came back with less."""


class _Book:
    def __init__(self, room: str) -> None:
        self.room = room
        self.lock = asyncio.Lock()
        self.folded: Room | None = None


class OrderBooks:
    """The order books of all rooms that were asked for lately."""

    def __init__(self, redis: aioredis.Redis) -> None:
        self._redis = redis
        self._books: OrderedDict[str, _Book] = OrderedDict()

    def forget(self, room: str) -> None:
        """The room was wiped."""
        self._books.pop(room, None)

    async def of(self, room: str) -> Room:
        """The room's state as of the log's end, or a little before. Read it before the next await.

        Raises:
            redis.exceptions.RedisError: Redis is away.
            msgspec.DecodeError, BrokenBooksError: the log is damaged.
        """
        book = self._books.get(room)
        if book is None:
            book = self._books[room] = _Book(room)
            if len(self._books) > ROOMS_KEPT:
                self._books.popitem(last=False)
        self._books.move_to_end(room)
        async with book.lock:
            try:
                book.folded = await self._advanced(room, book.folded)
            except _Rewritten:
                log.warning("orders.log_rewritten", room=room)
                book.folded = await self._advanced(room, None)
            except BaseException:
                # Half a record may be folded: what is kept would be wrong from here on.
                book.folded = None
                raise
            return book.folded

    async def _advanced(self, name: str, room: Room | None) -> Room:
        if room is None:
            room = Room(RoomState(name))
        await self._check_end(name, room.state.seq)
        since_pause = 0
        async for seq, record in journal.read_log(self._redis, name, room.state.seq):
            _check_continues(room.state, seq, record)
            for fact in record.facts:
                evolve(room, fact, record.at_ms)
            since_pause += len(record.facts)
            if since_pause >= FACTS_PER_SLICE:
                since_pause = 0
                await asyncio.sleep(0)
        # Deadlines are the engine's business; this takes those off the agenda that have passed.
        room.counter.next_deadline_ms()
        return room

    async def _check_end(self, name: str, seq: int) -> None:
        tail = cast(StreamEntries, await self._redis.xrevrange(keys.log(name), count=1))
        if (journal.seq_of(tail[0][0]) if tail else 0) < seq:
            raise _Rewritten


def _check_continues(state: RoomState, seq: int, record: Record) -> None:
    first = record.facts[0]
    known = isinstance(first, EpochStarted) or record.epoch == state.epoch
    if seq - len(record.facts) != state.seq or not known:
        raise _Rewritten


def list_coupons(room: Room) -> CouponList:
    """Every coupon with what became of it, in the order in which they were put."""
    coupons = room.state.books.coupons.values()
    return {"seq": room.state.seq, "coupons": [_coupon_view(coupon) for coupon in coupons]}


def _coupon_view(coupon: Coupon) -> CouponView:
    terms = coupon.terms
    view: CouponView = {
        "code": terms.code,
        "supply": terms.supply,
        "per_viewer": terms.per_viewer,
        "skus": terms.skus,
        "held": coupon.held,
        "redeemed": coupon.redeemed,
    }
    if terms.amount_minor is not None:
        view["amount_minor"] = terms.amount_minor
    if terms.percent_bp is not None:
        view["percent_bp"] = terms.percent_bp
    if terms.currency is not None:
        view["currency"] = terms.currency
    if terms.from_ms is not None:
        view["from_ms"] = terms.from_ms
    if terms.until_ms is not None:
        view["until_ms"] = terms.until_ms
    return view


def list_orders(room: Room, query: OrdersQuery) -> OrderList:
    """A page of orders, newest first."""
    books = room.state.books
    page: list[Order] = []
    for order in _newest_first(books, query.after):
        if not _matches(order, query):
            continue
        if len(page) == query.limit:
            return _page(room, page, page[-1].order_id)
        page.append(order)
    return _page(room, page, None)


def _newest_first(books: Books, after: str | None) -> Iterator[Order]:
    orders = reversed(books.orders.values())
    if after is not None:
        for order in orders:
            if order.order_id == after:
                break
    return iter(orders)


def _matches(order: Order, query: OrdersQuery) -> bool:
    return (
        query.status in (None, order.status)
        and query.viewer in (None, order.viewer)
        and query.channel in (None, order.channel)
    )


def _page(room: Room, page: list[Order], following: str | None) -> OrderList:
    books = room.state.books
    return {
        "seq": room.state.seq,
        "orders": [order_view(books, order) for order in page],
        "next": following,
    }


def order_view(books: Books, order: Order) -> OrderView:
    """An order as the desk sees it."""
    view: OrderView = {
        "order_id": order.order_id,
        "checkout_id": order.checkout_id,
        "viewer": order.viewer,
        "channel": order.channel,
        "status": order.status,
        "lines": [
            {
                "drop_id": line.drop_id,
                "sku": line.sku,
                "quantity": line.quantity,
                "price_minor": line.price_minor,
                "extras_minor": line.extras_minor,
                "discount_minor": line.discount_minor,
                "total_minor": line.total_minor,
            }
            for line in order.lines
        ],
        "total_minor": order.total_minor,
        "currency": order.currency,
        "placed_at_ms": order.placed_at_ms,
        "expires_at_ms": order.expires_at_ms,
        "personalisation": order.personalisation,
        "coupon": order.coupon or None,
        "payments": [
            {
                "payment_id": payment_id,
                "status": books.payments[payment_id].status,
                "amount_minor": books.payments[payment_id].amount_minor,
                "part": books.payments[payment_id].part,
            }
            for payment_id in order.payment_ids
        ],
        "refunded_minor": order.refunded_minor,
        "refunds": [
            _refund_view(order, refund)
            for payment_id in order.payment_ids
            for refund in books.refunds_of(books.payments[payment_id])
        ],
        "perks": perks_of(books, order),
        "editions": editions_of(books, order),
        "slots": slots_of(books, order.order_id),
    }
    presale = books.drops[order.lines[0].drop_id].terms.presale
    if presale is not None and order.deposit_minor:
        view["presale"] = presale_result(presale, order.deposit_minor, order.total_minor)
    if order.paid_seq:
        view["paid_seq"] = order.paid_seq
    return view


def _refund_view(order: Order, refund: Refund) -> RefundView:
    view: RefundView = {
        "refund_id": refund.refund_id,
        "payment_id": refund.payment_id,
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
        "settled": refund.settled,
        "restocked": refund.restocked,
        "lines": units_back(order.lines, refund.lines),
    }
    if refund.request_id:
        view["request_id"] = refund.request_id
    return view


def list_slots(state: RoomState) -> SlotList:
    """All delivery slots of a room, by when they begin."""
    slots = sorted(
        state.books.slots.values(), key=lambda slot: (slot.terms.from_ms, slot.terms.slot_id)
    )
    return {
        "seq": state.seq,
        "slots": [
            {**slot_result(slot), "held": len(slot.held), "taken": len(slot.taken)}
            for slot in slots
        ],
    }
