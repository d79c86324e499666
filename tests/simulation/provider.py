"""A payment provider outside of the house: it answers when it likes, as often as it likes.

What it will say to a charge is drawn when it is first asked; asked again with the same reference,
it moves no money twice. It keeps its own statement, against which the log is audited.

Owns the money that was captured and given back. Refuses to know orders.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Literal

from livestream.audit import Captured, Returned
from livestream.commands import (
    PaymentApproved,
    PaymentDeclined,
    ProviderCommand,
    RefundSettled,
)
from livestream.payments.provider import Intent, RefundIntent
from tests.simulation.clockwork import Clock

Mood = Literal["prompt", "slow", "late", "says_no", "no_then_yes", "yes_then_no", "twice", "wrong"]

#: How often a provider is in which mood.
MOODS: dict[Mood, int] = {
    "prompt": 60,
    "slow": 10,
    "late": 8,
    "says_no": 8,
    "no_then_yes": 5,
    "yes_then_no": 3,
    "twice": 5,
    "wrong": 1,
}
SOON_MS = (0, 5, 40, 300, 1_500)
LATE_MS = (4_000, 9_999, 10_000, 31_000, 61_000, 299_990, 301_000, 7_200_000)


class Provider:
    """`tell` brings an answer to the room's inbox, sooner or later, at least once."""

    name = "outside"

    def __init__(
        self, clock: Clock, rng: random.Random, tell: Callable[[ProviderCommand], None]
    ) -> None:
        self._clock = clock
        self._rng = rng
        self._tell = tell
        self._moods: dict[str, Mood] = {}
        self.captured: dict[str, Captured] = {}
        self.returned: dict[str, Returned] = {}

    def charge(self, intent: Intent) -> None:
        """Capture or decline; asked again, say again what was said."""
        rng, known = self._rng, self._moods.get(intent.payment_id)
        mood = known or rng.choices(list(MOODS), list(MOODS.values()))[0]
        self._moods[intent.payment_id] = mood
        soon_ms = rng.choice(SOON_MS)
        match mood:
            case "prompt":
                self._capture_in(soon_ms, intent)
            case "slow":
                self._capture_in(rng.randint(2_000, 9_000), intent)
            case "late":
                self._capture_in(rng.choice(LATE_MS), intent)
            case "says_no":
                self._decline_in(soon_ms, intent)
            case "no_then_yes":
                self._decline_in(soon_ms, intent)
                self._capture_in(soon_ms + rng.choice(LATE_MS), intent)
            case "yes_then_no":
                self._capture_in(soon_ms, intent)
                self._decline_in(soon_ms + rng.choice(SOON_MS), intent)
            case "twice":
                self._capture_in(soon_ms, intent)
                self._capture_in(rng.choice((*SOON_MS, *LATE_MS)), intent)
            case "wrong":
                self._capture_in(soon_ms, intent, off_by_minor=1)

    def refund(self, intent: RefundIntent) -> None:
        """Give back, once; say so, now and then twice."""
        refund_id = intent.refund_id
        returned = Returned(refund_id, intent.amount_minor, intent.currency)
        self.returned.setdefault(refund_id, returned)
        for _ in range(self._rng.choice((1, 1, 1, 2))):
            self._in(self._rng.choice(SOON_MS), lambda: RefundSettled(intent.payment_id, refund_id))

    def _capture_in(self, ms: int, intent: Intent, off_by_minor: int = 0) -> None:
        amount_minor = intent.amount_minor + off_by_minor

        def capture() -> ProviderCommand:
            payment_id, currency = intent.payment_id, intent.currency
            self.captured[payment_id] = Captured(payment_id, amount_minor, currency)
            return PaymentApproved(payment_id, amount_minor, currency)

        self._in(ms, capture)

    def _decline_in(self, ms: int, intent: Intent) -> None:
        self._in(ms, lambda: PaymentDeclined(intent.payment_id, "no cover"))

    def _in(self, ms: int, says: Callable[[], ProviderCommand]) -> None:
        self._clock.after(ms, lambda: self._tell(says()))
