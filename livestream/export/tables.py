"""The four tables, folded from a room's log.

    exporter = Exporter(room); exporter.feed(seq, record) ...; exporter.rows("orders") -> rows

A row is a dict in the order of its table's columns; money is in minor units beside its currency,
times are milliseconds since the Unix epoch, None where nothing happened. The buyer's payment token
stays in the log. Memory is the engine's own state and 100 bytes for each time that it forgets.

Owns the columns. Refuses to know files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal, get_args

from redis import asyncio as aioredis

from cart import events
from cart.books import Books
from cart.fact import Fact
from cart.order import Order
from cart.refund import lines_back
from livestream.facts import Record
from livestream.journal import read_log
from livestream.room import Room, RoomState, evolve

Table = Literal["orders", "lines", "payments", "refunds"]
#: Columns by table, each a text, a whole number or (`bool`) yes or no.
TABLES: Final[dict[Table, dict[str, type]]] = {
    "orders": {
        "room": str,
        "order_id": str,
        "checkout_id": str,
        "viewer": str,
        "channel": str,
        "status": str,
        "currency": str,
        "total_minor": int,
        "refunded_minor": int,
        "coupon": str,
        "placed_at_ms": int,
        "paid_at_ms": int,
        "paid_seq": int,
    },
    "lines": {
        "room": str,
        "order_id": str,
        "line": int,
        "drop_id": str,
        "sku": str,
        "quantity": int,
        "price_minor": int,
        "extras_minor": int,
        "discount_minor": int,
        "total_minor": int,
        "currency": str,
        "units_back": int,
        "refunded_minor": int,
    },
    "payments": {
        "room": str,
        "payment_id": str,
        "order_id": str,
        "status": str,
        "amount_minor": int,
        "currency": str,
        "part": str,
        "started_at_ms": int,
        "pays_order": bool,
    },
    "refunds": {
        "room": str,
        "refund_id": str,
        "payment_id": str,
        "order_id": str,
        "amount_minor": int,
        "currency": str,
        "units": int,
        "restocked": bool,
        "request_id": str,
        "made_at_ms": int,
        "settled_at_ms": int,
    },
}
assert set(TABLES) == set(get_args(Table))

Row = dict[str, Any]


class Exporter:
    """Feed it a room's records from the first; ask for the rows at any point."""

    def __init__(self, room: str) -> None:
        self._name = room
        self._room = Room(RoomState(room))
        self._paid_at: dict[str, int] = {}
        self._paying: set[str] = set()
        self._started_at: dict[str, int] = {}
        self._made_at: dict[str, int] = {}
        self._settled_at: dict[str, int] = {}

    def feed(self, seq: int, record: Record) -> None:
        """The next record; `seq` is that of its last fact.

        Raises:
            BrokenBooksError: the log cannot be true; the auditor says where and why.
        """
        for fact in record.facts:
            self._note(fact, record.at_ms)
            evolve(self._room, fact, record.at_ms)

    def _note(self, fact: Fact, at_ms: int) -> None:
        """What the state forgets."""
        match fact:
            case events.OrderPaid():
                self._paid_at[fact.order_id] = at_ms
                order = self._room.state.books.orders[fact.order_id]
                self._paying |= {fact.payment_id, order.deposited_by}
            case events.PaymentStarted():
                self._started_at[fact.payment_id] = at_ms
            case events.OrderRefunded() | events.OrderRefundedPartly() | events.PaymentReturned():
                self._made_at[fact.refund_id] = at_ms
            case events.OrderDefaulted() | events.OrderCancelled():
                self._made_at[fact.refund_id] = at_ms
            case events.RefundSettled():
                self._settled_at[fact.refund_id] = at_ms

    def rows(self, table: Table) -> Iterator[Row]:
        """The rows of one table, oldest first."""
        books = self._room.state.books
        match table:
            case "orders":
                yield from (self._order(order) for order in books.orders.values())
            case "lines":
                for order in books.orders.values():
                    yield from self._lines(books, order)
            case "payments":
                yield from self._payments(books)
            case "refunds":
                yield from self._refunds(books)

    def _order(self, order: Order) -> Row:
        return {
            "room": self._name,
            "order_id": order.order_id,
            "checkout_id": order.checkout_id,
            "viewer": order.viewer,
            "channel": order.channel,
            "status": order.status.value,
            "currency": order.currency,
            "total_minor": order.total_minor,
            "refunded_minor": order.refunded_minor,
            "coupon": order.coupon or None,
            "placed_at_ms": order.placed_at_ms,
            "paid_at_ms": self._paid_at.get(order.order_id),
            "paid_seq": order.paid_seq or None,
        }

    def _lines(self, books: Books, order: Order) -> Iterator[Row]:
        payments = [books.payments[payment_id] for payment_id in order.payment_ids]
        back = lines_back(r for payment in payments for r in books.refunds_of(payment))
        for number, line in enumerate(order.lines, start=1):
            units_back, refunded_minor = back.get(line.hold_id, (0, 0))
            yield {
                "room": self._name,
                "order_id": order.order_id,
                "line": number,
                "drop_id": line.drop_id,
                "sku": line.sku,
                "quantity": line.quantity,
                "price_minor": line.price_minor,
                "extras_minor": line.extras_minor,
                "discount_minor": line.discount_minor,
                "total_minor": line.total_minor,
                "currency": order.currency,
                "units_back": units_back,
                "refunded_minor": refunded_minor,
            }

    def _payments(self, books: Books) -> Iterator[Row]:
        for payment in books.payments.values():
            yield {
                "room": self._name,
                "payment_id": payment.payment_id,
                "order_id": payment.order_id,
                "status": payment.status.value,
                "amount_minor": payment.amount_minor,
                "currency": payment.currency,
                "part": payment.part,
                "started_at_ms": self._started_at.get(payment.payment_id),
                "pays_order": payment.payment_id in self._paying,
            }

    def _refunds(self, books: Books) -> Iterator[Row]:
        for refund in books.refunds.values():
            yield {
                "room": self._name,
                "refund_id": refund.refund_id,
                "payment_id": refund.payment_id,
                "order_id": refund.order_id,
                "amount_minor": refund.amount_minor,
                "currency": refund.currency,
                "units": sum(line.quantity for line in refund.lines),
                "restocked": refund.restocked,
                "request_id": refund.request_id or None,
                "made_at_ms": self._made_at.get(refund.refund_id),
                "settled_at_ms": self._settled_at.get(refund.refund_id),
            }


async def export_room(redis: aioredis.Redis, room: str) -> Exporter:
    """A room as its log in Redis tells it.

    Raises:
        BrokenBooksError: the log cannot be true.
        msgspec.DecodeError: the log is damaged or newer than this code.
        redis.exceptions.RedisError: Redis is away.
    """
    exporter = Exporter(room)
    async for seq, record in read_log(redis, room):
        exporter.feed(seq, record)
    return exporter
