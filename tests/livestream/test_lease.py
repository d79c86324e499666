"""The owner lease, on a real Redis."""

import asyncio

from redis import asyncio as aioredis

from livestream.lease import Lease


async def test_one_engine_at_a_time_has_the_lease(redis: aioredis.Redis, room: str) -> None:
    first, second = Lease(redis, room, "e-1", 60_000), Lease(redis, room, "e-2", 60_000)
    assert await first.hold()
    assert not await second.hold()
    assert await first.hold(), "renewing one's own lease"


async def test_a_lease_given_back_can_be_taken_at_once(redis: aioredis.Redis, room: str) -> None:
    first, second = Lease(redis, room, "e-1", 60_000), Lease(redis, room, "e-2", 60_000)
    await first.hold()
    await second.release()
    assert not await second.hold(), "nobody gives back another's lease"
    await first.release()
    assert await second.hold()


async def test_a_lease_that_is_not_renewed_runs_out(redis: aioredis.Redis, room: str) -> None:
    first, second = Lease(redis, room, "e-1", 50), Lease(redis, room, "e-2", 60_000)
    await first.hold()
    await asyncio.sleep(0.1)
    assert await second.hold()
    assert not await first.hold()
