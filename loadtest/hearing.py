"""Who heard which announcements, and who missed one.

The `seq` of announcements rises and is not dense: private facts have numbers too, so nobody can see
a gap alone. Together they can: what one viewer heard, every other must have heard who was there
before and after it, over as many connections as it took, for a resume brings what was missed.

Owns that comparison. Refuses to know connections. What no viewer of this process heard cannot be
missed here; the audit of the log and the other processes know of it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final


class Span:
    """What one viewer heard from one snapshot to the next, resumes included."""

    __slots__ = ("heard", "last", "start", "stayed")

    def __init__(self, start: int) -> None:
        self.start = start
        self.last = start
        self.heard = 0
        #: There until we ended the test, so the last announcement of all must have come.
        self.stayed = False


class Hearing:
    """Everybody of this process. 88 bytes for a span × 50,000 viewers = 4.4 MB."""

    def __init__(self) -> None:
        self.spans: Final[list[Span]] = []
        self._seqs: Final[set[int]] = set()
        self._latest: tuple[int, ...] = ()
        self._ended: int | None = None

    def begin(self, seq: int) -> Span:
        """A snapshot of the room at `seq` came: nothing before it can be missed."""
        span = Span(seq)
        self.spans.append(span)
        return span

    def heard(self, span: Span, seq: int) -> bool:
        """Whether this announcement is news: a resume may repeat one."""
        if seq <= span.last:
            return False
        span.last = seq
        span.heard += 1
        self._seqs.add(seq)
        return True

    def all_heard(self, span: Span, seqs: tuple[int, ...]) -> bool:
        """The same for announcements that came together, where all of them are news; False, and
        nothing noted, where they are not. Most viewers hear the very tuple that the last one heard.
        """
        if seqs[0] <= span.last:
            return False
        span.last = seqs[-1]
        span.heard += len(seqs)
        if seqs is not self._latest:
            self._seqs.update(seqs)
            self._latest = seqs
        return True

    def ended(self, seq: int) -> None:
        """The show's end, which everybody who is still there must hear."""
        self._ended = seq

    def announcements(self) -> list[int]:
        """Their numbers, as far as anybody here heard."""
        return sorted(self._seqs)

    def gaps(self) -> Iterator[int]:
        """For each span with a gap, how many announcements it lacks."""
        seqs = sorted(self._seqs)
        for span in self.spans:
            until = span.last
            if span.stayed and self._ended is not None:
                until = max(until, self._ended)
            missed = bisect_right(seqs, until) - bisect_right(seqs, span.start) - span.heard
            if missed > 0:
                yield missed
