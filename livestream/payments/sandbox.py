"""The sandbox provider: no money moves, everything else is as with a real one.

The token says how it behaves:

    tok_approve        approves at once
    tok_decline        declines at once
    tok_delay_<ms>     approves after so many milliseconds
    tok_late_<ms>      the same, for tests that mean "after the order expired"
    tok_twice          approves, and calls back a second time
    tok_late_decline   approves, then sends a decline that was overtaken
    anything else      is declined: unknown token

Owns that behaviour. Refuses to know orders.
"""

from __future__ import annotations

import asyncio
import re
from typing import Final

from livestream.commands import PaymentApproved, PaymentDeclined, ProviderCommand, RefundSettled
from livestream.payments.provider import Answer, Intent

_DELAYED = re.compile(r"tok_(?:delay|late)_(\d{1,8})")
SECOND_CALL_AFTER_S: Final = 0.05


class Sandbox:
    """A provider inside this process. Pending answers end with the process, as with a provider that
    is down; the next owner asks again.
    """

    name = "sandbox"

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def charge(self, intent: Intent) -> None:
        """Answer as the token says."""
        approved = PaymentApproved(intent.payment_id, intent.amount_minor, intent.currency)
        if delayed := _DELAYED.fullmatch(intent.token):
            self._later(int(delayed[1]) / 1_000, intent.room, approved)
            return
        match intent.token:
            case "tok_approve":
                self._answer(intent.room, approved)
            case "tok_twice":
                self._answer(intent.room, approved)
                self._later(SECOND_CALL_AFTER_S, intent.room, approved)
            case "tok_late_decline":
                self._answer(intent.room, approved)
                overtaken = PaymentDeclined(intent.payment_id, "overtaken")
                self._later(SECOND_CALL_AFTER_S, intent.room, overtaken)
            case "tok_decline":
                self._answer(intent.room, PaymentDeclined(intent.payment_id, "card declined"))
            case _:
                self._answer(intent.room, PaymentDeclined(intent.payment_id, "unknown token"))

    def refund(self, intent: Intent) -> None:
        """Settle at once."""
        self._answer(intent.room, RefundSettled(intent.payment_id))

    def _later(self, delay_s: float, room: str, command: ProviderCommand) -> None:
        asyncio.get_running_loop().call_later(delay_s, self._answer, room, command)
