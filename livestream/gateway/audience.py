"""The audience: every viewer of this gateway process, on raw descriptors.

Owns the viewers' sockets from the handshake's end to the close, and the one epoll set they are in,
whose own descriptor is registered with the asyncio loop. Refuses to know Redis, JSON, tickets and
what a room is.

For an idle viewer there is one slotted object and a place in two lists: no transport, protocol,
parser, task, timer, future or dict. Nothing in here is a coroutine but `drain`: a task for each of
770,000 viewers is the cost this module exists to avoid.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from weakref import WeakSet

from websockets.frames import CloseCode as StandardCode

from livestream.arrivals import Arrival
from livestream.gateway.complaints import Complaints
from livestream.gateway.descriptors import Descriptors
from livestream.gateway.door import Admission, Door
from livestream.gateway.entrance import Entrance, Listener, Newcomer
from livestream.gateway.exits import Exits, Leaver
from livestream.gateway.fanout import BroadcastDone, Fanout
from livestream.gateway.frames import PING_FRAME, FrameReader, Received, close_frame
from livestream.gateway.groups import HOLE, Broadcast, Group
from livestream.gateway.handshake import Accepted
from livestream.gateway.lanes import Lane
from livestream.gateway.limits import AudienceLimits
from livestream.gateway.readiness import EVENT_OUT, readiness
from livestream.gateway.stats import AudienceStats
from livestream.gateway.stragglers import Stragglers
from livestream.gateway.viewer import Viewer
from livestream.messages import CloseCode
from livestream.peers import Rate

_READ_BYTES = 16 * 1024  # one read for one event: who sends more is served again in the next batch
_DRAIN_STEP_S = 0.02


class Audience:
    """One for each gateway process. Make and use it on the loop's own thread, after any fork.

    `broadcast_done` is told of each finished broadcast: its lane, the seconds from the first member
    to the last, and when what it tells has happened.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        door: Door,
        limits: AudienceLimits | None = None,
        broadcast_done: BroadcastDone | None = None,
    ) -> None:
        self.limits = limits = limits or AudienceLimits()
        self.stats = AudienceStats()
        self._loop = loop
        self._door = door
        self._descriptors = Descriptors(readiness(loop, self._wake))
        self._table = self._descriptors.table
        self._places = self._descriptors.places
        self._reader = FrameReader(limits)
        self._rate = Rate(limits.frames_per_s, limits.frames_burst)
        self._complaints = Complaints(lambda: int(loop.time() * 1_000_000))
        self._exits = Exits(self._descriptors, limits, self.stats)
        self._entrance = Entrance(
            loop,
            self._descriptors,
            door,
            self._exits,
            limits,
            self.stats,
            self._complaints,
            self._seat,
            self.__len__,
        )
        self._fanout = Fanout(loop, limits, self.stats, self._short_write, broadcast_done)
        self._viewers = 0
        self._groups: WeakSet[Group] = WeakSet()
        self._stragglers = Stragglers(loop, self._descriptors, limits, self.stats, self._evict)
        self._handlers: Mapping[type, Callable[[Any, int], None]] = {
            Viewer: self._viewer_ready,
            Newcomer: self._entrance.ready,
            Leaver: self._exits.ready,
            Listener: self._entrance.accept,
        }
        self._sweeper = loop.call_later(limits.sweep_ms / 1_000, self._sweep)
        #: Who said several things in one read, and what waits to be said in turn.
        self._heard: Viewer | None = None
        self._answers: list[bytes] = []
        self._closed = False

    # What the owner calls.

    def listen(self, sock: socket.socket) -> None:
        """Accept viewers from a bound, listening socket; it is the audience's to close."""
        self._entrance.listen(sock)

    def group(self, label: str) -> Group:
        """A new, empty group, for `Admission`, `broadcast` and `move`. It needs no disposal."""
        group = Group(label, self._table, self._places)
        group.said_at_s = time.monotonic()
        self._groups.add(group)
        return group

    def send(self, viewer: Viewer, frame: bytes, lane: Lane = Lane.PRIVATE) -> bool:
        """Send a whole frame to one viewer: now, or after what it is behind with.

        False if the lane's rule skipped it (chat) or the viewer is gone. Over `backlog_bytes_max`
        the viewer is closed (4008).
        """
        if viewer.fd < 0:
            return False
        if viewer.backlog is not None:
            return self._stragglers.queue(viewer, frame, lane)
        if viewer is self._heard:
            self._answers.append(frame)
            return True
        return self._write(viewer, frame, lane, 1)

    def _write(self, viewer: Viewer, frame: bytes, lane: Lane, frames: int) -> bool:
        try:
            written = os.write(viewer.fd, frame)
        except BlockingIOError:
            written = 0
        except OSError:
            return False  # the peer is gone; epoll will say so, and there is one way to leave
        self.stats.bytes_out += written
        if written == len(frame):
            self.stats.frames_out += frames
            return True
        return self._stragglers.fall_behind(viewer, frame, written, lane)

    def broadcast(
        self, group: Group, frame: bytes, lane: Lane, arrival: Arrival | None = None
    ) -> None:
        """Send a whole frame to everybody who is in `group` now. In `arrival`, which may be that of
        several groups, it is noted how many have it and when.

        Returns at once; the rules of order are in fanout.py.
        """
        self._fanout.enqueue(group, frame, lane, arrival)

    def move(self, viewer: Viewer, group: Group) -> None:
        """Change a viewer's group. Commerce still on its way through the old one is sent first."""
        if viewer.fd < 0 or viewer.group is group:
            return
        for broadcast in tuple(viewer.group.pending):
            if broadcast.lane is Lane.COMMERCE and broadcast.awaits(viewer.index):
                self.send(viewer, broadcast.frame_for(viewer.window_bits), broadcast.lane)
        if viewer.fd >= 0:
            window_bits = viewer.window_bits
            viewer.group.remove(viewer)
            group.add(viewer, window_bits)

    def close_viewer(self, viewer: Viewer, code: int, reason: str = "") -> None:
        """Close with a code and a reason of at most 123 bytes, after what is queued.

        No effect on one who has left.
        """
        if viewer.fd >= 0:
            if code == CloseCode.FLOODING:
                self._complaints.say("viewer.flooded", viewer=viewer.id)
            self._part(viewer, code, close_frame(code, reason))

    def stop_listening(self) -> None:
        """Let nobody in any more; who is here stays. Idempotent."""
        self._entrance.stop_listening()

    async def drain(self, code: int, reason: Callable[[], str], over_ms: int = 5_000) -> None:
        """Stop listening and close everybody evenly over `over_ms`, so that they do not all come
        back in one instant; `reason` is asked for each.

        Returns when the last connection is closed, `linger_ms_max` later at most. Plain HTTP is no
        longer served.
        """
        self._entrance.stop_listening()
        viewers = list(self)
        started = self._loop.time()
        closed = 0
        while closed < len(viewers):
            share = (self._loop.time() - started) * 1_000 / over_ms if over_ms else 1.0
            due = min(len(viewers), int(len(viewers) * share) + 1)
            for viewer in viewers[closed:due]:
                self.close_viewer(viewer, code, reason())
            closed = due
            await asyncio.sleep(_DRAIN_STEP_S)
        while self._exits or self._viewers:  # noqa: ASYNC110 - once in a process's life
            await asyncio.sleep(_DRAIN_STEP_S)

    def close(self) -> None:
        """Close every descriptor now, without goodbyes; `drain` first for those. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._sweeper.cancel()
        self._fanout.clear()
        self._entrance.stop_listening()
        for viewer in list(self):
            viewer.group.remove(viewer)
            self._count_out(viewer, StandardCode.ABNORMAL_CLOSURE)
            self._descriptors.close(viewer.fd)
            viewer.fd = -1
        self._descriptors.close_all()

    def __iter__(self) -> Iterator[Viewer]:
        """The viewers, in no particular order; who comes or leaves meanwhile may be one of them."""
        return (occupant for occupant in self._table if type(occupant) is Viewer)

    def __len__(self) -> int:
        return self._viewers

    @property
    def behind(self) -> int:
        """Viewers with a backlog now."""
        return len(self._stragglers)

    @property
    def seats(self) -> int:
        """Viewers that fit in, before others are refused."""
        return self._entrance.seats

    @property
    def broadcasts_pending(self) -> int:
        return len(self._fanout)

    @property
    def newcomers(self) -> int:
        """Connections in the middle of the handshake now."""
        return len(self._entrance)

    # The loop calls.

    def _wake(self) -> None:
        self._descriptors.dispatch(self._handlers, self.limits.events_per_wake)

    def _sweep(self) -> None:
        self._sweeper = self._loop.call_later(self.limits.sweep_ms / 1_000, self._sweep)
        now_ms = self._now_ms()
        self._entrance.sweep(now_ms)
        self._exits.sweep(now_ms)
        self._stragglers.sweep(now_ms)
        self._ping_the_quiet()

    def _ping_the_quiet(self) -> None:
        """Whoever hears of the room anyway needs no ping: one frame for a whole silent group."""
        silent_since_s = time.monotonic() - self.limits.ping_idle_ms / 1_000
        for group in tuple(self._groups):
            if group.said_at_s < silent_since_s and len(group):
                self.stats.pings += 1
                self._fanout.enqueue(group, PING_FRAME, Lane.PULSE)

    # Joining and leaving.

    def _seat(self, fd: int, admission: Admission, accepted: Accepted, first: bytes) -> None:
        """An admitted newcomer becomes a viewer; the answer and the welcome leave in one write."""
        viewer = Viewer(
            fd, admission.viewer_id, admission.channel, admission.group, admission.state
        )
        self._stragglers.cork(viewer, accepted.answer)
        self._table[fd] = viewer  # watched for input already
        admission.group.add(viewer, accepted.window_bits)
        self._viewers += 1
        self.stats.opened += 1
        try:
            self._door.joined(viewer)
        except Exception as error:
            self._broken(viewer, "joined", error)
        if viewer.fd < 0:
            return
        self._stragglers.uncork(viewer)
        if first and viewer.fd >= 0:
            self._take(viewer, first)

    def _part(self, viewer: Viewer, code: int, last: bytes) -> None:
        """The viewer leaves with some last words; the way out has the socket from here."""
        fd = self._strike(viewer, code)
        if viewer is self._heard:
            last = b"".join(self._answers) + last
        if viewer.backlog is not None:
            last = viewer.backlog.remainder() + last
        self._exits.lead_out(fd, last, self._now_ms())

    def _lose(self, viewer: Viewer, code: int) -> None:
        """The viewer has left, and there is nobody to say anything to."""
        self._descriptors.close(self._strike(viewer, code))

    def _strike(self, viewer: Viewer, code: int) -> int:
        """Take a viewer off every list; return its descriptor. The owner hears of it soon."""
        viewer.group.remove(viewer)
        self._stragglers.forget(viewer)
        viewer.unfinished = None
        self._loop.call_soon(self._count_out, viewer, code)
        fd = viewer.fd
        viewer.fd = -1
        return fd

    def _count_out(self, viewer: Viewer, code: int) -> None:
        self._viewers -= 1
        self.stats.closed[code] += 1
        try:
            self._door.left(viewer, code)
        except Exception as error:
            self._report("left", error)

    def _evict(self, viewer: Viewer) -> None:
        self.stats.slow_evictions += 1
        self.close_viewer(viewer, CloseCode.TOO_SLOW, "too slow")

    # Hearing.

    def _viewer_ready(self, viewer: Viewer, mask: int) -> None:
        if mask & EVENT_OUT:
            self._stragglers.flush(viewer)
        if not mask & ~EVENT_OUT:
            return
        try:
            data = os.read(viewer.fd, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose(viewer, StandardCode.ABNORMAL_CLOSURE)
            return
        self.stats.bytes_in += len(data)
        self._take(viewer, data)

    def _take(self, viewer: Viewer, data: bytes) -> None:
        """Some bytes of a viewer: the plainest frame on the quick path, all else by the reader."""
        if viewer.unfinished is None:
            payload = self._reader.plain(data)
            if payload is None and viewer.window_bits:
                payload = self._reader.plain_deflated(data)
            if payload is not None:
                if self._within_rate(viewer, 1):
                    self._hear(viewer, payload)
                return
        inflates = viewer.window_bits > 0
        received, viewer.unfinished = self._reader.read(viewer.unfinished, data, inflates)
        if received.frames and not self._within_rate(viewer, received.frames):
            return
        if received.pongs:
            self.send(viewer, received.pongs, Lane.PRIVATE)
        if len(received.messages) > 1:
            self._hear_all(viewer, received.messages)
        else:
            for payload in received.messages:
                self._hear(viewer, payload)
        if viewer.fd >= 0 and received.close_code:
            self._end(viewer, received)

    def _hear_all(self, viewer: Viewer, messages: Sequence[bytes]) -> None:
        """What came in one read is answered in one write: a system call costs more than what it
        takes to find an answer.
        """
        self._heard = viewer
        try:
            for payload in messages:
                if viewer.fd < 0:
                    return  # the owner closed it while it listened; its last words had the answers
                self._hear(viewer, payload)
        finally:
            self._heard = None
            answers, self._answers = self._answers, []
        if answers and viewer.fd >= 0:
            self._write(viewer, b"".join(answers), Lane.PRIVATE, len(answers))

    def _hear(self, viewer: Viewer, payload: bytes) -> None:
        try:
            self._door.heard(viewer, payload)
        except Exception as error:
            self._broken(viewer, "heard", error)

    def _within_rate(self, viewer: Viewer, frames: int) -> bool:
        full_at_us = self._rate.take(viewer.full_at_us, int(self._loop.time() * 1_000_000), frames)
        if full_at_us < 0:
            self.close_viewer(viewer, CloseCode.FLOODING, "flooding")
            return False
        viewer.full_at_us = full_at_us
        return True

    def _end(self, viewer: Viewer, received: Received) -> None:
        """The peer said goodbye, or broke the rules: say goodbye in turn."""
        if not received.by_peer:
            self.stats.protocol_errors += 1
            self._complaints.say(
                "viewer.broke_the_protocol", viewer=viewer.id, code=received.close_code
            )
        self._part(viewer, received.close_code, received.goodbye)

    # Sending to those who could not take it at once.

    def _short_write(self, place: int, written: int, broadcast: Broadcast) -> None:
        """A broadcast did not reach one member whole."""
        assert place != HOLE
        viewer = self._table[place if place >= 0 else ~place]
        if type(viewer) is not Viewer:
            return
        frame = broadcast.frame_for(viewer.window_bits)
        if viewer.backlog is not None:
            self._stragglers.queue(viewer, frame, broadcast.lane)
        else:
            self.stats.bytes_out += written
            self._stragglers.fall_behind(viewer, frame, written, broadcast.lane)
        if viewer.fd >= 0:
            self._stragglers.await_arrivals(viewer, broadcast.arrivals)

    # When the owner's code is broken.

    def _broken(self, viewer: Viewer, what: str, error: Exception) -> None:
        self._report(what, error)
        self.close_viewer(viewer, StandardCode.INTERNAL_ERROR, "internal error")

    def _report(self, what: str, error: Exception) -> None:
        self._loop.call_exception_handler({"message": f"door.{what} raised", "exception": error})

    def _now_ms(self) -> int:
        return int(self._loop.time() * 1_000)
