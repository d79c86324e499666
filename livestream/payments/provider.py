"""The interface to a payment provider.

Owns the words between us and whoever moves the money. Refuses to know any provider.

A provider is asked (`charge`, `refund`) and answers later through `answer`: at once or after hours,
in any order, any number of times. Asking twice with the same `reference` must not move money twice:
that is what makes it safe to ask again after a crash. One payment may go back in several refunds,
each asked for, and answered, by its own name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from cart.money import Currency
from livestream.commands import ProviderCommand


class Intent(Struct, frozen=True, gc=False):
    """What should be paid. `reference` is unique over all rooms: `<room>:<payment_id>`."""

    room: str
    payment_id: str
    token: str
    amount_minor: int
    currency: Currency

    @property
    def reference(self) -> str:
        """The name of this payment at the provider."""
        return f"{self.room}:{self.payment_id}"


class RefundIntent(Struct, frozen=True, gc=False):
    """What should go back of a payment. `reference` is unique over all rooms:
    `<room>:<refund_id>`.
    """

    room: str
    payment_id: str
    refund_id: str
    amount_minor: int
    currency: Currency

    @property
    def reference(self) -> str:
        """The name of this refund at the provider."""
        return f"{self.room}:{self.refund_id}"


#: What a provider calls with a room's id and what it has to say.
Answer = Callable[[str, ProviderCommand], None]


class PaymentProvider(Protocol):
    """Someone who moves money. Both methods return at once and never raise for a business
    reason.
    """

    name: str

    def charge(self, intent: Intent) -> None:
        """Capture the money, then answer PaymentApproved or PaymentDeclined."""

    def refund(self, intent: RefundIntent) -> None:
        """Give so much of the payment back, then answer RefundSettled with the refund's name."""
