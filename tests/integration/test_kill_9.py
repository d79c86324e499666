"""An engine, Redis, or every connection to Redis dies in the middle of a rush, at moments drawn
from the seed; the books do not notice.
"""

from __future__ import annotations

import asyncio
import random

from livestream.embedded_redis import EmbeddedRedis
from livestream.facts import EpochStarted
from tests.integration import books
from tests.integration.house import House
from tests.integration.rush import rush
from tests.integration.world import World
from tests.processes import kill_9

KILLS = 5


async def test_an_engine_killed_in_a_rush_loses_doubles_and_oversells_nothing(
    house: House, world: World, rng: random.Random
) -> None:
    async def kill_the_owner() -> None:
        owner = house.owner_of(world.room)
        assert owner is not None
        house.kill_9(owner)
        house.start_engine()

    for start in (house.start_engine, house.start_engine, house.start_gateway, house.start_gateway):
        start()
    log, shoppers = await rush(world, rng, [kill_the_owner] * KILLS)
    assert len(log.of_kind(EpochStarted)) > KILLS, "each owner but the last was killed"
    for shopper in shoppers:
        assert books.snapshots_in_between(shopper.line) == 0, "who came back could resume"


async def test_a_redis_killed_in_a_rush_loses_doubles_and_oversells_nothing(
    frail_house: House,
    frail_world: World,
    private_redis: EmbeddedRedis,
    rng: random.Random,
) -> None:
    async def kill_redis() -> None:
        kill_9(private_redis)
        await asyncio.sleep(rng.uniform(0.0, 0.6))
        private_redis.start()

    frail_house.start_engine()
    frail_house.start_gateway()
    frail_house.start_gateway()
    await rush(frail_world, rng, [kill_redis] * KILLS)


async def test_connections_cut_in_a_rush_lose_double_and_oversell_nothing(
    house: House, world: World, rng: random.Random
) -> None:
    """The engine does not learn whether its append got through, while gateways hear every reply."""

    async def cut_the_connections() -> None:
        for _ in range(5):
            await world.redis.client_kill_filter(_type="normal", skipme=True)
            await world.redis.connection_pool.disconnect()  # ours were among them
            await asyncio.sleep(rng.uniform(0.0, 0.05))

    house.start_engine(lease_ms=10_000)
    house.start_gateway()
    house.start_gateway()
    log, _ = await rush(world, rng, [cut_the_connections] * KILLS)
    assert len(log.of_kind(EpochStarted)) == 1, "the owner went on where it was"
