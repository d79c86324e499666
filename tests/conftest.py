"""Fixtures every test may use: a real Redis, names of one's own, a seed that is printed.

One private server serves the whole session, started as `livestream serve` starts its own
(AOF always, unix socket). It is emptied before each test that asks for it; a test that kills
or reconfigures a server takes `private_redis`, which is its alone.
"""

import logging
import random
import shutil
import signal
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
import structlog
from redis import asyncio as aioredis

from livestream.embedded_redis import EmbeddedRedis
from livestream.redis_client import open_redis


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--seed",
        type=int,
        default=None,
        help="replay the run of this seed; without it each run draws one, shown at the top",
    )


#: Where tests write, if there is room for it: dozens of Redis servers that flush each commit to one
#: disk hold each other up for seconds now and then, and that is nothing these tests are about.
IN_MEMORY = Path("/dev/shm")
IN_MEMORY_BYTES_MIN = 4 << 30


def pytest_configure(config: pytest.Config) -> None:
    if IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free >= IN_MEMORY_BYTES_MIN:
        tempfile.tempdir = str(IN_MEMORY)
    if config.option.seed is None:
        config.option.seed = random.SystemRandom().randrange(2**32)
    # A shell has what it starts in the background ignore Ctrl-C, and that is inherited: programs
    # under test would never hear it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed: {config.option.seed} (replay with --seed {config.option.seed})"


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """The seed of this run, the same for every test of it."""
    return int(pytestconfig.option.seed)


@pytest.fixture
def rng(seed: int, request: pytest.FixtureRequest) -> random.Random:
    """Random numbers of this test's own: its neighbours and its order do not change them."""
    return random.Random(f"{seed} {request.node.nodeid}")


@pytest.fixture(scope="session", autouse=True)
def _no_process_left_behind() -> Iterator[None]:
    """Fail the run if a test leaves a child process."""
    mine = psutil.Process()
    before = set(mine.children(recursive=True))
    yield
    left = [child for child in mine.children(recursive=True) if child not in before]
    assert not left, f"processes left behind: {left}"


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Undo what a command that was run here set up: its stream is closed with its test."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.fixture
def free_dir() -> Iterator[Path]:
    """An empty directory with a path short enough for a socket, gone after the test."""
    path = Path(tempfile.mkdtemp(prefix="livestream-test-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def _shared_redis() -> Iterator[EmbeddedRedis]:
    path = Path(tempfile.mkdtemp(prefix="livestream-test-"))
    with EmbeddedRedis(path / "redis") as server:
        yield server
    shutil.rmtree(path)


@pytest.fixture
def private_redis(free_dir: Path) -> Iterator[EmbeddedRedis]:
    """A running server for one test, which may kill it and start it again."""
    with EmbeddedRedis(free_dir / "redis") as server:
        yield server


@pytest.fixture
async def redis(_shared_redis: EmbeddedRedis) -> AsyncIterator[aioredis.Redis]:
    """A client of the session's server, which is empty; the same client the roles use."""
    client = open_redis(_shared_redis.url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
async def redis_url(redis: aioredis.Redis, _shared_redis: EmbeddedRedis) -> str:
    """The address of the session's server, emptied for this test."""
    return _shared_redis.url


@pytest.fixture
def room() -> str:
    """A room name that no other test has."""
    return f"room-{uuid.uuid4().hex[:12]}"
