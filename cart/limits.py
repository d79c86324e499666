"""Limits: how many units a viewer may have, of one drop and over the whole room.

Holds and orders count together, however they came about: what a viewer has is `Drop.taken`.

Owns both limits, and what a cart of one product is. Refuses to know stock and invitations.
"""

from __future__ import annotations

from collections.abc import Mapping

from cart.basket import Basket
from cart.books import Books
from cart.drop import Drop
from cart.outcome import Decision, ErrorCode, refuse


def refusal(books: Books, drop: Drop, viewer: str, quantity: int) -> Decision | None:
    """Why this viewer may not have `quantity` units more of this drop; None: no reason."""
    limit = drop.terms.limit_per_viewer
    if drop.taken.get(viewer, 0) + quantity > limit:
        message = f"at most {limit} of {drop.terms.title} for each viewer"
        return refuse(ErrorCode.LIMIT_REACHED, message)
    limit_of_room = books.rules.limit_per_viewer
    if limit_of_room is not None and has(books, viewer) + quantity > limit_of_room:
        return refuse(ErrorCode.LIMIT_REACHED, f"at most {limit_of_room} for each viewer here")
    return None


def left(books: Books, drop: Drop, viewer: str) -> int:
    """How many units more of this drop a viewer may have."""
    more = drop.terms.limit_per_viewer - drop.taken.get(viewer, 0)
    limit_of_room = books.rules.limit_per_viewer
    return more if limit_of_room is None else min(more, limit_of_room - has(books, viewer))


def has(books: Books, viewer: str) -> int:
    """Units that a viewer holds and has ordered, of all drops: DROPS_MAX looks at most, 3 us."""
    return sum(drop.taken.get(viewer, 0) for drop in books.drops.values())


def allow(books: Books, viewer: str, units: Mapping[str, int]) -> bool:
    """Whether a viewer may have so many units more, by drop, all at once."""
    for drop_id, more in units.items():
        drop = books.drops[drop_id]
        if drop.taken.get(viewer, 0) + more > drop.terms.limit_per_viewer:
            return False
    limit_of_room = books.rules.limit_per_viewer
    return limit_of_room is None or has(books, viewer) + sum(units.values()) <= limit_of_room


def is_other_product(books: Books, basket: Basket, sku: str) -> bool:
    """Whether something else than `sku` is in this cart."""
    return any(books.holds[hold_id].sku != sku for hold_id in basket.hold_ids)
