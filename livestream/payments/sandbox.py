"""The sandbox provider: no money moves, everything else is as with a real one.

The token says how it behaves:

    tok_approve        approves at once
    tok_decline        declines at once
    tok_delay_<ms>     approves after so many milliseconds
    tok_late_<ms>      the same, for tests that mean "after the order expired"
    tok_twice          approves, and calls back a second time
    tok_late_decline   approves, then sends a decline that was overtaken
    anything else      is declined: unknown token

With each answer goes what it captured or gave back, for its account (`statement`).

Owns that behaviour. Refuses to know orders.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Final

from livestream.commands import PaymentApproved, PaymentDeclined, ProviderCommand, RefundSettled
from livestream.payments.provider import Intent, RefundIntent
from livestream.payments.statement import Amount, Movement

_DELAYED = re.compile(r"tok_(?:delay|late)_(\d{1,8})")
SECOND_CALL_AFTER_S: Final = 0.05

#: As a provider's `Answer`, with the money that was moved, if any was, for the account.
SandboxAnswer = Callable[[str, ProviderCommand, Movement | None], None]


class Sandbox:
    """A provider inside this process. Pending answers end with the process, as with a provider that
    is down; the next owner asks again.
    """

    name = "sandbox"

    def __init__(self, answer: SandboxAnswer) -> None:
        self._answer = answer

    def charge(self, intent: Intent) -> None:
        """Answer as the token says."""
        match intent.token:
            case "tok_approve":
                self._capture(intent)
            case "tok_twice":
                self._capture(intent)
                self._later(SECOND_CALL_AFTER_S, self._capture, intent)
            case "tok_late_decline":
                self._capture(intent)
                self._later(SECOND_CALL_AFTER_S, self._decline, intent, "overtaken")
            case "tok_decline":
                self._decline(intent, "card declined")
            case token:
                if delayed := _DELAYED.fullmatch(token):
                    self._later(int(delayed[1]) / 1_000, self._capture, intent)
                else:
                    self._decline(intent, "unknown token")

    def refund(self, intent: RefundIntent) -> None:
        """Settle at once."""
        moved = Movement(intent.payment_id, "returned", _amount(intent), intent.refund_id)
        self._answer(intent.room, RefundSettled(intent.payment_id, intent.refund_id), moved)

    def _capture(self, intent: Intent) -> None:
        moved = Movement(intent.payment_id, "captured", _amount(intent))
        approved = PaymentApproved(intent.payment_id, intent.amount_minor, intent.currency)
        self._answer(intent.room, approved, moved)

    def _decline(self, intent: Intent, reason: str) -> None:
        self._answer(intent.room, PaymentDeclined(intent.payment_id, reason), None)

    def _later(self, delay_s: float, act: Callable[..., None], *arguments: object) -> None:
        asyncio.get_running_loop().call_later(delay_s, act, *arguments)


def _amount(intent: Intent | RefundIntent) -> Amount:
    return Amount(intent.amount_minor, intent.currency)
