"""Groups: who hears the same broadcasts, and the broadcasts that are on their way to them.

Owns membership and its order. Refuses to know what a group is for, and never writes.

A group is one list of descriptors, so that a broadcast is one loop over ints:

    fd      write to it
    ~fd     a viewer who is behind: the kernel refuses a negative descriptor at once (EBADF), which
            takes the writer off its fast path without a test for everybody else
    HOLE    nobody: someone left

Beside it lies one byte for each place: the window that the member inflates with, 0 for one who has
not negotiated compression (`deflate`). A member's own place is found by its descriptor, in an array
that all groups share: 4 bytes, where an attribute and its int would be 40.

A broadcast goes to those who were members when it was enqueued and still are. So places never move
while one is under way: who joins is appended beyond its end, who leaves becomes a hole. Once an
eighth of the places are holes the list is closed up, and the cursors of the pending broadcasts with
it.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from livestream.arrivals import Arrival
from livestream.gateway.deflate import WINDOWS, Deflated
from livestream.gateway.lanes import Lane
from livestream.gateway.viewer import Viewer

HOLE = -(1 << 30)  # no ~fd: a process has far fewer descriptors
_HOLES_MIN = 64
#: Odd and near the golden ratio of 2^32: successive broadcasts start evenly spread over the group.
_STRIDE = 2_654_435_769


class Broadcast:
    """One frame on its way to a group. It visits [lo, hi), then [0, wrap)."""

    __slots__ = (
        "arrivals",
        "deflated",
        "frame",
        "group",
        "hi",
        "lane",
        "lo",
        "messages",
        "owed",
        "started_s",
        "wrap",
    )

    def __init__(
        self,
        group: Group,
        frame: bytes,
        lane: Lane,
        arrival: Arrival | None = None,
        deflated: Deflated | None = None,
    ) -> None:
        self.group = group
        self.frame = frame
        self.deflated = deflated  # the same message for those who negotiated; None: plain for all
        self.lane = lane
        #: Where it is noted how many have it.
        self.arrivals: tuple[Arrival, ...] = () if arrival is None else (arrival,)
        self.owed = len(group)  # members whose turn has not come
        self.messages = 1  # frames in `frame`: several may travel as one
        self.lo = 0
        self.hi = len(group.fds)
        self.wrap = 0
        self.started_s = 0.0

    def start(self, now_s: float) -> None:
        """Begin in a place that differs each time, so that nobody is always the last to know."""
        self.started_s = now_s
        self.group.turn += 1
        self.lo = self.wrap = self.group.turn * _STRIDE % max(self.hi, 1)

    @property
    def started(self) -> bool:
        return self.started_s > 0

    def frame_for(self, window_bits: int) -> bytes:
        """What a member with this window is sent."""
        if self.deflated is None or window_bits < self.deflated.window_bits:
            return self.frame
        return self.deflated.frame

    def take_in(self, merged: list[Broadcast]) -> None:
        """Carry the messages of all of these, of which this one is the first."""
        windows = [each.deflated.window_bits for each in merged if each.deflated is not None]
        if windows:
            frames = [each.frame_for(max(windows)) for each in merged]
            self.deflated = Deflated(b"".join(frames), max(windows))
        self.frame = b"".join(each.frame for each in merged)
        self.messages = len(merged)
        for each in merged:
            # Who left between two of them was not there for the later one; all end as the first.
            for arrival in each.arrivals:
                arrival.addressed += self.owed - each.owed
        self.arrivals = tuple(arrival for each in merged for arrival in each.arrivals)

    def frames_by_window(self) -> list[bytes]:
        """The same for every window."""
        return [self.frame_for(window_bits) for window_bits in range(WINDOWS)]

    @property
    def born_ms(self) -> int:
        """When what it tells has happened; of several, the oldest; 0: it tells no fact."""
        return self.arrivals[0].at_ms if self.arrivals else 0

    def serve(self, whole: int, behind: int, now_ms: int) -> None:
        """The turn of some members has come: so many have it whole, so many are behind."""
        self.owed -= whole + behind
        for arrival in self.arrivals:
            arrival.reach(whole, now_ms)

    def settle(self) -> None:
        """It is over: members whose turn never came have left, so that it was not for them."""
        for arrival in self.arrivals:
            arrival.addressed -= self.owed

    def advance(self, lo: int) -> bool:
        """All before `lo` is served. True when everybody is."""
        self.lo = lo
        if lo < self.hi:
            return False
        if not self.wrap:
            return True
        self.lo, self.hi, self.wrap = 0, self.wrap, 0
        return False

    def awaits(self, index: int) -> bool:
        """Whether the member at `index` is still to get it."""
        return self.lo <= index < self.hi or index < self.wrap

    def remap(self, place: Callable[[int], int]) -> None:
        self.lo, self.hi, self.wrap = place(self.lo), place(self.hi), place(self.wrap)


class Group:
    """Viewers who hear the same broadcasts. Made by `Audience.group`."""

    __slots__ = (
        "__weakref__",
        "_holes",
        "_table",
        "behind",
        "fds",
        "inflating",
        "label",
        "pending",
        "places",
        "said_at_s",
        "turn",
        "windows",
    )

    def __init__(self, label: str, table: list[Any], places: array[int]) -> None:
        self.label = label
        self.places = places
        self.fds: list[int] = []
        self.windows = bytearray()  # in step with `fds`
        self.inflating = 0  # members with a window
        self.behind = 0  # members with a backlog
        self.turn = 0
        self.said_at_s = 0.0  # when something was last broadcast to it
        self.pending: deque[Broadcast] = deque()
        self._holes = 0
        self._table = table

    def __len__(self) -> int:
        return len(self.fds) - self._holes

    def __iter__(self) -> Iterator[Viewer]:
        for fd in list(self.fds):
            if fd != HOLE:
                yield self._table[fd if fd >= 0 else ~fd]

    def add(self, viewer: Viewer, window_bits: int = 0) -> None:
        viewer.group = self
        self.places[viewer.fd] = len(self.fds)
        self.fds.append(viewer.fd if viewer.backlog is None else ~viewer.fd)
        self.behind += viewer.backlog is not None
        self.windows.append(window_bits)
        self.inflating += window_bits > 0

    def remove(self, viewer: Viewer) -> None:
        index = viewer.index
        self.behind -= self.fds[index] < 0
        self.fds[index] = HOLE
        self.inflating -= self.windows[index] > 0
        self.windows[index] = 0
        self._holes += 1
        if self._holes > _HOLES_MIN and self._holes * 8 > len(self.fds):
            self._close_up()

    def mark_behind(self, viewer: Viewer) -> None:
        self.fds[viewer.index] = ~viewer.fd
        self.behind += 1

    def mark_prompt(self, viewer: Viewer) -> None:
        self.fds[viewer.index] = viewer.fd
        self.behind -= 1

    def _close_up(self) -> None:
        """Remove the holes and keep the order: everybody's place shrinks by the holes before it."""
        fds = self.fds
        for broadcast in self.pending:
            broadcast.remap(lambda place: place - fds[:place].count(HOLE))
        self.windows = bytearray(
            window for fd, window in zip(fds, self.windows, strict=True) if fd != HOLE
        )
        self.fds = [fd for fd in fds if fd != HOLE]
        self._holes = 0
        for index, fd in enumerate(self.fds):
            self.places[fd if fd >= 0 else ~fd] = index
