"""The provider of one room: the house's own, or the sandbox where the room is one.

Owns that choice: a rehearsal moves nobody's money, whoever the house's provider is. Refuses to know
providers.
"""

from __future__ import annotations

from livestream.payments.provider import Intent, PaymentProvider, RefundIntent
from livestream.room import RoomState


class ByRoom:
    """Looks at the room each time: what it is, is known once it was made."""

    def __init__(self, state: RoomState, house: PaymentProvider, sandbox: PaymentProvider) -> None:
        self.name = house.name
        self._state = state
        self._house = house
        self._sandbox = sandbox

    @property
    def _chosen(self) -> PaymentProvider:
        return self._sandbox if self._state.sandbox else self._house

    def charge(self, intent: Intent) -> None:
        """See `PaymentProvider`."""
        self._chosen.charge(intent)

    def refund(self, intent: RefundIntent) -> None:
        """See `PaymentProvider`."""
        self._chosen.refund(intent)
