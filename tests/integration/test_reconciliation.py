"""After a demo, after a rush in which everything was killed, and after a crowd of thousands of
attempts: orders = books = payments = what Prometheus scraped = the report.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from livestream.commands import OrderRefund
from livestream.embedded_redis import EmbeddedRedis
from livestream.redis_client import open_redis
from livestream.serve import Addresses, read_addresses
from tests.integration.house import Served
from tests.integration.prometheus import BINARY, Prometheus
from tests.integration.reconciliation import (
    NO_RULES,
    Takings,
    assert_accounts_agree,
    assert_no_counter_went_back,
    assert_scrape_is_the_log,
    fold,
    last_scrape,
)
from tests.integration.rush import Disaster, rush
from tests.integration.shoppers import Shopper
from tests.integration.world import CHANNELS, World
from tests.processes import within

pytestmark = pytest.mark.skipif(
    BINARY is None, reason="prometheus is not on PATH: nothing is reconciled with what it scrapes"
)

SETTLES_WITHIN_S = 40.0
REFUNDS = 7
SHOPPERS, BAGS, LIMIT, BAG_MINOR = 250, 2_000, 10, 2_880_001
ATTEMPTS_MIN = 3_000
DEMO_S_MAX = 60
WATCHES, WATCH_MINOR = 60, 3_880_001

SHOW = f"""\
version: 1
title: A short evening
currency: CNY
cards:
  - {{card_id: watch, title: Watch, sku: watch-1, price_minor: {WATCH_MINOR}}}
drops:
  - drop_id: watch
    sku: watch-1
    title: Watch
    supply: {WATCHES}
    price_minor: {WATCH_MINOR}
    limit_per_viewer: 2
    hold: 1s
    pay_within: 2s
    perks: [{{perk_id: bellboy, name: Bellboy, first_n: 10}}]
  - {{drop_id: strap, sku: strap-1, title: Strap, supply: 20, price_minor: 99}}
cues:
  - {{at: 0s, push: watch}}
  - {{at: 0.2s, schedule: {{drop: watch, opens: 3s}}}}
  - {{at: 6s, schedule: {{drop: strap}}}}
  - {{at: 7s, open: strap}}
  - {{at: 11s, end: show}}
"""


@pytest.fixture
def served_here(free_dir: Path) -> Iterator[Served]:
    """A whole `serve` of this test's own, in which a viewer may speak as fast as a crowd."""
    built = Served(free_dir, limit_commands_per_s=1_000, limit_commands_burst=1_000)
    yield built
    built.close()


@pytest.fixture
def prometheus(free_dir: Path, served_here: Served) -> Iterator[Prometheus]:
    """It scrapes the one address of `served_here`."""
    watching = Prometheus(free_dir, NO_RULES, served_here.targets())
    yield watching
    watching.close()


async def _reconcile(world: World, prometheus: Prometheus) -> Takings:
    """All five accounts, once nothing is under way any more and the last fact has been scraped."""
    deadline_s = time.monotonic() + SETTLES_WITHIN_S
    while True:
        state = await fold(world.redis, world.room)
        scraped = last_scrape(prometheus, world.room)
        if not state.books.unsettled and scraped is not None and scraped.seq == state.seq:
            break
        assert time.monotonic() < deadline_s, (state.books.unsettled, scraped, state.seq)
        await asyncio.sleep(0.25)
    assert_scrape_is_the_log(scraped, state)
    assert_no_counter_went_back(prometheus)
    return await assert_accounts_agree(world.redis, world.house.redis_url, world.room)


async def _give_some_back(world: World, rng: random.Random) -> None:
    """The host refunds some of the orders; the provider settles all of it."""
    paid = [
        o.order_id
        for o in (await fold(world.redis, world.room)).books.orders.values()
        if o.paid_seq
    ]
    async with world.desk() as desk:
        for order_id in rng.sample(paid, REFUNDS):
            await desk.asks(OrderRefund(order_id, restock=False))


@pytest.mark.long
async def test_a_rush_in_which_every_role_is_killed_reconciles(
    served_here: Served, prometheus: Prometheus, room: str, rng: random.Random
) -> None:
    def kill(role: str) -> Disaster:
        async def disaster() -> None:
            os.kill(served_here.pid_of(role), signal.SIGKILL)

        return disaster

    world = World(served_here, room)
    try:
        roles = ("engine", "redis", "gateway-1", "control", "engine", "redis")
        await rush(world, rng, [kill(role) for role in roles])
        await _give_some_back(world, rng)
        takings = await _reconcile(world, prometheus)
    finally:
        await world.close()
    assert takings.orders["refunded"] == REFUNDS
    assert set(takings.net()) == {"CNY", "HKD"}


