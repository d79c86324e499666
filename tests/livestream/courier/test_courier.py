"""The courier with a real receiver that fails, delays, is away; and couriers that are killed."""

import asyncio
import os
import signal
import sys
from functools import partial
from typing import Any

import pytest
from prometheus_client import Gauge
from redis import asyncio as aioredis

from livestream import keys
from livestream.courier import mail
from livestream.courier.outbox import Retry
from livestream.courier.store import Store
from livestream.embedded_redis import EmbeddedRedis
from livestream.redis_client import open_redis
from metrics import catalog
from tests.livestream.courier.receiver import (
    BOUGHT,
    SECRET,
    carrying,
    receiving,
    selling,
    write_log,
)
from tests.livestream.stage import Stage
from tests.processes import eventually

PATIENT = Retry(first_ms=20, longest_ms=80, attempts_max=1_000)


async def stand_at(store: Store, room: str, counts: tuple[int, int]) -> None:
    """Wait until so many wait and so many are dead."""

    async def so_many() -> bool:
        return await store.counts(room) == counts

    assert await eventually(40, so_many), await store.counts(room)


async def test_every_event_arrives_signed_and_once(redis: aioredis.Redis, room: str) -> None:
    stage = selling(room)
    for viewer in ("wang", "li", "zhao"):
        stage.buy(viewer)
    await write_log(redis, room, stage.log)
    async with receiving() as receiver, carrying(redis, receiver.url):
        await receiver.has(9)
        stage.buy("sun")
        await write_log(redis, room, stage.log)
        await receiver.has(12)
    assert [receiver.of(f"o{n}") for n in (1, 2, 3, 4)] == [BOUGHT] * 4
    assert (len(receiver.arrived), receiver.unsigned) == (12, [])
    assert await Store(redis).counts(room) == (0, 0)


async def test_nothing_of_a_rehearsal_reaches_the_merchant(
    redis: aioredis.Redis, room: str
) -> None:
    rehearsal, earnest = Stage(f"{room}-sandbox"), selling(room)
    rehearsal.begin(sandbox=True)
    rehearsal.sell(supply=50, limit=10)
    rehearsal.buy("wang")
    earnest.buy("li")
    await write_log(redis, f"{room}-sandbox", rehearsal.log)
    async with receiving() as receiver:
        for viewer in ("zhao", "sun"):  # a courier that begins, and one that goes on
            async with carrying(redis, receiver.url):
                rehearsal.buy(viewer)
                await write_log(redis, f"{room}-sandbox", rehearsal.log)
                earnest.buy(viewer)
                await write_log(redis, room, earnest.log)
                await receiver.has(6 if viewer == "zhao" else 9)
                await eventually(20, partial(taken_to_the_end, redis, f"{room}-sandbox"))
    assert {event["data"]["room"] for _, event in receiver.arrived} == {room}


async def taken_to_the_end(redis: aioredis.Redis, room: str) -> bool:
    tail: Any = await redis.xrevrange(keys.log(room), count=1)
    return (await Store(redis).place(room)).seq == int(tail[0][0].split(b"-")[0])


async def test_a_receiver_that_fails_is_tried_again_and_each_order_keeps_its_order(
    redis: aioredis.Redis, room: str
) -> None:
    stage = selling(room)
    for viewer in ("wang", "li", "zhao", "sun"):
        stage.buy(viewer)
    await write_log(redis, room, stage.log)

    async def fails_at_first(event: dict[str, Any], arrival: int) -> int:
        return 500 if arrival <= event["data"]["seq"] % 3 else 200

    async with receiving() as receiver, carrying(redis, receiver.url, PATIENT):
        receiver.behave = fails_at_first
        await receiver.has(12)
    assert [receiver.of(f"o{n}") for n in (1, 2, 3, 4)] == [BOUGHT] * 4
    assert len(receiver.arrived) > 12


