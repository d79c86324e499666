"""How an absence is logged by who tries again and again: once when something has gone, every half
minute while it is away, and once when it is back, with how long it took.

Owns that rhythm. Refuses to know what is away, and how often it is tried.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import structlog

log = structlog.get_logger()

STILL_AWAY_EVERY_S: Final = 30.0


class Absence:
    """Of one thing, as one caller meets it. Logged are the events `<name>_away` and `<name>_back`,
    both with `away_s` and the given fields.
    """

    def __init__(
        self, name: str, *, clock_s: Callable[[], float] = time.monotonic, **fields: object
    ) -> None:
        self._name = name
        self._clock_s = clock_s
        self._fields = fields
        self._since_s: float | None = None
        self._next_s = 0.0

    def note(self, error: Exception) -> None:
        """It did not answer."""
        now_s = self._clock_s()
        if self._since_s is None:
            self._since_s = now_s
        elif now_s < self._next_s:
            return
        self._next_s = now_s + STILL_AWAY_EVERY_S
        log.warning(
            f"{self._name}_away",
            away_s=round(now_s - self._since_s, 1),
            error=str(error),
            **self._fields,
        )

    def over(self) -> None:
        """It answered. Costs nothing where nothing was away."""
        if self._since_s is not None:
            away_s = round(self._clock_s() - self._since_s, 1)
            self._since_s = None
            log.info(f"{self._name}_back", away_s=away_s, **self._fields)
