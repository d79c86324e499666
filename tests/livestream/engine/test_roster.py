"""The roster of rooms, on a real Redis: who rests, who is called, and who may say so."""

import asyncio
import time

from redis import asyncio as aioredis

from livestream import keys
from livestream.engine.roster import CALLED_WAIT_MS, Roster
from livestream.inbox import Inbox


async def put_to_rest(redis: aioredis.Redis, *rooms: str) -> None:
    roster = Roster(redis, "e-0")
    await redis.sadd(keys.ROOMS, *rooms)
    for room in rooms:
        assert await roster.rest(room, await roster.take(room))


async def test_a_room_at_rest_needs_no_owner(redis: aioredis.Redis) -> None:
    await redis.sadd(keys.ROOMS, "a", "b", "c")
    await put_to_rest(redis, "b")
    assert await Roster(redis, "e-1").awake() == ["a", "c"]


async def test_a_command_that_waits_already_is_found_at_once(redis: aioredis.Redis) -> None:
    await put_to_rest(redis, "a", "b", "c")
    await Inbox(redis, "g-1").put("b", [])
    began_s = time.monotonic()
    assert await Roster(redis, "e-1").called() == ["b"]
    assert time.monotonic() - began_s < CALLED_WAIT_MS / 2_000


async def test_a_command_that_comes_is_found_when_it_comes(redis: aioredis.Redis) -> None:
    await put_to_rest(redis, "a", "b")
    looks = [asyncio.create_task(Roster(redis, name).called()) for name in ("e-1", "e-2")]
    await asyncio.sleep(0.05)
    await Inbox(redis, "g-1").put("a", [])
    assert await asyncio.gather(*looks) == [["a"], ["a"]]


async def test_an_inbox_that_was_used_and_emptied_calls_nobody(redis: aioredis.Redis) -> None:
    await put_to_rest(redis, "a")
    await Inbox(redis, "g-1").put("a", [])
    await redis.xtrim(keys.inbox("a"), maxlen=0, approximate=False)
    assert await redis.exists(keys.inbox("a"))
    assert await Roster(redis, "e-1").called() == []


async def test_where_nothing_rests_nobody_is_called(redis: aioredis.Redis) -> None:
    await redis.sadd(keys.ROOMS, "a")
    await Inbox(redis, "g-1").put("a", [])
    assert await Roster(redis, "e-1").called() == []


async def test_taking_a_room_wakes_it(redis: aioredis.Redis) -> None:
    await put_to_rest(redis, "a")
    await Roster(redis, "e-1").take("a")
    assert await Roster(redis, "e-2").awake() == ["a"]


async def test_who_stood_still_does_not_put_to_rest_what_another_has_woken(
    redis: aioredis.Redis,
) -> None:
    await redis.sadd(keys.ROOMS, "a")
    sleeper, next_one = Roster(redis, "e-1"), Roster(redis, "e-2")
    stale = await sleeper.take("a")
    duty = await next_one.take("a")
    assert not await sleeper.rest("a", stale)
    assert await next_one.awake() == ["a"]
    assert await next_one.rest("a", duty)
    assert not await sleeper.rest("a", stale), "nor a second time"
    assert await next_one.awake() == []


async def test_two_ownerships_of_one_engine_are_two(redis: aioredis.Redis) -> None:
    await redis.sadd(keys.ROOMS, "a")
    roster = Roster(redis, "e-1")
    first, second = await roster.take("a"), await roster.take("a")
    assert not await roster.rest("a", first)
    assert await roster.rest("a", second)


async def test_a_room_that_another_has_woken_and_put_to_rest_meanwhile_needs_nobody(
    redis: aioredis.Redis,
) -> None:
    await put_to_rest(redis, "a")
    await Inbox(redis, "g-1").put("a", [])
    late, early = Roster(redis, "e-1"), Roster(redis, "e-2")
    assert await late.called() == ["a"]
    assert await late.needs_owner("a")
    duty = await early.take("a")
    assert await late.needs_owner("a"), "if the one that took it dies"
    await redis.xtrim(keys.inbox("a"), maxlen=0, approximate=False)
    assert await early.rest("a", duty)
    assert not await late.needs_owner("a")
