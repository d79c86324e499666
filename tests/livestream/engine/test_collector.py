"""The engine's garbage collector finds cycles when it is quiet and leaves a rush alone."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from livestream.engine import collector
from tests.processes import eventually


class Knot:
    """An object that refers to itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
async def _tended(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    monkeypatch.setattr(collector, "LOOK_EVERY_S", 0.01)
    gc.collect()
    task = asyncio.create_task(collector.tend())
    await asyncio.sleep(0)
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert gc.isenabled()
    gc.unfreeze()


@pytest.mark.usefixtures("_tended")
async def test_a_cycle_is_freed_while_it_is_quiet() -> None:
    gone = weakref.ref(Knot())

    async def freed() -> bool:
        return gone() is None

    assert await eventually(5, freed)


@pytest.mark.usefixtures("_tended")
async def test_a_rush_is_not_interrupted_and_what_it_made_is_set_aside() -> None:
    assert not gc.isenabled()
    orders = [[n] for n in range(collector.QUIET_OBJECTS_MAX * 2)]

    async def set_aside() -> bool:
        return gc.get_freeze_count() >= len(orders)

    assert await eventually(5, set_aside)
