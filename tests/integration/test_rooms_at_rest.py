"""Rooms that have ended are put to rest, so that an engine has places for ever; and they wake."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, cast

import orjson
import pytest
from redis import asyncio as aioredis

from livestream import keys
from livestream.audit import audit_room, evidence_beside
from livestream.commands import Envelope, OrderRefund, RoomCreate, RoomEnd, RoomStart
from livestream.engine.process import ROOMS_OWNED_MAX
from livestream.engine.roster import Roster
from livestream.facts import EpochStarted
from livestream.inbox import Asker, Inbox
from livestream.messages import CartShow
from livestream.report import report_room
from tests.integration.api import Api
from tests.integration.books import Log
from tests.integration.house import House, Served
from tests.integration.programs import PATIENCE_S, run_command
from tests.integration.world import Desk, World
from tests.livestream.control.shoppers import shoppers_of
from tests.processes import eventually

LEASE_MS = 2_000
#: More than an engine may own at once.
MANY = ROOMS_OWNED_MAX + 14


@asynccontextmanager
async def desks(redis: aioredis.Redis, rooms: Iterable[str]) -> AsyncIterator[dict[str, Desk]]:
    """The host of some rooms."""
    asker = Asker(redis, "c-rest")
    await asker.start()
    try:
        yield {room: Desk(asker, room) for room in rooms}
    finally:
        await asker.close()


async def begin(redis: aioredis.Redis, room: str, desk: Desk) -> None:
    await redis.sadd(keys.ROOMS, room)
    await redis.publish(keys.ROOMS_CHANGED, room)
    await desk.asks(RoomCreate("An evening in the tests"))
    await desk.asks(RoomStart())


async def sell_one(redis: aioredis.Redis, room: str, desk: Desk, viewer: str = "ann") -> str:
    """One paid order; its id."""
    if not (await Log.read(redis, room)).room.state.books.drops:
        await desk.opens_drop("bag", 3, 100)
    async with shoppers_of(redis, room) as shoppers:
        order_id = await shoppers.order(viewer, "bag")
        await shoppers.pay(viewer, order_id)
    return order_id


async def resting(redis: aioredis.Redis) -> set[str]:
    members = cast(set[bytes], await redis.smembers(keys.RESTING))
    return {room.decode() for room in members}


async def come_to_rest(redis: aioredis.Redis, *rooms: str) -> None:
    """Wait until they rest and nobody has the lease of one."""

    async def all_rest() -> bool:
        owned = await redis.exists(*[keys.owner(room) for room in rooms])
        return not owned and set(rooms) <= await resting(redis)

    assert await eventually(PATIENCE_S, all_rest), "they do not come to rest"


async def ledger_of(redis: aioredis.Redis, room: str) -> dict[str, Any]:
    ledger: dict[str, Any] = orjson.loads(cast(bytes, await redis.get(keys.ledger(room))))
    return ledger


async def epochs(redis: aioredis.Redis, room: str) -> int:
    return len((await Log.read(redis, room)).of_kind(EpochStarted))


async def assert_clean(redis: aioredis.Redis, room: str) -> None:
    verdict = await audit_room(redis, room, await evidence_beside(redis, room))
    assert verdict.clean, verdict.to_text()


@pytest.mark.slow
async def test_the_62nd_room_of_one_engine_works_as_the_first(served: Served, room: str) -> None:
    """Through the API and a gateway, as the shop's own people do it, one show after the other."""
    rooms = [f"{room}-{number:02}" for number in range(MANY)]
    async with Api(served) as api:
        for name in rooms:
            await api.does("POST", "/rooms", {"room": name, "title": f"The show {name}"})
            await api.does("POST", f"/rooms/{name}/start")
            if name != rooms[-1]:
                await api.does("POST", f"/rooms/{name}/end")
        world = World(served, rooms[-1])
        try:
            terms = {"sku": "bag", "title": "A bag", "supply": 2, "price_minor": 100}
            path = f"/rooms/{rooms[-1]}/drops"
            await api.does("POST", path, {"drop_id": "d", "currency": "CNY", **terms})
            await api.does("POST", f"{path}/d/open")
            async with world.line("ann") as ann:
                assert (await ann.ask("cart.add", sku="bag"))["ok"]
                order = (await ann.ask("checkout", checkout_id="co"))["result"]
                paying = {"order_id": order["order_id"], "payment_token": "tok_approve"}
                assert (await ann.ask("order.pay", **paying))["ok"]
                paid = lambda: any(frame["type"] == "order.paid" for frame in ann.private)  # noqa: E731
                assert await ann.hears(paid, PATIENCE_S)
            await api.does("POST", f"/rooms/{rooms[-1]}/end")
            await come_to_rest(world.redis, *rooms)
            listed = {line["room"]: line for line in (await api.gets("/rooms"))["rooms"]}
            assert all(listed[name]["resting"] for name in rooms)
            assert await api.is_ready()
            await assert_clean(world.redis, rooms[-1])
        finally:
            await world.close()


