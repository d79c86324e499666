"""The sandbox provider's own account of the money, and how it compares with a room's books.

A real provider keeps its own account, and a merchant reconciles the two. So does the sandbox: what
it captures and gives back is written down in a place of its own, which neither the log nor an
engine's death touches, before the call back about it.

Owns that account's place in Redis, and the comparison. Refuses to know orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal, cast

from msgspec import Struct
from redis import asyncio as aioredis
from redis.asyncio.client import Pipeline

from cart.counter import Books
from cart.money import Currency, format_minor
from cart.order import PaymentStatus
from livestream import keys

Kind = Literal["captured", "returned"]

#: What the books say of a payment, and what the provider must have done with it by then. A started
#: one may have been captured a moment ago; a declined one was not, whatever comes later.
_EXPECTED: Final[dict[PaymentStatus, tuple[Kind, ...]]] = {
    PaymentStatus.CONFIRMED: ("captured",),
    PaymentStatus.REFUNDED: ("captured", "returned"),
}
_OPEN: Final = (PaymentStatus.STARTED, PaymentStatus.REFUNDING)


class Amount(Struct, frozen=True):
    """Money, in minor units."""

    amount_minor: int
    currency: Currency

    def __str__(self) -> str:
        return format_minor(self.amount_minor, self.currency)


class Movement(Struct, frozen=True):
    """Money that the provider moved. The same one said twice is one: a provider knows repeats."""

    payment_id: str
    kind: Kind
    amount: Amount


class Statement(Struct, frozen=True):
    """All that the provider captured and gave back in a room, by payment."""

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


def write_down(pipe: Pipeline, room: str, movements: Iterable[Movement]) -> None:
    """Add to the account of a room, with what else `pipe` holds."""
    lines: dict[Any, Any] = {
        f"{moved.kind}:{moved.payment_id}": f"{moved.amount.amount_minor} {moved.amount.currency}"
        for moved in movements
    }
    pipe.hset(keys.statement(room), mapping=lines)


async def read_statement(redis: aioredis.Redis, room: str) -> Statement:
    """The provider's account of a room.

    Raises:
        redis.exceptions.RedisError: Redis is away.
    """
    statement = Statement({}, {})
    lines = cast(dict[bytes, bytes], await redis.hgetall(keys.statement(room)))
    for name, line in lines.items():
        kind, payment_id = name.decode().split(":", 1)
        amount_minor, currency = line.decode().split()
        amounts = statement.captured if kind == "captured" else statement.returned
        amounts[payment_id] = Amount(int(amount_minor), cast(Currency, currency))
    return statement


def differences(books: Books, statement: Statement) -> Iterator[str]:
    """One sentence for each payment of which the room's books and the provider say different
    things. None while the two agree; what the provider owes an answer on is left out.
    """
    moved = statement.captured.keys() | statement.returned.keys()
    for payment_id in sorted(books.payments.keys() | moved):
        payment = books.payments.get(payment_id)
        if payment is None:
            yield f"{payment_id}: the provider moved money for a payment that is not in the books"
        elif payment.status not in _OPEN:
            expected = _EXPECTED.get(payment.status, ())
            ours = Amount(payment.amount_minor, payment.currency)
            for kind, amounts in (
                ("captured", statement.captured),
                ("returned", statement.returned),
            ):
                theirs = amounts.get(payment_id)
                if theirs != (ours if kind in expected else None):
                    yield (
                        f"{payment_id}: {kind} {theirs or 'nothing'} by the provider's account, "
                        f"but the books have it {payment.status.value} with {ours}"
                    )
