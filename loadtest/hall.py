"""The hall: every seat of one load process, in one epoll set.

A seat is a descriptor and one slotted object: no socket object, greenlet, parser, timer or dict.
Locust's loop watches the set as a single descriptor. What comes in one read is the same bytes for
nearly everybody, so it is taken apart once and known by its bytes after that (`chunks`).

Owns descriptors, the way in and the reading. Refuses to know Locust, tickets and what a viewer
wants: that is its `Party`.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

import gevent
from gevent import monkey

from livestream.messages import CloseCode
from loadtest import frames
from loadtest.chunks import Chunk, Chunks
from loadtest.hearing import Span

# gevent takes epoll away, for waiting in it would stop every greenlet. We never wait in it: gevent
# watches its descriptor, and we ask it what is ready.
_epoll: Final[Callable[[], select.epoll]] = monkey.get_original("select", "epoll")
_socket: Final[type[socket.socket]] = monkey.get_original("socket", "socket")

#: Handshakes under way at once in one process: a crowd at the door, not a flood. 48 processes × 48
#: is half of what the gateways of the machine let stand at the door (net.core.somaxconn).
ENTERING_MAX: Final = 48
#: A seat that waits for a welcome longer than this begins again.
WELCOME_S: Final = 15.0
_READ_BYTES: Final = 4 * 1024
_READABLE: Final = 1  # of libev's events
#: Ready events for one turn; then other greenlets have theirs.
_EVENTS_MAX: Final = 512
#: And connections for one turn: 64 × 0.1 ms.
_CONNECTS_MAX: Final = 64
_HEAD_BYTES_MAX: Final = 8 * 1024
_IP_BIND_ADDRESS_NO_PORT: Final = 24  # linux/in.h: the port is chosen when the peer is known
#: A server that gave a connection up need not be heard to say so: where packets are dropped, its
#: reset is one of them. So a seat that has heard nothing for longer than the longest time between
#: two pulses asks the kernel of the other end, which answers for a connection that it does not know
#: with another reset. Seats that hear the room ask nothing.
_KEEPALIVE: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 90),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4),
)
#: Leave without a word: no TIME_WAIT for each of 770,000 is kept by the kernel.
_NO_LINGER: Final = struct.pack("ii", 1, 0)


class Seat:
    """One viewer of a crowd: 128 bytes, its span and two numbers."""

    __slots__ = (
        "entered_s",
        "epoch",
        "errand",
        "fd",
        "live_after",
        "number",
        "party",
        "rest",
        "span",
        "state",
        "timed",
    )

    def __init__(self, party: Party, number: int, timed: bool) -> None:
        self.party = party
        self.number = number
        self.timed = timed
        self.fd = -1
        self.state = "away"  # away, connecting, upgrading, entering, here, gone
        self.rest = b""  # what came and is no whole frame yet; the handshake's key before that
        self.span: Span | None = None
        self.epoch = 0
        self.live_after = 0
        self.entered_s = 0.0
        self.errand: Any = None  # the party's own


class Party(Protocol):
    """Those who came together: what they say at the door, and what becomes of what they hear."""

    source: str
    peer: tuple[str, int]

    def request(self, seat: Seat) -> bytes:
        """The opening handshake; its key is `seat.rest`."""

    def entered(self, seat: Seat, welcome: dict[str, Any]) -> None:
        """The welcome came."""

    def heard(self, seat: Seat, chunk: Chunk) -> None:
        """What everybody hears."""

    def told(self, seat: Seat, frame: dict[str, Any], size: int) -> None:
        """What only this seat hears."""

    def lost(self, seat: Seat, code: int, was_here: bool, age_ms: float) -> bool:
        """The connection is over; whether the viewer comes back."""


class Hall:
    """One for each process. `chunks` takes apart what comes."""

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks
        self._seats: dict[int, Seat] = {}
        self._door: deque[Seat] = deque()
        self._entering: dict[Seat, None] = {}
        self.here = 0
        self.entering_max = ENTERING_MAX
        self._epoll = _epoll()
        # One watcher that stays: to wait for the set anew each time would put it into the loop's
        # own set each time, and the kernel then walks all seats to see that there is no circle.
        self._watcher = gevent.get_hub().loop.io(self._epoll.fileno(), _READABLE)
        self._watcher.start(self._read)
        self._usher = gevent.spawn(self._let_in)

    def enter(self, seat: Seat) -> None:
        """Come to the door; the way in is paced."""
        self._door.append(seat)

    def leave(self, seat: Seat) -> None:
        """Hang up for good, without a word."""
        was_here, fd = seat.state == "here", seat.fd
        self._entering.pop(seat, None)
        seat.state, seat.fd = "gone", -1
        self.here -= was_here
        if fd >= 0:
            del self._seats[fd]
            self._epoll.unregister(fd)
            _hang_up(fd)

    def cut(self, seat: Seat) -> None:
        """Lose the line and come back, as after a tunnel."""
        if seat.state == "here":
            self._lose(seat, 1006, ours=True)

    def say(self, seat: Seat, payload: bytes) -> bool:
        """A text message; False if it could not be said now."""
        if seat.state != "here":
            return False
        frame = frames.text(payload)
        try:
            return os.write(seat.fd, frame) == len(frame)
        except OSError:
            return False

    def close(self) -> None:
        """The evening is over."""
        self._watcher.stop()
        self._usher.kill()
        for seat in list(self._seats.values()):
            self.leave(seat)
        self._epoll.close()

    # -- the way in ----------------------------------------------------------------------------

    def _let_in(self) -> None:
        while True:
            for _ in range(_CONNECTS_MAX):
                if not self._door or len(self._entering) >= self.entering_max:
                    break
                seat = self._door.popleft()
                if seat.state == "away":
                    self._connect(seat)
            overdue_s = time.perf_counter() - WELCOME_S
            for seat in list(self._entering):  # the first one came first
                if seat.entered_s > overdue_s:
                    break
                self._lose(seat, 1006)
            gevent.sleep(0.002 if self._door else 0.1)

    def _connect(self, seat: Seat) -> None:
        party = seat.party
        try:
            sock = _socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError as error:  # no descriptor is left: this seat stays empty, the others go on
            print(f"crowd: {error.strerror}, {len(self._seats):,} seats are taken", flush=True)
            seat.state = "gone"
            return
        sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        for level, option, value in _KEEPALIVE:
            sock.setsockopt(level, option, value)
        if party.source:
            sock.bind((party.source, 0))
        status = sock.connect_ex(party.peer)
        if status not in (0, errno.EINPROGRESS):
            sock.close()
            party.lost(seat, 1006, False, 0.0)  # it tries again, and the gap in numbers tells
            return
        fd = sock.detach()
        seat.fd, seat.state, seat.rest = fd, "connecting", frames.new_key()
        seat.entered_s = time.perf_counter()
        self._seats[fd] = seat
        self._entering[seat] = None
        if self._speak(seat):  # on one machine the connection mostly stands by now
            self._epoll.register(fd, select.EPOLLIN)
        else:
            self._epoll.register(fd, select.EPOLLIN | select.EPOLLOUT)

    def _speak(self, seat: Seat) -> bool:
        try:
            os.write(seat.fd, seat.party.request(seat))  # 1 KiB into an empty buffer: all of it
        except OSError:  # not yet; or refused, which shows as a connection that ends
            return False
        seat.state = "upgrading"
        return True

    def _upgrade(self, seat: Seat, data: bytes) -> None:
        """The answer to the handshake, with the welcome behind it or not."""
        key, _, known = seat.rest.partition(b"\n")
        head, end, rest = (known + data).partition(b"\r\n\r\n")
        if not end:
            if len(head) > _HEAD_BYTES_MAX:
                raise frames.ProtocolError("an endless answer to the handshake")
            seat.rest = key + b"\n" + head
        elif frames.upgraded(head, key):
            seat.state, seat.rest = "entering", b""
            self._take(seat, rest)
        else:
            # 404 until the host has made the room, 503 in a rush: both pass.
            banned = frames.status_of(head) in (401, 403)
            self._lose(seat, CloseCode.BANNED if banned else 1006)

    # -- reading -------------------------------------------------------------------------------

    def _read(self) -> None:
        """The loop calls, as long as anything in the set is ready. Nothing below may wait."""
        seats = self._seats
        for fd, _ in self._epoll.poll(0, _EVENTS_MAX):
            seat = seats.get(fd)
            if seat is not None:
                self._serve(seat, fd)

    def _serve(self, seat: Seat, fd: int) -> None:
        """All of a full house goes through here, so the plainest case comes first."""
        try:
            data = os.read(fd, _READ_BYTES)
        except BlockingIOError:
            if seat.state == "connecting" and self._speak(seat):
                self._epoll.modify(fd, select.EPOLLIN)
            return
        except OSError:
            data = b""
        if not seat.rest and seat.state == "here":
            chunk = self._chunks.known.get(data)
            if chunk is not None:
                chunk.times += 1
                seat.party.heard(seat, chunk)
                return
        if not data:
            self._lose(seat, 1006)
            return
        try:
            if seat.state == "upgrading":
                self._upgrade(seat, data)
            else:
                self._take(seat, seat.rest + data)
        except frames.ProtocolError as error:
            print(f"crowd: {error}", flush=True)
            self._lose(seat, CloseCode.PROTOCOL_ERROR)

    def _take(self, seat: Seat, data: bytes) -> None:
        """What is not known yet, or not whole, or for this seat alone."""
        seat.rest = b""
        at = 0
        for opcode, payload, end in frames.read_frames(data):
            if opcode == frames.TEXT:
                self._hear(seat, data[at:end], payload)
            elif opcode == frames.PING:
                os.write(seat.fd, frames.pong(payload))
            elif opcode == frames.CLOSE:
                self._lose(seat, int.from_bytes(payload[:2]) or CloseCode.NORMAL)
                return
            at = end
            if seat.fd < 0:
                return
        seat.rest = data[at:]
        if at == len(data):
            self._chunks.keep(data)

    def _hear(self, seat: Seat, frame: bytes, payload: bytes) -> None:
        heard = self._chunks.of(frame, payload)
        if isinstance(heard, Chunk):
            heard.times += 1
            seat.party.heard(seat, heard)
        elif heard["type"] == "welcome":
            seat.state = "here"
            self._entering.pop(seat, None)
            self.here += 1
            seat.party.entered(seat, heard)
        else:
            seat.party.told(seat, heard, len(payload))

    # -- the way out ---------------------------------------------------------------------------

    def _lose(self, seat: Seat, code: int, ours: bool = False) -> None:
        fd, was_here = seat.fd, seat.state == "here"
        if fd < 0:
            return
        del self._seats[fd]
        self._epoll.unregister(fd)
        if ours:
            _hang_up(fd)
        else:
            os.close(fd)
        self._entering.pop(seat, None)
        self.here -= was_here
        seat.fd, seat.state, seat.rest = -1, "away", b""
        age_ms = (time.perf_counter() - seat.entered_s) * 1_000
        if not seat.party.lost(seat, code, was_here and not ours, age_ms):
            seat.state = "gone"


def _hang_up(fd: int) -> None:
    sock = _socket(fileno=fd)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    sock.close()
