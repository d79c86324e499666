"""Allocations: the supply of a drop on shelves, one for each channel that was given its own units.

    tmall 100   wechat 50   "" the rest: for viewers of every other channel

Whoever comes through a channel with a shelf buys from that shelf alone, until the allocations
merge: then all that is free goes to the shelf "", from which everybody buys, and so does whatever a
channel's shelf gets back later. What a shelf has sold stays its own. Each shelf is a `Stock` with
the equation of its own, and the drop's stock is the sum of its shelves.

Owns who buys from which shelf, and moves between shelves. Refuses to know viewers, statuses and
every clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from msgspec import Struct

from cart.stock import BrokenBooksError, Stock

#: Channels with a shelf: each about 200 bytes on the books, and a number in every stock frame.
SHELVES_MAX = 16
#: The shelf of all who have none of their own.
COMMON: Final = ""


def flaw_in_allocations(
    allocations: Mapping[str, int], supply: int, merge_at_ms: int | None
) -> str | None:
    """What is wrong with them, in a sentence; None when they may stand."""
    allocated = sum(allocations.values())
    if allocated > supply:
        return f"{allocated} units are allocated to channels, and the supply is {supply}"
    if merge_at_ms is not None and not allocations:
        return "merge_at_ms needs allocations that could merge"
    return None


class Wanted(Protocol):
    """A hold or an order's line: units of a drop, of the shelf of a channel."""

    @property
    def drop_id(self) -> str: ...
    @property
    def quantity(self) -> int: ...
    @property
    def shelf(self) -> str: ...


class Shelves(Struct):
    """The shelves of one drop by channel. `merged`: what is free lies on the common one."""

    of: dict[str, Stock]
    merged: bool = False

    def of_channel(self, channel: str) -> str:
        """The shelf from which a viewer of this channel buys now."""
        return channel if channel in self.of and not self.merged else COMMON

    def free(self, shelf: str) -> int:
        """Units that who buys from this shelf can have now: of a merged one, the common ones."""
        return self.of[COMMON if self.merged else shelf].available

    def lacking(self, drop_id: str, wanted: Iterable[Wanted]) -> str | None:
        """The first shelf that has fewer units of this drop than are wanted of it."""
        units: dict[str, int] = {}
        for one in wanted:
            if one.drop_id == drop_id:
                shelf = COMMON if self.merged else one.shelf
                units[shelf] = units.get(shelf, 0) + one.quantity
        return next((shelf for shelf, count in units.items() if count > self.free(shelf)), None)

    def hold(self, shelf: str, units: int) -> None:
        """available -> held. Late money for a merged shelf takes common units, which count as that
        shelf's from then on.
        """
        if self.merged and shelf != COMMON:
            self._move(COMMON, shelf, units)
        self.of[shelf].hold(units)

    def came_back(self, shelf: str) -> None:
        """After units of a shelf fell free: to the common one, if the allocations have merged."""
        if self.merged and shelf != COMMON:
            self._move(shelf, COMMON, self.of[shelf].available)

    def to_merge(self) -> dict[str, int]:
        """What would move to the common shelf now, by channel."""
        return {
            shelf: stock.available
            for shelf, stock in self.of.items()
            if shelf != COMMON and stock.available
        }

    def merge(self, moved: Mapping[str, int]) -> None:
        """Everything free to the common shelf."""
        if self.merged or moved != self.to_merge():
            raise BrokenBooksError("allocations merge with other units than are free")
        for shelf, units in moved.items():
            self._move(shelf, COMMON, units)
        self.merged = True

    def withdraw(self) -> None:
        """available -> withdrawn, on every shelf: the drop is closed."""
        for stock in self.of.values():
            stock.withdraw(stock.available)

    def levels(self) -> dict[str, int]:
        """What is free on each shelf; nothing once they have merged."""
        return {} if self.merged else {shelf: stock.available for shelf, stock in self.of.items()}

    def _move(self, source: str, target: str, units: int) -> None:
        giver, taker = self.of[source], self.of[target]
        if units > giver.available:
            raise BrokenBooksError(f"{units} units leave a shelf that has {giver.available} free")
        giver.supplied -= units
        giver.available -= units
        taker.restock(units)


def shelves_of(allocations: Mapping[str, int], supply: int) -> Shelves | None:
    """The shelves that a drop begins with; None when it has one supply for all."""
    if not allocations:
        return None
    rest = supply - sum(allocations.values())
    return Shelves(
        {shelf: Stock(units, units) for shelf, units in {COMMON: rest, **allocations}.items()}
    )
