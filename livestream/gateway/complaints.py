"""What is wrong with what came in, in the log: a line for each, but never a flood of lines.

Owns how many lines there may be; the counters count all. Refuses to know what to do about it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from livestream.peers import Rate

log = structlog.get_logger()

#: Enough to see what is going on. At 300 bytes a line an attack fills 0.25 GB of log a day.
LINES_PER_S: Final = 10
LINES_BURST: Final = 50


class Complaints:
    """`now_us` is a clock that never goes back."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._rate = Rate(LINES_PER_S, LINES_BURST)
        self._full_at_us = 0
        self._kept_back = 0

    def say(self, event: str, **fields: object) -> None:
        """One line; or none, and the next one tells how many there were."""
        full_at_us = self._rate.take(self._full_at_us, self._now_us())
        if full_at_us < 0:
            self._kept_back += 1
            return
        self._full_at_us = full_at_us
        if self._kept_back:
            fields["kept_back"] = self._kept_back
            self._kept_back = 0
        log.warning(event, **fields)