async def test_an_order_whose_events_hang_holds_up_no_other(
    redis: aioredis.Redis, room: str
) -> None:
    stage = selling(room)
    for viewer in ("wang", "li", "zhao", "sun"):
        stage.buy(viewer)
    await write_log(redis, room, stage.log)
    let_go = asyncio.Event()

    async def hangs_for_the_first(event: dict[str, Any], arrival: int) -> int:
        if event["data"]["order"]["order_id"] == "o1":
            await let_go.wait()
        return 200

    async with receiving() as receiver, carrying(redis, receiver.url):
        receiver.behave = hangs_for_the_first
        await receiver.has(9)
        assert receiver.of("o1") == []
        let_go.set()
        await receiver.has(12)
    assert receiver.of("o1") == BOUGHT


async def test_posts_under_way_are_bounded(redis: aioredis.Redis, room: str) -> None:
    stage = selling(room, supply=60)
    for number in range(60):
        stage.buy(f"v{number}")
    await write_log(redis, room, stage.log)

    async def slow(event: dict[str, Any], arrival: int) -> int:
        await asyncio.sleep(0.05)
        return 200

    async with receiving() as receiver, carrying(redis, receiver.url):
        receiver.behave = slow
        await receiver.has(180, timeout_s=30)
    assert 2 < receiver.under_way_max <= 32


async def _shown(gauge: Gauge, value: float) -> bool:
    ((sample,),) = [metric.samples for metric in gauge.collect()]
    return bool(sample.value == value)


async def test_what_fails_too_often_is_given_up_with_what_follows_and_replayed_in_order(
    redis: aioredis.Redis, room: str
) -> None:
    stage = selling(room)
    order_id = stage.place("wang")
    stage.buy("li")
    await write_log(redis, room, stage.log)
    mended = False

    async def refuses_the_first(event: dict[str, Any], arrival: int) -> int:
        return 200 if mended or event["data"]["order"]["order_id"] != order_id else 422

    store = Store(redis)
    async with receiving() as receiver, carrying(redis, receiver.url):
        receiver.behave = refuses_the_first
        await stand_at(store, room, (0, 1))
        stage.approve(stage.pay("wang", order_id))
        await write_log(redis, room, stage.log)
        await stand_at(store, room, (0, 3))
        assert receiver.of("o2") == BOUGHT
        first, *behind = await store.dead(room)
        assert (first.error, first.attempts) == ("status 422", 4)
        assert [letter.attempts for letter in behind] == [0, 0]
        assert await eventually(5, lambda: _shown(catalog.WEBHOOKS_DEAD, 3))
        mended = True
        await store.wish_replay(room, [order_id])
        await receiver.has(6)
    assert receiver.of(order_id) == BOUGHT
    assert await store.counts(room) == (0, 0)


async def test_dead_letters_outlive_their_courier(redis: aioredis.Redis, room: str) -> None:
    stage = selling(room)
    order_id = stage.place("wang")
    await write_log(redis, room, stage.log)
    store = Store(redis)

    async def refuses(event: dict[str, Any], arrival: int) -> int:
        return 500

    async with receiving() as receiver:
        receiver.behave = refuses
        async with carrying(redis, receiver.url):
            await stand_at(store, room, (0, 1))
        stage.approve(stage.pay("wang", order_id))
        await write_log(redis, room, stage.log)
        await store.wish_replay(room, [order_id])
        receiver.behave = accepts
        async with carrying(redis, receiver.url):
            await receiver.has(3)
    assert receiver.of(order_id) == BOUGHT


async def accepts(event: dict[str, Any], arrival: int) -> int:
    return 200


async def test_a_receiver_that_is_away_costs_no_event_and_no_more_memory_than_allowed(
    redis: aioredis.Redis, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "WAITING_MAX", 6)
    stage = selling(room)
    for number in range(20):
        stage.buy(f"v{number}")
    await write_log(redis, room, stage.log)
    store = Store(redis)

    async def away(event: dict[str, Any], arrival: int) -> int:
        return 503

    async with receiving() as receiver, carrying(redis, receiver.url, PATIENT):
        receiver.behave = away
        await asyncio.sleep(1)
        waiting, dead = await store.counts(room)
        assert (waiting <= 8, dead) == (True, 0), "the rest waits in the log"
        receiver.behave = accepts
        await receiver.has(60)
    assert all(receiver.of(f"o{n}") == BOUGHT for n in range(1, 21))


