"""A delivery slot: so many deliveries in a city between two times, for orders that won a perk.

    available --held with an order--> held --paid, and the perk is won--> taken
              <--expired, not won, refunded, another was chosen--

Owns one slot's places: never more of them are gone than there are. Refuses to know orders beyond
their id, and who may have a place (`cart.delivery`).
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from cart.bounds import SLOT_CAPACITY_MAX, PerkId, SlotId, TimeMs, Title
from cart.stock import BrokenBooksError


class SlotTerms(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What the host declares: `capacity` deliveries of a perk in `city` between two times."""

    slot_id: SlotId
    perk_id: PerkId
    city: Title
    from_ms: TimeMs
    until_ms: TimeMs
    capacity: Annotated[int, Meta(ge=0, le=SLOT_CAPACITY_MAX)]


class Slot(Struct):
    """One slot as it stands. `held` and `taken` are orders, each with one place. Dicts for their
    order.
    """

    terms: SlotTerms
    held: dict[str, None] = {}
    taken: dict[str, None] = {}

    @property
    def booked(self) -> int:
        """Places that are gone."""
        return len(self.held) + len(self.taken)

    @property
    def free(self) -> int:
        """Places that are left."""
        return self.terms.capacity - self.booked

    def hold(self, order_id: str) -> None:
        """available -> held."""
        self._book(self.held, order_id)

    def take(self, order_id: str) -> None:
        """held -> taken, or available -> taken for an order that chooses after it has paid."""
        self.held.pop(order_id, None)
        self._book(self.taken, order_id)

    def _book(self, places: dict[str, None], order_id: str) -> None:
        if self.free < 1 or order_id in self.held or order_id in self.taken:
            raise BrokenBooksError(f"no place for {order_id} in slot {self.terms.slot_id}")
        places[order_id] = None

    def release(self, order_id: str) -> None:
        """held or taken -> available."""
        places = self.held if order_id in self.held else self.taken
        del places[order_id]
