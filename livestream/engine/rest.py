"""When a room may be put to rest. Pure.

A room rests when its show is over, nothing in it is due, and nobody has asked anything for a while:
then an owner has nothing to do in it, and can own another. The next command wakes it.

Owns that judgement. Refuses to know which rooms rest (`roster`) and what is kept of one
(`keeper`).
"""

from __future__ import annotations

from typing import Final

from cart.clock import is_settled
from livestream.room import Room, next_due_ms

#: Time without a command or a fact after which nobody is taken to be about to ask again. A gateway
#: counts those who leave within 1 s, and the engine adds them up within another.
REST_AFTER_S: Final = 2.0
#: And so much longer for each fact: waking folds them, at 2.2 us each (`make bench`), while other
#: rooms of the engine wait. 20 times that bounds it to a twentieth of the engine's time, however
#: often somebody asks: a room of 1,000,000 facts rests after 46 s.
REST_AFTER_S_PER_FACT: Final = 44e-6
#: People who stay after the show keep their chat and pulse until it has been silent for this long;
#: less when the engine needs the place.
COMPANY_KEPT_S: Final = 600.0


class Quiet:
    """How long one room has had nothing to do."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._last: tuple[int, int, int] | None = None
        self._since_s = 0.0

    def may_rest(
        self, now_s: float, decisions: int, lines_said: int, viewers: int, crowded: bool
    ) -> bool:
        """Whether the room may be put to rest. `decisions` and `lines_said` are counts so far,
        `viewers` those there now; `crowded`: the engine needs the place for another room.
        """
        state = self._room.state
        if state.status != "ended":
            return False
        told = (state.seq, decisions, lines_said)
        if told != self._last:
            self._last, self._since_s = told, now_s
            return False
        after_s = REST_AFTER_S + state.seq * REST_AFTER_S_PER_FACT
        if viewers and not crowded:
            after_s = max(after_s, COMPANY_KEPT_S)
        return (
            now_s - self._since_s >= after_s
            and next_due_ms(self._room) is None
            and is_settled(self._room.counter)
        )
