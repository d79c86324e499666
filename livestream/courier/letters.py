"""What the merchant is told: an event for each fact of the log that is about an order. Pure.

    {"type": "order.paid", "timestamp": "2026-11-22T12:00:00.000Z",
     "data": {"room": "evening", "seq": 57, "at_ms": 1795348800000,
              "order": {"order_id": "o1", "viewer": "wang", "total_minor": 2880000, ...},
              "payment_id": "o1-p1", "paid_seq": 1, "late": false}}

Every event carries the order as it was placed, then what the fact says. What a payment provider is
to do names the `reference` by which it answers (`payments.provider`). The name of an event comes
from its place in the log, so it is the same each time.

Owns that translation. Refuses to know how a letter travels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, get_args

import msgspec
from msgspec import Struct

from cart.events import (
    CounterEvent,
    OrderCancelled,
    OrderDefaulted,
    OrderPlaced,
    OrderRefunded,
    OrderRefundedPartly,
    PaymentReturned,
    PaymentStarted,
)
from cart.fact import Fact, tag_of
from cart.order import Order, OrderLine
from cart.refund import units_back
from livestream import wire
from livestream.facts import Record

#: Facts about an order: whatever names one, or one of its payments.
TOLD: Final = frozenset(
    kind
    for kind in get_args(CounterEvent)
    if {"order_id", "payment_id"} & set(kind.__struct_fields__)
)
_ASKS_TO_CHARGE: Final = frozenset({PaymentStarted})
_ASKS_TO_REFUND: Final = frozenset(
    {OrderCancelled, OrderDefaulted, OrderRefunded, OrderRefundedPartly, PaymentReturned}
)
#: What stands in the order already, or is the fact's own tag.
_LEFT_OUT: Final = frozenset({"type", "order_id", "lines", "command_id", "asked"})


class Letter(Struct):
    """One event on its way. `number` is its place in the log; `attempts` those that failed."""

    event_id: str
    order_id: str
    number: int
    at_ms: int
    kind: str
    body: str
    attempts: int = 0
    next_ms: int = 0
    error: str = ""


class OrderCard(Struct, frozen=True):
    """An order as it was placed, which never changes."""

    order_id: str
    checkout_id: str
    viewer: str
    channel: str
    lines: list[OrderLine]
    total_minor: int
    currency: str
    personalisation: Any

    @classmethod
    def of(cls, order: Order | OrderPlaced) -> OrderCard:
        """The card of an order, or of the fact that placed it."""
        return cls(
            order.order_id,
            order.checkout_id,
            order.viewer,
            order.channel,
            order.lines,
            order.total_minor,
            order.currency,
            order.personalisation,
        )


def order_id_of(fact: Any) -> str:
    """The order that a fact of TOLD is about."""
    order_id = getattr(fact, "order_id", None)
    return order_id if order_id is not None else str(fact.payment_id.rpartition("-p")[0])


def is_about_orders(facts: Iterable[Fact]) -> bool:
    """Whether the merchant is told of any of them."""
    return any(type(fact) in TOLD for fact in facts)


def letters_of(
    room: str, seq: int, record: Record, cards: dict[str, OrderCard]
) -> Iterator[Letter]:
    """The letters that a record makes, in order; `seq` is that of its last fact. `cards` has every
    order placed before, and gets those that the record places.
    """
    for number, fact in enumerate(record.facts, start=seq - len(record.facts) + 1):
        if isinstance(fact, OrderPlaced):
            cards[fact.order_id] = OrderCard.of(fact)
        if type(fact) in TOLD:
            order_id = order_id_of(fact)
            card = cards.get(order_id)
            if card is not None:
                yield _letter(room, number, record, fact, card)


def _letter(room: str, number: int, record: Record, fact: Fact, card: OrderCard) -> Letter:
    kind = tag_of(type(fact))
    said = {k: v for k, v in _all_of(fact).items() if k not in _LEFT_OUT and k not in _placed(kind)}
    if type(fact) in _ASKS_TO_CHARGE:
        said["reference"] = f"{room}:{said['payment_id']}"
    if type(fact) in _ASKS_TO_REFUND and said["refund_id"]:  # none: a deposit that is forfeited
        said["reference"] = f"{room}:{said['refund_id']}"
    if isinstance(fact, OrderRefundedPartly):
        said["units"] = units_back(card.lines, fact.lines)
    event = {
        "type": kind,
        "timestamp": _iso(record.at_ms),
        "data": {
            "room": room,
            "seq": number,
            "at_ms": record.at_ms,
            "order": msgspec.to_builtins(card),
            **said,
        },
    }
    place = f"{room}\n{record.epoch}\n{number}".encode()
    return Letter(
        event_id=f"evt_{hashlib.sha256(place).hexdigest()[:32]}",
        order_id=card.order_id,
        number=number,
        at_ms=record.at_ms,
        kind=kind,
        body=wire.encode(event).decode(),
    )


def _all_of(fact: Fact) -> dict[str, Any]:
    """Every field of a fact, its defaults too, which the log leaves out."""
    fields: dict[str, Any] = msgspec.to_builtins(msgspec.structs.asdict(fact))
    return fields


def _placed(kind: str) -> frozenset[str]:
    """What an `order.placed` says already in its order."""
    return frozenset(OrderCard.__struct_fields__) if kind == "order.placed" else frozenset()


def _iso(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms / 1_000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
