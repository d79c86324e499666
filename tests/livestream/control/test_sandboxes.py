"""Sandbox rooms: what is sold in them is nobody's, and they can be wiped without a trace."""

import asyncio
from typing import Any

import pytest
from redis import asyncio as aioredis

from livestream import keys
from livestream.clock import now_ms
from livestream.messages import CloseCode
from livestream.snapshots import PART_BYTES, Snapshots, parts_key
from livestream.wiping import SWEPT_FOR_MS, Wiping
from tests.livestream.control.desks import Desk, assert_problem, host_token
from tests.livestream.control.shoppers import shoppers_of
from tests.livestream.control.test_desk_feed import frames_until
from tests.livestream.control.test_orders import order_when

TERMS: dict[str, Any] = {
    "drop_id": "d1",
    "sku": "santos",
    "title": "Santos",
    "supply": 2,
    "price_minor": 100,
    "currency": "CNY",
    "numbered": True,
}
SANDBOX = {"title": "A rehearsal", "sandbox": True}


async def everything(redis: aioredis.Redis) -> set[str]:
    return {key.decode() async for key in redis.scan_iter(count=1_000)}


async def sold_in_a_sandbox(desk: Desk, redis: aioredis.Redis, room: str) -> str:
    """A sandbox in which an order was paid; the order."""
    made = await desk.post("/rooms", {"room": room, **SANDBOX})
    assert made.status == 201, made
    await desk.post(f"/rooms/{room}/start")
    await desk.post(f"/rooms/{room}/drops", TERMS)
    await desk.post(f"/rooms/{room}/drops/d1/open")
    async with shoppers_of(redis, room) as shoppers:
        order_id = await shoppers.order("v1", "santos")
        await shoppers.pay("v1", order_id)
        await order_when(desk, room, order_id, "paid")
    return order_id


def test_every_key_of_a_room_is_one_that_a_wipe_knows() -> None:
    elsewhere = {"owner", "wiped", "all_of", "snapshot_parts"}  # see `keys.all_of`
    channels = {"said", "chat", "private"}  # pub/sub: nothing stays
    named = {
        name
        for name, make in vars(keys).items()
        if callable(make) and "room" in getattr(make, "__annotations__", {})
    }
    assert {getattr(keys, name)("r") for name in named - elsewhere - channels} == set(
        keys.all_of("r")
    )


