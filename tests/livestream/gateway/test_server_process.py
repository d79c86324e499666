"""Gateways as processes: sharing a port, and ending."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from livestream import commands
from tests.livestream.gateway.stage import SECRET, Person, Stage

Start = Callable[[int], Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
def port() -> Iterator[int]:
    """A port that gateways may share, kept from others while the test runs."""
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


@pytest.fixture
async def start(redis_url: str, free_dir: Path) -> AsyncIterator[Start]:
    """Start gateways with the command line; none outlives the test."""
    processes: list[asyncio.subprocess.Process] = []

    async def start_one(port: int) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "livestream", "gateway", "--redis", redis_url),
            *("--gateway-port", str(port)),
            env={
                **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
                "LIVESTREAM_SECRET": SECRET,
                "LIVESTREAM_VAR_DIR": str(free_dir),
                "LIVESTREAM_LOG_FORMAT": "json",
            },
            stderr=asyncio.subprocess.PIPE,
        )
        processes.append(process)
        assert process.stderr is not None
        async with asyncio.timeout(20):
            while b"gateway.listening" not in (line := await process.stderr.readline()):
                assert line, "the gateway ended"
        return process

    yield start_one
    for process in processes:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def at(stage: Stage, port: int, viewer: str) -> Person:
    """Join whichever gateway the kernel chooses on this port."""
    person = Person(f"ws://127.0.0.1:{port}/live/{stage.room}?ticket={stage.ticket(viewer)}")
    await stage.stack.enter_async_context(person)
    person.welcome = await person.frame("welcome")
    return person


async def test_a_gateway_that_is_told_to_stop_sends_everybody_home_in_time(
    stage: Stage, start: Start, port: int
) -> None:
    gateway = await start(port)
    await stage.open_drop(supply=100)
    people = [await at(stage, port, f"viewer-{number}") for number in range(50)]
    asked = [await person.say("cart.add", sku="santos") for person in people]

    gateway.send_signal(signal.SIGTERM)
    told_s = time.monotonic()

    for person, message_id in zip(people, asked, strict=True):
        reply = await person.frame("reply", to=message_id)
        assert reply["ok"] or reply["error"]["code"] == "busy"
        end = await person.closing()
        assert end.code == 1012
        assert re.fullmatch(r"retry_after_ms=\d+", end.reason)
    async with asyncio.timeout(10):
        assert await gateway.wait() == 0
    assert time.monotonic() - told_s < 10


async def test_viewers_of_a_stopped_gateway_go_on_at_another_one_on_the_same_port(
    stage: Stage, start: Start, port: int
) -> None:
    first = await start(port)
    await stage.open_drop()
    anna = await at(stage, port, "anna")
    hold = await anna.result("cart.add", sku="santos", id="mine")
    second = await start(port)
    first.send_signal(signal.SIGTERM)
    assert (await anna.closing()).code == 1012
    await stage.command(commands.Announce("meanwhile"))
    await first.wait()

    back = await at(stage, port, "anna")
    assert await back.result("cart.add", sku="santos", id="mine") == hold
    second.send_signal(signal.SIGINT)
    assert (await back.closing()).code == 1012
    async with asyncio.timeout(10):
        assert await second.wait() == 0
