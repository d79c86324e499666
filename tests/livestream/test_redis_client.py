"""Opening Redis, and judging a Redis that somebody else set up."""

import asyncio
import os
import re
import signal
import time
from collections.abc import Callable

import pytest
import uvloop
from redis import asyncio as aioredis
from redis import exceptions

from livestream import redis_client
from livestream.embedded_redis import EmbeddedRedis
from livestream.redis_client import inspect, open_redis
from metrics import catalog
from tests.processes import eventually, kill_9


async def test_the_private_redis_gives_no_cause_for_warnings(redis: aioredis.Redis) -> None:
    assert await inspect(redis) == []


@pytest.mark.parametrize(
    ("setting", "value", "warning"),
    [
        ("appendonly", "no", "keeps no append-only file"),
        ("appendfsync", "everysec", r"flushes .* late \(appendfsync everysec\)"),
        ("maxmemory-policy", "allkeys-lru", r"may evict keys \(maxmemory-policy allkeys-lru\)"),
    ],
)
async def test_a_setting_that_loses_orders_gets_a_warning_that_names_it(
    private_redis: EmbeddedRedis, setting: str, value: str, warning: str
) -> None:
    client = open_redis(private_redis.url)
    await client.config_set(setting, value)
    (said,) = await inspect(client)
    await client.aclose()
    assert re.search(warning, said)


async def test_what_redis_hides_is_said_to_be_unchecked(private_redis: EmbeddedRedis) -> None:
    client = open_redis(private_redis.url)
    await client.execute_command("ACL", "SETUSER", "default", "-config")
    (config_hidden,) = await inspect(client)
    await client.execute_command("ACL", "SETUSER", "default", "-info")
    (all_hidden,) = await inspect(client)
    await client.aclose()
    assert "could not be checked that appendfsync is always" in config_hidden
    assert "was not checked" in all_hidden


async def test_a_redis_older_than_6_2_gets_a_warning(
    redis: aioredis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The oldest we accept is moved, as no Redis of 2020 is at hand; the server stays real.
    monkeypatch.setattr(redis_client, "OLDEST_VERSION", (99, 0))
    (said,) = await inspect(redis)
    assert "is older than" in said


async def test_a_subscription_may_be_silent_for_longer_than_a_reply_may_take(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_client, "REPLY_TIMEOUT_S", 0.2)
    client = open_redis(redis_url)
    async with client.pubsub() as pubsub:
        await pubsub.subscribe("chat")
        assert (await anext(pubsub.listen()))["type"] == "subscribe"
        listening = asyncio.ensure_future(anext(pubsub.listen()))
        await asyncio.sleep(0.6)
        assert not listening.done()
        await client.publish("chat", "bonsoir")
        assert (await listening)["data"] == b"bonsoir"
    await client.aclose()


async def test_a_frozen_redis_is_an_error_in_time_not_a_hang(
    private_redis: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_client, "REPLY_TIMEOUT_S", 0.2)
    client = open_redis(private_redis.url)
    await client.ping()
    assert private_redis.pid is not None
    os.kill(private_redis.pid, signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(exceptions.TimeoutError):
        await client.ping()
    assert time.monotonic() - started < 2
    os.kill(private_redis.pid, signal.SIGCONT)
    assert await client.ping()
    await client.aclose()


async def test_a_command_is_not_repeated_behind_the_callers_back(
    private_redis: EmbeddedRedis,
) -> None:
    client = open_redis(private_redis.url)
    blocked = asyncio.ensure_future(client.blpop(["queue"], timeout=5))

    async def is_blocked() -> bool:
        return int((await client.info("clients"))["blocked_clients"]) == 1

    assert await eventually(5, is_blocked)
    kill_9(private_redis)
    with pytest.raises(exceptions.ConnectionError):
        await blocked
    private_redis.start()
    assert await client.ping()
    await client.aclose()


@pytest.mark.parametrize("turns", range(12))
async def test_a_task_that_speaks_to_redis_can_be_cancelled_at_any_moment(
    redis: aioredis.Redis, turns: int
) -> None:
    async def speak() -> None:
        while True:
            await redis.ping()

    await redis.ping()
    task = asyncio.create_task(speak())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=2)
    task.cancel()
    assert task in done
    assert await redis.ping(), "and the next command gets its own reply"


@pytest.mark.parametrize("turns", range(2, 14))
@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_task_whose_connections_break_fails_as_a_connection_and_can_be_cancelled(
    redis_url: str, turns: int, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_speak_while_connections_break(redis_url, turns))


async def _speak_while_connections_break(redis_url: str, turns: int) -> None:
    redis, breaker = open_redis(redis_url), open_redis(redis_url)
    failures = 0

    async def speak() -> None:
        nonlocal failures
        while True:
            try:
                await redis.ping()
            except exceptions.ConnectionError:
                failures += 1

    async with asyncio.timeout(20):
        for _ in range(20):
            tasks = [asyncio.create_task(speak()) for _ in range(3)]
            for _ in range(5):
                for _ in range(turns):
                    await asyncio.sleep(0)
                await breaker.client_kill_filter(_type="normal", skipme=True)
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(end) for end in ended] == [asyncio.CancelledError] * 3
    assert failures > 0
    assert await redis.ping()
    await redis.aclose()
    await breaker.aclose()


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="scheme"):
        open_redis("http://127.0.0.1")


