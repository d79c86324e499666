"""The chat mixer: what many say at once becomes a few frames that people can read.

Owns which lines of a tick are shown, and the history for newcomers. Pure: lines in, frames out; who
carries them is `owner`'s business. Refuses to know sockets, Redis and clocks.

At most LINES_PER_FRAME lines are shown in a tick of 250 ms, 80 a second, already more than anyone
reads. When more was said, only each viewer's latest line counts, so that nobody gets in by
shouting. Half of the places are for those who have bought and for questions, as the host wants to
answer them; for the other half every line has the same chance, so that nobody is shut out.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

from livestream.messages import Chat, ChatMessage

TICK_MS = 250
LINES_PER_FRAME = 20
#: Of them, for buyers and questions, if there are as many.
PLACES_KEPT = LINES_PER_FRAME // 2
HISTORY_LINES = 50
#: Lines kept between two ticks: 4,000 x about 500 bytes = 2 MB; what comes after is counted as
#: skipped.
PENDING_MAX = 4_000


class Mixer:
    """Chat of one room. `rng` decides who is shown when not all can be; `has_bought` says whether a
    viewer has placed an order.
    """

    def __init__(
        self, rng: random.Random, has_bought: Callable[[str], bool] = lambda _: False
    ) -> None:
        self._rng = rng
        self._has_bought = has_bought
        self._pending: list[ChatMessage] = []
        self._overflow = 0
        self.history: deque[ChatMessage] = deque(maxlen=HISTORY_LINES)
        self.shown = 0
        self.skipped = 0

    def add(self, lines: list[ChatMessage]) -> None:
        """Take lines that were said."""
        room = PENDING_MAX - len(self._pending)
        self._pending += lines[:room]
        self._overflow += max(0, len(lines) - room)

    def mix(self) -> Chat | None:
        """The frame of this tick, or None when nothing was said."""
        if not self._pending:
            return None
        said = len(self._pending) + self._overflow
        lines = self._pending
        if len(lines) > LINES_PER_FRAME:
            lines = self._choose(list({line["viewer"]: line for line in lines}.values()))
            lines.sort(key=lambda line: line["at_ms"])
        self._pending, self._overflow = [], 0
        self.history.extend(lines)
        skipped = said - len(lines)
        self.shown += len(lines)
        self.skipped += skipped
        return {"type": "chat", "messages": lines, "skipped": skipped}

    def _choose(self, lines: list[ChatMessage]) -> list[ChatMessage]:
        first = [line for line in lines if _asks(line) or self._has_bought(line["viewer"])]
        chosen = self._rng.sample(first, min(PLACES_KEPT, len(first)))
        there = {line["id"] for line in chosen}
        others = [line for line in lines if line["id"] not in there]
        places = min(LINES_PER_FRAME - len(chosen), len(others))
        return chosen + self._rng.sample(others, places)

    def delete(self, message_id: str) -> bool:
        """Take a line out of the history and out of what waits; whether it was there."""
        before = len(self.history) + len(self._pending)
        self._pending = [line for line in self._pending if line["id"] != message_id]
        kept = [line for line in self.history if line["id"] != message_id]
        self.history = deque(kept, maxlen=HISTORY_LINES)
        return len(kept) + len(self._pending) < before

    def silence(self, viewer: str) -> None:
        """Forget what a viewer said that is not shown yet: muted or banned."""
        self._pending = [line for line in self._pending if line["viewer"] != viewer]


def _asks(line: ChatMessage) -> bool:
    return line["text"].endswith(("?", "？"))  # noqa: RUF001 - the question mark of Chinese
