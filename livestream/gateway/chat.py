"""Chat on its way in: what a line may hold, its way to the room's mixer, and whether it was seen
again.

Owns the cleaning of text, the tick at which lines leave, and how long a line is waited for. Refuses
to know who may speak, and why a line is not shown.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from itertools import islice
from typing import Final

from livestream.gateway.viewer import Viewer
from livestream.messages import ChatMessage

#: Lines of one room that leave this gateway in one tick of 100 ms: 200 × about 400 bytes = 80 KB.
#: The mixer shows 80 lines a second of all that is said, so nobody misses the 2,001st.
LINES_PER_TICK_MAX: Final = 200
TICK_S: Final = 0.1
#: The mixer shows a line in the frame of its next tick or never. Its tick is 250 ms, ours 100, and
#: Redis is between them, perhaps a room that has to wake up; what is not seen by then will not be.
SHOWN_WITHIN_US: Final = 3_000_000

#: Directions that can turn the rest of somebody else's screen around (Unicode UAX #9), and marks
#: of no width at all; the joiner and the variation selectors stay, for emoji are made of them.
_NUISANCES: Final = (
    "\u200b\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
_UNWANTED: Final = {
    **{ord(mark): None for mark in _NUISANCES},
    **{
        number: " " if chr(number) in "\t\n\r\v\f\x85" else None
        for number in range(0xA0)
        if unicodedata.category(chr(number)) == "Cc"
    },
}


def clean(text: str) -> str:
    """The line without control characters and direction marks, runs of white space as one space;
    empty if nothing is left.
    """
    return " ".join(text.translate(_UNWANTED).split())


class Awaited:
    """Lines that were said here, in one room, and were not on the screen yet, oldest first. At most
    2,000 a second for four seconds: 8,000 × about 250 bytes = 2 MB.
    """

    def __init__(self) -> None:
        self._lines: dict[str, tuple[Viewer, int]] = {}

    def said(self, message_id: str, viewer: Viewer, now_us: int) -> None:
        """Wait for a line from now on."""
        self._lines[message_id] = viewer, now_us

    def shown(self, lines: Iterable[ChatMessage]) -> None:
        """These are on the screen."""
        for line in lines:
            self._lines.pop(line["id"], None)

    def given_up(self, now_us: int) -> dict[Viewer, list[str]]:
        """What will not be shown any more, by who said it. Each line is told once, and at most
        LINES_PER_TICK_MAX at a time, so that telling takes 2 ms.
        """
        late: defaultdict[Viewer, list[str]] = defaultdict(list)
        for message_id, (viewer, said_at_us) in islice(self._lines.items(), LINES_PER_TICK_MAX):
            if now_us - said_at_us < SHOWN_WITHIN_US:
                break
            late[viewer].append(message_id)
        for message_ids in late.values():
            for message_id in message_ids:
                del self._lines[message_id]
        return late
