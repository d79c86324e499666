"""What happens to delivery slots, as facts. Owns their words; refuses to know who decides them."""

from __future__ import annotations

from typing import Literal

from cart.fact import Fact
from cart.slot import SlotTerms


class SlotPut(Fact, frozen=True, tag="slot.put"):
    """The host declared a slot, or changed one; what is booked in it stands."""

    terms: SlotTerms


class SlotHeld(Fact, frozen=True, gc=False, tag="slot.held"):
    """An order that waits for its payment keeps a place."""

    slot_id: str
    order_id: str


class SlotTaken(Fact, frozen=True, gc=False, tag="slot.taken"):
    """A paid order that has the perk takes a place: the one that it held, or a free one."""

    slot_id: str
    order_id: str


class SlotReleased(Fact, frozen=True, gc=False, tag="slot.released"):
    """The place is free again."""

    slot_id: str
    order_id: str
    reason: Literal["expired", "defaulted", "cancelled", "not_won", "refunded", "changed"]
