"""A provider that is not here: it learns of payments and refunds by itself, and its answers are
pushed to us (`control.news`).

What it is owed goes out with the merchant's order events (`livestream.courier`): `payment.started`
says what to capture and by which reference, `order.refunded`, `order.refunded_partly`,
`order.cancelled`, `order.defaulted` and `payment.returned` what to give back. The merchant's
systems hand it to whoever moves the money, and that one, or they, push back what became of it.

Owns the doing of nothing. Every payment must be answered in the end, if only with a decline: a room
in which one is not stays awake.
"""

from __future__ import annotations

from livestream.payments.provider import Intent, RefundIntent


class External:
    """A provider that is told elsewhere and answers elsewhere."""

    name = "external"

    def charge(self, intent: Intent) -> None:
        """Nothing: the merchant has been told."""

    def refund(self, intent: RefundIntent) -> None:
        """Nothing: the merchant has been told."""