async def test_a_room_at_rest_is_read_as_ever(served: Served, room: str) -> None:
    world = World(served, room)
    async with Api(served) as api, desks(world.redis, [room]) as host:
        await begin(world.redis, room, host[room])
        await sell_one(world.redis, room, host[room])
        await host[room].asks(RoomEnd())
        await come_to_rest(world.redis, room)
        before = await epochs(world.redis, room)
        line = next(one for one in (await api.gets("/rooms"))["rooms"] if one["room"] == room)
        assert (line["status"], line["resting"], line["owner"]) == ("ended", True, None)
        assert line["totals"][0]["gross_minor"] == 100
        shown = await api.gets(f"/rooms/{room}")
        assert shown["storefront"]["status"] == "ended"
        assert shown["ledger"]["orders"]["paid"] == 1
        assert len((await api.gets(f"/rooms/{room}/orders"))["orders"]) == 1
        report = await report_room(world.redis, room)
        assert report.reconciliation.agrees
        verified = run_command("verify", room, redis_url=world.house.redis_url)
        assert verified.status == 0, verified
        async with world.line("late") as late:
            assert await late.hears(lambda: bool(late.story), PATIENCE_S)
            assert late.story[0]["snapshot"]["status"] == "ended"
        assert await epochs(world.redis, room) == before, "nobody had to wake it"
    await world.close()


async def test_a_command_wakes_a_room_which_answers_and_rests_again(
    house: House, world: World
) -> None:
    house.start_engine(LEASE_MS)
    async with desks(world.redis, [world.room]) as host:
        desk = host[world.room]
        await begin(world.redis, world.room, desk)
        order_id = await sell_one(world.redis, world.room, desk)
        assert not (await desk.tries(OrderRefund("o99")))["ok"]
        await desk.asks(RoomEnd())
        await come_to_rest(world.redis, world.room)
        assert (await ledger_of(world.redis, world.room))["resting"]
        await desk.asks(OrderRefund(order_id))
        assert await epochs(world.redis, world.room) == 2
        await come_to_rest(world.redis, world.room)
        ledger = await ledger_of(world.redis, world.room)
        assert (ledger["resting"], ledger["orders"]["refunded"]) == (True, 1)
        assert ledger["refusals"] == {"not_found": 1}, "those before the rest count too"
        assert ledger["seq"] == (await Log.read(world.redis, world.room)).room.state.seq
        async with shoppers_of(world.redis, world.room) as shoppers:
            shown = await shoppers.ask("ann", "tmall", CartShow(id="1"))
        assert [order["status"] for order in shown["orders"]] == ["refunded"]
    await assert_clean(world.redis, world.room)


async def test_a_payment_that_is_answered_late_is_waited_for(house: House, world: World) -> None:
    """The provider takes longer than a quiet room; the owner stays until it has answered."""
    house.start_engine(LEASE_MS)
    async with desks(world.redis, [world.room]) as host:
        desk = host[world.room]
        await begin(world.redis, world.room, desk)
        await desk.opens_drop("bag", 1, 100)
        async with shoppers_of(world.redis, world.room) as shoppers:
            order_id = await shoppers.order("ann", "bag")
            await shoppers.pay("ann", order_id, "tok_late_5000")
        await desk.asks(RoomEnd())
        await come_to_rest(world.redis, world.room)
    log = await Log.read(world.redis, world.room)
    assert log.room.state.books.orders[order_id].status == "paid"
    assert len(log.of_kind(EpochStarted)) == 1, "by its first owner"
    await assert_clean(world.redis, world.room)