@pytest.mark.long
async def test_thousands_of_attempts_reconcile(
    served_here: Served, prometheus: Prometheus, room: str, rng: random.Random
) -> None:
    world = World(served_here, room)
    try:
        async with world.desk() as desk, AsyncExitStack() as crowd:
            shoppers = []
            for number in range(SHOPPERS):
                channel = CHANNELS[number % len(CHANNELS)]
                line = world.line(f"v{number}", random.Random(rng.random()), channel)
                await crowd.enter_async_context(line)
                shoppers.append(Shopper(line, channel, rng))
            terms = {"limit_per_viewer": LIMIT, "hold_ttl_ms": 2_000, "pay_ttl_ms": 30_000}
            await desk.opens_drop("bag", BAGS, BAG_MINOR, **terms)
            async with asyncio.timeout(SETTLES_WITHIN_S * 2), asyncio.TaskGroup() as tasks:
                for shopper in shoppers:
                    tasks.create_task(_shop(shopper))
        await _give_some_back(world, rng)
        takings = await _reconcile(world, prometheus)
    finally:
        await world.close()
    assert takings.gross.total() == BAGS * BAG_MINOR, "every bag is sold"
    assert within(SETTLES_WITHIN_S, lambda: _every_command_was_decided(prometheus) >= ATTEMPTS_MIN)


async def _shop(shopper: Shopper) -> None:
    """Buy one bag after the other, for as long as there are any."""
    while await shopper.wants("bag"):
        pass


def _every_command_was_decided(prometheus: Prometheus) -> float:
    """Attempts to get a bag, if what gateways passed on is what the engine decided; else -1."""
    kinds = "cart.add|cart.remove|cart.show|checkout|order.pay"
    (passed_on,) = prometheus.ask(
        f'sum(livestream_messages_received_total{{type=~"{kinds}",result="ok"}})'
    )
    (decided,) = prometheus.ask(f'sum(livestream_decisions_total{{command=~"{kinds}"}})')
    (answered,) = prometheus.ask("sum(livestream_command_seconds_count)")
    (attempts,) = prometheus.ask('sum(livestream_decisions_total{command="cart.add"})')
    return attempts.value if passed_on.value == decided.value == answered.value else -1.0


@pytest.fixture
def demo(free_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`livestream demo --exit`, with a show of seconds."""
    show = free_dir / "show.yaml"
    show.write_text(SHOW)
    command = [sys.executable, "-m", "livestream", "demo", "--exit", f"--show={show}"]
    command += [f"--var-dir={free_dir / 'var'}", "--control-port=0", "--gateway-port=0"]
    with (free_dir / "out").open("w") as out:
        process = subprocess.Popen([*command, "--viewers=150"], stdout=out, stderr=out)
    yield process
    process.kill()
    process.wait()


@pytest.mark.long
async def test_a_demo_reconciles(demo: subprocess.Popen[bytes], free_dir: Path) -> None:
    assert within(SETTLES_WITHIN_S, lambda: _demo_at(free_dir) is not None)
    found = _demo_at(free_dir)
    assert found is not None
    directory, addresses = found
    prometheus = Prometheus(free_dir, NO_RULES, {"": [urlsplit(addresses.control_url).netloc]})
    try:
        assert demo.wait(DEMO_S_MAX) == 0, (free_dir / "out").read_text()
        scraped = last_scrape(prometheus, "show")
    finally:
        prometheus.close()
    assert scraped is not None
    with EmbeddedRedis(directory / "redis") as embedded:
        redis = open_redis(embedded.url)
        takings = await assert_accounts_agree(redis, embedded.url, "show")
        # The server has ended, perhaps before its last facts could be scraped: the scrape is
        # compared with the log as far as that had come.
        at_scrape = await fold(redis, "show", scraped.seq)
        await redis.aclose()
    assert_scrape_is_the_log(scraped, at_scrape)
    assert at_scrape.books.orders_paid > 0
    assert takings.gross.total() >= WATCHES * WATCH_MINOR


def _demo_at(free_dir: Path) -> tuple[Path, Addresses] | None:
    """Where the demo keeps its data, and where it listens; None while it starts."""
    for directory in (free_dir / "var").glob("demo-*"):
        addresses = read_addresses(directory)
        if addresses is not None:
            return directory, addresses
    return None
