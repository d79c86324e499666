"""`Crowd`: hundreds of viewers in one Locust user, for a full house on a small machine.

A person costs a greenlet or two and a library's connection, some 100 KiB. A seat in the crowd is a
raw socket and one slotted object; all of them stand in one epoll set, which Locust's loop watches
as a single descriptor. An announcement is the same bytes for everybody, so it is decoded once.
"""

from __future__ import annotations

import os
import random
import select
import socket
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode, urlsplit

import gevent
from gevent import monkey
from gevent import socket as gevent_socket
from locust import constant, task
from locust.exception import StopUser

from livestream import wire
from livestream.messages import CloseCode
from loadtest import frames
from loadtest.evening import Visitor
from loadtest.figures import Lane
from loadtest.hearing import Span

# gevent takes epoll away, for waiting in it would stop every greenlet. We never wait in it: gevent
# watches its descriptor, and we ask it what is ready.
_epoll: Final[Callable[[], select.epoll]] = monkey.get_original("select", "epoll")
_socket: Final[type[socket.socket]] = monkey.get_original("socket", "socket")

#: Handshakes under way at once: a crowd at the door, not a flood.
ENTERING_MAX = 64
#: For the crowd's places at the door; who is not in by then shows as a join that failed.
ENTER_S = 30.0
#: A seat that waits for a welcome longer than this begins again.
WELCOME_S = 10.0
COME_BACK_S = (0.1, 1.0)
LOOK_AGAIN_S = 0.05
_READ_BYTES = 64 * 1024
#: Ready events for one turn; then other greenlets have theirs.
_EVENTS_MAX = 256
_HEAD_BYTES_MAX = 8 * 1024
#: Frames remembered by their bytes. 256 × 1 KiB = 256 KiB for each crowd.
_KNOWN_MAX = 256


class Heard(NamedTuple):
    """A frame as far as the crowd cares. `sent_ms`: the time it carries, 0 if none."""

    lane: Lane
    kind: str
    seq: int
    sent_ms: int
    frame: dict[str, Any]


class Seat:
    """One viewer of the crowd."""

    __slots__ = (
        "entered_s",
        "epoch",
        "key",
        "live_after",
        "rest",
        "socket",
        "span",
        "state",
        "target",
        "timed",
    )

    def __init__(self, target: str, timed: bool) -> None:
        self.target = target
        self.timed = timed
        self.socket: socket.socket | None = None
        self.state = "away"  # away, connecting, upgrading, entering, here
        self.key = b""
        self.rest = b""  # what came and is no whole frame yet
        self.span: Span | None = None
        self.epoch = 0
        self.live_after = 0
        self.entered_s = 0.0


