"""The last public frames of a room, for viewers who come back.

Owns which frames are still there and how far back a resume can reach. Refuses to know what a frame
says and who asks.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

#: 2,000 frames of about 200 bytes are 400 KB and some eight minutes of a busy room. The byte bound
#: is for frames at their largest: 1 MiB × 48 rooms of a gateway = 48 MiB.
FRAMES_MAX: Final = 2_000
BYTES_MAX: Final = 1024 * 1024
#: A viewer who missed more than this is better served with the snapshot, which is smaller.
#: 64 KiB × 20,000 viewers of a process who all come back at once = 1.3 GB, if none of it had left.
MISSED_BYTES_MAX: Final = 64 * 1024


class Ring:
    """Frames above `floor`, the seq since which nothing is missing."""

    __slots__ = ("_bytes", "_frames", "_seqs", "floor")

    def __init__(self, floor: int) -> None:
        self.floor = floor
        self._seqs: list[int] = []
        self._frames: list[bytes] = []
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._frames)

    def append(self, seq: int, frame: bytes) -> None:
        """Keep a frame; the oldest make room for it."""
        self._seqs.append(seq)
        self._frames.append(frame)
        self._bytes += len(frame)
        while len(self._frames) > FRAMES_MAX or self._bytes > BYTES_MAX:
            self.floor = self._seqs.pop(0)
            self._bytes -= len(self._frames.pop(0))

    def missed(self, since: int) -> bytes | None:
        """Every frame after `since`, as one piece; None if not all are there, or they are many."""
        if since < self.floor:
            return None
        frames = self._frames[bisect_right(self._seqs, since) :]
        if sum(map(len, frames)) > MISSED_BYTES_MAX:
            return None
        return b"".join(frames)
