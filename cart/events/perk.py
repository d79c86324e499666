"""What paid orders win, as facts. Owns their words; refuses to know money."""

from __future__ import annotations

from cart.fact import Fact


class PerkAwarded(Fact, frozen=True, gc=False, tag="perk.awarded"):
    """A paid order won a rank of a perk of a drop, or (None) of the room."""

    drop_id: str | None
    perk_id: str
    order_id: str
    viewer: str
    name: str
    rank: int


class PerkRevoked(Fact, frozen=True, gc=False, tag="perk.revoked"):
    """A refunded order lost its rank, by the policy `pass`."""

    drop_id: str | None
    perk_id: str
    order_id: str
    rank: int
