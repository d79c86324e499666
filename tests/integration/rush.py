"""The rush: waves of shoppers run for two products, and in each wave something is broken.

Owns the scene and its reckoning: the log, next to what every shopper was told and saw. Refuses to
know what is broken; that is each test's own.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

from livestream.audit import audit_room, evidence_beside
from tests.integration import books
from tests.integration.books import Log
from tests.integration.line import Line
from tests.integration.shoppers import Shopper
from tests.integration.world import CHANNELS, Desk, World
from tests.processes import eventually

SHOPPERS = 210
BAGS, BAG_MINOR = 150, 2_880_000
BOXES, BOX_MINOR = 60, 99_999
#: Others place an order for a postcard ten times a second, each as fast as a viewer may: whenever
#: something breaks, commands are being decided.
BUSYBODIES, POSTCARD_MINOR = 40, 500
#: Shoppers come in waves, and each wave but the last meets a disaster.
WAVE_S = 0.5
RUSH_ENDS_S = 80.0

Disaster = Callable[[], Awaitable[object]]


async def rush(
    world: World, rng: random.Random, disasters: list[Disaster]
) -> tuple[Log, list[Shopper]]:
    """A drop of two products, a wave of shoppers for each disaster and one more, the reckoning.

    Disasters happen at a random moment of their wave; every wave but a first one begins with an
    engine at work.
    """
    async with world.desk() as desk, AsyncExitStack() as crowd:
        everybody = [Shopper(line, channel, rng) for line, channel in _lines(world, rng)]
        shoppers, busybodies = everybody[:SHOPPERS], everybody[SHOPPERS:]
        await asyncio.gather(*(crowd.enter_async_context(s.line) for s in everybody))
        await _open_drops(desk)
        waves = [asyncio.Event() for _ in range(len(disasters) + 1)]
        async with asyncio.timeout(RUSH_ENDS_S), asyncio.TaskGroup() as tasks:
            for number, shopper in enumerate(shoppers):
                tasks.create_task(_shop(shopper, number, waves[number % len(waves)], rng))
            for busybody in busybodies:
                tasks.create_task(busybody.orders_on_and_on("postcard", waves[-1]))
            for wave, disaster in zip(waves, disasters, strict=False):
                await world.has_an_owner()
                wave.set()
                await asyncio.sleep(rng.uniform(0, WAVE_S))
                await disaster()
            waves[-1].set()
        await everybody_has_heard_everything(world, [s.line for s in everybody])
        log = await Log.read(world.redis, world.room)
        _reckon(log, everybody)
    beside = await evidence_beside(world.redis, world.room)
    verdict = await audit_room(world.redis, world.room, beside)
    assert verdict.clean, verdict.to_text()
    return log, everybody


async def everybody_has_heard_everything(world: World, lines: list[Line]) -> None:
    """Wait until the last announcement has reached every line."""

    async def heard() -> bool:
        last = await books.last_on_air(world.redis, world.room)
        return all(books.last_seen(line) >= last for line in lines)

    assert await eventually(15, heard), "somebody was forgotten"


def _lines(world: World, rng: random.Random) -> Iterator[tuple[Line, str]]:
    for number in range(SHOPPERS + BUSYBODIES):
        channel = CHANNELS[number % len(CHANNELS)]
        yield world.line(f"v{number}", random.Random(rng.random()), channel), channel


async def _open_drops(desk: Desk) -> None:
    # Holds run out at once, orders do not before the test does: each payment must come to its end.
    patience = {"hold_ttl_ms": 1_000, "pay_ttl_ms": 600_000}
    perks = [{"perk_id": "bellboy", "name": "Bellboy", "first_n": 40}]
    await desk.opens_drop("bag", BAGS, BAG_MINOR, limit_per_viewer=2, perks=perks, **patience)
    await desk.opens_drop("box", BOXES, BOX_MINOR, currency="HKD", **patience)
    await desk.opens_drop("postcard", 100_000, POSTCARD_MINOR, limit_per_viewer=100, **patience)


async def _shop(shopper: Shopper, number: int, wave: asyncio.Event, rng: random.Random) -> None:
    """Two thirds want one or two bags, the others a box; who has got something wants more."""
    await wave.wait()
    await asyncio.sleep(rng.uniform(0, WAVE_S))
    sku = "box" if number % 3 == 0 else "bag"
    while await shopper.wants(sku, rng.choice((1, 1, 2)) if sku == "bag" else 1):
        if rng.random() < 0.02:
            shopper.line.hang_up()


def _reckon(log: Log, shoppers: list[Shopper]) -> None:
    books.assert_told_the_truth(log, shoppers)
    books.assert_sold_exactly(log, "bag", BAGS)
    books.assert_sold_exactly(log, "box", BOXES)
    for shopper in shoppers:
        books.assert_saw_everything(log, shopper.line)
