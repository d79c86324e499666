"""A basket: what one viewer holds and has not yet checked out, and the commands it remembers.

Owns the list of hold ids and the memory by which a repeated command gets its first answer.
Refuses to know stock, prices and time.
"""

from __future__ import annotations

from msgspec import Struct

from cart.bounds import RECENT_COMMANDS_MAX
from cart.events import HoldPlaced


class PutBack(Struct, frozen=True, gc=False, tag_field="type", tag="put_back"):
    """Units of one SKU that one `cart.remove` put back, over all the holds that it touched."""

    sku: str
    quantity: int


class Basket(Struct):
    """`recent` maps a command id to what it did, oldest first, at most RECENT_COMMANDS_MAX: the
    hold that a `cart.add` placed, or what a `cart.remove` put back.
    """

    hold_ids: list[str] = []
    recent: dict[str, HoldPlaced | PutBack] = {}
    #: A hold ran out since the last one was placed: an empty cart is then explained as
    #: `hold_expired`.
    expired: bool = False

    def remember(self, command_id: str, done: HoldPlaced | PutBack) -> None:
        """Keep what `command_id` did for a retry; the oldest memory makes room."""
        self.recent[command_id] = done
        if len(self.recent) > RECENT_COMMANDS_MAX:
            del self.recent[next(iter(self.recent))]
