"""Every test of the audience runs on asyncio's own loop and on uvloop; the gateway as a whole runs
on uvloop, as it does in production.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import psutil
import pytest
import uvloop

from tests.livestream.gateway.house import House
from tests.livestream.gateway.stage import Stage, staged


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    loops = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    if item.path.name.startswith("test_server"):
        del loops["asyncio"]
    return loops


@pytest.fixture
async def open_house() -> AsyncIterator[Callable[..., House]]:
    """Open houses with limits of one's own; none of their descriptors may outlive the test."""
    houses: list[House] = []

    def open_one(**limits: Any) -> House:
        houses.append(House(**limits))
        return houses[-1]

    yield open_one
    for house in houses:
        house.audience.close()
    ports = {house.port for house in houses}
    left = [end for end in psutil.Process().net_connections("tcp") if end.laddr.port in ports]
    assert not left, f"descriptors left behind: {left}"


@pytest.fixture
async def house(open_house: Callable[..., House]) -> House:
    """A house with the limits of production, but for a quicker sweep."""
    return open_house()


@pytest.fixture
async def stage(redis_url: str, room: str) -> AsyncIterator[Stage]:
    """A live room with an engine and one gateway."""
    async with staged(redis_url, room) as stage:
        yield stage
