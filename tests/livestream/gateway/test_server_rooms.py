"""Which rooms a gateway shows: new ones at once, ended ones while somebody watches."""

from __future__ import annotations

import asyncio

import orjson
import pytest
from redis import asyncio as aioredis
from websockets.exceptions import InvalidStatus

from livestream import commands, keys
from livestream.gateway import air, directory
from livestream.messages import CloseCode
from metrics import catalog
from tests.livestream.gateway.stage import Person, Stage, eventually


async def let_in(stage: Stage, viewer: str) -> Person:
    """Join, coming back as often as the gateway asks for it."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await stage.join(viewer)
            except InvalidStatus as refusal:
                if refusal.response.status_code != 503:
                    raise
                await asyncio.sleep(0.05)


async def test_a_room_that_is_created_now_is_shown_at_once(stage: Stage) -> None:
    another = Stage(stage.redis_url, f"{stage.room}-2")
    try:
        await another.create_room()
        another.gateways = stage.gateways
        anna = await let_in(another, "anna")
        assert anna.welcome["snapshot"]["title"] == "Salon"
    finally:
        another.gateways = []
        await another.close()


async def test_a_room_that_nobody_was_told_of_is_found_when_asked_for(stage: Stage) -> None:
    """The nudge was lost: pub/sub promises nothing."""
    another = Stage(stage.redis_url, f"{stage.room}-2")
    try:
        await another.desk.start()
        await stage.redis.sadd(keys.ROOMS, another.room)
        await another.command(commands.RoomCreate("Quiet"))
        find = stage.gateways[0].directory.find
        await eventually(lambda: not isinstance(find(another.room), str))
    finally:
        await another.close()


async def test_an_ended_room_is_let_go_when_nobody_watches_it_and_shown_again_on_demand(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "IDLE_MS_MAX", 0)
    rooms = stage.gateways[0].directory
    anna = await stage.join("anna")
    await anna.result("like", count=7)
    await stage.command(commands.RoomEnd())
    await anna.frame("room.ended")
    await anna.frame("pulse", likes=7)
    async with asyncio.timeout(5):  # the ledger comes after the pulse, a few times a second
        while b'"likes":7' not in (await air.read_pulse(stage.redis, stage.room) or b""):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert len(rooms.views()) == 1, "somebody is still here"

    await anna.line.close()
    await eventually(lambda: not rooms.views())
    back = await let_in(stage, "anna")

    assert back.welcome["snapshot"]["status"] == "ended"
    assert back.welcome["snapshot"]["likes"] == 7, "also where the room is at rest by now"


async def test_an_ended_room_is_not_loaded_before_somebody_asks(stage: Stage) -> None:
    anna = await stage.join("anna")
    await stage.command(commands.RoomEnd())
    await anna.frame("room.ended")
    await asyncio.sleep(0.5)  # the engine keeps the view a few times a second
    late = stage.new_gateway()
    await late.start()
    assert late.directory.views() == []
    assert late.directory.find(stage.room) == "loading"
    await eventually(lambda: late.directory.views())


async def test_more_rooms_than_a_gateway_can_show_have_to_wait(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "ROOMS_MAX", 1)
    await stage.redis.sadd(keys.ROOMS, "one-too-many")
    await stage.redis.publish(keys.ROOMS_CHANGED, "one-too-many")
    find = stage.gateways[0].directory.find
    await eventually(lambda: find("one-too-many") == "loading")
    with pytest.raises(InvalidStatus) as refusal:
        await stage.stack.enter_async_context(stage.person(room="one-too-many"))
    assert refusal.value.response.status_code == 503
    await stage.join("anna")


async def test_an_ended_room_that_nobody_watches_makes_room_for_another(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "ROOMS_MAX", 1)
    anna = await stage.join("anna")
    await stage.command(commands.RoomEnd())
    await anna.frame("room.ended")
    another = Stage(stage.redis_url, f"{stage.room}-2")
    try:
        await another.create_room()
        another.gateways = stage.gateways
        find = stage.gateways[0].directory.find
        await eventually(lambda: find(another.room) == "loading")
        await anna.line.close()
        assert (await let_in(another, "ben")).welcome["room"] == another.room
    finally:
        another.gateways = []
        await another.close()


async def test_a_fact_that_this_gateway_does_not_know_yet_is_carried_all_the_same(
    stage: Stage, redis: aioredis.Redis
) -> None:
    """While a new version is rolled out, engines may be ahead of gateways."""
    anna = await stage.join("anna")
    await stage.stop_engine()
    seq = anna.welcome["seq"] + 10
    unknown = {"type": "fireworks", "seq": seq, "at_ms": 1, "colour": "red"}
    await redis.xadd(
        keys.air(stage.room), {"f": orjson.dumps([[seq, "viewers", unknown]])}, id=f"{seq}-0"
    )
    assert await anna.frame("fireworks") == unknown
    back = await stage.resume("anna", (1, anna.welcome["seq"]))
    assert await back.frame("fireworks") == unknown


async def test_a_room_that_was_wiped_is_let_go_and_whoever_is_in_it_shown_out(
    stage: Stage, redis: aioredis.Redis
) -> None:
    anna = await stage.join("anna")
    gateway = stage.gateways[0]
    connections = catalog.CONNECTIONS.labels(catalog.room_label(stage.room))
    gateway._meter.copy()
    assert connections._value.get() == 1
    await redis.srem(keys.ROOMS, stage.room)
    await redis.publish(keys.ROOMS_CHANGED, stage.room)
    assert (await anna.closing()).code == CloseCode.ROOM_GONE
    await eventually(lambda: gateway.directory.find(stage.room) == "unknown")
    assert gateway.directory.counts() == {}, "nothing is told of it any more"
    gateway._meter.copy()
    assert connections._value.get() == 0
    with pytest.raises(InvalidStatus) as refusal:
        await stage.join("ben")
    assert refusal.value.response.status_code == 404
