"""Rules of a room, which hold for all of its drops together.

Owns what the host may declare. Refuses to know how it is kept: `cart.invitation`, `cart.limits`
and `cart.awards` do that.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from cart.bounds import DROPS_MAX, PERKS_MAX, QUANTITY_MAX
from cart.perk import PerkTerms

#: As much as the limits of all drops together may allow.
ROOM_LIMIT_MAX = DROPS_MAX * QUANTITY_MAX


class RoomRules(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What the host declares for the room. New rules bind what is asked from then on: what is held
    and ordered stands. Perks may change until the first order is paid.
    """

    invited_only: Annotated[
        bool,
        Meta(
            description="nobody else may watch or buy: an invitation is in the ticket, or on the "
            "room's list"
        ),
    ] = False
    limit_per_viewer: Annotated[
        Annotated[int, Meta(ge=1, le=ROOM_LIMIT_MAX)] | None,
        Meta(description="units of all drops together, holds and orders together"),
    ] = None
    one_product_per_order: Annotated[
        bool, Meta(description="a cart, and so an order, has one SKU")
    ] = False
    perks: Annotated[
        list[PerkTerms],
        Meta(
            max_length=PERKS_MAX,
            description="what the first N paid orders of the room get, whatever they buy",
        ),
    ] = []
