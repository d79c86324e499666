"""Access to a drop: who may buy it, and from when.

    opens_at_ms   for everybody (of an invited-only drop: for everybody who is invited)
    tiers         for those of a tier, at a time of their own
    invited_only  an invitation says whether one may buy, a tier only from when

A drop opens by the clock at the earliest of its times; whose time is later waits for it. With
tiers and no `opens_at_ms` only the tiers have a way in. Who opens the drop by hand lets in those
whose time is the earliest, before it: the others keep theirs.

Owns the times. Refuses to know who has which tier, who is invited (`cart.invitation`) and clocks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct

from cart.bounds import TimeMs

_WORD = "[a-z0-9][a-z0-9_-]*"
#: What the merchant calls a circle of clients (gold, maison...). Signed into the ticket, or said by
#: the list of invitations.
Tier = Annotated[str, Meta(min_length=1, max_length=32, pattern=rf"^{_WORD}$(?!\n)")]
#: The same, or "" for none.
TierOrNone = Annotated[str, Meta(max_length=32, pattern=rf"^(?:{_WORD})?$(?!\n)")]
#: 8 x about 50 bytes = 400 bytes in every view of a drop: 26 KB for 64 drops in what newcomers get.
TIERS_MAX = 8


class AccessTerms(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """When each tier may buy, and whether only invited viewers may."""

    tiers: Annotated[dict[Tier, TimeMs], Meta(max_length=TIERS_MAX)] = {}
    invited_only: bool = False

    def first_ms(self, opens_at_ms: int | None) -> int | None:
        """When the drop opens by the clock; None: when the host says so."""
        times = list(self.tiers.values())
        if opens_at_ms is not None:
            times.append(opens_at_ms)
        return min(times, default=None)

    def opens_for_ms(self, opens_at_ms: int | None, tiers: Iterable[str]) -> int | None:
        """When somebody of these tiers may buy; 0: once the drop is open; None: never."""
        times = [self.tiers[tier] for tier in tiers if tier in self.tiers]
        if opens_at_ms is not None:
            times.append(opens_at_ms)
        elif not self.tiers:
            return 0
        return min(times, default=None)

    def flaw(self, opens_at_ms: int | None) -> str | None:
        """What is wrong with these terms, in a sentence; or None."""
        if not self.tiers and not self.invited_only:
            return "access with neither tiers nor invited_only lets everybody in: leave it out"
        for tier, at_ms in self.tiers.items():
            if opens_at_ms is not None and at_ms >= opens_at_ms:
                return f"tier {tier} may buy at {at_ms}, no earlier than all others do"
        return None
