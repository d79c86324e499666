"""The way in: listening, accepting, and the opening handshake of newcomers.

Owns connections until they are viewers. Refuses to know what a viewer does afterwards, and who may
become one.
"""

from __future__ import annotations

import errno
import os
import resource
import socket
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from typing import Protocol

from livestream.gateway import handshake
from livestream.gateway.complaints import Complaints
from livestream.gateway.descriptors import Descriptors
from livestream.gateway.door import Admission, Door, HandshakeRequest, HttpReply, refusal
from livestream.gateway.exits import Exits
from livestream.gateway.limits import AudienceLimits
from livestream.gateway.readiness import EVENT_IN
from livestream.gateway.stats import AudienceStats

#: Answers to what no client in order sends.
_BAD_INPUT = {400, 408, 413, 414, 431}
_OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_KEEPALIVE_INTERVAL_S = 10
_KEEPALIVE_PROBES = 3


class Listener:
    """A listening socket."""

    __slots__ = ("paused", "socket")

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.paused = False


class Newcomer:
    """A connection that has not said all of its request yet, or has and waits for its answer."""

    __slots__ = ("deadline_ms", "fd", "peer", "promised", "received")

    def __init__(self, fd: int, peer: str, received: bytes, deadline_ms: int) -> None:
        self.fd = fd
        self.peer = peer
        self.received = received
        self.deadline_ms = deadline_ms
        self.promised: Future[HttpReply] | None = None


class Seat(Protocol):
    """Where an admitted newcomer goes."""

    def __call__(
        self, fd: int, admission: Admission, accepted: handshake.Accepted, first: bytes
    ) -> None:
        """Seat a descriptor of the set.

        `accepted` holds the 101 to be sent, `first` is what the peer has sent beyond its request.
        """