def count(operation: str) -> float:
    """Calls of that kind that the control role has timed so far."""
    return _sample("livestream_redis_seconds_count", role="control", operation=operation)


def failures(kind: str) -> float:
    return _sample("livestream_redis_errors_total", role="control", kind=kind)


def _sample(name: str, **labels: str) -> float:
    return catalog.REGISTRY.get_sample_value(name, labels) or 0.0


async def test_each_call_of_a_role_is_timed_under_its_kind(redis_url: str, room: str) -> None:
    client = open_redis(redis_url, "control")
    kinds = ("read", "write", "stream", "publish", "script", "pipeline")
    before = {kind: count(kind) for kind in kinds}
    await client.get(room)
    await client.set(room, 1)
    await client.xadd(f"{room}:s", {b"a": b"b"})
    await client.publish(room, b"x")
    await client.register_script("return 1")()
    async with client.pipeline(transaction=False) as pipe:
        pipe.get(room)
        pipe.get(room)
        await pipe.execute()
    await client.xread({f"{room}:s": "0"})  # may wait for news, so its time says nothing
    await client.delete(room, f"{room}:s")
    await client.aclose()
    grown = {kind: count(kind) - before[kind] for kind in kinds}
    # The script is not known at first: it is loaded, and called again.
    assert grown.pop("script") in (1, 2)
    assert grown == {"read": 1, "write": 2, "stream": 1, "publish": 1, "pipeline": 1}


async def test_a_call_without_a_role_is_nobody_s(redis: aioredis.Redis) -> None:
    before = count("read")
    await redis.get("nothing")
    assert count("read") == before


async def test_a_failing_redis_is_counted_and_an_answer_is_not(
    private_redis: EmbeddedRedis,
) -> None:
    client = open_redis(private_redis.url, "control")
    before = {kind: failures(kind) for kind in ("connection", "timeout", "other")}
    await client.register_script("return 1")()  # NOSCRIPT at first
    with pytest.raises(exceptions.ResponseError, match="FENCED"):
        await client.register_script("return redis.error_reply('FENCED so it is')")()
    assert {kind: failures(kind) for kind in before} == before
    with pytest.raises(exceptions.ResponseError):
        await client.execute_command("INCR")
    kill_9(private_redis)
    with pytest.raises(exceptions.ConnectionError):
        await client.get("a")
    async with client.pipeline(transaction=False) as pipe:
        pipe.get("a")
        with pytest.raises(exceptions.ConnectionError):
            await pipe.execute()
    await client.aclose()
    grown = {kind: failures(kind) - before[kind] for kind in before}
    assert grown == {"connection": 2, "timeout": 0, "other": 1}
