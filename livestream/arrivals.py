"""How far an announcement got, and how fast: what one gateway counts of it, and the sum over
gateways.

    Arrival          one announcement at one gateway, while it is being counted
    ArrivalCounts    the same as the gateway tells it; part of its line in the audience hash
    ArrivalLine      the whole room's, as the desk reads it

*Arrived* means: handed whole to the kernel for the viewer's socket. What lies between that and the
viewer's eye, the network and the phone, nobody here can see.

Times are kept as a histogram. Those of several gateways then add up to exactly the histogram of all
their viewers, in any order, which percentiles do not: of the p99 of two gateways all that is known
is that the whole room's lies between them.

Owns the shapes, the buckets and the sum. Pure. Refuses to know who writes and who reads.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Final, TypedDict

from msgspec import Struct

#: Upper bounds of the buckets: the preferred numbers of ISO 3, series R10, ten to a decade; whole
#: milliseconds below 10. A percentile is told as the upper bound of its bucket: never too short,
#: and too long by 1 ms or less than three tenths. What took longer than the last is in the last.
BOUNDS_MS: Final = (
    *(1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 63, 80),
    *(100, 125, 160, 200, 250, 315, 400, 500, 630, 800),
    *(1_000, 1_250, 1_600, 2_000, 2_500, 3_150, 4_000, 5_000, 6_300, 8_000),
    *(10_000, 12_500, 16_000, 20_000, 25_000, 31_500, 40_000, 50_000, 63_000, 80_000, 100_000),
)
#: Announcements that a gateway tells of. One takes 60 bytes and 5 for each bucket from the first to
#: the last that somebody is in: 150 usually, 60 + 48 x 6 = 350 at the very most. 8 x 350 bytes =
#: 2.8 KB for each room and gateway, once a second.
ARRIVALS_KEPT: Final = 8
#: Announcements that are not listed, though they travel like all others: of these there may be
#: several a second, and they would push out what the host waits for.
NOT_LISTED: Final = frozenset({"stock.changed", "chat.deleted"})


class ArrivalCounts(Struct, frozen=True, array_like=True):
    """An announcement at one gateway. `addressed` are those who were there when it was their turn
    (or, while it is on its way, who were there when it set out), `reached` of them have it, and
    `behind` wait for it because their socket is full. The others left before they had it.

    `counts` are those who have it, by bucket from the `first`-th on.
    """

    type: str
    seq: int
    at_ms: int
    addressed: int
    reached: int
    behind: int
    first: int
    counts: list[int]


class ArrivalLine(TypedDict):
    """An announcement at the desk: how many of those it was for have it, how many wait for it
    because their network does not follow, and after what time, counted from the fact itself, half
    and 99 in 100 of those who have it had it; null while nobody has.
    """

    type: str
    seq: int
    at_ms: int
    addressed: int
    reached: int
    behind: int
    p50_ms: int | None
    p99_ms: int | None


class Arrival:
    """An announcement at this gateway, from its first write on. `at_ms` is the fact's own time."""

    __slots__ = ("addressed", "at_ms", "behind", "counts", "reached", "seq", "type")

    def __init__(self, type_: str, seq: int, at_ms: int) -> None:
        self.type = type_
        self.seq = seq
        self.at_ms = at_ms
        self.addressed = 0
        self.reached = 0
        self.behind = 0
        self.counts = [0] * len(BOUNDS_MS)

    def reach(self, viewers: int, now_ms: int) -> None:
        """So many more have it."""
        self.reached += viewers
        self.counts[bucket_of(now_ms - self.at_ms)] += viewers

    def catch_up(self, now_ms: int) -> None:
        """One who was behind has it now."""
        self.behind -= 1
        self.reach(1, now_ms)

    def told(self) -> ArrivalCounts:
        """As it stands."""
        first, counts = _without_ends(self.counts)
        return ArrivalCounts(
            self.type,
            self.seq,
            self.at_ms,
            self.addressed,
            self.reached,
            self.behind,
            first,
            counts,
        )


def bucket_of(took_ms: int) -> int:
    """The bucket of an arrival. One that came before its fact, by two clocks, took no time."""
    return min(bisect_left(BOUNDS_MS, took_ms), len(BOUNDS_MS) - 1)


def added_up(parts: Sequence[ArrivalCounts]) -> ArrivalCounts:
    """One announcement at several gateways, at least one, as if they were one."""
    counts = [0] * len(BOUNDS_MS)
    for part in parts:
        for bucket, viewers in enumerate(part.counts[: len(BOUNDS_MS) - part.first], part.first):
            counts[bucket] += viewers
    first, inner = _without_ends(counts)
    return ArrivalCounts(
        parts[0].type,
        parts[0].seq,
        parts[0].at_ms,
        sum(part.addressed for part in parts),
        sum(part.reached for part in parts),
        sum(part.behind for part in parts),
        first,
        inner,
    )


def line_of(whole: ArrivalCounts, unheard: int = 0) -> ArrivalLine:
    """What the desk reads. `unheard` are viewers of gateways that have not come to this
    announcement yet: it is for them too, and none of them has it.
    """
    return {
        "type": whole.type,
        "seq": whole.seq,
        "at_ms": whole.at_ms,
        "addressed": whole.addressed + unheard,
        "reached": whole.reached,
        "behind": whole.behind,
        "p50_ms": percentile_ms(whole, 50),
        "p99_ms": percentile_ms(whole, 99),
    }


def percentile_ms(whole: ArrivalCounts, percent: int) -> int | None:
    """The time after which `percent` in 100 of those who have it had it, rounded up to a bound."""
    if not whole.reached:
        return None
    for bucket, so_far in enumerate(accumulate(whole.counts), whole.first):
        if so_far * 100 >= whole.reached * percent:
            return BOUNDS_MS[bucket]
    return None  # the counts are not of our making: fewer than it says


def _without_ends(counts: list[int]) -> tuple[int, list[int]]:
    """The first bucket with somebody in it, and the counts from there to the last such."""
    filled = [bucket for bucket, viewers in enumerate(counts) if viewers]
    if not filled:
        return 0, []
    return filled[0], counts[filled[0] : filled[-1] + 1]
