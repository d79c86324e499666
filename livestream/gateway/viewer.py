"""A viewer: one slotted object for each connected person, and nothing else for each of them.

Owns the fields. Refuses to do anything: the audience acts on viewers, and 770,000 of them only lie
there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from livestream.gateway.frames import Unfinished
    from livestream.gateway.groups import Group
    from livestream.gateway.lanes import Backlog


class Viewer:
    """A connected person. Weight: 128 bytes here, about 300 with its ints, its name and its place
    in two lists.

    `fd` is -1 once the viewer has left. `state` is free for the owner of the audience and never
    looked at here.
    """

    __slots__ = (
        "backlog",
        "channel",
        "fd",
        "full_at_us",
        "group",
        "id",
        "index",
        "state",
        "unfinished",
    )

    def __init__(self, fd: int, viewer_id: str, channel: str, group: Group, state: object) -> None:
        self.fd = fd
        self.id = viewer_id
        self.channel = channel
        self.group = group
        self.index = -1  # place in the group
        self.full_at_us = 0  # rate limit of inbound frames: limits.Rate
        self.backlog: Backlog | None = None  # only while behind
        self.unfinished: Unfinished | None = None  # only in the middle of a message
        self.state = state

    @property
    def window_bits(self) -> int:
        """The window of 2^n bytes with which this viewer inflates; 0: it has not negotiated."""
        return self.group.windows[self.index]

    @property
    def is_open(self) -> bool:
        return self.fd >= 0

    def __repr__(self) -> str:
        return f"<Viewer {self.id} fd={self.fd}>"
