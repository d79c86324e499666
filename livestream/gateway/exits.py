"""The way out: the last bytes of a connection, and then its close.

Owns connections that have been told goodbye. Refuses to know whether they were viewers.

Closing a socket at once, with unread bytes in its receive buffer, makes the kernel send a reset,
which may destroy the close frame (or the HTTP answer) on its way. So a leaver gets what is left to
say, a half-close, and `linger_ms_max` to hang up; whatever it still sends is read and thrown away.
"""

from __future__ import annotations

import os
import socket

from livestream.gateway.descriptors import Descriptors
from livestream.gateway.limits import AudienceLimits
from livestream.gateway.readiness import EVENT_IN, EVENT_OUT
from livestream.gateway.stats import AudienceStats

_READ_BYTES = 8 * 1024


class Leaver:
    """A connection on its way out."""

    __slots__ = ("deadline_ms", "fd", "heard_end", "rest")

    def __init__(self, fd: int, rest: bytes, deadline_ms: int) -> None:
        self.fd = fd
        self.rest = rest
        self.deadline_ms = deadline_ms
        self.heard_end = False  # the peer has half-closed and may still be reading


class Exits:
    def __init__(
        self, descriptors: Descriptors, limits: AudienceLimits, stats: AudienceStats
    ) -> None:
        self._descriptors = descriptors
        self._linger_ms_max = limits.linger_ms_max
        self._stats = stats
        # By deadline, as every leaver has the same time: the first one is the next to expire.
        self._leavers: dict[int, Leaver] = {}

    def __len__(self) -> int:
        return len(self._leavers)

    def lead_out(self, fd: int, last: bytes, now_ms: int) -> None:
        """Take over a descriptor of the set: say `last`, then close it."""
        leaver = Leaver(fd, last, now_ms + self._linger_ms_max)
        self._leavers[fd] = leaver
        self._descriptors.hand_over(fd, leaver, EVENT_IN)
        self._write(leaver)
        if leaver.rest and fd in self._leavers:
            self._descriptors.watch(fd, EVENT_IN | EVENT_OUT)

    def ready(self, leaver: Leaver, mask: int) -> None:
        if mask & EVENT_OUT:
            self._write(leaver)
            if not leaver.rest and leaver.fd in self._leavers:
                self._descriptors.watch(leaver.fd, EVENT_IN)
        if mask & ~EVENT_OUT and leaver.fd in self._leavers:
            self._read(leaver)

    def sweep(self, now_ms: int) -> None:
        """Close those whose time is over."""
        for leaver in list(self._leavers.values()):
            if leaver.deadline_ms > now_ms:
                return
            self._close(leaver)

    def _write(self, leaver: Leaver) -> None:
        try:
            written = os.write(leaver.fd, leaver.rest)
        except BlockingIOError:
            return
        except OSError:
            self._close(leaver)
            return
        self._stats.bytes_out += written
        leaver.rest = leaver.rest[written:]
        if not leaver.rest:
            self._half_close(leaver)

    def _half_close(self, leaver: Leaver) -> None:
        if leaver.heard_end:
            self._close(leaver)
            return
        # There is no os.shutdown: borrow a socket object. Its family does not matter for this call.
        borrowed = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=leaver.fd)
        try:
            borrowed.shutdown(socket.SHUT_WR)
        except OSError:  # the peer is gone already
            self._close(leaver)
        finally:
            borrowed.detach()

    def _read(self, leaver: Leaver) -> None:
        try:
            data = os.read(leaver.fd, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self._close(leaver)
            return
        if data:
            return
        if leaver.rest:
            leaver.heard_end = True
            self._descriptors.watch(leaver.fd, EVENT_OUT)
        else:
            self._close(leaver)

    def _close(self, leaver: Leaver) -> None:
        del self._leavers[leaver.fd]
        self._descriptors.close(leaver.fd)
