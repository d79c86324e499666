"""The engine is silent, or Redis is away: callers are told so in time, and the server goes on."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import msgspec
import pytest
from redis import asyncio as aioredis

from livestream import keys
from livestream.config import Settings
from livestream.embedded_redis import EmbeddedRedis
from livestream.redis_client import open_redis
from tests.livestream.control.conftest import serving
from tests.livestream.control.desks import Desk, assert_problem, host_token


async def test_a_silent_engine_is_told_with_a_time_to_try_again(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await redis.sadd(keys.ROOMS, room)
    answered = await desk.post(f"/rooms/{room}/start")
    assert_problem(answered, 503, "busy")
    assert answered.body["retryable"] is True
    assert int(answered.headers["Retry-After"]) >= 1


@pytest.mark.usefixtures("engine")
async def test_the_same_call_succeeds_once_there_is_an_engine(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    made = await asyncio.gather(
        *(desk.post("/rooms", {"room": room, "title": "Santos"}) for _ in range(5))
    )
    assert sorted(answered.status for answered in made) == [200, 200, 200, 200, 201]


@pytest.fixture
async def mortal(
    private_redis: EmbeddedRedis, settings: Settings, http: aiohttp.ClientSession
) -> AsyncIterator[Desk]:
    """A host at a control server whose Redis may be killed."""
    redis = open_redis(private_redis.url)
    own = msgspec.structs.replace(settings, redis_url=private_redis.url)
    async for base, _ in serving(own, redis):
        yield Desk(http, base, host_token())
    await redis.aclose()


async def test_without_redis_calls_get_503_and_with_it_they_work_again(
    mortal: Desk, private_redis: EmbeddedRedis
) -> None:
    assert (await mortal.get("/rooms")).status == 200
    assert (await mortal.call("GET", "/readyz")).status == 200
    private_redis.stop()
    answered = await mortal.get("/rooms")
    assert_problem(answered, 503, "busy")
    assert "Retry-After" in answered.headers
    assert_problem(await mortal.post("/rooms", {"room": "r", "title": "Tank"}), 503, "busy")
    assert (await mortal.call("GET", "/readyz")).status == 503
    assert (await mortal.call("GET", "/livez")).status == 200
    assert (await mortal.call("GET", "/metrics")).status == 200
    assert (await mortal.call("GET", "/openapi.json")).status == 200
    private_redis.start()
    assert (await mortal.get("/rooms")).status == 200
    assert (await mortal.call("GET", "/readyz")).status == 200


async def test_a_panel_is_told_to_come_back_when_redis_goes(
    mortal: Desk, private_redis: EmbeddedRedis
) -> None:
    redis = open_redis(private_redis.url)
    await redis.sadd(keys.ROOMS, "r")
    await redis.aclose()
    async with mortal.feed("r") as feed:
        assert (await feed.receive_json(timeout=5))["type"] == "desk"
        private_redis.stop()
        message = await feed.receive(timeout=10)
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert message.data == 1013
