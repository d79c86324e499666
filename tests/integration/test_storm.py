"""Thousands come back within a second, as after a tunnel or a gateway's end: each of them gets in,
and exactly what was missed.
"""

from __future__ import annotations

import asyncio
import resource
import select
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import orjson
import pytest

from livestream.commands import Announce
from tests.integration.house import House
from tests.integration.world import World
from tests.livestream.gateway.house import request_bytes

VIEWERS = 3_000
#: On a machine that others use; it takes a second and a half on one that is idle.
STORM_ENDS_S = 40.0
SPARE_DESCRIPTORS = 200
READ_BYTES = 64 * 1024
CONNECTS_PER_LOOK = 100


@pytest.fixture
def descriptors() -> Iterator[None]:
    """As many as the storm needs, if the machine allows them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = VIEWERS + SPARE_DESCRIPTORS
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.skip(f"needs {needed} file descriptors; this machine allows {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Crowd:
    """Raw sockets that all connect at once, ask as soon as they are connected, and read until each
    has heard `last`.
    """

    def __init__(self, url: str, paths: list[str]) -> None:
        host, port = urlsplit(url).hostname, urlsplit(url).port
        self._connecting, self._reading = select.epoll(), select.epoll()
        self._requests: dict[int, bytes] = {}
        self._sockets: dict[int, socket.socket] = {}
        self.heard: dict[int, bytes] = {}
        for path in paths:
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex((host, port))
            self._sockets[sock.fileno()] = sock
            self._requests[sock.fileno()] = request_bytes(path)
            self.heard[sock.fileno()] = b""
            self._connecting.register(sock.fileno(), select.EPOLLOUT)
            if len(self._sockets) % CONNECTS_PER_LOOK == 0:
                self._ask()

    def _ask(self) -> None:
        for fd, _ in self._connecting.poll(0):
            self._sockets[fd].send(self._requests.pop(fd))
            self._connecting.unregister(fd)
            self._reading.register(fd, select.EPOLLIN)

    def hear(self, last: bytes) -> None:
        """Raises ConnectionError if anybody is refused or cut off, TimeoutError after a while."""
        waiting = set(self.heard)
        ends_s = time.monotonic() + STORM_ENDS_S
        while waiting:
            if time.monotonic() > ends_s:
                raise TimeoutError(f"{len(waiting)} of {len(self.heard)} still wait")
            self._ask()
            for fd, _ in self._reading.poll(0.01):
                data = self._sockets[fd].recv(READ_BYTES)
                heard = self.heard[fd] = self.heard[fd] + data
                if not data or not heard.startswith(b"HTTP/1.1 101"[: len(heard)]):
                    raise ConnectionError(f"refused or cut off: {heard[:200]!r}")
                if last in heard:
                    waiting.discard(fd)

    def hang_up(self) -> None:
        for sock in self._sockets.values():
            sock.close()
        self._connecting.close()
        self._reading.close()


@pytest.mark.slow
@pytest.mark.usefixtures("descriptors")
async def test_thousands_who_come_back_at_once_all_resume(house: House, world: World) -> None:
    house.start_engine()
    house.start_gateway()
    (url,) = house.gateway_urls()
    tickets = [world.ticket(f"v{number}") for number in range(VIEWERS)]
    async with world.desk() as desk:
        async with world.line("first") as first:  # a gateway asks for a room when somebody comes
            assert await first.hears(lambda: bool(first.story), STORM_ENDS_S)
        paths = [f"/live/{world.room}?ticket={ticket}" for ticket in tickets]
        crowd = Crowd(url, paths)
        await asyncio.to_thread(crowd.hear, b'"type":"welcome"')
        seats = [_place(heard) for heard in crowd.heard.values()]
        crowd.hang_up()

        for number in range(5):
            await desk.asks(Announce(f"while you were away {number}"))
        back = [
            f"{path}&epoch={epoch}&since={seq}"
            for path, (epoch, seq) in zip(paths, seats, strict=True)
        ]
        crowd = Crowd(url, back)
        storm = asyncio.create_task(asyncio.to_thread(crowd.hear, b"while they come back"))
        await desk.asks(Announce("while they come back"))
        await storm
        for heard in crowd.heard.values():
            assert b'"resumed":true' in heard
            said = [heard.count(b"while you were away %d" % number) for number in range(5)]
            assert said == [1] * 5, "once each"
            assert heard.count(b"while they come back") == 1
        crowd.hang_up()


def _place(heard: bytes) -> tuple[int, int]:
    """Epoch and seq of the welcome, the first frame after the HTTP answer."""
    _, _, frames = heard.partition(b"\r\n\r\n")
    size, start = frames[1], 2
    if size == 126:
        size, start = int.from_bytes(frames[2:4]), 4
    welcome = orjson.loads(frames[start : start + size])
    return welcome["epoch"], welcome["seq"]
