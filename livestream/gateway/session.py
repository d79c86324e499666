"""A session: what the gateway remembers of one connected viewer beyond the socket.

Owns the fields. Refuses to do anything. All numbers begin as small ints, which Python shares, and
all of a standing share that, so a viewer who only watches costs one slotted object of 112 bytes,
the name and one int.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from livestream.messages import Role

if TYPE_CHECKING:
    from livestream.gateway.rooms import RoomView

#: What a returning viewer says it has seen: (epoch, since).
Place = tuple[int, int]
#: Standings remembered, 256 x about 250 bytes = 64 KB: a merchant has a handful of tiers. One that
#: was forgotten is made again, and lives as long as its viewers.
STANDINGS_MAX: Final = 256


class Standing(NamedTuple):
    """As what somebody is here; one object for all who are here as the same."""

    role: Role
    tier: str
    invited: bool


@lru_cache(STANDINGS_MAX)
def standing_of(role: Role, tier: str, invited: bool) -> Standing:
    """The one object of this standing."""
    return Standing(role, tier, invited)


GUEST: Final = standing_of("guest", "", False)


class Session:
    """`Viewer.state` of everybody here."""

    __slots__ = (
        "commands_full_at_us",
        "expires_at_ms",
        "in_flight",
        "likes_full_at_us",
        "misuse_full_at_us",
        "name",
        "place",
        "room",
        "standing",
        "wants_all",
    )

    def __init__(
        self,
        room: RoomView,
        standing: Standing,
        name: str,
        expires_at_ms: int,
        place: Place | None,
    ) -> None:
        self.room = room
        self.standing = standing
        self.name = name
        self.expires_at_ms = expires_at_ms  # of the ticket; 0: a guest's does not expire
        self.place = place  # only until the welcome
        self.wants_all = True  # False: commerce only, no chat and no pulse
        self.in_flight = 0  # commands that the engine has not answered yet
        # Token buckets, each as the time at which it is full again (limits.Rate).
        self.commands_full_at_us = 0
        self.likes_full_at_us = 0
        self.misuse_full_at_us = 0
