"""A basket: what one viewer holds and has not yet checked out, and the commands it remembers.

Owns the list of hold ids and the memory by which a repeated command gets its first answer.
Refuses to know stock, prices and time.
"""

from __future__ import annotations

from msgspec import Struct

from cart.bounds import ANSWERS_KEPT_MS, COMMANDS_KEPT_MAX, COMMANDS_KEPT_MIN
from cart.events import HoldPlaced, LineJoined


class PutBack(Struct, frozen=True, gc=False, tag_field="type", tag="put_back"):
    """Units of one SKU that one `cart.remove` put back, over all the holds that it touched."""

    sku: str
    quantity: int
    at_ms: int


#: What a command did to a cart.
Done = HoldPlaced | PutBack | LineJoined


class Basket(Struct):
    """`recent` maps a command id to what it did, oldest first, for ANSWERS_KEPT_MS at least: the
    hold that a `cart.add` placed, what a `cart.remove` put back, the place that `line.join` got. At
    most COMMANDS_KEPT_MAX.
    """

    hold_ids: list[str] = []
    recent: dict[str, Done] = {}
    #: A hold ran out since the last one was placed: an empty cart is then explained as
    #: `hold_expired`.
    expired: bool = False

    def remember(
        self, command_id: str, done: HoldPlaced | PutBack | LineJoined, at_ms: int
    ) -> None:
        """Keep what `command_id` did for a retry, and forget what is old enough: two at most, so
        that every command costs the same.
        """
        self.recent[command_id] = done
        if len(self.recent) > COMMANDS_KEPT_MIN:
            self._forget(at_ms)

    def _forget(self, at_ms: int) -> None:
        for _ in range(2):
            if len(self.recent) <= COMMANDS_KEPT_MIN or self._oldest_kept_until_ms() > at_ms:
                return
            del self.recent[next(iter(self.recent))]

    @property
    def is_full(self) -> bool:
        """Whether one more is remembered only if the oldest is old enough to be forgotten."""
        return len(self.recent) >= COMMANDS_KEPT_MAX

    def is_full_for_ms(self, now_ms: int) -> int:
        """How long that will take; 0 if it is so now."""
        return max(0, self._oldest_kept_until_ms() - now_ms)

    def _oldest_kept_until_ms(self) -> int:
        # A hold does not say when it was placed, but it ran out later than that.
        oldest = next(iter(self.recent.values()))
        since_ms = oldest.expires_at_ms if isinstance(oldest, HoldPlaced) else oldest.at_ms
        return since_ms + ANSWERS_KEPT_MS
