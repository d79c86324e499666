"""What the sandbox says reaches the inbox after its account has it, and never without."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from redis import asyncio as aioredis

from livestream import keys
from livestream.commands import PaymentApproved, PaymentDeclined, RefundSettled
from livestream.embedded_redis import EmbeddedRedis
from livestream.inbox import Inbox
from livestream.payments.cashier import ProviderMail
from livestream.payments.statement import Amount, Movement, read_statement
from livestream.redis_client import StreamEntries, open_redis
from livestream.wire import decode_batch
from tests.processes import eventually, kill_9

PRICE = Amount(28_800, "CNY")
APPROVED = PaymentApproved("p1", 28_800, "CNY")
CAPTURED = Movement("p1", "captured", PRICE)


@asynccontextmanager
async def delivering(redis: aioredis.Redis) -> AsyncIterator[ProviderMail]:
    mail = ProviderMail(redis, Inbox(redis, "p-test"), "sandbox")
    running = asyncio.create_task(mail.run())
    yield mail
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def delivered(redis: aioredis.Redis, room: str, answers: int) -> list[object]:
    """The answers in the inbox, once there are that many."""
    found: list[object] = []

    async def all_there() -> bool:
        entries = cast(StreamEntries, await redis.xrange(keys.inbox(room)))
        found[:] = [e.command for _, fields in entries for e in decode_batch(fields[b"b"])]
        return len(found) >= answers

    assert await eventually(5, all_there)
    return found


async def test_answers_arrive_in_order_and_the_account_has_the_money(
    redis: aioredis.Redis, room: str
) -> None:
    declined, settled = PaymentDeclined("p2", "card declined"), RefundSettled("p1", "p1-r1")
    async with delivering(redis) as mail:
        mail.answer(room, APPROVED, CAPTURED)
        mail.answer(room, declined)
        mail.answer(room, settled, Movement("p1", "returned", PRICE, "p1-r1"))
        assert await delivered(redis, room, 3) == [APPROVED, declined, settled]
    statement = await read_statement(redis, room)
    assert (statement.captured, statement.returned) == ({"p1": PRICE}, {"p1-r1": PRICE})
    assert statement.net_minor("CNY") == 0


async def test_being_asked_again_moves_no_money_twice(redis: aioredis.Redis, room: str) -> None:
    async with delivering(redis) as mail:
        for _ in range(3):
            mail.answer(room, APPROVED, CAPTURED)
            await asyncio.sleep(0.02)
        assert await delivered(redis, room, 3) == [APPROVED] * 3
    assert (await read_statement(redis, room)).net_minor("CNY") == 28_800


async def test_while_redis_is_away_both_wait(private_redis: EmbeddedRedis) -> None:
    redis = open_redis(private_redis.url)
    async with delivering(redis) as mail:
        kill_9(private_redis)
        mail.answer("r", APPROVED, CAPTURED)
        await asyncio.sleep(0.1)
        private_redis.start()
        assert APPROVED in await delivered(redis, "r", 1)
        assert (await read_statement(redis, "r")).captured == {"p1": PRICE}
    await redis.aclose()
