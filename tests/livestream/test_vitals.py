"""What every process tells of itself."""

import asyncio
import os
import platform
import time
from collections.abc import AsyncIterator

import pytest

from livestream import __version__, vitals
from metrics import catalog


@pytest.fixture
async def _telling() -> AsyncIterator[None]:
    """A process that says it is a gateway."""
    task = asyncio.create_task(vitals.tell("gateway"))
    await asyncio.sleep(0.05)
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def value(name: str, **labels: str) -> float:
    found = catalog.REGISTRY.get_sample_value(name, {"role": "gateway", **labels})
    assert found is not None
    return found


@pytest.mark.usefixtures("_telling")
async def test_the_version_and_the_python_are_told() -> None:
    python = platform.python_version()
    assert value("livestream_build_info", version=__version__, python=python) == 1


@pytest.mark.usefixtures("_telling")
@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="there is no /proc here")
async def test_descriptors_are_counted_against_their_limit() -> None:
    before = value("livestream_descriptors_open")
    pipes = [os.pipe() for _ in range(10)]
    await vitals._look("gateway")
    grown = value("livestream_descriptors_open") - before
    for ends in pipes:
        os.close(ends[0])
        os.close(ends[1])
    assert grown == pytest.approx(20, abs=2), "others may open and close a few meanwhile"
    assert before < value("livestream_descriptors_limit")
    assert value("livestream_memory_bytes") > 10_000_000


@pytest.mark.usefixtures("_telling")
async def test_a_loop_that_is_held_up_is_seen() -> None:
    late = value("livestream_event_loop_lag_seconds_sum")
    time.sleep(vitals.LAG_EVERY_S + 0.2)  # noqa: ASYNC251 - this is what must not happen
    await asyncio.sleep(0.05)
    assert value("livestream_event_loop_lag_seconds_sum") - late >= 0.15


@pytest.mark.usefixtures("_telling")
async def test_cpu_time_is_told() -> None:
    assert value("livestream_cpu_seconds_total") > 0
