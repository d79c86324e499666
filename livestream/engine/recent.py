"""The worst of the last few seconds, and what grew in the last minute. Pure: the time is told.

Owns forgetting. Refuses to know what the numbers mean.
"""

from __future__ import annotations

from collections import deque
from typing import Final

#: The worst is remembered for between one and two of these.
WINDOW_MS: Final = 5_000
MINUTE_MS: Final = 60_000


class Worst:
    """The largest of the numbers noted lately, 0 if there are none: of the last 5 s surely, and of
    the last 10 s perhaps.
    """

    def __init__(self) -> None:
        self._window = 0
        self._now = self._before = 0.0

    def note(self, number: float, at_ms: int) -> None:
        """One more."""
        self._turn(at_ms)
        self._now = max(self._now, number)

    def of(self, at_ms: int) -> float:
        """The worst, as of now."""
        self._turn(at_ms)
        return max(self._now, self._before)

    def _turn(self, at_ms: int) -> None:
        window = at_ms // WINDOW_MS
        if window != self._window:
            self._before = self._now if window == self._window + 1 else 0.0
            self._now, self._window = 0.0, window


class Growth:
    """By how much a number that only grows has grown in the last minute. Looked at once a second,
    it keeps 60 of them.
    """

    def __init__(self) -> None:
        self._past: deque[tuple[int, int]] = deque()

    def note(self, number: int, at_ms: int) -> int:
        """The number now; by how much it grew in the minute before, as far as it was looked at."""
        self._past.append((at_ms, number))
        while self._past[0][0] < at_ms - MINUTE_MS:
            self._past.popleft()
        return max(0, number - self._past[0][1])
