"""A control server, an engine and people at the desk; all real, on ports the kernel chose."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web
from redis import asyncio as aioredis

from livestream.config import Settings
from livestream.control.server import create_app
from livestream.engine.process import EngineProcess
from livestream.inbox import Asker
from tests.livestream.control.desks import SECRET, Desk, host_token


@pytest.fixture
def settings(redis_url: str, tmp_path: Path) -> Settings:
    """Settings that two servers of a test may share."""
    return Settings(
        redis_url=redis_url, secret=SECRET, var_dir=tmp_path, gateway_port=8081, lease_ms=1_000
    )


async def serving(
    settings: Settings, redis: aioredis.Redis
) -> AsyncIterator[tuple[str, web.AppRunner]]:
    """A control server, and its address."""
    asker = Asker(redis, "c-test")
    await asker.start()
    try:
        runner = web.AppRunner(
            create_app(settings, redis, asker), access_log=None, shutdown_timeout=2.0
        )
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        try:
            yield f"http://{host}:{port}", runner
        finally:
            await runner.cleanup()
    finally:
        await asker.close()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client that waits for no answer longer than a test may take."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(20)) as session:
        yield session


@pytest.fixture
async def desk(
    settings: Settings, redis: aioredis.Redis, http: aiohttp.ClientSession
) -> AsyncIterator[Desk]:
    """A host at a control server."""
    async for base, _ in serving(settings, redis):
        yield Desk(http, base, host_token())


@pytest.fixture
async def walk_in_desk(
    settings: Settings, redis: aioredis.Redis, http: aiohttp.ClientSession
) -> AsyncIterator[Desk]:
    """A host at a control server that lets everybody in."""
    open_house = msgspec.structs.replace(settings, walk_in=True)
    async for base, _ in serving(open_house, redis):
        yield Desk(http, base, host_token())


@pytest.fixture
async def engine(settings: Settings, redis: aioredis.Redis) -> AsyncIterator[None]:
    """An engine that owns whatever rooms there are."""
    stopping = asyncio.Event()
    process = asyncio.create_task(EngineProcess(redis, settings).run(stopping))
    yield
    stopping.set()
    await asyncio.wait_for(process, 10)
