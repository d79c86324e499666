"""Orders and their payments.

    order    PLACED --first confirmed payment--> PAID --host--> REFUNDED
             PLACED --deadline--> EXPIRED --late payment, units free--> PAID
             (of a presale: see `cart.presale`; there a host may also end an order that has only
             its deposit paid, which is then CANCELLED)

    payment  STARTED --> CONFIRMED --> REFUNDING --> REFUNDED
             STARTED --> DECLINED  --> (a late approval still counts) CONFIRMED or REFUNDING
             STARTED --its order's deadline--> EXPIRED --> (the same)

An EXPIRED payment is one on which the provider still owes an answer. A payment that cannot be
matched with units is refunded: REFUNDING is a debt of ours until the
provider says REFUNDED. An order of which a part went back (`cart.refund`) stays PAID, its payment
CONFIRMED, until the rest goes back too. Owns the two records. Refuses to know the provider and
stock.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from cart.money import Currency


class OrderStatus(StrEnum):
    """Where an order is in its life."""

    PLACED = "placed"
    PAID = "paid"
    EXPIRED = "expired"
    REFUNDED = "refunded"
    DEPOSITED = "deposited"
    DEFAULTED = "defaulted"
    CANCELLED = "cancelled"


class PaymentStatus(StrEnum):
    """Where a payment is in its life."""

    STARTED = "processing"
    DECLINED = "declined"
    EXPIRED = "expired"
    CONFIRMED = "confirmed"
    REFUNDING = "refunding"
    REFUNDED = "refunded"


#: What a payment is for: all of its order, or a part of a presale's.
Part = Literal["whole", "deposit", "balance"]


class OrderLine(Struct, frozen=True, gc=False, omit_defaults=True):
    """Units of one hold, at its frozen price. `extras_minor` is what is asked for on top of that
    for all its units together, `discount_minor` its part of what a coupon takes off.
    """

    hold_id: str
    drop_id: str
    sku: str
    quantity: int
    price_minor: int
    extras_minor: int = 0
    discount_minor: int = 0
    #: Its units are set aside until the order's deadline; else only a payment takes them.
    reserved: bool = True
    #: The channel from whose allocation the units come; empty: from what is for all.
    shelf: str = ""

    @property
    def total_minor(self) -> int:
        """What this line costs and what it counts for in every sum, in minor units."""
        return self.quantity * self.price_minor + self.extras_minor - self.discount_minor


class Order(Struct):
    """One order. `paid_seq` is its place among all paid orders of the room, from 1."""

    order_id: str
    checkout_id: str
    viewer: str
    channel: str
    lines: list[OrderLine]
    total_minor: int
    currency: Currency
    placed_at_ms: int
    expires_at_ms: int
    #: sku -> option -> text.
    personalisation: dict[str, dict[str, str]] = {}
    #: Every line holds its units.
    reserved: bool = True
    #: The code of the coupon that it redeems; empty: none.
    coupon: str = ""
    #: The delivery slot that was asked for at the checkout; what it has now is in `Books.slots_of`.
    slot_id: str = ""
    status: OrderStatus = OrderStatus.PLACED
    paid_seq: int = 0
    #: Ids of the payments started for it, in order; the last one may be pending.
    payment_ids: list[str] = []
    #: What went back so far, whole or in part.
    refunded_minor: int = 0
    #: What is due first, and the payment that paid it: of a presale only.
    deposit_minor: int = 0
    deposited_by: str = ""
    #: The viewer's own id of the command that placed it.
    command_id: str = ""


class Payment(Struct, gc=False):
    """One attempt to pay one order. `refunds` counts those of its money; they are named by it."""

    payment_id: str
    order_id: str
    token: str
    amount_minor: int
    currency: Currency
    status: PaymentStatus = PaymentStatus.STARTED
    refunds: int = 0
    command_id: str = ""
    part: Part = "whole"