class Entrance:
    def __init__(
        self,
        loop: AbstractEventLoop,
        descriptors: Descriptors,
        door: Door,
        exits: Exits,
        limits: AudienceLimits,
        stats: AudienceStats,
        complaints: Complaints,
        seat: Seat,
        viewers: Callable[[], int],
    ) -> None:
        self._loop = loop
        self._descriptors = descriptors
        self._door = door
        self._exits = exits
        self._limits = limits
        self._compress = limits.deflate_bytes_min is not None
        self._stats = stats
        self._complaints = complaints
        self._seat = seat
        self._viewers = viewers
        self._listeners: list[Listener] = []
        # By deadline, as every newcomer has the same time: the first one is the next to expire.
        self._newcomers: dict[int, Newcomer] = {}
        self._by_peer: dict[str, dict[int, None]] = {}  # descriptors, in the same order
        # The kernel hands out the lowest free number, so a number this high says how many are in
        # use.
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._fd_max = int(soft * limits.descriptors_share_max)

    def __len__(self) -> int:
        return len(self._newcomers)

    @property
    def seats(self) -> int:
        """Viewers above which upgrades are refused."""
        viewers_max = self._limits.viewers_max
        return self._fd_max if viewers_max is None else min(viewers_max, self._fd_max)

    def listen(self, sock: socket.socket) -> None:
        """Accept from a bound, listening socket from now on; it is ours to close."""
        sock.setblocking(False)
        # Accepted sockets inherit all of these from the listener, which saves a system call each
        # per connection.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._limits.send_buffer_bytes)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            for name, value in (
                ("TCP_NODELAY", 1),
                ("TCP_USER_TIMEOUT", self._limits.user_timeout_ms),
                ("TCP_KEEPIDLE", self._limits.keepalive_idle_s),
                ("TCP_KEEPINTVL", _KEEPALIVE_INTERVAL_S),
                ("TCP_KEEPCNT", _KEEPALIVE_PROBES),
            ):
                option = getattr(socket, name, None)
                if option is not None:  # elsewhere than on Linux some are missing
                    sock.setsockopt(socket.IPPROTO_TCP, option, value)
        listener = Listener(sock)
        self._listeners.append(listener)
        self._descriptors.add(sock.fileno(), listener, EVENT_IN)

    def stop_listening(self) -> None:
        for listener in self._listeners:
            self._descriptors.close(listener.socket.detach())
        self._listeners.clear()

    def accept(self, listener: Listener, _mask: int) -> None:
        """Take what waits at the door, a bounded number at a time."""
        for _ in range(self._limits.accepts_per_wake):
            if len(self._newcomers) >= self._limits.newcomers_max and not self._is_slow_crowd():
                self._pause(listener)
                return
            try:
                connection, address = listener.socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _OUT_OF_RESOURCES:
                    # The queue stays in the kernel. Without the pause the loop would spin on an
                    # event that it can do nothing about.
                    self._stats.accept_pauses += 1
                    self._pause(listener)
                    return
                continue  # this one gave up while it waited (ECONNABORTED and its like, accept(2))
            connection.setblocking(False)
            fd = connection.detach()
            self._stats.accepted += 1
            self._enter(fd, address[0] if isinstance(address, tuple) else "")

    def ready(self, newcomer: Newcomer, mask: int) -> None:
        try:
            data = os.read(newcomer.fd, self._limits.request_bytes_max)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._stats.bytes_in += len(data)
            if newcomer.promised is None:  # else it has said all that is listened to
                newcomer.received += data
                self._consider(newcomer)
        elif newcomer.promised is not None and mask == EVENT_IN:
            self._descriptors.watch(newcomer.fd, 0)  # half-closed: it says no more, and listens
        else:
            self._stats.handshakes_abandoned += 1
            self._strike(newcomer.fd)
            self._descriptors.close(newcomer.fd)

    def sweep(self, now_ms: int) -> None:
        """End handshakes whose time is over; open the door again after a pause."""
        for newcomer in list(self._newcomers.values()):
            if newcomer.deadline_ms > now_ms:
                break
            self._stats.handshakes_expired += 1
            self._reply(newcomer, HttpReply(408, b"the handshake took too long\n"))
        for listener in self._listeners:
            if listener.paused:
                listener.paused = False
                self._descriptors.watch(listener.socket.fileno(), EVENT_IN)

    def _enter(self, fd: int, peer: str) -> None:
        # A client that speaks first, and all do, has often spoken by now: then it never waits as a
        # newcomer.
        try:
            received = os.read(fd, self._limits.request_bytes_max)
        except BlockingIOError:
            received = b""
        except OSError:
            os.close(fd)
            self._stats.handshakes_abandoned += 1
            return
        if len(self._newcomers) >= self._limits.newcomers_max:
            self._make_room(peer)
        newcomer = Newcomer(fd, peer, received, self._now_ms() + self._limits.handshake_ms_max)
        self._newcomers[fd] = newcomer
        self._by_peer.setdefault(peer, {})[fd] = None
        self._descriptors.add(fd, newcomer, EVENT_IN)
        if received:
            self._stats.bytes_in += len(received)
            self._consider(newcomer)

    def _consider(self, newcomer: Newcomer) -> None:
        """Answer the request if it is whole."""
        length = handshake.head_length(newcomer.received, self._limits)
        if length == 0:
            return
        outcome: Admission | HttpReply | Future[HttpReply]
        accepted: handshake.Accepted | None = None
        if isinstance(length, HttpReply):
            outcome = length
        else:
            head = newcomer.received[:length]
            request = handshake.parse(head, newcomer.peer)
            if isinstance(request, HttpReply):
                outcome = request
            elif not handshake.wants_upgrade(request):
                outcome = self._ask_answer(request)
            elif (accepted := handshake.accept(request, self._compress)) is None:
                outcome = handshake.judge(head)
            elif self._is_full(newcomer.fd):
                self._stats.handshakes_full += 1
                outcome = refusal(503, "this gateway is full", self._limits.retry_after_s)
            else:
                outcome = self._ask_admit(request)
        if isinstance(outcome, HttpReply):
            self._reply(newcomer, outcome)
        elif isinstance(outcome, Future):
            newcomer.promised = outcome
            outcome.add_done_callback(lambda _: self._keep_promise(newcomer))
        else:
            assert isinstance(length, int)
            assert accepted is not None
            self._strike(newcomer.fd)
            self._stats.handshakes[101] += 1
            self._seat(newcomer.fd, outcome, accepted, newcomer.received[length:])

    def _keep_promise(self, newcomer: Newcomer) -> None:
        """The answer is there; the one who asked may have gone meanwhile, or been sent away."""
        promised = newcomer.promised
        if self._newcomers.get(newcomer.fd) is not newcomer or promised is None:
            return
        error = promised.exception()
        if isinstance(error, Exception):
            self._reply(newcomer, self._broken("answer", error))
        elif error is None:
            self._reply(newcomer, promised.result())

    def _is_full(self, fd: int) -> bool:
        viewers_max = self._limits.viewers_max
        return fd >= self._fd_max or (viewers_max is not None and self._viewers() >= viewers_max)

    def _ask_answer(self, request: HandshakeRequest) -> HttpReply | Future[HttpReply]:
        try:
            return self._door.answer(request)
        except Exception as error:
            return self._broken("answer", error)

    def _ask_admit(self, request: HandshakeRequest) -> Admission | HttpReply:
        try:
            return self._door.admit(request)
        except Exception as error:
            return self._broken("admit", error)

    def _broken(self, what: str, error: Exception) -> HttpReply:
        context = {"message": f"door.{what} raised", "exception": error}
        self._loop.call_exception_handler(context)
        return HttpReply(500, b"internal error\n")

    def _reply(self, newcomer: Newcomer, reply: HttpReply) -> None:
        self._stats.handshakes[reply.status] += 1
        if reply.status in _BAD_INPUT:
            self._complaints.say("handshake.refused", peer=newcomer.peer, status=reply.status)
        self._strike(newcomer.fd)
        self._exits.lead_out(newcomer.fd, handshake.reply_bytes(reply), self._now_ms())

    def _is_slow_crowd(self) -> bool:
        """Whether the oldest newcomer has had time enough to say what it wants."""
        came_ms = next(iter(self._newcomers.values())).deadline_ms - self._limits.handshake_ms_max
        return self._now_ms() - came_ms >= self._limits.newcomers_patience_ms

    def _make_room(self, peer: str) -> None:
        """A crowd of half-said handshakes must not keep everybody else out: the oldest one goes.
        An address that has more than its share of them makes room among its own.
        """
        own = self._by_peer.get(peer, {})
        is_crowd = len(own) >= self._limits.newcomers_max * self._limits.newcomers_share_max
        fd = next(iter(own if is_crowd else self._newcomers))
        self._strike(fd)
        self._stats.handshakes_evicted += 1
        self._descriptors.close(fd)

    def _strike(self, fd: int) -> None:
        """No longer a newcomer."""
        newcomer = self._newcomers.pop(fd)
        own = self._by_peer[newcomer.peer]
        del own[fd]
        if not own:
            del self._by_peer[newcomer.peer]

    def _pause(self, listener: Listener) -> None:
        """Let them wait in the kernel's queue until the next sweep."""
        listener.paused = True
        self._descriptors.watch(listener.socket.fileno(), 0)

    def _now_ms(self) -> int:
        return int(self._loop.time() * 1_000)
