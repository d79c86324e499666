"""The receiving ends of the fan-out benchmark: many raw websocket clients in one process.

Owns N sockets and one epoll set, counts bytes, notes when they came, and is meant never to be the
bottleneck. Refuses to know which server it talks to.
"""

from __future__ import annotations

import math
import os
import select
import socket
import time
from collections.abc import Iterator, Sequence
from itertools import repeat
from multiprocessing.connection import Connection
from typing import NamedTuple

_IN_FLIGHT_MAX = 256
_READ_BYTES = 64 * 1024
_EVENTS_MAX = 4_096
_SECONDS_MAX = 60.0
_IP_BIND_ADDRESS_NO_PORT = 24
#: An ephemeral port range holds about 28,000 ports for one source and one destination.
_SOCKETS_PER_SOURCE = 20_000
_REQUEST = (
    "GET /live/bench?ticket={ticket} HTTP/1.1\r\n"
    "Host: 127.0.0.1\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: livestream.v1\r\n"
    "Origin: http://127.0.0.1\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n{extensions}\r\n"
)


def run(
    control: Connection, port: int, ticket: str, cores: set[int], offer: str | None = None
) -> None:
    """Serve the conductor: ("join", n), ("receive", bytes in all), ("arrivals", bytes for each),
    ("leave",), ("stop",).

    `offer`: the extension that everybody here asks for.
    """
    os.sched_setaffinity(0, cores)
    crowd = Crowd(port, repeat(request(ticket, offer)))
    while True:
        match control.recv():
            case ("join", int(count)):
                control.send(crowd.join(count))
            case ("receive", int(expected)):
                control.send(crowd.receive(expected))
            case ("arrivals", int(each)):
                control.send(crowd.arrivals(each))
            case ("leave",):
                crowd.leave()
                control.send(True)
            case _:
                return


def request(ticket: str, offer: str | None = None) -> bytes:
    """The head of a handshake; `offer`: the extension that it asks for."""
    extensions = f"Sec-WebSocket-Extensions: {offer}\r\n" if offer else ""
    return _REQUEST.format(ticket=ticket, extensions=extensions).encode()


class Spread(NamedTuple):
    """Milliseconds after the first viewer that the half, 99 in 100 and the last of them had it."""

    p50_ms: float
    p99_ms: float
    last_ms: float

    @classmethod
    def of(cls, arrived_ns: Sequence[int]) -> Spread:
        """Of one frame's arrivals, in their order."""

        def after_ms(share: float) -> float:
            place = math.ceil(share * len(arrived_ns)) - 1
            return (arrived_ns[place] - arrived_ns[0]) / 1e6

        return cls(after_ms(0.5), after_ms(0.99), after_ms(1))


class Crowd:
    """`requests`: the opening handshake of each one who joins, in order."""

    def __init__(self, port: int, requests: Iterator[bytes]) -> None:
        self._port = port
        self._requests = requests
        self._epoll = select.epoll()
        self._sockets: list[socket.socket] = []
        self._sources = self._source_addresses()

    def join(self, count: int) -> float:
        """Open `count` more websockets; return the seconds it took."""
        started = time.perf_counter()
        waiting: dict[int, bytes] = {}
        for _ in range(count):
            while len(waiting) >= _IN_FLIGHT_MAX:
                self._answers(waiting)
            sock = self._connect()
            self._sockets.append(sock)
            waiting[sock.fileno()] = b""
            self._epoll.register(sock.fileno(), select.EPOLLIN)
        while waiting:
            self._answers(waiting)
        return time.perf_counter() - started

    def receive(self, expected: int) -> bool:
        """Read until `expected` bytes have come, over all sockets; False if they do not come."""
        received = 0
        deadline = time.monotonic() + _SECONDS_MAX
        while received < expected:
            for fd, _ in self._epoll.poll(1.0, _EVENTS_MAX):
                received += len(os.read(fd, _READ_BYTES))
            if time.monotonic() > deadline:
                return False
        return received == expected

    def arrivals(self, each: int) -> Spread | None:
        """Read until everybody has `each` bytes; when they had, from the first of them on. None if
        they do not come, or more of them.
        """
        missing: dict[int, int] = {}
        arrived_ns: list[int] = []
        deadline = time.monotonic() + _SECONDS_MAX
        while len(arrived_ns) < len(self._sockets):
            for fd, _ in self._epoll.poll(1.0, _EVENTS_MAX):
                left = missing[fd] = missing.get(fd, each) - len(os.read(fd, _READ_BYTES))
                if left < 0:
                    return None
                if left == 0:
                    arrived_ns.append(time.perf_counter_ns())
            if time.monotonic() > deadline:
                return None
        return Spread.of(arrived_ns)

    def say(self, frame: bytes, count: int) -> None:
        """Have the first `count` of them send a frame."""
        for sock in self._sockets[:count]:
            sock.send(frame)

    def leave(self) -> None:
        for sock in self._sockets:
            sock.close()
        self._sockets.clear()

    def _connect(self) -> socket.socket:
        sock = socket.socket()
        sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((next(self._sources), 0))
        sock.connect(("127.0.0.1", self._port))
        sock.send(next(self._requests))
        sock.setblocking(False)
        return sock

    def _answers(self, waiting: dict[int, bytes]) -> None:
        for fd, _ in self._epoll.poll(_SECONDS_MAX, _EVENTS_MAX):
            data = os.read(fd, _READ_BYTES)
            if not data:
                raise ConnectionError(f"refused: {waiting.get(fd)!r}")
            if fd not in waiting:
                continue  # in, and hears the room
            answer = waiting[fd] + data
            if not answer.startswith(b"HTTP/1.1 101 "[: len(answer)]):
                raise ConnectionError(f"refused: {answer!r}")
            if b"\r\n\r\n" in answer:
                del waiting[fd]
            else:
                waiting[fd] = answer

    def _source_addresses(self) -> Iterator[str]:
        made = 0
        while True:
            yield f"127.0.{2 + made // _SOCKETS_PER_SOURCE}.1"
            made += 1
