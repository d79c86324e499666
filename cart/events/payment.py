"""What happens to a payment, as facts. Owns their words; refuses to know the provider."""

from __future__ import annotations

from typing import Literal

from cart.fact import Fact
from cart.money import Currency
from cart.order import Part


class PaymentStarted(Fact, frozen=True, gc=False, tag="payment.started"):
    """The viewer asked to pay, by the command `command_id`; from here on the provider is asked
    until it answers.
    """

    payment_id: str
    order_id: str
    token: str
    amount_minor: int
    currency: Currency
    command_id: str = ""
    part: Part = "whole"


class PaymentDeclined(Fact, frozen=True, gc=False, tag="payment.declined"):
    """The provider said no. The order still stands."""

    payment_id: str
    order_id: str
    reason: str


class PaymentReturned(Fact, frozen=True, gc=False, tag="payment.returned"):
    """Money came for which there is nothing to give; all of it goes back, as it came, by the name
    `refund_id`.
    """

    payment_id: str
    order_id: str
    amount_minor: int
    currency: Currency
    reason: Literal["too_late", "already_paid", "order_refunded", "wrong_amount", "sold_out"]
    refund_id: str


class RefundSettled(Fact, frozen=True, gc=False, tag="refund.settled"):
    """The provider confirmed that the money of one refund is back with the buyer."""

    payment_id: str
    refund_id: str
