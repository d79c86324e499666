"""Two engines and one room: only one works on it, whatever each of them believes."""

from __future__ import annotations

import asyncio
import random
import time
from typing import cast

import pytest

from livestream import keys
from livestream.facts import EpochStarted
from tests.integration import books
from tests.integration.books import Log
from tests.integration.house import House
from tests.integration.programs import PATIENCE_S, Program
from tests.integration.rush import everybody_has_heard_everything, rush
from tests.integration.shoppers import Shopper
from tests.integration.world import World
from tests.processes import LOOK_AGAIN_S

#: The product's own lease, under which a room waits for its next engine at most this long.
LEASE_MS = 2_000
TAKEOVER_S_MAX = 5.0


async def epochs(world: World) -> list[EpochStarted]:
    return (await Log.read(world.redis, world.room)).of_kind(EpochStarted)


async def another_owner_than(house: House, world: World, stale: Program) -> float:
    """Seconds until somebody else owns the room, less those in which we too waited in vain for a
    processor: others use this machine.
    """
    waited_s = 0.0
    while house.owner_of(world.room) in (stale, None):
        before_s = time.monotonic()
        await asyncio.sleep(LOOK_AGAIN_S)
        waited_s += min(time.monotonic() - before_s, 5 * LOOK_AGAIN_S)
        assert waited_s < PATIENCE_S, "nobody took the room over"
    return waited_s


async def longest_standstill(world: World, for_s: float) -> float:
    """Seconds that a small write to Redis took at most, over a while; a lease cannot be renewed
    meanwhile either.
    """
    until_s, longest_s = time.monotonic() + for_s, 0.0
    while (began_s := time.monotonic()) < until_s:
        await world.redis.set("standstill", 1)
        await asyncio.sleep(LOOK_AGAIN_S)
        longest_s = max(longest_s, time.monotonic() - began_s)
    return longest_s


async def test_of_three_engines_one_owns_the_room_and_goes_on_owning_it(
    house: House, world: World
) -> None:
    for _ in range(3):
        house.start_standby(lease_ms=1_000)
    async with world.desk() as desk:
        await desk.opens_drop("bag", 3, 100)
        standstill_s = await longest_standstill(world, for_s=2.5)
        await desk.opens_drop("box", 3, 100)
    if standstill_s > 0.4:
        pytest.skip(f"this machine stood still for {standstill_s:.1f} s of a lease of 1 s")
    assert len(await epochs(world)) == 1, "in two leases' time nobody else took it"


async def test_an_engine_that_ends_in_order_hands_the_room_over_at_once(
    house: House, world: World
) -> None:
    first = house.start_engine(lease_ms=60_000)
    async with world.desk() as desk:
        await desk.opens_drop("bag", 3, 100)
        house.start_standby(lease_ms=60_000)
        assert first.stop() == 0
        assert await another_owner_than(house, world, first) < TAKEOVER_S_MAX
        await desk.opens_drop("box", 3, 100)
    assert [fact.epoch for fact in await epochs(world)] == [1, 2]


async def test_a_killed_engine_is_replaced_in_under_five_seconds_and_viewers_only_hear_of_it(
    house: House, world: World
) -> None:
    first = house.start_engine(lease_ms=LEASE_MS)
    house.start_gateway()
    async with world.desk() as desk, world.line("ann") as ann:
        await desk.opens_drop("bag", 3, 100)
        house.start_standby(LEASE_MS)
        house.kill_9(first)
        assert await another_owner_than(house, world, first) < TAKEOVER_S_MAX
        assert (await ann.ask("cart.add", sku="bag"))["ok"]
        await everybody_has_heard_everything(world, [ann])
        assert ann.connections == 1, "nobody had to come back"
        assert [f["epoch"] for f in ann.story if f["type"] == "epoch.started"] == [2]
        books.assert_saw_everything(await Log.read(world.redis, world.room), ann)


async def test_an_engine_that_slept_past_its_lease_steps_down_and_viewers_see_no_gap(
    house: House, world: World
) -> None:
    sleeper = house.start_engine(lease_ms=LEASE_MS)
    house.start_gateway()
    async with world.desk() as desk, world.line("ann") as ann, world.line("ben") as ben:
        await desk.opens_drop("bag", 5, 100, limit_per_viewer=5)
        assert await Shopper(ann, "tmall", random.Random(1)).wants("bag")
        house.start_standby(LEASE_MS)
        sleeper.freeze()
        assert await another_owner_than(house, world, sleeper) < TAKEOVER_S_MAX
        assert await Shopper(ben, "tmall", random.Random(2)).wants("bag")
        sleeper.thaw()
        assert sleeper.has_logged("room.lost")
        assert await Shopper(ann, "tmall", random.Random(3)).wants("bag", 2)
        await everybody_has_heard_everything(world, [ann, ben])
        log = await Log.read(world.redis, world.room)
        for line in (ann, ben):
            assert line.connections == 1, "nobody had to come back"
            books.assert_saw_everything(log, line)
    assert [fact.epoch for fact in log.of_kind(EpochStarted)] == [1, 2]


async def test_the_fence_holds_where_the_lease_lies(house: House, world: World) -> None:
    """The sleeper finds the lease in its own name and has something due: it is refused."""
    sleeper = house.start_engine(lease_ms=LEASE_MS)
    house.start_gateway()
    async with world.desk() as desk, world.line("ann") as ann:
        await desk.opens_drop("bag", 5, 100, hold_ttl_ms=1_000)
        house.start_standby(LEASE_MS)
        assert (await ann.ask("cart.add", sku="bag"))["ok"]
        sleeper.freeze()
        await another_owner_than(house, world, sleeper)
        its_name = (await epochs(world))[0].owner
        await world.redis.set(keys.owner(world.room), its_name, px=LEASE_MS)
        sleeper.thaw()
        assert sleeper.has_logged("room.lost")
        assert "FENCED" in sleeper.logged("room.lost")[0]["reason"]
        await world.has_an_owner()
        assert (await ann.ask("cart.add", sku="bag"))["ok"]
        await everybody_has_heard_everything(world, [ann])
        log = await Log.read(world.redis, world.room)
        books.assert_saw_everything(log, ann)
    expired = [fact for fact in log.facts if type(fact).__name__ == "HoldExpired"]
    assert len(expired) == 1, "two engines thought of it, one wrote it"


@pytest.mark.long
async def test_a_lease_that_is_taken_away_again_and_again_costs_no_order(
    house: House, world: World, rng: random.Random
) -> None:
    """Each disaster gives the lease to one that had it, or to nobody, while both are at work. An
    engine looks at its lease four times in that long.
    """

    async def give_the_lease_away() -> None:
        had_it = {fact.owner for fact in await epochs(world)} | {"nobody"}
        has_it = cast(bytes | None, await world.redis.get(keys.owner(world.room))) or b""
        next_one = rng.choice(sorted(had_it - {has_it.decode()}))
        await world.redis.set(keys.owner(world.room), next_one, px=500)
        await asyncio.sleep(0.3)

    for start in (house.start_engine, house.start_engine, house.start_gateway):
        start()
    log, _ = await rush(world, rng, [give_the_lease_away] * 8)
    assert len(log.of_kind(EpochStarted)) > 1, "the room did change hands"
