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


@pytest.mark.skipif(sys.platform != "linux", reason="the engine runs on Linux")
def test_an_imprint_is_of_its_moment_whole_or_torn_and_leaves_no_child() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "torn no child is left\n", "")
