"""Stragglers: viewers whose socket is full, and what waits for them.

Owns every backlog, and keeps the lanes' promises while there is one. Refuses to decide about
anybody else: who is prompt never comes here.

A viewer who is just joining is a straggler for a moment, on purpose: corked, so that the
handshake's answer and the owner's first frames leave in one write.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterable

from livestream.arrivals import Arrival
from livestream.clock import now_ms
from livestream.gateway.descriptors import Descriptors
from livestream.gateway.lanes import Backlog, Lane
from livestream.gateway.limits import AudienceLimits
from livestream.gateway.readiness import EVENT_IN, EVENT_OUT
from livestream.gateway.stats import AudienceStats
from livestream.gateway.viewer import Viewer


class Stragglers:
    """`evict` is called for one who is too slow: over the byte cap, or behind for too long."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        descriptors: Descriptors,
        limits: AudienceLimits,
        stats: AudienceStats,
        evict: Callable[[Viewer], None],
    ) -> None:
        self._loop = loop
        self._descriptors = descriptors
        self._limits = limits
        self._stats = stats
        self._evict = evict
        # Longest behind first.
        self._behind: dict[Viewer, None] = {}

    def __len__(self) -> int:
        return len(self._behind)

    def fall_behind(self, viewer: Viewer, frame: bytes, written: int, lane: Lane) -> bool:
        """The kernel took `written` bytes of a frame and is full. False if the frame is skipped."""
        viewer.backlog = Backlog(self._now_ms())
        self._behind[viewer] = None
        viewer.group.mark_behind(viewer)
        self._descriptors.watch(viewer.fd, EVENT_IN | EVENT_OUT)
        if written:  # begun: its rest goes, whatever the lane
            self._stats.frames_out += 1
            viewer.backlog.add(frame[written:])
            return True
        return self.queue(viewer, frame, lane)

    def queue(self, viewer: Viewer, frame: bytes, lane: Lane) -> bool:
        """Do for a straggler what the lane promises. False if that is to skip the frame."""
        backlog = _backlog(viewer)
        if lane is Lane.PULSE:
            self._stats.pulse_replaced += backlog.pulse is not None
            backlog.pulse = frame
            return True
        if lane is Lane.CHAT and not backlog.corked:
            self._stats.chat_skipped += 1
            return False
        backlog.add(frame)
        self._stats.frames_out += 1
        if backlog.corked:
            backlog.welcome_bytes = backlog.bytes_waiting
        if backlog.bytes_waiting - backlog.welcome_bytes <= self._limits.backlog_bytes_max:
            return True
        self._evict(viewer)
        return False

    def await_arrivals(self, viewer: Viewer, arrivals: Iterable[Arrival]) -> None:
        """What was just queued for a straggler are these: note it there when all that waits for
        this viewer is written.
        """
        for arrival in arrivals:
            arrival.behind += 1
            _backlog(viewer).arrivals.append(arrival)

    def flush(self, viewer: Viewer) -> None:
        """Write what waits; with the last byte the viewer is prompt again."""
        if self._write(viewer):
            self._descriptors.watch(viewer.fd, EVENT_IN)

    def cork(self, viewer: Viewer, first: bytes) -> None:
        """Keep what is sent to a new viewer, beginning with `first`, until `uncork`."""
        viewer.backlog = Backlog(self._now_ms())
        viewer.backlog.corked = True
        viewer.backlog.add(first)

    def uncork(self, viewer: Viewer) -> None:
        _backlog(viewer).corked = False
        self._behind[viewer] = None
        if not self._write(viewer):
            self._descriptors.watch(viewer.fd, EVENT_IN | EVENT_OUT)

    def forget(self, viewer: Viewer) -> None:
        """The viewer leaves; what waits for it is the way out's to send."""
        self._behind.pop(viewer, None)
        if viewer.backlog is not None:
            for arrival in viewer.backlog.arrivals:
                arrival.behind -= 1
            viewer.backlog.arrivals.clear()

    def sweep(self, now_ms: int) -> None:
        """Evict those who have been behind for too long."""
        for viewer in tuple(self._behind):
            if now_ms - _backlog(viewer).since_ms <= self._limits.slow_ms_max:
                return
            self._evict(viewer)

    def _write(self, viewer: Viewer) -> bool:
        backlog = _backlog(viewer)
        try:
            self._stats.bytes_out += backlog.write_to(viewer.fd)
        except OSError:
            return False  # the peer is gone; epoll will say so
        if not backlog.empty:
            return False
        if backlog.arrivals:
            at_ms = now_ms()
            for arrival in backlog.arrivals:
                arrival.catch_up(at_ms)
        viewer.backlog = None
        del self._behind[viewer]
        viewer.group.mark_prompt(viewer)
        return True

    def _now_ms(self) -> int:
        return int(self._loop.time() * 1_000)


def _backlog(viewer: Viewer) -> Backlog:
    assert viewer.backlog is not None
    return viewer.backlog
