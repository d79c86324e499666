"""The sandbox provider: as badly behaved as its token says, and honest about the money."""

import asyncio

import pytest

from livestream.commands import PaymentApproved, PaymentDeclined, ProviderCommand, RefundSettled
from livestream.payments.provider import Intent, RefundIntent
from livestream.payments.sandbox import SECOND_CALL_AFTER_S, Sandbox
from livestream.payments.statement import Amount, Movement

APPROVED = PaymentApproved("o1-p1", 28_800, "CNY")
CAPTURED = Movement("o1-p1", "captured", Amount(28_800, "CNY"))


class Listener:
    """Whoever the provider calls back."""

    def __init__(self) -> None:
        self.heard: list[ProviderCommand] = []
        self.moved: list[Movement | None] = []
        self.sandbox = Sandbox(self.hear)

    def hear(self, _room: str, command: ProviderCommand, moved: Movement | None) -> None:
        self.heard.append(command)
        self.moved.append(moved)

    def charge(self, token: str) -> None:
        self.sandbox.charge(Intent("r", "o1-p1", token, 28_800, "CNY"))


async def test_it_approves_at_once() -> None:
    listener = Listener()
    listener.charge("tok_approve")
    assert listener.heard == [APPROVED]
    assert listener.moved == [CAPTURED]


@pytest.mark.parametrize(
    ("token", "reason"), [("tok_decline", "card declined"), ("tok_bogus", "unknown token")]
)
async def test_it_declines_with_a_reason(token: str, reason: str) -> None:
    listener = Listener()
    listener.charge(token)
    assert listener.heard == [PaymentDeclined("o1-p1", reason)]
    assert listener.moved == [None]


@pytest.mark.parametrize("token", ["tok_delay_30", "tok_late_30"])
async def test_it_approves_later(token: str) -> None:
    listener = Listener()
    listener.charge(token)
    assert listener.heard == []
    await asyncio.sleep(0.1)
    assert listener.heard == [APPROVED]


async def test_it_calls_back_twice() -> None:
    listener = Listener()
    listener.charge("tok_twice")
    await asyncio.sleep(SECOND_CALL_AFTER_S * 2)
    assert listener.heard == [APPROVED, APPROVED]


async def test_it_sends_a_decline_that_was_overtaken() -> None:
    listener = Listener()
    listener.charge("tok_late_decline")
    await asyncio.sleep(SECOND_CALL_AFTER_S * 2)
    assert listener.heard == [APPROVED, PaymentDeclined("o1-p1", "overtaken")]
    assert listener.moved == [CAPTURED, None]


async def test_it_settles_refunds() -> None:
    listener = Listener()
    listener.sandbox.refund(RefundIntent("r", "o1-p1", "o1-p1-r2", 8_800, "CNY"))
    assert listener.heard == [RefundSettled("o1-p1", "o1-p1-r2")]
    assert listener.moved == [Movement("o1-p1", "returned", Amount(8_800, "CNY"), "o1-p1-r2")]


def test_references_are_unique_over_rooms() -> None:
    one = Intent("r", "o1-p1", "t", 1, "CNY").reference
    other = Intent("s", "o1-p1", "t", 1, "CNY").reference
    assert one != other
    assert RefundIntent("r", "o1-p1", "o1-p1-r1", 1, "CNY").reference not in (one, other)
