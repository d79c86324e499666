"""The cashier: asks the provider for what the log says is due, and brings its answers to the room.

Owns the outbox to the provider. What is due is state (`books.unsettled`), not memory of this
process: a new owner asks again for everything that has no answer yet, and the provider knows
repeats by their reference. Refuses to decide: an answer goes through the inbox and is decided like
every command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final, cast, get_args

from redis import asyncio as aioredis
from redis.exceptions import RedisError

from cart.books import Books
from cart.events import (
    OrderCancelled,
    OrderDefaulted,
    OrderRefunded,
    OrderRefundedPartly,
    PaymentReturned,
    PaymentStarted,
)
from cart.fact import Fact
from cart.order import Payment, PaymentStatus
from cart.refund import Refund
from livestream.absence import Absence
from livestream.commands import Envelope, ProviderCommand
from livestream.inbox import Inbox
from livestream.payments.provider import Intent, PaymentProvider, RefundIntent
from livestream.payments.statement import Movement, write_down

#: Answers that go into one inbox entry.
BATCH_MAX: Final = 500
RETRY_S: Final = 0.2

#: Facts on which the provider is asked for something. Most are none, so they are told by a look at
#: their type, which costs a fifth of `isinstance`.
_Back = PaymentReturned | OrderRefunded | OrderRefundedPartly | OrderDefaulted | OrderCancelled
_Due = PaymentStarted | _Back
_DUE: Final = frozenset(get_args(_Due))


class Cashier:
    """One room's dealings with the provider, while this process owns the room."""

    def __init__(self, room: str, books: Books, provider: PaymentProvider) -> None:
        self._room = room
        self._books = books
        self._provider = provider

    def resume(self) -> None:
        """Ask again for everything that the last owner left without an answer."""
        books = self._books
        for reference in list(books.unsettled):
            refund = books.refunds.get(reference)
            if refund is None:
                self._charge(books.payments[reference])
            else:
                self._refund(refund)

    def heed(self, facts: Iterable[Fact]) -> None:
        """Ask for what these committed facts make due."""
        for fact in facts:
            if type(fact) not in _DUE:
                continue
            if type(fact) is PaymentStarted:
                self._charge(self._books.payments[fact.payment_id])
            elif refund_id := cast(_Back, fact).refund_id:  # none: a deposit that is forfeited
                self._refund(self._books.refunds[refund_id])

    def _charge(self, payment: Payment) -> None:
        if payment.status in (PaymentStatus.STARTED, PaymentStatus.EXPIRED):
            self._provider.charge(
                Intent(
                    self._room,
                    payment.payment_id,
                    payment.token,
                    payment.amount_minor,
                    payment.currency,
                )
            )

    def _refund(self, refund: Refund) -> None:
        if not refund.settled:
            self._provider.refund(
                RefundIntent(
                    self._room,
                    refund.payment_id,
                    refund.refund_id,
                    refund.amount_minor,
                    refund.currency,
                )
            )


class ProviderMail:
    """Answers of the sandbox on their way into inboxes, batched, each after what the sandbox's
    account has of it. One for each process.
    """

    def __init__(self, redis: aioredis.Redis, inbox: Inbox, provider_name: str) -> None:
        self._redis = redis
        self._inbox = inbox
        self._actor = f"provider:{provider_name}"
        self._waiting: dict[str, list[tuple[ProviderCommand, Movement | None]]] = {}
        self._wake = asyncio.Event()
        self._absence = Absence("payments.inbox")

    def answer(self, room: str, command: ProviderCommand, moved: Movement | None = None) -> None:
        """Take an answer, and the money that it is about if any was moved; `run` delivers it."""
        self._waiting.setdefault(room, []).append((command, moved))
        self._wake.set()

    async def run(self) -> None:
        """Deliver for ever. While Redis is away answers wait here; what a crash loses is asked for
        again.
        """
        while True:
            await self._wake.wait()
            self._wake.clear()
            waiting, self._waiting = self._waiting, {}
            for room, answers in waiting.items():
                for first in range(0, len(answers), BATCH_MAX):
                    await self._deliver(room, answers[first : first + BATCH_MAX])

    async def _deliver(
        self, room: str, answers: list[tuple[ProviderCommand, Movement | None]]
    ) -> None:
        envelopes = [Envelope(0, self._actor, "provider", command) for command, _ in answers]
        movements = [moved for _, moved in answers if moved is not None]
        while True:
            try:
                # Both at once: an auditor who finds the inbox empty knows that what the account
                # had before is in the log.
                async with self._redis.pipeline(transaction=True) as pipe:
                    if movements:
                        write_down(pipe, room, movements)
                    self._inbox.add_to(pipe, room, envelopes)
                    await pipe.execute()
            except RedisError as error:
                self._absence.note(error)
                await asyncio.sleep(RETRY_S)
            else:
                self._absence.over()
                return
