"""What everybody hears, taken apart once and known by its bytes.

A broadcast is the same bytes for every viewer, and so is, mostly, what one read brings: one frame,
or a few that travelled together. The first seat that reads them pays for decoding; for the others
it is one look into a dict.

Owns that memory. Refuses to know seats and connections.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from livestream import wire
from loadtest import frames
from loadtest.figures import LANDMARKS, Figures, Lane, ServerClock

_TURNS: Final = LANDMARKS | {"epoch.started", "drop.scheduled"}
#: Chunks remembered: 256 × up to 4 KiB = 1 MiB for each process.
KNOWN_MAX: Final = 256


class Heard(NamedTuple):
    """A frame as far as a crowd cares. `sent_ms`: the time it carries, 0 if none."""

    lane: Lane
    kind: str
    seq: int
    sent_ms: int
    size: int
    frame: dict[str, Any]


class Chunk:
    """Whole frames of the shared lanes, and how often they were read since the last count."""

    __slots__ = ("heard", "seqs", "times", "turns")

    def __init__(self, heard: tuple[Heard, ...]) -> None:
        self.heard = heard
        self.seqs = tuple(each.seq for each in heard if each.seq)
        #: Announcements for which a seat does more than note the seq.
        self.turns = tuple(each for each in heard if each.kind in _TURNS)
        self.times = 0


class Chunks:
    """One for each process."""

    def __init__(self, figures: Figures, clock: ServerClock) -> None:
        self.known: dict[bytes, Chunk] = {}
        self._figures = figures
        self._clock = clock

    def of(self, frame: bytes, payload: bytes) -> Chunk | dict[str, Any]:
        """One frame: a chunk of its own if everybody hears it, else what it says."""
        known = self.known.get(frame)
        if known is not None:
            return known
        said = wire.decode_frame(payload)
        heard = self._heard(said, len(payload))
        if heard is None:
            self._figures.frame("private", len(payload))
            return said
        return self._keep(frame, (heard,))

    def keep(self, data: bytes) -> None:
        """Know these whole frames together, if each of them is known."""
        if data in self.known:
            return
        heard: list[Heard] = []
        at = 0
        for _, _, end in frames.read_frames(data):
            one = self.known.get(data[at:end])
            if one is None:
                return
            heard += one.heard
            at = end
        if heard:
            self._keep(data, tuple(heard))

    def count(self) -> None:
        """Tell the figures what was heard since the last count."""
        for chunk in self.known.values():
            if chunk.times:
                for each in chunk.heard:
                    self._figures.frame(each.lane, each.size, chunk.times)
                chunk.times = 0

    def _keep(self, data: bytes, heard: tuple[Heard, ...]) -> Chunk:
        if len(self.known) >= KNOWN_MAX:
            self.count()
            self.known.clear()
        chunk = self.known[data] = Chunk(heard)
        return chunk

    def _heard(self, frame: dict[str, Any], size: int) -> Heard | None:
        """None: it is for one viewer alone."""
        match kind := frame["type"]:
            case "chat":
                said = frame["messages"]
                return Heard("chat", kind, 0, said[-1]["at_ms"] if said else 0, size, frame)
            case "pulse":
                self._clock.heard(frame["server_time_ms"])
                return Heard("pulse", kind, 0, frame["server_time_ms"], size, frame)
            case _ if "at_ms" in frame:
                return Heard("commerce", kind, frame["seq"], frame["at_ms"], size, frame)
        return None
