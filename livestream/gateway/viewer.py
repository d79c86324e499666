"""A viewer: one slotted object for each connected person, and nothing else for each of them.

Owns the fields. Refuses to do anything: the audience acts on viewers, and 770,000 of them only lie
there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from livestream.gateway.frames import Unfinished
    from livestream.gateway.groups import Group
    from livestream.gateway.lanes import Backlog


class Viewer(Struct, gc=False, eq=False):
    """A connected person. Weight: 80 bytes here, the descriptor's int 32, the name some 64, and 13
    for its places in three lists.

    `fd` is -1 once the viewer has left. `state` is free for the owner of the audience and never
    looked at here.

    The collector does not know viewers: it would have 16 bytes of each to find circles that there
    are none of, for who leaves is taken off every list, and 20,000 to look at while all wait.
    """

    fd: int
    id: str
    channel: str
    group: Group
    state: object
    full_at_us: int = 0  # rate limit of inbound frames: peers.Rate
    backlog: Backlog | None = None  # only while behind
    unfinished: Unfinished | None = None  # only in the middle of a message

    @property
    def index(self) -> int:
        """The place in the group; of no one who has left."""
        return self.group.places[self.fd]

    @property
    def window_bits(self) -> int:
        """The window of 2^n bytes with which this viewer inflates; 0: it has not negotiated."""
        return self.group.windows[self.group.places[self.fd]]

    @property
    def is_open(self) -> bool:
        return self.fd >= 0

    def __repr__(self) -> str:
        return f"<Viewer {self.id} fd={self.fd}>"
