"""The waiting line of a drop: who gets the next unit that falls free.

Everybody who joins gets a number, one above the last; nobody with a higher number is served before
one with a lower. A number is never given twice, and an end of the line does not set it back.

While channels have shelves of their own each shelf has a queue: the places of one line, with the
numbers of one line, served from their own shelf. When the shelves merge the queues are one again.

Owns places and their order. Refuses to know stock, limits and offers (`cart.waiting`).
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

#: Who may wait for one drop: 10,000 x about 300 bytes = 3 MB, for each of at most 64 drops. Whoever
#: comes later would wait for hours, and is told so.
LINE_MAX = 10_000


class Place(Struct, gc=False):
    """One viewer who waits for `quantity` units since `since_ms`. `tier`, `invited` and, of a drop
    with allocations, `channel`: what the ticket claimed.
    """

    number: int
    viewer: str
    quantity: int
    tier: str = ""
    invited: bool = False
    since_ms: int = 0
    channel: str = ""


class Line(Struct):
    """Places by number, and the number of each viewer. No number below `first` waits. `queues` has,
    by shelf, the numbers of those who wait for it alone; it is empty where there is one for all.
    """

    places: dict[int, Place] = {}
    number_of: dict[str, int] = {}
    joined: int = 0
    first: int = 1
    queues: dict[str, dict[int, None]] = {}

    def join(
        self,
        viewer: str,
        quantity: int,
        tier: str = "",
        invited: bool = False,
        since_ms: int = 0,
        channel: str = "",
        shelf: str | None = None,
    ) -> None:
        """Put a viewer at the end, with the next number, and into the queue of a shelf if one is
        named.
        """
        self.joined += 1
        self.places[self.joined] = Place(
            self.joined, viewer, quantity, tier, invited, since_ms, channel
        )
        self.number_of[viewer] = self.joined
        if shelf is not None:
            self.queues.setdefault(shelf, {})[self.joined] = None

    def leave(self, viewer: str) -> None:
        """Take a viewer out. `first` goes over each number once, however many left behind it."""
        number = self.number_of.pop(viewer)
        del self.places[number]
        for queue in self.queues.values():
            queue.pop(number, None)
        while self.first <= self.joined and self.first not in self.places:
            self.first += 1

    def end(self) -> None:
        """Nobody waits any more; numbers go on from here."""
        self.places.clear()
        self.number_of.clear()
        self.queues.clear()
        self.first = self.joined + 1

    def flow_together(self) -> None:
        """The shelves have merged: one line for all, in the order of the numbers."""
        self.queues.clear()

    def of(self, viewer: str) -> Place | None:
        """The place of a viewer who waits."""
        number = self.number_of.get(viewer)
        return None if number is None else self.places[number]

    def ahead_of(self, number: int) -> int:
        """How many wait before this number, at most: those who left in between are not counted
        out one by one.
        """
        queue = next((queue for queue in self.queues.values() if number in queue), self.places)
        return min(number - self.first, len(queue) - 1)

    def of_shelf(self, shelf: str) -> Iterator[Place]:
        """Who waits for this shelf alone, in the order of their numbers. Not to be changed
        meanwhile.
        """
        return map(self.places.__getitem__, self.queues.get(shelf, ()))

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
