"""Chat on its way in: what a line may hold, and its way to the room's mixer.

Owns the cleaning of text and the tick at which lines leave. Refuses to know who may speak and which
lines are shown.
"""

from __future__ import annotations

import unicodedata
from typing import Final

#: Lines of one room that leave this gateway in one tick of 100 ms: 200 × about 400 bytes = 80 KB.
#: The mixer shows 80 lines a second of all that is said, so nobody misses the 2,001st.
LINES_PER_TICK_MAX: Final = 200
TICK_S: Final = 0.1

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
