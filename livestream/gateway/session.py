"""A session: what the gateway remembers of one connected viewer beyond the socket.

Owns the fields. Refuses to do anything. All of a standing share that, and what there is to remember
of those who speak is an object of its own, so a viewer who only watches costs one slotted object of
64 bytes, the name and one int.

As viewers, these are hidden from the collector: nothing of theirs outlives the viewer's leaving.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct

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


class Manners(Struct, gc=False):
    """Of one who has said something. All numbers begin as small ints, which Python shares."""

    wants_all: bool = True  # False: commerce only, no chat and no pulse
    in_flight: int = 0  # commands that the engine has not answered yet
    # Token buckets, each as the time at which it is full again (peers.Rate).
    commands_full_at_us: int = 0
    likes_full_at_us: int = 0
    misuse_full_at_us: int = 0


class Session(Struct, gc=False, eq=False):
    """`Viewer.state` of everybody here."""

    room: RoomView
    standing: Standing
    utf8_name: bytes  # 16 bytes less than as text, 32 if it is Chinese
    expires_at_ms: int  # of the ticket; 0: a guest's does not expire
    place: Place | None  # only until the welcome
    spoken: Manners | None = None

    @property
    def name(self) -> str:
        """As others read it in the chat; a guest has none."""
        return self.utf8_name.decode()

    @property
    def wants_all(self) -> bool:
        """As long as the viewer has not said otherwise."""
        return self.spoken is None or self.spoken.wants_all

    @property
    def manners(self) -> Manners:
        """Asked for when the viewer speaks."""
        if self.spoken is None:
            self.spoken = Manners()
        return self.spoken
