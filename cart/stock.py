"""Stock of one drop: five numbers that always add up.

    available + held + sold + withdrawn = supplied          (each >= 0)

Owns that equation: there is no way to move a unit that breaks it. Refuses to know who holds or
buys, and why. A move that would break it is broken code, so it raises `BrokenBooksError`; whether a
unit
*may* be taken is asked before, with `available`.
"""

from __future__ import annotations

from msgspec import Struct


class BrokenBooksError(Exception):
    """A move of stock or money that cannot be: the log or the code is wrong, never the shopper."""


class Stock(Struct, gc=False):
    """Units of one drop. Every method moves `units` >= 0 between two columns."""

    supplied: int
    available: int
    held: int = 0
    sold: int = 0
    withdrawn: int = 0

    def hold(self, units: int) -> None:
        """available -> held."""
        if units > self.available:
            raise BrokenBooksError(f"hold {units} of {self.available} available")
        self.available -= units
        self.held += units

    def release(self, units: int) -> None:
        """held -> available."""
        if units > self.held:
            raise BrokenBooksError(f"release {units} of {self.held} held")
        self.held -= units
        self.available += units

    def sell(self, units: int) -> None:
        """held -> sold."""
        if units > self.held:
            raise BrokenBooksError(f"sell {units} of {self.held} held")
        self.held -= units
        self.sold += units

    def take_back(self, units: int) -> None:
        """sold -> available: a refund that returns the units to the shelf."""
        if units > self.sold:
            raise BrokenBooksError(f"take back {units} of {self.sold} sold")
        self.sold -= units
        self.available += units

    def write_off(self, units: int) -> None:
        """sold -> withdrawn: a refund whose units do not come back."""
        if units > self.sold:
            raise BrokenBooksError(f"write off {units} of {self.sold} sold")
        self.sold -= units
        self.withdrawn += units

    def discard(self, units: int) -> None:
        """held -> withdrawn: units of an order that ends, and that do not come back."""
        if units > self.held:
            raise BrokenBooksError(f"discard {units} of {self.held} held")
        self.held -= units
        self.withdrawn += units

    def withdraw(self, units: int) -> None:
        """available -> withdrawn: the drop is closed."""
        if units > self.available:
            raise BrokenBooksError(f"withdraw {units} of {self.available} available")
        self.available -= units
        self.withdrawn += units

    def restock(self, units: int) -> None:
        """New units from the maison: supplied and available grow together."""
        self.supplied += units
        self.available += units

    @property
    def balanced(self) -> bool:
        """Whether the equation at the top holds."""
        return (
            min(self.available, self.held, self.sold, self.withdrawn) >= 0
            and self.available + self.held + self.sold + self.withdrawn == self.supplied
        )

    @property
    def exhausted(self) -> bool:
        """Nothing is free and nothing is held: what could be sold is sold."""
        return self.available == 0 and self.held == 0
