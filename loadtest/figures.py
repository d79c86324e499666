"""What a load test measures, under the names it has in Locust's tables.

    JOIN      enter, return         from connect to welcome
    DELIVER   commerce, chat, …     from the time in the frame to its arrival here
    DROP      opened                the same, for the one frame that everybody waits for
    ASK       checkout, …           from the first sending of a command to its answer
    LOST      close 1006, …         a connection that ended and should not have
    GAP       commerce              a viewer who missed announcements (see `hearing`)

Owns names and units (milliseconds, bytes). Refuses to know who measured.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, Final, Literal

from locust.env import Environment

Lane = Literal["commerce", "chat", "pulse", "private"]


class ServerClock:
    """The server's clock, as it can be known from here.

    Delay makes `server_time_ms` late and never early, so of all differences to our own clock the
    largest is the truest; it is still short by one network delay, which arrivals then lack.
    """

    def __init__(self) -> None:
        self._ahead_ms = float("-inf")

    def heard(self, server_time_ms: int) -> None:
        """A frame that tells the time has just come."""
        self._ahead_ms = max(self._ahead_ms, server_time_ms - time.time() * 1_000)

    def now_ms(self) -> float:
        """Unix time there; our own as long as nothing was heard."""
        ahead_ms = self._ahead_ms if self._ahead_ms > float("-inf") else 0.0
        return time.time() * 1_000 + ahead_ms


class LostError(Exception):
    """The connection ended and nobody here wanted it to."""


class MissedError(Exception):
    """Announcements that others heard did not come."""


class Figures:
    """Everything measured in this process. Each method is one row, or a failure in it."""

    def __init__(self, environment: Environment) -> None:
        self._fire: Final[Any] = environment.events.request.fire
        #: Frames that came, by lane: every one, also of those whose arrival is not timed.
        self.frames: Counter[str] = Counter()
        self.bytes = 0
        self.joined = 0
        self.lost = 0

    def join(self, name: Literal["enter", "return"], ms: float) -> None:
        """A welcome came."""
        self.joined += name == "enter"
        self._row("JOIN", name, ms)

    def not_joined(self, name: Literal["enter", "return"], ms: float, why: Exception) -> None:
        """Somebody gave up at the door."""
        self._row("JOIN", name, ms, error=why)

    def frame(self, lane: Lane, size: int) -> None:
        """One frame came, timed or not."""
        self.frames[lane] += 1
        self.bytes += size

    def delivery(self, name: str, ms: float, size: int) -> None:
        """A frame's way, from the time it carries to its arrival."""
        self._row("DELIVER", name, ms, size)

    def drop_opened(self, ms: float, size: int) -> None:
        """The opening of a drop arrived."""
        self._row("DROP", "opened", ms, size)

    def answer(self, command: str, ms: float, refusal: str | None) -> None:
        """A command was answered; a refusal is an answer, in a row of its own."""
        self._row("ASK", command if refusal is None else f"{command}: {refusal}", ms)

    def no_answer(self, command: str, ms: float, why: Exception) -> None:
        """Nobody answered, however often it was said."""
        self._row("ASK", command, ms, error=why)

    def loss(self, code: int, ms: float) -> None:
        """A connection of age `ms` ended without our doing."""
        self.lost += 1
        self._row("LOST", f"close {code}", ms, error=LostError(f"closed with {code}"))

    def gap(self, missed: int) -> None:
        """A viewer missed that many announcements."""
        self._row("GAP", "commerce", 0.0, error=MissedError(f"{missed} announcements missed"))

    def _row(
        self, kind: str, name: str, ms: float, size: int = 0, error: Exception | None = None
    ) -> None:
        self._fire(
            request_type=kind,
            name=name,
            response_time=max(0.0, ms),
            response_length=size,
            exception=error,
            context={},
        )
