"""The sandbox provider's own account of the money, and how it compares with a room's books.

A real provider keeps its own account, and a merchant reconciles the two. So does the sandbox: what
it captures and gives back is written down in a place of its own, which neither the log nor an
engine's death touches, before the call back about it.

Owns that account's place in Redis, and the comparison. Refuses to know orders.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, cast

import msgspec
from msgspec import Struct
from redis import asyncio as aioredis
from redis.asyncio.client import Pipeline

from cart.books import Books
from cart.money import Currency, format_minor
from cart.order import PaymentStatus
from livestream import keys

Kind = Literal["captured", "returned"]

#: Payments whose money the provider must have captured by now. One that waits for its answer may
#: have been captured a moment ago; a declined one was not, whatever comes later.
_OPEN: Final = (PaymentStatus.STARTED, PaymentStatus.EXPIRED)
_CAPTURED: Final = (PaymentStatus.CONFIRMED, PaymentStatus.REFUNDING, PaymentStatus.REFUNDED)


class Amount(Struct, frozen=True, gc=False, array_like=True):
    """Money, in minor units."""

    amount_minor: int
    currency: Currency

    def __str__(self) -> str:
        return format_minor(self.amount_minor, self.currency)


class Movement(Struct, frozen=True, gc=False, array_like=True):
    """Money that the provider moved. The same one said twice is one: a provider knows repeats, of a
    capture by the payment's name and of what it returned by the refund's.
    """

    payment_id: str
    kind: Kind
    amount: Amount
    refund_id: str = ""


_line = msgspec.json.Decoder(list[Movement])
#: Lines of the account that one read returns: 1,000 x at most 500 movements of about 60 bytes.
LINES_PER_READ: Final = 1_000


class Statement(Struct, frozen=True):
    """All that the provider captured in a room, by payment, and gave back, by refund."""

    captured: dict[str, Amount]
    returned: dict[str, Amount]

    def net_minor(self, currency: Currency) -> int:
        """What is left of it with the merchant."""
        return sum(
            sign * amount.amount_minor
            for sign, amounts in ((1, self.captured), (-1, self.returned))
            for amount in amounts.values()
            if amount.currency == currency
        )


def write_down(pipe: Pipeline, room: str, movements: list[Movement]) -> None:
    """Add to the account of a room, with what else `pipe` holds. One line of the account for all
    of them, because the client packs each argument of a command by itself.
    """
    pipe.rpush(keys.statement(room), msgspec.json.encode(movements))


async def read_statement(redis: aioredis.Redis, room: str) -> Statement:
    """The provider's account of a room.

    Raises:
        redis.exceptions.RedisError: Redis is away.
    """
    statement = Statement({}, {})
    first, lines = 0, [b""]
    while lines:
        lines = cast(
            list[bytes],
            await redis.lrange(keys.statement(room), first, first + LINES_PER_READ - 1),
        )
        first += len(lines)
        for line in lines:
            for moved in _line.decode(line):
                if moved.kind == "captured":
                    statement.captured[moved.payment_id] = moved.amount
                else:
                    statement.returned[moved.refund_id] = moved.amount
    return statement


def differences(books: Books, statement: Statement) -> Iterator[str]:
    """One sentence for each payment and each refund of which the room's books and the provider say
    different things. None while the two agree; what the provider owes an answer on is left out.
    """
    for payment_id in sorted(books.payments.keys() | statement.captured.keys()):
        payment = books.payments.get(payment_id)
        if payment is None:
            yield f"{payment_id}: the provider moved money for a payment that is not in the books"
        elif payment.status not in _OPEN:
            # Money that came in another amount goes back as it came: the refund has it.
            theirs = statement.captured.get(payment_id)
            wrong = [r for r in books.refunds_of(payment) if not r.lines]
            ours = wrong[0] if wrong else payment
            expected = Amount(ours.amount_minor, ours.currency)
            if theirs != (expected if payment.status in _CAPTURED else None):
                yield (
                    f"{payment_id}: captured {theirs or 'nothing'} by the provider's account, "
                    f"but the books have it {payment.status.value} with {expected}"
                )
    for refund_id in sorted(books.refunds.keys() | statement.returned.keys()):
        refund = books.refunds.get(refund_id)
        if refund is None:
            yield f"{refund_id}: the provider gave money back for a refund that is not in the books"
        elif refund.settled:
            returned = statement.returned.get(refund_id)
            expected = Amount(refund.amount_minor, refund.currency)
            if returned != expected:
                yield (
                    f"{refund_id}: returned {returned or 'nothing'} by the provider's account, "
                    f"but the books have it settled with {expected}"
                )
