"""Lanes: what each kind of traffic is promised, and what waits for a viewer who is behind.

Owns the promise. Refuses to know what a frame says.

A viewer is *behind* from the first write that the kernel did not take whole until all that waits is
written. While behind: commerce and private frames queue, in order; a chat frame is skipped; of
pulse frames the latest one is kept. The rest of a half-written frame always goes first.
"""

from __future__ import annotations

import os
from enum import IntEnum

from livestream.arrivals import Arrival

_IOVECS_MAX = 1_024  # IOV_MAX on Linux


class Lane(IntEnum):
    """Classes of traffic, most important first."""

    COMMERCE = 0  # ordered, never dropped
    PRIVATE = 1  # to one viewer, never dropped
    CHAT = 2  # best effort
    PULSE = 3  # latest value only


class Backlog:
    """What waits for one viewer. Exists only while the viewer is behind."""

    __slots__ = (
        "arrivals",
        "bytes_waiting",
        "corked",
        "frames",
        "pulse",
        "since_ms",
        "welcome_bytes",
    )

    def __init__(self, since_ms: int) -> None:
        self.frames: list[bytes] = []
        self.pulse: bytes | None = None
        self.bytes_waiting = 0
        self.since_ms = since_ms
        #: Announcements among what waits, where it is noted once this viewer has them: one for each
        #: frame at most.
        self.arrivals: list[Arrival] = []
        #: True while a viewer joins: nothing is written until the owner has said its welcome.
        self.corked = False
        #: How much of what waits is welcome. All of it came in one instant, which is no slowness of
        #: the viewer's, so it does not count towards `backlog_bytes_max`; the time does.
        self.welcome_bytes = 0

    def add(self, frame: bytes) -> None:
        self.frames.append(frame)
        self.bytes_waiting += len(frame)

    @property
    def empty(self) -> bool:
        return not self.frames and self.pulse is None

    def write_to(self, fd: int) -> int:
        """Write what the socket takes; return the bytes written. OSError if the peer is gone."""
        written = 0
        while not self.empty:
            if not self.frames and self.pulse is not None:
                self.add(self.pulse)
                self.pulse = None
            try:
                count = os.writev(fd, self.frames[:_IOVECS_MAX])
            except BlockingIOError:
                break
            written += count
            self._remove(count)
        return written

    def _remove(self, count: int) -> None:
        """Take `count` written bytes off the front; a frame cut in two keeps its rest in front."""
        self.bytes_waiting -= count
        self.welcome_bytes = max(0, self.welcome_bytes - count)
        whole = 0
        for frame in self.frames:
            if count < len(frame):
                break
            count -= len(frame)
            whole += 1
        del self.frames[:whole]
        if count:
            self.frames[0] = self.frames[0][count:]

    def remainder(self) -> bytes:
        """All that must still reach the viewer, in order."""
        return b"".join(self.frames)
