"""A large state encoded aside: by a forked child, so that no command waits for it.

Encoding a state of a million facts takes half a second. A fork takes a few milliseconds, and the
child has the state as it was at that moment, however it moves on here: the way in which Redis
itself saves. The child encodes, writes into a pipe and ends; it touches nothing else of what it
inherited, neither the event loop nor a connection.

Owns the child. Refuses to know what is encoded, and where it goes.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Final, NoReturn

from livestream import tether

#: How often a child that has said everything is looked for; it ends within a few of these.
LOOK_EVERY_S: Final = 0.01


class TornError(Exception):
    """The child ended before it had said everything."""


class Imprint:
    """What `encode` returns, as of now. The child is there once this is; `parts` or `close` end it.

    Raises OSError when there is no memory or no process left for it.
    """

    def __init__(self, encode: Callable[[], bytes]) -> None:
        tether.require_main_thread("an imprint is made")
        self._reading, writing = os.pipe()
        parent = os.getpid()
        try:
            self._pid = os.fork()
        except OSError:
            os.close(self._reading)
            os.close(writing)
            raise
        if self._pid == 0:
            _be_the_child(parent, encode, writing)
        os.close(writing)
        os.set_blocking(self._reading, False)
        self._ended = False

    async def parts(self, bytes_each: int) -> AsyncIterator[bytes]:
        """The bytes, in parts of this size but for the last.

        Raises:
            TornError: the child did not come to the end.
        """
        part = bytearray()
        while read := await self._read(bytes_each - len(part)):
            part += read
            if len(part) == bytes_each:
                yield bytes(part)
                part.clear()
        if await self._wait() != 0:
            raise TornError(f"the child {self._pid} did not come to the end")
        if part:
            yield bytes(part)

    async def close(self) -> None:
        """End the child, if it has not ended."""
        if not self._ended:
            os.kill(self._pid, signal.SIGKILL)
            await self._wait()
        if self._reading >= 0:
            os.close(self._reading)
            self._reading = -1

    async def _read(self, bytes_max: int) -> bytes:
        loop = asyncio.get_running_loop()
        while True:
            with suppress(BlockingIOError):
                return os.read(self._reading, bytes_max)
            readable = asyncio.Event()
            loop.add_reader(self._reading, readable.set)
            try:
                await readable.wait()
            finally:
                loop.remove_reader(self._reading)

    async def _wait(self) -> int:
        """The child's status. Its memory is given back before it has ended, which takes a while."""
        while True:
            pid, status = os.waitpid(self._pid, os.WNOHANG)  # noqa: ASYNC222 - it does not wait
            if pid:
                self._ended = True
                return status
            await asyncio.sleep(LOOK_EVERY_S)


def _be_the_child(parent: int, encode: Callable[[], bytes], writing: int) -> NoReturn:
    """Say everything and end, come what may: nothing of the parent's work is done here."""
    status = 1
    try:
        # Signals are the parent's: its wake-up pipe is shared, and would wake the parent.
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        tether.die_with_parent(parent)
        gc.disable()
        os.nice(5)
        left = memoryview(encode())
        while left:
            left = left[os.write(writing, left) :]
        status = 0
    finally:
        os._exit(status)