@pytest.mark.long
async def test_engines_killed_while_rooms_go_to_rest_lose_no_command(
    house: House, world: World, rng: random.Random
) -> None:
    """Commands come just as rooms come to rest, and an engine dies just then, again and again."""
    redis = world.redis
    rooms = [f"{world.room}-{number}" for number in range(12)]
    house.start_engine()
    async with desks(redis, rooms) as host:
        orders = {}
        for room in rooms:
            await begin(redis, room, host[room])
            orders[room] = [await sell_one(redis, room, host[room], v) for v in ("ann", "ben")]

        async def end_and_refund(room: str) -> None:
            await host[room].asks(RoomEnd())
            for order_id in orders[room]:
                # Around the moment in which it is put to rest.
                await asyncio.sleep(rng.uniform(1.8, 2.6))
                await host[room].asks(OrderRefund(order_id))

        async with asyncio.TaskGroup() as tasks:
            for room in rooms:
                tasks.create_task(end_and_refund(room))
            for _ in range(4):
                await asyncio.sleep(rng.uniform(1.5, 2.5))
                house.kill_9(house.programs[-1])
                house.start_engine()
        await come_to_rest(redis, *rooms)
    for room in rooms:
        books = (await Log.read(redis, room)).room.state.books
        assert (books.orders_refunded, books.unsettled) == (2, {})
        await assert_clean(redis, room)


@pytest.mark.long
async def test_an_engine_that_died_on_its_way_leaves_nothing_behind_that_keeps_a_room_asleep(
    house: House, world: World
) -> None:
    """Every moment at which `kill -9` can meet a room between awake and at rest, one by one."""
    redis, lease_s = world.redis, 0.5
    house.start_engine(LEASE_MS)
    async with desks(redis, [world.room]) as host:
        desk = host[world.room]
        await begin(redis, world.room, desk)
        await desk.asks(RoomEnd())
        await come_to_rest(redis, world.room)
        dead = Roster(redis, "e-dead")

        async def the_lease_is_a_dead_engines() -> None:
            await redis.set(keys.owner(world.room), "e-dead", px=int(lease_s * 1_000))

        # At rest, the lease not yet given back; a command comes.
        await the_lease_is_a_dead_engines()
        await desk.asks(RoomEnd())
        await come_to_rest(redis, world.room)
        # It took the lease for a command, and died before it wrote the room down as awake.
        await Inbox(redis, "g-nobody").put(
            world.room, [Envelope(1, "ann", "tmall", CartShow(id="1"))]
        )
        await the_lease_is_a_dead_engines()
        assert await eventually(PATIENCE_S, lambda: _is_empty(redis, world.room))
        await come_to_rest(redis, world.room)
        # It wrote it down as awake, and died: no command waits, but something may be due.
        before = await epochs(redis, world.room)
        await the_lease_is_a_dead_engines()
        await dead.take(world.room)
        await come_to_rest(redis, world.room)
        assert await epochs(redis, world.room) == before + 1


async def _is_empty(redis: aioredis.Redis, room: str) -> bool:
    return await redis.xlen(keys.inbox(room)) == 0


async def test_of_two_engines_one_wakes_a_room(house: House, world: World) -> None:
    redis = world.redis
    rooms = [f"{world.room}-{number}" for number in range(10)]
    engines = [house.start_standby(LEASE_MS), house.start_standby(LEASE_MS)]
    async with desks(redis, rooms) as host:
        for room in rooms:
            await begin(redis, room, host[room])
            await host[room].asks(RoomEnd())
        await come_to_rest(redis, *rooms)
        before = {room: await epochs(redis, room) for room in rooms}
        await asyncio.gather(*(host[room].asks(RoomEnd()) for room in rooms))
        await come_to_rest(redis, *rooms)
        for room in rooms:
            assert await epochs(redis, room) == before[room] + 1
        woken = Counter(
            line["room"] for engine in engines for line in engine.logged("room.resting")
        )
        assert woken == Counter(dict.fromkeys(rooms, 2)), "once at the end, once after waking"
