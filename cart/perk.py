"""Perks: what the first N paid orders of a drop receive (bellboy delivery, an engraved box). A drop
has several; each has ranks of its own.

Owns ranks: dense, 1...N, each given once at a time. Refuses to know orders beyond their id, and
money.

When an order with a perk is refunded, the drop's declared policy decides:
`stay`  the rank stays with the refunded order and is gone (the box was already engraved);
`pass`  the rank passes to the next paid order that has none, or waits for the next one to be paid.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Annotated, Literal

from msgspec import Meta, Struct

from cart.bounds import SUPPLY_MAX, PerkId, Title


class PerkTerms(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The declaration: `first_n` paid orders get `name`."""

    perk_id: PerkId
    name: Annotated[Title, Meta(description="as buyers read it")]
    first_n: Annotated[
        int, Meta(ge=1, le=SUPPLY_MAX, description="how many paid orders get it, the first ones")
    ]
    on_refund: Annotated[
        Literal["stay", "pass"],
        Meta(
            description="when its order is refunded: stay, the rank is gone; pass, the next paid "
            "order gets it"
        ),
    ] = "stay"
    slots: Annotated[
        bool, Meta(description="delivered at a time that the buyer chooses (`cart.slot`)")
    ] = False


def flaw_in(perks: Sequence[PerkTerms]) -> str | None:
    """What is wrong with perks that are declared together, as a sentence, or None."""
    seen: set[str] = set()
    for perk in perks:
        if perk.perk_id in seen:
            return f"two perks are called {perk.perk_id}"
        seen.add(perk.perk_id)
    return None


class PerkBook(Struct):
    """Ranks of one perk. `ranks` maps order_id -> rank; `freed` is a heap of ranks that wait for a
    new owner.
    """

    ranks: dict[str, int] = {}
    freed: list[int] = []
    next_rank: int = 1

    def next_free(self, first_n: int) -> int | None:
        """The rank that the next eligible order gets, or None when all are given."""
        if self.freed:
            return self.freed[0]
        return self.next_rank if self.next_rank <= first_n else None

    def award(self, order_id: str, rank: int) -> None:
        """Give `rank`, which must be `next_free()`."""
        if self.freed and self.freed[0] == rank:
            heappop(self.freed)
        else:
            self.next_rank = rank + 1
        self.ranks[order_id] = rank

    def revoke(self, order_id: str) -> None:
        """Take the order's rank back, to be given again."""
        heappush(self.freed, self.ranks.pop(order_id))
