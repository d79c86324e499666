"""`livestream serve`: a role that dies comes back, and in the end nothing is left."""

from __future__ import annotations

import os
import random
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from livestream.facts import EpochStarted
from livestream.serve import read_addresses
from tests.integration import books
from tests.integration.api import Api
from tests.integration.books import Log
from tests.integration.house import Served
from tests.integration.rush import Disaster, rush
from tests.integration.shoppers import Shopper
from tests.integration.world import World
from tests.processes import eventually, gone, within

ROLES = ("engine", "gateway-1", "control", "redis", "gateway-2")


@pytest.fixture
def served_here(free_dir: Path) -> Iterator[Served]:
    """A whole `serve` of this test's own, to be broken."""
    built = Served(free_dir)
    yield built
    built.close()


def test_who_reads_the_addresses_is_let_in_at_once(served_here: Served) -> None:
    """The file is there by now, and nothing is tried twice."""
    addresses = read_addresses(served_here.directory / "var")
    assert addresses is not None
    for url in (addresses.control_url, addresses.gateway_url):
        where = urlsplit(url)
        assert where.hostname is not None
        assert where.port is not None
        socket.create_connection((where.hostname, where.port), 5).close()


async def test_every_role_may_be_killed_in_a_rush_and_comes_back(
    served_here: Served, room: str, rng: random.Random
) -> None:
    first = {role: served_here.pid_of(role) for role in ROLES}

    def kill(role: str) -> Disaster:
        async def disaster() -> None:
            os.kill(served_here.pid_of(role), signal.SIGKILL)

        return disaster

    world = World(served_here, room)
    try:
        log, _ = await rush(world, rng, [kill(role) for role in ROLES])
        assert len(log.of_kind(EpochStarted)) == 2, "the room had a second engine"
        for role in ROLES:
            assert gone(first[role])
            assert not gone(served_here.pid_of(role)), f"{role} did not come back"
        async with Api(served_here) as api:
            assert await eventually(10, api.is_ready)
            ledger = await api.gets(f"/rooms/{room}/ledger")
        assert {(row["currency"], row["gross_minor"]) for row in ledger["totals"]} == {
            (currency, total) for currency, total in books.gross(log).items()
        }
    finally:
        await world.close()


async def test_rooms_that_open_one_after_the_other_hurt_no_role(served_here: Served) -> None:
    async with Api(served_here) as api:
        assert await eventually(10, api.is_ready)
        for number in range(40):
            await api.does("POST", "/rooms", {"room": f"soiree-{number}", "title": "A soirée"})
        assert len((await api.gets("/rooms"))["rooms"]) == 40
    assert not served_here.program.complaints()


async def test_a_stop_says_goodbye_to_viewers_and_leaves_nothing(
    served_here: Served, room: str
) -> None:
    world = World(served_here, room)
    try:
        async with world.desk(), world.line("ann") as ann:
            assert await ann.hears(lambda: bool(ann.story), 5)
            roles = served_here.alive()
            assert len(roles) == 5
            assert served_here.program.stop() == 0
            assert await ann.hears(lambda: bool(ann.close_codes), 5)
            assert ann.close_codes[0] == 1012, "restarting: come back"
    finally:
        await world.close()
    assert all(gone(pid) for pid in roles)
    assert read_addresses(served_here.directory / "var") is None
    assert not (served_here.directory / "var" / "addresses.json").exists()
    assert not served_here.program.complaints()


async def test_a_killed_serve_leaves_no_process_and_its_next_run_has_every_order(
    served_here: Served, free_dir: Path, room: str
) -> None:
    before = World(served_here, room)
    try:
        async with before.desk() as desk, before.line("ann") as ann:
            await desk.opens_drop("bag", 2, 2_880_000)
            shopper = Shopper(ann, "tmall", random.Random(1))
            assert await shopper.wants("bag")
    finally:
        await before.close()
    roles = served_here.alive()
    served_here.program.kill_9()
    assert within(5, lambda: all(gone(pid) for pid in roles)), "roles outlive their parent"

    again = Served(free_dir)
    after = World(again, room)
    try:
        await after.has_an_owner()
        async with after.line("ann") as ann:
            cart = (await ann.ask("cart.show"))["result"]
            assert [(order["order_id"], order["status"]) for order in cart["orders"]] == [
                (order_id, "paid") for order_id in shopper.told_paid
            ]
            books.assert_told_the_truth(await Log.read(after.redis, room), [shopper])
    finally:
        await after.close()
        again.close()
