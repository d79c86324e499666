"""Who spoke lately: chat is limited for each viewer, over however many connections.

Owns that memory. It has those who spoke within the longest slow mode and nobody else, so that who
only watches costs nothing. It is one gateway's: who holds connections to several has the limits as
often. Refuses to know what was said, and who may speak.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from livestream.commands import SLOW_MODE_MS_MAX

#: 20,000 × about 310 bytes = 6 MB. Over it, who spoke longest ago is forgotten, and may speak at
#: once.
SPEAKERS_MAX: Final = 20_000
#: Each line looks at so many of the oldest, so that more are forgotten than come.
FORGOTTEN_PER_LINE: Final = 2
KEPT_US: Final = SLOW_MODE_MS_MAX * 1_000


class Speaker:
    """When somebody's bucket of chat is full again (`peers.Rate`), and when the last line was."""

    __slots__ = ("full_at_us", "said_at_us")

    def __init__(self) -> None:
        self.full_at_us = 0
        self.said_at_us = -KEPT_US


class Speakers:
    """Of all rooms of a gateway. Times are of a clock that never goes back."""

    def __init__(self) -> None:
        #: By room and viewer; who spoke longest ago comes first.
        self._known: OrderedDict[tuple[str, str], Speaker] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def of(self, room: str, viewer: str, now_us: int) -> Speaker:
        """The one record of this viewer, who wants to speak now."""
        self._forget(now_us)
        known = self._known
        speaker = known.get((room, viewer))
        if speaker is None:
            speaker = known[room, viewer] = Speaker()
        else:
            known.move_to_end((room, viewer))
        return speaker

    def _forget(self, now_us: int) -> None:
        for _ in range(FORGOTTEN_PER_LINE):
            if not self._known:
                return
            oldest = next(iter(self._known.values()))
            crowded = len(self._known) >= SPEAKERS_MAX
            if not crowded and max(oldest.full_at_us, oldest.said_at_us + KEPT_US) > now_us:
                return
            self._known.popitem(last=False)
