"""A state encoded by a forked child, in a process of its own as an engine is one."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: Prints what came; a fork within the test run itself would take its threads along.
PROGRAM = """
import asyncio, os, signal
from livestream.engine.imprint import Imprint, TornError

state = [b"as it was ", b"when it was asked for "]

def encode():
    return b"".join(state) * 50_000

def die():
    os.kill(os.getpid(), signal.SIGKILL)

async def whole():
    imprint = Imprint(encode)
    state[:] = [b"as it is now"]
    before = b"as it was when it was asked for " * 50_000
    parts = [part async for part in imprint.parts(100_000)]
    await imprint.close()
    assert b"".join(parts) == before, "the child has another state"
    assert {len(part) for part in parts[:-1]} == {100_000}, "parts are of other sizes"

async def torn():
    imprint = Imprint(die)
    try:
        async for part in imprint.parts(100_000):
            raise AssertionError(part)
    except TornError:
        print("torn", end=" ")
    await imprint.close()

async def broken_off():
    imprint = Imprint(lambda: bytes(10_000_000))
    async for part in imprint.parts(1_000):
        break
    await imprint.close()

async def main():
    await whole()
    await torn()
    await broken_off()
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        print("no child is left")

asyncio.run(main())
"""

#: An owner that is stopped in the turn in which a snapshot begins.
STOPPED_AT_ONCE = """
import asyncio, os
from livestream.engine.keeper import FACTS_AT_ONCE_MAX, Keeper
from livestream.engine.pulse import total
from livestream.flight import Watch
from livestream.journal import Journal
from livestream.redis_client import open_redis
from livestream.room import Room, RoomState

nobody = total({}, 0, 0, 0)
chat = {"shown": 0, "skipped": 0, "blocked": 0}
told = nobody, chat, {}, {"decisions": 0}, Watch()

async def main():
    redis = open_redis("redis://127.0.0.1:1")
    room = Room(RoomState("show"))
    keeper = Keeper(redis, Journal(redis, "show"), room, "e-1", 1)
    await keeper.keep(*told)
    room.state.seq = FACTS_AT_ONCE_MAX + 1
    await keeper.keep(*told)
    await keeper.close()
    await redis.aclose()
    try:
        print(os.waitpid(-1, os.WNOHANG))
    except ChildProcessError:
        print("no child is left")

forks = []
os.register_at_fork(after_in_parent=lambda: forks.append(1))
asyncio.run(main())
assert forks == [1], "no snapshot was begun"
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the engine runs on Linux")
def test_a_snapshot_that_is_broken_off_before_its_first_part_leaves_no_child() -> None:
    run = subprocess.run(
        [sys.executable, "-c", STOPPED_AT_ONCE],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "no child is left\n", "")


@pytest.mark.skipif(sys.platform != "linux", reason="the engine runs on Linux")
def test_an_imprint_is_of_its_moment_whole_or_torn_and_leaves_no_child() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "torn no child is left\n", "")
