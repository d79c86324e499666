"""Houses and worlds for the tests of this directory, cleared away whatever happened in them.

`house` and `frail_house` are a test's own, to be filled and broken; `served` stands for all tests
of a module that only talk to it, each in a room of its own.
"""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from livestream import keys
from livestream.audit import audit_room, evidence_beside
from livestream.embedded_redis import EmbeddedRedis
from tests.integration.house import House, Served
from tests.integration.world import World


@pytest.fixture
def house(redis_url: str, free_dir: Path) -> Iterator[House]:
    """An empty house at the session's Redis."""
    built = House(redis_url, free_dir)
    yield built
    built.close()


@pytest.fixture
async def world(house: House, room: str) -> AsyncIterator[World]:
    """A room in `house`."""
    made = World(house, room)
    yield made
    await made.close()


@pytest.fixture
def frail_house(private_redis: EmbeddedRedis, free_dir: Path) -> Iterator[House]:
    """An empty house at a Redis of its own, which the test may kill."""
    built = House(private_redis.url, free_dir)
    yield built
    built.close()


@pytest.fixture
async def frail_world(frail_house: House, room: str) -> AsyncIterator[World]:
    """A room in `frail_house`."""
    made = World(frail_house, room)
    yield made
    await made.close()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A whole `livestream serve` that nobody breaks."""
    directory = Path(tempfile.mkdtemp(prefix="livestream-test-"))
    built = Served(directory)
    yield built
    built.close()
    shutil.rmtree(directory)


@pytest.fixture
async def evening(served: Served, room: str) -> AsyncIterator[World]:
    """A room in `served`; whatever was done in it, its log must pass the audit."""
    made = World(served, room)
    yield made
    print("--- serve", *served.program.complaints(), sep="\n")
    if await made.redis.exists(keys.log(room)):
        verdict = await audit_room(made.redis, room, await evidence_beside(made.redis, room))
        assert verdict.clean, verdict.to_text()
    await made.close()