@pytest.mark.usefixtures("engine")
async def test_a_sandbox_is_wiped_and_nothing_of_it_is_left(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    before = await everything(redis)
    await sold_in_a_sandbox(desk, redis, room)
    await redis.xadd(keys.attendance(room), {"m": "{}"})
    (line,) = (await desk.get("/rooms")).body["rooms"]
    assert line["sandbox"] is True
    assert {keys.log(room), keys.ledger(room), keys.statement(room)} <= await everything(redis)

    gone = await desk.delete(f"/rooms/{room}")
    assert (gone.status, gone.body) == (200, {"room": room})
    assert await everything(redis) == {*before, keys.WIPED, keys.wiped(room)}
    assert (await desk.get("/rooms")).body["rooms"] == []
    assert_problem(await desk.get(f"/rooms/{room}/orders"), 404, "not_found")
    assert_problem(await desk.delete(f"/rooms/{room}"), 404, "not_found")

    await Wiping(redis).sweep_all(now_ms() + SWEPT_FOR_MS)
    assert await everything(redis) == before


@pytest.mark.usefixtures("engine")
async def test_what_somebody_still_writes_into_a_wiped_room_goes_too(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await sold_in_a_sandbox(desk, redis, room)
    await desk.delete(f"/rooms/{room}")
    await redis.hset(keys.audience(room), "g-1", "late")  # as a gateway that has not heard of it
    async with asyncio.timeout(10):
        while await redis.exists(keys.audience(room)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_sweep_that_comes_late_leaves_a_new_room_of_that_name_alone(
    redis: aioredis.Redis, room: str
) -> None:
    """The engine stood still since it read the list; meanwhile the name was free, and is taken."""
    await redis.set(keys.ledger(room), "of a new room")
    await Wiping(redis).sweep(room)
    assert await redis.exists(keys.ledger(room))


async def test_a_large_snapshot_that_is_kept_during_a_sweep_goes_too(
    redis: aioredis.Redis, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine keeps it after the sweep has looked which parts there are."""
    await redis.set(keys.wiped(room), "1")
    saved = 0

    async def look(read: aioredis.Redis, name: str) -> str | None:
        nonlocal saved
        found = await parts_key(read, name)
        if not saved:
            saved = 1
            await Snapshots(redis, room).save(b"{" + b"x" * PART_BYTES, "1-1")
        return found

    monkeypatch.setattr("livestream.wiping.parts_key", look)
    await Wiping(redis).sweep(room)
    assert saved
    assert not await redis.exists(keys.snapshot(room), keys.snapshot_parts(room, "1-1"))


@pytest.mark.usefixtures("engine")
async def test_a_room_in_which_something_was_sold_in_earnest_is_kept(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await desk.opened_room(room, TERMS)
    await desk.post(f"/rooms/{room}/end")
    assert_problem(await desk.delete(f"/rooms/{room}"), 409, "conflict")
    assert await redis.exists(keys.log(room))
    assert (await desk.get(f"/rooms/{room}/orders")).status == 200


@pytest.mark.usefixtures("engine")
async def test_only_a_host_wipes(desk: Desk, redis: aioredis.Redis, room: str) -> None:
    await desk.post("/rooms", {"room": room, **SANDBOX})
    moderator = desk.as_(host_token("moderator"))
    assert_problem(await moderator.delete(f"/rooms/{room}"), 403, "forbidden")


@pytest.mark.usefixtures("engine")
async def test_a_sandbox_stays_one_and_a_room_never_becomes_one(desk: Desk, room: str) -> None:
    await desk.post("/rooms", {"room": room, **SANDBOX})
    assert (await desk.post("/rooms", {"room": room, **SANDBOX})).status == 200
    earnest = {**SANDBOX, "sandbox": False}
    assert_problem(await desk.post("/rooms", {"room": room, **earnest}), 409, "conflict")
    other = f"{room}-2"
    await desk.post("/rooms", {"room": other, **earnest})
    assert_problem(await desk.post("/rooms", {"room": other, **SANDBOX}), 409, "conflict")


@pytest.mark.usefixtures("engine")
async def test_a_name_is_not_free_while_its_room_is_being_wiped(desk: Desk, room: str) -> None:
    await desk.post("/rooms", {"room": room, **SANDBOX})
    await desk.delete(f"/rooms/{room}")
    assert_problem(await desk.post("/rooms", {"room": room, **SANDBOX}), 503, "busy")


@pytest.mark.usefixtures("engine")
async def test_a_panel_hears_that_its_room_was_wiped(desk: Desk, room: str) -> None:
    await desk.post("/rooms", {"room": room, **SANDBOX})
    async with desk.feed(room) as feed:
        (first,) = await frames_until(feed, "desk")
        assert first["room"] == room
        await desk.delete(f"/rooms/{room}")
        async with asyncio.timeout(10):
            while not (await feed.receive()).type.name.startswith("CLOSE"):
                pass
        assert feed.close_code == CloseCode.ROOM_GONE


@pytest.mark.usefixtures("engine")
async def test_nobody_owns_a_number_of_a_rehearsal(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    order_id = await sold_in_a_sandbox(desk, redis, room)
    order = (await desk.get(f"/rooms/{room}/orders/{order_id}")).body
    assert order["editions"][0]["numbers"] == [1]
    certificates = await desk.get(f"/rooms/{room}/orders/{order_id}/certificates")
    assert certificates.body["certificates"] == []
