"""What the host says about who may come and how much, as facts. Owns their words; refuses to know
tickets.
"""

from __future__ import annotations

from cart.fact import Fact
from cart.rules import RoomRules


class RulesSet(Fact, frozen=True, tag="room.rules"):
    """The room has these rules from now on, and no others."""

    rules: RoomRules


class InvitationPut(Fact, frozen=True, tag="invitation.put"):
    """These viewers are on the room's list (None), or on that of a drop, with this tier."""

    viewers: list[str]
    drop_id: str | None = None
    tier: str = ""


class InvitationWithdrawn(Fact, frozen=True, tag="invitation.withdrawn"):
    """These viewers are no longer on the list."""

    viewers: list[str]
    drop_id: str | None = None
