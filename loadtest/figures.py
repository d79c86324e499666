"""What a load test measures, under the names it has in Locust's tables.

    JOIN      enter, return         from connect to welcome
    DELIVER   commerce, chat, …     from the time in the frame to its arrival here
    ARRIVE    drop.opened, …        the same, for the frames that everybody waits for
    ASK       checkout, …           from the first sending of a command to its answer
    LOST      close 1006, …         a connection that ended and should not have
    GAP       commerce              a viewer who missed announcements (see `hearing`)

What succeeds is tallied and poured into Locust's tables once a second, many at a time: a row by
Locust's own event takes 12 µs, as long as everything else that is done for a frame. Failures are
rare and go one by one.

Owns names and units (milliseconds, bytes). Refuses to know who measured.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:  # importing Locust changes sockets for the whole process
    from locust.env import Environment
    from locust.stats import StatsEntry

Lane = Literal["commerce", "chat", "pulse", "private"]

#: The frames that everybody waits for: each viewer's arrival is timed, whatever the sample.
LANDMARKS: Final = frozenset({"card.pushed", "drop.opened", "drop.sold_out", "room.ended"})


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


def rounded(ms: float) -> int:
    """To a millisecond below a second, to ten above: some 2,000 numbers for all there is."""
    whole = max(0, int(ms))
    return whole if whole < 1_000 else whole // 10 * 10


class Row:
    """One row of the tables: how often each time was seen, and what is not in Locust's yet."""

    __slots__ = ("size", "times", "unsaid")

    def __init__(self) -> None:
        self.times: Counter[int] = Counter()
        self.unsaid: Counter[int] = Counter()
        self.size = 0


class Figures:
    """Everything measured in this process."""

    def __init__(self, environment: Environment) -> None:
        self._fire: Final[Any] = environment.events.request.fire
        self._environment: Final = environment
        self._rows: dict[tuple[str, str], Row] = {}
        #: Frames that came, by lane: every one, also of those whose arrival is not timed.
        self.frames: Counter[str] = Counter()
        self.bytes = 0
        #: How many viewers heard each landmark, on time or with a resume.
        self.landmarks: Counter[str] = Counter()
        self.joined = 0
        self.lost = 0
        self.failed = 0

    def join(self, name: Literal["enter", "return"], ms: float) -> None:
        """A welcome came."""
        self.joined += name == "enter"
        self._tally("JOIN", name, ms)

    def not_joined(self, name: Literal["enter", "return"], ms: float, why: Exception) -> None:
        """Somebody gave up at the door."""
        self._fail("JOIN", name, ms, why)

    def frame(self, lane: Lane, size: int, times: int = 1) -> None:
        """Frames came, timed or not."""
        self.frames[lane] += times
        self.bytes += size * times

    def delivery(self, name: str, ms: float, size: int) -> None:
        """A frame's way, from the time it carries to its arrival."""
        self._tally("DELIVER", name, ms, size)

    def landmark(self, kind: str, ms: float | None, size: int) -> None:
        """A viewer heard what everybody waits for; `ms` is None if a resume brought it."""
        self.landmarks[kind] += 1
        if ms is not None:
            self._tally("ARRIVE", kind, ms, size)

    def answer(self, command: str, ms: float, refusal: str | None) -> None:
        """A command was answered; a refusal is an answer, in a row of its own."""
        self._tally("ASK", command if refusal is None else f"{command}: {refusal}", ms)

    def no_answer(self, command: str, ms: float, why: Exception) -> None:
        """Nobody answered, however often it was said."""
        self._fail("ASK", command, ms, why)

    def loss(self, code: int, ms: float) -> None:
        """A connection of age `ms` ended without our doing."""
        self.lost += 1
        self._fail("LOST", f"close {code}", ms, LostError(f"closed with {code}"))

    def gap(self, missed: int) -> None:
        """A viewer missed that many announcements."""
        self._fail("GAP", "commerce", 0.0, MissedError(f"{missed} announcements missed"))

    def told(self) -> dict[str, dict[str, int]]:
        """Every row so far: "kind name" -> {ms: how often}. Keys are text, as messages want it."""
        return {
            f"{kind} {name}": {str(ms): count for ms, count in row.times.items()}
            for (kind, name), row in self._rows.items()
        }

    def pour(self) -> None:
        """Bring Locust's tables up to date."""
        runner = self._environment.runner
        if runner is None:
            return
        for (kind, name), row in self._rows.items():
            if row.unsaid:
                for entry in (runner.stats.total, runner.stats.get(name, kind)):
                    _pour(entry, row.unsaid, row.size)
                row.unsaid, row.size = Counter(), 0

    def forget(self) -> None:
        """Begin anew, as Locust does when a test starts."""
        self._rows.clear()

    def _tally(self, kind: str, name: str, ms: float, size: int = 0) -> None:
        row = self._rows.get((kind, name))
        if row is None:
            row = self._rows[kind, name] = Row()
        took_ms = rounded(ms)
        row.times[took_ms] += 1
        row.unsaid[took_ms] += 1
        row.size += size

    def _fail(self, kind: str, name: str, ms: float, error: Exception) -> None:
        self.failed += 1
        self._fire(
            request_type=kind,
            name=name,
            response_time=max(0.0, ms),
            response_length=0,
            exception=error,
            context={},
        )


def _pour(entry: StatsEntry, times: Mapping[int, int], size: int) -> None:
    """Add many successes to one of Locust's rows: `StatsEntry.log`, without its loop."""
    now_s, count = time.time(), sum(times.values())
    entry.num_requests += count
    entry.num_reqs_per_sec[int(now_s)] += count
    entry.last_request_timestamp = now_s
    entry.total_response_time += sum(ms * often for ms, often in times.items())
    entry.total_content_length += size
    lowest = entry.min_response_time
    entry.min_response_time = min(times) if lowest is None else min(lowest, min(times))
    entry.max_response_time = max(entry.max_response_time, max(times))
    for ms, often in times.items():
        entry.response_times[_as_locust_keeps_it(ms)] += often


def _as_locust_keeps_it(ms: int) -> int:
    """Two significant digits, so that the tables of all workers stay small."""
    for digits, below in ((0, 100), (-1, 1_000), (-2, 10_000)):
        if ms < below:
            return round(ms, digits)
    return round(ms, -3)
