"""What an external provider pushes to us, and the command that it is.

    {"type": "payment.approved", "data": {"reference": "evening:o1-p1",
                                          "amount_minor": 2880000, "currency": "CNY"}}
    {"type": "payment.declined", "data": {"reference": "evening:o1-p1", "reason": "no cover"}}
    {"type": "payment.refunded", "data": {"reference": "evening:o1-p1-r1"}}

A reference is the one of the intent (`payments.provider`): the room, and the payment's or refund's
name. Fields that are not named here are left unread: providers add some.

Owns the words. Refuses to know signatures and HTTP.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from cart.money import AmountMinor, Currency
from livestream.commands import PaymentApproved, PaymentDeclined, ProviderCommand, RefundSettled

#: A room's name, a colon, and a payment's or refund's: 64 + 1 + 120 characters.
Reference = Annotated[
    str,
    Meta(
        pattern=r"^.{1,64}:[A-Za-z0-9-]{1,120}$(?!\n)",
        max_length=185,
        description="<room>:<payment_id or refund_id>",
    ),
]


class ApprovedData(Struct, frozen=True):
    """The money that was captured."""

    reference: Reference
    amount_minor: AmountMinor
    currency: Currency


class DeclinedData(Struct, frozen=True):
    """The payment that failed, and why."""

    reference: Reference
    reason: Annotated[str, Meta(max_length=120)] = ""


class RefundedData(Struct, frozen=True):
    """The refund whose money is back with the buyer."""

    reference: Reference


class Approved(Struct, frozen=True, tag_field="type", tag="payment.approved"):
    """The provider captured the money."""

    data: ApprovedData


class Declined(Struct, frozen=True, tag_field="type", tag="payment.declined"):
    """The provider said no."""

    data: DeclinedData


class Refunded(Struct, frozen=True, tag_field="type", tag="payment.refunded"):
    """The provider gave the money of one refund back."""

    data: RefundedData


News = Approved | Declined | Refunded
_news: msgspec.json.Decoder[News] = msgspec.json.Decoder(News)


def read_news(body: bytes) -> News:
    """The message.

    Raises:
        msgspec.DecodeError: it is none of these.
    """
    return _news.decode(body)


def command_of(news: News) -> tuple[str, ProviderCommand]:
    """The room that it is for, and what to tell its engine."""
    room, _, name = news.data.reference.rpartition(":")
    match news:
        case Approved(data):
            return room, PaymentApproved(name, data.amount_minor, data.currency)
        case Declined(data):
            return room, PaymentDeclined(name, data.reason)
        case Refunded():
            return room, RefundSettled(name.rpartition("-r")[0] or name, name)