class Crowd(Visitor):
    """Holds `--crowd-size` viewers who join with tickets of their own, watch, and come back by
    `epoch` and `since` when they lose the line.

    Counts every frame of every viewer and compares what each heard; of what it times it takes a
    sample, one viewer in `--sample`, and its rows say so. The opening of the drop is timed for all.
    Refuses to chat, to buy, and to speak TLS.
    """

    channel = "crowd"
    wait_time = constant(1)

    def on_start(self) -> None:
        """Bring everybody in, or say who stayed outside."""
        evening = self.evening
        self._sample = f"1 in {evening.sample}"
        self._known: dict[bytes, Heard] = {}
        self._seats: dict[int, Seat] = {}
        self._entering = 0
        self._here = 0
        self._leaving = False
        self._epoll = _epoll()
        self._reader = gevent.spawn(self._read)
        self.wait_for_room()
        started_s = time.monotonic()
        for number in range(evening.crowd_size):
            address, ticket = self.ticket(evening.new_viewer(self.channel), self.channel)
            url = urlsplit(address)
            if url.scheme != "ws" or url.hostname is None:
                raise StopUser(f"a crowd speaks ws://, not {address}")
            self._host = url.netloc
            self._peer = (gevent_socket.gethostbyname(url.hostname), url.port or 80)
            while self._entering >= ENTERING_MAX and time.monotonic() - started_s < ENTER_S:
                gevent.sleep(LOOK_AGAIN_S / 10)
            target = f"{url.path}?{urlencode({'ticket': ticket})}"
            self._connect(Seat(target, number % evening.sample == 0))
        while self._here < evening.crowd_size and time.monotonic() - started_s < ENTER_S:
            gevent.sleep(LOOK_AGAIN_S)
        for _ in range(evening.crowd_size - self._here):
            evening.figures.not_joined("enter", ENTER_S * 1_000, TimeoutError("no welcome"))

    @task
    def watch(self) -> None:
        """All reading is done as it comes; here, who waits too long at the door begins again."""
        overdue_s = time.perf_counter() - WELCOME_S
        for seat in list(self._seats.values()):
            if seat.state != "here" and seat.entered_s < overdue_s:
                self._lose(seat, 1006)

    def on_stop(self) -> None:
        """Everybody leaves."""
        self._leaving = True
        self._reader.kill()
        for seat in self._seats.values():
            if seat.span is not None and seat.state == "here":
                seat.span.stayed = True
            if seat.socket is not None:
                seat.socket.close()
        self._seats.clear()
        self._epoll.close()

    # -- connections ---------------------------------------------------------------------------

    def _connect(self, seat: Seat) -> None:
        if self._leaving:
            return
        sock = _socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        seat.socket, seat.state, seat.rest = sock, "connecting", b""
        seat.key, seat.entered_s = frames.new_key(), time.perf_counter()
        self._entering += 1
        self._seats[sock.fileno()] = seat
        self._epoll.register(sock.fileno(), select.EPOLLIN | select.EPOLLOUT)
        sock.connect_ex(self._peer)  # in progress; a refusal shows as a connection that ends

    def _lose(self, seat: Seat, code: int) -> None:
        """The connection is over; the viewer comes back in a moment."""
        sock = seat.socket
        if sock is None:
            return
        self._seats.pop(sock.fileno(), None)
        sock.close()  # leaves the epoll set with it
        if seat.state == "here":
            self._here -= 1
            age_ms = (time.perf_counter() - seat.entered_s) * 1_000
            self.evening.figures.loss(code, age_ms)
        else:
            self._entering -= 1
        seat.socket, seat.state = None, "away"
        if code not in (CloseCode.BANNED, CloseCode.TICKET_EXPIRED):
            gevent.spawn_later(random.uniform(*COME_BACK_S), self._connect, seat)

    def _upgrade_request(self, seat: Seat) -> bytes:
        target = seat.target
        if seat.span is not None:
            target += f"&epoch={seat.epoch}&since={seat.span.last}"
        return frames.upgrade_request(self._host, target, seat.key)

    # -- reading -------------------------------------------------------------------------------

    def _read(self) -> None:
        """For ever: wait as a greenlet for the set, then serve what is ready in it."""
        while True:
            gevent_socket.wait_read(self._epoll.fileno())
            for fd, _ in self._epoll.poll(0, _EVENTS_MAX):
                seat = self._seats.get(fd)
                if seat is not None:
                    self._serve(seat, fd)
            gevent.sleep(0)  # the others' turn

    def _serve(self, seat: Seat, fd: int) -> None:
        try:
            if seat.state == "connecting":
                os.write(
                    fd, self._upgrade_request(seat)
                )  # 1 KiB into an empty buffer: all or nothing
                seat.state = "upgrading"
                self._epoll.modify(fd, select.EPOLLIN)
                return
            data = os.read(fd, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose(seat, 1006)
            return
        seat.rest += data
        try:
            if seat.state == "upgrading" and not self._upgrade(seat):
                return
            self._take_frames(seat, fd)
        except frames.ProtocolError as error:
            print(f"crowd: {error}", flush=True)
            self._lose(seat, CloseCode.PROTOCOL_ERROR)

    def _upgrade(self, seat: Seat) -> bool:
        """Whether the handshake is done; a refusal sends the viewer round again."""
        head, end, rest = seat.rest.partition(b"\r\n\r\n")
        if not end:
            if len(head) > _HEAD_BYTES_MAX:
                raise frames.ProtocolError("an endless answer to the handshake")
            return False
        if not frames.upgraded(head, seat.key):
            # 404 until the host has made the room, 503 in a rush: both pass.
            banned = frames.status_of(head) in (401, 403)
            self._lose(seat, CloseCode.BANNED if banned else 1006)
            return False
        seat.state, seat.rest = "entering", rest
        return True

    def _take_frames(self, seat: Seat, fd: int) -> None:
        taken = 0
        for opcode, payload, end in frames.read_frames(seat.rest):
            taken = end
            match opcode:
                case frames.TEXT:
                    self._hear(seat, payload)
                case frames.PING:
                    os.write(fd, frames.pong(payload))
                case frames.CLOSE:
                    self._lose(seat, int.from_bytes(payload[:2]) or CloseCode.NORMAL)
                    return
        if taken:
            seat.rest = seat.rest[taken:]

    def _hear(self, seat: Seat, payload: bytes) -> None:
        heard = self._known.get(payload) or self._learn(payload)
        evening, size = self.evening, len(payload)
        evening.figures.frame(heard.lane, size)
        if heard.kind == "welcome":
            self._enter(seat, heard.frame)
        elif heard.lane == "commerce":
            self._see(seat, heard, size)
        elif seat.timed and heard.sent_ms:
            late_ms = evening.clock.now_ms() - heard.sent_ms
            evening.figures.delivery(f"{heard.lane} ({self._sample})", late_ms, size)

    def _see(self, seat: Seat, heard: Heard, size: int) -> None:
        evening, span = self.evening, seat.span
        if span is None or not evening.hearing.heard(span, heard.seq):
            return
        if heard.seq > seat.live_after and (seat.timed or heard.kind == "drop.opened"):
            late_ms = evening.clock.now_ms() - heard.sent_ms
            if seat.timed:
                evening.figures.delivery(f"commerce ({self._sample})", late_ms, size)
            if heard.kind == "drop.opened":
                evening.figures.drop_opened(late_ms, size)
        if heard.kind == "epoch.started":
            seat.epoch = heard.frame["epoch"]
        elif heard.kind == "room.ended":
            evening.hearing.ended(heard.seq)

    def _enter(self, seat: Seat, welcome: dict[str, Any]) -> None:
        evening, again = self.evening, seat.span is not None
        evening.clock.heard(welcome["server_time_ms"])
        now_s = time.perf_counter()
        evening.figures.join("return" if again else "enter", (now_s - seat.entered_s) * 1_000)
        seat.state, seat.entered_s, seat.live_after = "here", now_s, welcome["seq"]
        self._entering -= 1
        self._here += 1
        if not welcome["resumed"]:
            seat.epoch, seat.span = welcome["epoch"], evening.hearing.begin(welcome["seq"])

    def _learn(self, payload: bytes) -> Heard:
        """Decode a frame that nobody of us has shown yet, and keep it if others will."""
        frame = wire.decode_frame(payload)
        match kind := frame["type"]:
            case "chat":
                said = frame["messages"]
                heard = Heard("chat", kind, 0, said[-1]["at_ms"] if said else 0, frame)
            case "pulse":
                self.evening.clock.heard(frame["server_time_ms"])
                heard = Heard("pulse", kind, 0, frame["server_time_ms"], frame)
            case _ if "at_ms" in frame:
                heard = Heard("commerce", kind, frame["seq"], frame["at_ms"], frame)
            case _:
                return Heard("private", kind, 0, 0, frame)
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        self._known[payload] = heard
        return heard
