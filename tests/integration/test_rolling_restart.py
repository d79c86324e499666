"""All gateways are replaced one after another while people shop, and nobody misses anything."""

from __future__ import annotations

import asyncio
import random

from livestream.messages import CloseCode
from tests.integration import books
from tests.integration.house import House
from tests.integration.rush import rush
from tests.integration.world import World

GATEWAYS = 3
#: A line was lost without a goodbye: some shoppers hang up.
NO_GOODBYE = 1006


async def test_a_rolling_restart_of_all_gateways_in_a_rush_costs_nobody_a_commerce_event(
    house: House, world: World, rng: random.Random
) -> None:
    house.start_engine()
    gateways = [house.start_gateway() for _ in range(GATEWAYS)]
    old = list(gateways)
    statuses: list[int] = []

    async def replace_the_oldest() -> None:
        gateways.append(await asyncio.to_thread(house.start_gateway))
        statuses.append(await asyncio.to_thread(house.retire, gateways.pop(0)))

    # `rush` compares what every shopper saw and was told with the log.
    log, shoppers = await rush(world, rng, [replace_the_oldest] * GATEWAYS)

    assert statuses == [0] * GATEWAYS
    assert not any(program.runs for program in old)
    codes = [code for shopper in shoppers for code in shopper.line.close_codes]
    assert codes.count(CloseCode.RESTARTING) >= len(shoppers) // 2
    assert set(codes) <= {CloseCode.RESTARTING, NO_GOODBYE}
    for shopper in shoppers:
        assert books.snapshots_in_between(shopper.line) == 0, "who came back could resume"
    assert len(log.frames_after(0)) > 20, "something was going on meanwhile"
