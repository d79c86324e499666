"""The waiting line of a drop: who gets the next unit that falls free.

Everybody who joins gets a number, one above the last; nobody with a higher number is served before
one with a lower. A number is never given twice, and an end of the line does not set it back.

Owns places and their order. Refuses to know stock, limits and offers (`cart.waiting`).
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

#: Who may wait for one drop: 10,000 x about 300 bytes = 3 MB, for each of at most 64 drops. Whoever
#: comes later would wait for hours, and is told so.
LINE_MAX = 10_000


class Place(Struct, gc=False):
    """One viewer who waits for `quantity` units since `since_ms`. `tier` and `invited`: what the
    ticket claimed.
    """

    number: int
    viewer: str
    quantity: int
    tier: str = ""
    invited: bool = False
    since_ms: int = 0


class Line(Struct):
    """Places by number, and the number of each viewer. No number below `first` waits."""

    places: dict[int, Place] = {}
    number_of: dict[str, int] = {}
    joined: int = 0
    first: int = 1

    def join(
        self,
        viewer: str,
        quantity: int,
        tier: str = "",
        invited: bool = False,
        since_ms: int = 0,
    ) -> None:
        """Put a viewer at the end, with the next number."""
        self.joined += 1
        self.places[self.joined] = Place(self.joined, viewer, quantity, tier, invited, since_ms)
        self.number_of[viewer] = self.joined

    def leave(self, viewer: str) -> None:
        """Take a viewer out. `first` goes over each number once, however many left behind it."""
        del self.places[self.number_of.pop(viewer)]
        while self.first <= self.joined and self.first not in self.places:
            self.first += 1

    def end(self) -> None:
        """Nobody waits any more; numbers go on from here."""
        self.places.clear()
        self.number_of.clear()
        self.first = self.joined + 1

    def of(self, viewer: str) -> Place | None:
        """The place of a viewer who waits."""
        number = self.number_of.get(viewer)
        return None if number is None else self.places[number]

    def ahead_of(self, number: int) -> int:
        """How many wait before this number, at most: those who left in between are not counted
        out one by one.
        """
        return min(number - self.first, len(self.places) - 1)

    @property
    def next(self) -> int:
        """The number that is served next; 0 when nobody waits."""
        return self.first if self.places else 0

    def __iter__(self) -> Iterator[Place]:
        """Places in the order of their numbers. Not to be changed meanwhile."""
        for number in range(self.first, self.joined + 1):
            place = self.places.get(number)
            if place is not None:
                yield place
