"""What each load process tells, and the sum of what all of them told.

Books are cumulative: a later one of a process replaces the one before, so that one that is lost on
its way costs nothing.

Owns the sum and what follows from it: who missed what, percentiles, who was here when. Refuses to
know Locust and where books come from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, TypedDict

PERCENTILES: Final = (50, 95, 99)


class Book(TypedDict):
    """One process. All keys are text, as messages between processes want it."""

    here_by_second: dict[str, int]
    rows: dict[str, dict[str, int]]
    frames: dict[str, int]
    bytes: int
    landmarks: dict[str, int]
    joined: int
    lost: int
    announcements: list[int]
    spans: int
    gaps: list[int]
    #: Why somebody could not go on; "" as long as all can.
    failed: str
    #: Told when the evening was closed.
    final: bool


class Library:
    """The newest book of each process."""

    def __init__(self) -> None:
        self.books: Final[dict[str, Book]] = {}

    def keep(self, process: str, book: Book) -> None:
        """A process told."""
        known = self.books.get(process)
        if known is None or book["final"] or not known["final"]:
            self.books[process] = book

    def finals(self) -> int:
        """Processes that have told their last."""
        return sum(book["final"] for book in self.books.values())

    def here(self) -> int:
        """Viewers in the room, as each process told last."""
        return sum(next(reversed(book["here_by_second"].values()), 0) for book in self._all())

    def count(self, what: Literal["joined", "lost", "bytes", "spans"]) -> int:
        """The sum of a number of all books."""
        return sum(book[what] for book in self._all())

    def heard(self, landmark: str) -> int:
        """How many viewers heard it."""
        return sum(book["landmarks"].get(landmark, 0) for book in self._all())

    def frames(self) -> Counter[str]:
        """Frames by lane."""
        return sum((Counter(book["frames"]) for book in self._all()), Counter())

    def gaps(self) -> list[int]:
        """For each viewer with a gap, how many announcements it lacks; within a process as it found
        itself, and between processes: what one heard in the span of another, that must have heard.
        """
        gaps = [missed for book in self._all() for missed in book["gaps"]]
        everything = sorted({seq for book in self._all() for seq in book["announcements"]})
        for book in self._all():
            own = set(book["announcements"])
            if own:
                first, last = min(own), max(own)
                missed = sum(first < seq < last and seq not in own for seq in everything)
                gaps += [missed] * (book["spans"] if missed else 0)
        return gaps

    def announcements(self) -> int:
        """How many there were, as far as anybody heard."""
        return len({seq for book in self._all() for seq in book["announcements"]})

    def rows(self) -> dict[str, Counter[int]]:
        """Each row's times: ms -> how often."""
        rows: dict[str, Counter[int]] = {}
        for book in self._all():
            for name, times in book["rows"].items():
                row = rows.setdefault(name, Counter())
                for ms, count in times.items():
                    row[int(ms)] += count
        return rows

    def timeline(self) -> list[tuple[int, int]]:
        """(Unix second, viewers here). A process that said nothing in a second is where it was."""
        seconds = sorted({int(second) for book in self._all() for second in book["here_by_second"]})
        here = dict.fromkeys(seconds, 0)
        for book in self._all():
            last = 0
            for second in seconds:
                last = book["here_by_second"].get(str(second), last)
                here[second] += last
        return list(here.items())

    def _all(self) -> Iterable[Book]:
        return self.books.values()


def percentile(times: Mapping[int, int], percent: float) -> int:
    """The time within which `percent` of all fall; 0 of none."""
    wanted, seen = sum(times.values()) * percent / 100, 0
    for ms in sorted(times):
        seen += times[ms]
        if seen >= wanted:
            return ms
    return 0


def summary(times: Mapping[int, int]) -> dict[str, Any]:
    """A row in a few figures, in ms. `spread_ms`: from the first to the last."""
    if not times:
        return {"count": 0}
    return {
        "count": sum(times.values()),
        **{f"p{percent}_ms": percentile(times, percent) for percent in PERCENTILES},
        "first_ms": min(times),
        "last_ms": max(times),
        "spread_ms": max(times) - min(times),
    }
