"""When Redis is away: viewers stay, commands are answered `busy` at once, and then it goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator

import pytest

from livestream import commands
from livestream.embedded_redis import EmbeddedRedis
from tests.livestream.gateway.stage import Person, Stage, staged
from tests.processes import kill_9


@pytest.fixture
async def lonely(private_redis: EmbeddedRedis, room: str) -> AsyncIterator[Stage]:
    """A stage on a Redis that may be killed."""
    async with staged(private_redis.url, room) as stage:
        yield stage


async def first_success(person: Person, kind: str, **fields: object) -> float:
    """Ask again with the same id, as told, until it works; the seconds it took."""
    started_s = time.monotonic()
    async with asyncio.timeout(15):
        while True:
            reply = await person.ask(kind, **fields)
            if reply["ok"]:
                return time.monotonic() - started_s
            assert reply["error"]["code"] == "busy", reply
            await asyncio.sleep(0.05)


async def test_without_redis_viewers_stay_and_are_told_at_once(
    lonely: Stage, private_redis: EmbeddedRedis
) -> None:
    await lonely.open_drop()
    anna, bob = await lonely.join("anna"), await lonely.join("bob")
    await anna.result("cart.add", sku="santos", id="mine")

    kill_9(private_redis)

    for _ in range(5):
        asked_s = time.monotonic()
        busy = await bob.error("cart.add", sku="santos", id="his")
        assert (busy["code"], busy["retryable"]) == ("busy", True)
        assert busy["retry_after_ms"] > 0
        assert time.monotonic() - asked_s < 0.5
    assert (await bob.error("chat.send", text="hello?"))["code"] == "busy"
    assert await bob.result("like", count=1) == {"count": 1}

    private_redis.start()

    assert await first_success(bob, "cart.add", sku="santos", id="his") < 10
    cart = await anna.result("cart.show")
    assert [hold["hold_id"] for hold in cart["holds"]] == ["h1"], "acknowledged, so it is kept"
    assert len((await bob.result("cart.show"))["holds"]) == 1
    await lonely.command(commands.Announce("we are back"))
    for person in (anna, bob):
        await person.frame("announcement")
        seqs = [frame["seq"] for frame in person.public()]
        assert seqs == sorted(set(seqs))


async def test_nothing_said_on_air_is_missed_while_redis_is_away(
    lonely: Stage, private_redis: EmbeddedRedis
) -> None:
    await lonely.open_drop(supply=1)
    anna, bob = await lonely.join("anna"), await lonely.join("bob")
    await anna.result("cart.add", sku="santos")
    kill_9(private_redis)
    await asyncio.sleep(0.3)
    private_redis.start()
    await first_success(anna, "checkout", checkout_id="c1")
    await first_success(anna, "order.pay", order_id="o1", payment_token="tok_approve")
    assert await bob.frame("drop.sold_out")
    await bob.frame("stock.changed", sold=1)
    resumed = await lonely.resume("bob", (1, bob.welcome["seq"]))
    while resumed.since < bob.since:
        await resumed.next()
    assert resumed.public() == bob.public()


async def test_an_answer_that_was_said_while_nobody_listened_is_asked_for_again(
    lonely: Stage,
) -> None:
    """The subscription breaks, Redis does not: the answer is published and reaches nobody."""
    await lonely.open_drop()
    anna = await lonely.join("anna")
    await lonely.stop_engine()
    await anna.say("cart.add", sku="santos", id="mine")
    await asyncio.sleep(0.1)
    await lonely.redis.client_kill_filter(_type="pubsub")
    asked_s = time.monotonic()
    silent = await anna.frame("reply", to="mine")
    assert silent["error"]["code"] == "busy"
    assert time.monotonic() - asked_s < 5, "long before the time for an answer is over"
    await lonely.start_engine()
    await first_success(anna, "cart.add", sku="santos", id="mine")
    assert len((await anna.result("cart.show"))["holds"]) == 1


async def test_a_frozen_redis_does_not_freeze_the_gateway(
    lonely: Stage, private_redis: EmbeddedRedis
) -> None:
    await lonely.open_drop()
    anna = await lonely.join("anna")
    assert private_redis.pid is not None
    os.kill(private_redis.pid, signal.SIGSTOP)
    try:
        await anna.say("cart.add", sku="santos", id="mine")
        assert await anna.result("like", count=1) == {"count": 1}
        assert await anna.result("attention", level="commerce") == {"level": "commerce"}
    finally:
        os.kill(private_redis.pid, signal.SIGCONT)
    assert (await anna.frame("reply", to="mine"))["ok"]
