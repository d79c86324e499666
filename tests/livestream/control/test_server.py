"""The control server as a process of its own: it starts, serves, and stops in order."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import orjson
from redis import asyncio as aioredis

from livestream import keys
from tests.livestream.control.desks import SECRET, Desk, host_token
from tests.processes import eventually


@asynccontextmanager
async def process(
    redis_url: str, directory: Path, port: int = 0
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`livestream control`, killed at the end if it still runs."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("LIVESTREAM_", "PROMETHEUS_"))}
    command = ("control", "--redis", redis_url, "--control-port", str(port))
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "livestream", *command),
        *("--var-dir", str(directory / "var"), "--log-format", "json"),
        env={**env, "LIVESTREAM_SECRET": SECRET},
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def address_of(started: asyncio.subprocess.Process) -> str:
    """Where it listens, as its log tells."""
    assert started.stderr is not None
    seen: list[bytes] = []
    async with asyncio.timeout(30):
        async for line in started.stderr:
            seen.append(line)
            if b"control.listening" in line:
                told = orjson.loads(line)
                return f"http://{told['host']}:{told['port']}"
    raise AssertionError(b"".join(seen).decode())


async def test_it_serves_and_ends_with_status_0_on_sigterm(
    redis_url: str, free_dir: Path, http: aiohttp.ClientSession
) -> None:
    async with process(redis_url, free_dir) as started:
        desk = Desk(http, await address_of(started), host_token())
        assert (await desk.get("/whoami")).body["name"] == "lin"
        assert (await desk.call("GET", "/metrics")).status == 200
        started.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(started.wait(), 15) == 0


async def test_a_panel_is_told_of_the_restart(
    redis_url: str, redis: aioredis.Redis, free_dir: Path, http: aiohttp.ClientSession, room: str
) -> None:
    await redis.sadd(keys.ROOMS, room)
    async with process(redis_url, free_dir) as started:
        desk = Desk(http, await address_of(started), host_token())
        async with desk.feed(room) as feed:
            await feed.receive_json(timeout=10)
            started.send_signal(signal.SIGTERM)
            message = await feed.receive(timeout=10)
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1012)
        assert await asyncio.wait_for(started.wait(), 15) == 0


async def test_a_request_under_way_is_finished(
    redis_url: str, redis: aioredis.Redis, free_dir: Path, http: aiohttp.ClientSession, room: str
) -> None:
    """It waits for an engine that is not there, and is told so, although the server stops."""
    await redis.sadd(keys.ROOMS, room)
    async with process(redis_url, free_dir) as started:
        desk = Desk(http, await address_of(started), host_token())
        asking = asyncio.create_task(desk.post(f"/rooms/{room}/start"))

        async def is_asked() -> bool:
            return bool(await redis.xlen(keys.inbox(room)))

        assert await eventually(10, is_asked)
        started.send_signal(signal.SIGTERM)
        answered = await asking
        assert (answered.status, answered.body["code"]) == (503, "busy")
        assert await asyncio.wait_for(started.wait(), 15) == 0


async def test_an_address_that_is_taken_is_told(redis_url: str, free_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        async with process(redis_url, free_dir, taken.getsockname()[1]) as started:
            assert started.stderr is not None
            said = await asyncio.wait_for(started.stderr.read(), 30)
            assert await started.wait() not in (0, None)
    assert b"Traceback" not in said
