"""Numbered editions: each paid unit of a numbered drop has its number, "37 of 200", once.

Owns numbers: dense from 1, each given to one order at a time. A number that came back with a unit
is given again before a new one; one whose unit did not come back is never given again. Refuses to
know orders beyond their id, certificates, and every clock.
"""

from __future__ import annotations

from heapq import heappop, heappush, nsmallest

from msgspec import Struct

from cart.stock import BrokenBooksError


class Edition(Struct):
    """What one order has of one edition: its numbers, of how many, since when."""

    numbers: list[int]
    of: int
    at_ms: int


class EditionBook(Struct):
    """Numbers of one drop. `given` maps order_id to what the order has; `freed` is a heap of
    numbers that came back and wait for a new owner.
    """

    given: dict[str, Edition] = {}
    freed: list[int] = []
    next_number: int = 1

    def next_free(self, units: int) -> list[int]:
        """The numbers that the next `units` paid units get."""
        again = nsmallest(units, self.freed)
        first = self.next_number
        return [*again, *range(first, first + units - len(again))]

    def give(self, order_id: str, edition: Edition) -> None:
        """Give numbers, which must be `next_free()`."""
        for number in edition.numbers:
            if self.freed and self.freed[0] == number:
                heappop(self.freed)
            elif not self.freed and number == self.next_number:
                self.next_number += 1
            else:
                raise BrokenBooksError(f"number {number} is not the next to be given")
        self.given[order_id] = edition

    def revoke(self, order_id: str, numbers: list[int], freed: bool) -> None:
        """Take numbers back from an order; they are given again if they are `freed`."""
        edition = self.given[order_id]
        for number in numbers:
            edition.numbers.remove(number)
            if freed:
                heappush(self.freed, number)
        if not edition.numbers:
            del self.given[order_id]
