"""The chat mixer: what many say at once becomes a few frames that people can read.

Owns which lines of a tick are shown, and the history for newcomers. Pure: lines in, frames out; who
carries them is `owner`'s business. Refuses to know sockets, Redis and clocks.

At most LINES_PER_FRAME lines are shown in a tick of 250 ms, 80 a second, already more than anyone
reads. When more was said, only each viewer's latest line counts, so that nobody gets in by
shouting. Half of the places are for those who have bought and for questions, as the host wants to
answer them; for the other half every line has the same chance, so that nobody is shut out.

A line with a blocked word is not shown. Only lines that are about to be shown are looked at, each
some 50 us with a full list: 80 a second, and not the 10,000 that gateways may hear. So the list
stays with the one who decides what is shown, holds from the next frame on, and costs the gateways
nothing.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable

from livestream.blocked_words import BlockedWords
from livestream.messages import Chat, ChatMessage

TICK_MS = 250
LINES_PER_FRAME = 20
#: Of them, for buyers and questions, if there are as many.
PLACES_KEPT = LINES_PER_FRAME // 2
HISTORY_LINES = 50
#: Lines of each half that are looked at for blocked words in a tick: 2 x 50 x about 50 us = 5 ms of
#: 250, however many a mob says.
LOOKED_AT_MAX = 50
#: Lines that were taken away and may be wanted back: 50 x about 500 bytes = 25 KB.
DELETED_KEPT = 50
#: Lines kept between two ticks: 4,000 x about 500 bytes = 2 MB; what comes after is counted as
#: skipped.
PENDING_MAX = 4_000


class Mixer:
    """Chat of one room. `rng` decides who is shown when not all can be; `has_bought` says whether a
    viewer has placed an order. Lines `shown`, `skipped` because more was said than is shown, and
    `blocked` for a word, as far as they were looked at, add up to what was said.
    """

    def __init__(
        self, rng: random.Random, has_bought: Callable[[str], bool] = lambda _: False
    ) -> None:
        self._rng = rng
        self._has_bought = has_bought
        self._pending: list[ChatMessage] = []
        self._overflow = 0
        self._deleted: dict[str, ChatMessage] = {}
        self._restored: list[ChatMessage] = []
        self.words = BlockedWords()
        self.history: deque[ChatMessage] = deque(maxlen=HISTORY_LINES)
        self.shown = 0
        self.skipped = 0
        self.blocked = 0

    def add(self, lines: list[ChatMessage]) -> None:
        """Take lines that were said."""
        room = PENDING_MAX - len(self._pending)
        self._pending += lines[:room]
        self._overflow += max(0, len(lines) - room)

    def mix(self) -> Chat | None:
        """The frame of this tick, or None when there is nothing to tell."""
        if not (self._pending or self._restored):
            return None
        said, blocked_before = len(self._pending) + self._overflow, self.blocked
        lines = self._pending
        if len(lines) > LINES_PER_FRAME:
            lines = self._choose(list({line["viewer"]: line for line in lines}.values()))
            lines.sort(key=lambda line: line["at_ms"])
        else:
            lines = [line for line in lines if self._may_be_shown(line)]
        skipped = said - len(lines) - (self.blocked - blocked_before)
        self.shown += len(lines)
        self.skipped += skipped
        lines = self._restored + lines
        self._pending, self._overflow, self._restored = [], 0, []
        self.history.extend(lines)
        return {"type": "chat", "messages": lines, "skipped": skipped} if lines or skipped else None

    def _choose(self, lines: list[ChatMessage]) -> list[ChatMessage]:
        first = [line for line in lines if _asks(line) or self._has_bought(line["viewer"])]
        chosen, looked_at = self._pick(first, PLACES_KEPT)
        others = [line for line in lines if line["id"] not in looked_at]
        return chosen + self._pick(others, LINES_PER_FRAME - len(chosen))[0]

    def _pick(self, lines: list[ChatMessage], places: int) -> tuple[list[ChatMessage], set[str]]:
        """So many of the lines, by chance; and the ids of all that were looked at."""
        picked: list[ChatMessage] = []
        looked_at: set[str] = set()
        for line in self._rng.sample(lines, min(len(lines), LOOKED_AT_MAX)):
            if len(picked) == places:
                break
            looked_at.add(line["id"])
            if self._may_be_shown(line):
                picked.append(line)
        return picked, looked_at

    def _may_be_shown(self, line: ChatMessage) -> bool:
        found = self.words.found_in(line["text"]) or self.words.found_in(line["name"])
        self.blocked += found
        return not found

    def delete(self, message_id: str) -> bool:
        """Take a line out of the history and out of what waits; whether it was there."""
        gone = [*self.history, *self._pending, *self._restored]
        line = next((line for line in gone if line["id"] == message_id), None)
        if line is None:
            return False
        self._pending = _without(message_id, self._pending)
        self._restored = _without(message_id, self._restored)
        self.history = deque(_without(message_id, self.history), maxlen=HISTORY_LINES)
        self._deleted[message_id] = line
        if len(self._deleted) > DELETED_KEPT:
            del self._deleted[next(iter(self._deleted))]
        return True

    def restore(self, message_id: str) -> bool:
        """Show a deleted line again with the next frame, if it is still here; whether it is."""
        line = self._deleted.pop(message_id, None)
        if line is not None:
            self._restored.append(line)
        return line is not None

    def silence(self, viewer: str) -> None:
        """Forget what a viewer said that is not shown yet: muted or banned."""
        self._pending = [line for line in self._pending if line["viewer"] != viewer]
        self._restored = [line for line in self._restored if line["viewer"] != viewer]


def _without(message_id: str, lines: Iterable[ChatMessage]) -> list[ChatMessage]:
    return [line for line in lines if line["id"] != message_id]


def _asks(line: ChatMessage) -> bool:
    return line["text"].endswith(("?", "？"))  # noqa: RUF001 - the question mark of Chinese