async def test_one_works_and_the_other_goes_on_where_it_stopped(
    redis: aioredis.Redis, room: str
) -> None:
    stage = selling(room)
    stage.buy("wang")
    await write_log(redis, room, stage.log)
    async with receiving() as receiver:
        async with carrying(redis, receiver.url, lease_ms=400):
            await receiver.has(3)
            async with carrying(redis, receiver.url, lease_ms=400) as other:
                await asyncio.sleep(0.6)
                assert await redis.get(keys.COURIER) != other.name.encode()
        async with carrying(redis, receiver.url, lease_ms=400):
            stage.buy("li")
            await write_log(redis, room, stage.log)
            await receiver.has(6)
    assert len(receiver.arrived) == 6, "and said nothing twice"


async def test_after_a_redis_that_came_back_with_less_nothing_new_is_missed(
    redis: aioredis.Redis, room: str
) -> None:
    stage, other = selling(room), selling(room)
    stage.buy("wang")
    stage.buy("li")
    await write_log(redis, room, stage.log)
    async with receiving() as receiver:
        async with carrying(redis, receiver.url):
            await receiver.has(6)
        # The end of the log is lost; the next owner writes other records in its place.
        other.take_over()
        for viewer in ("zhao", "sun", "qian"):
            other.buy(viewer)
        await redis.delete(keys.log(room))
        await write_log(redis, room, other.log)
        async with carrying(redis, receiver.url):
            await receiver.has(15)
    viewers = {event["data"]["order"]["viewer"] for _, event in receiver.taken}
    assert viewers == {"wang", "li", "zhao", "sun", "qian"}


async def test_while_redis_is_away_nothing_is_lost(private_redis: EmbeddedRedis, room: str) -> None:
    redis = open_redis(private_redis.url)
    stage = selling(room)
    stage.buy("wang")
    await write_log(redis, room, stage.log)
    try:
        async with receiving() as receiver, carrying(redis, receiver.url, PATIENT):
            await receiver.has(3)
            private_redis.stop()
            await asyncio.sleep(0.3)
            private_redis.start()
            stage.buy("li")
            await write_log(redis, room, stage.log)
            await receiver.has(6)
        assert receiver.of("o2") == BOUGHT
    finally:
        await redis.aclose()


async def test_a_courier_that_is_killed_leaves_the_rest_to_the_next(
    redis: aioredis.Redis, redis_url: str, room: str
) -> None:
    stage = selling(room, supply=40)
    for number in range(40):
        stage.buy(f"v{number}")
    await write_log(redis, room, stage.log)

    async def slow(event: dict[str, Any], arrival: int) -> int:
        await asyncio.sleep(0.01)
        return 200 if event["data"]["seq"] % 7 or arrival > 1 else 500

    async with receiving() as receiver:
        receiver.behave = slow
        for killed_at in (10, 60, None):
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "livestream",
                "courier",
                env=os.environ
                | {
                    "LIVESTREAM_REDIS_URL": redis_url,
                    "LIVESTREAM_MERCHANT_WEBHOOK_URL": receiver.url,
                    "LIVESTREAM_MERCHANT_WEBHOOK_SECRET": SECRET,
                    "LIVESTREAM_COURIER_PORT": "0",
                    "LIVESTREAM_LEASE_MS": "400",
                },
            )
            try:
                await receiver.has(killed_at or 120, timeout_s=40)
            finally:
                process.send_signal(signal.SIGTERM if killed_at is None else signal.SIGKILL)
                status = await process.wait()
            assert status == (0 if killed_at is None else -signal.SIGKILL)
    assert all(receiver.of(f"o{n}") == BOUGHT for n in range(1, 41))
    assert receiver.unsigned == []
