"""The shapes of an evening: who is there when, and what happens.

    doors_open     they come one after the other, watch, see a card, and the show ends
    the_drop       they come at once; a drop opens by the clock, is run for and sells out
    storm_return   a full house loses the line in one moment and comes back in the next
    full_house     as many as there may be: a card, a drop, sold out, the end
    long_evening   they come and go in waves, with a drop in each

A shape is a list of scenes. Locust's master plays it: `tick` says how many users there should be,
cues go to every worker by Locust's own messages, and what workers tell decides when a scene is
over before its time. The last cue is `close`: everybody counts what was missed, and tells.

Owns time and order. Refuses to do anything: that is the host's and the crowds'.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar, Final, NamedTuple

from locust import LoadTestShape
from locust.env import Environment

from loadtest.book import Library

#: Message from the master to the workers, with the name of a cue.
CUE: Final = "loadtest.cue"
#: For all books to come in, at the end.
BOOKS_S: Final = 60.0
#: And after that, for Locust's own tables of the workers.
TABLES_S: Final = 6.0
#: Users a second when "at once" is meant: a crowd is one user, and paces itself.
AT_ONCE_PER_S: Final = 100.0


class Scene(NamedTuple):
    """One part of the evening."""

    name: str
    #: At most so much of the run time.
    share: float
    #: Of all users, who should be there at its end; they come (or go) evenly over the scene.
    house: float = 1.0
    cue: str | None = None
    #: When it is over before its time: one of the conditions of EveningShape.
    until: str | None = None
    at_once: bool = False


class EveningShape(LoadTestShape):
    """What all shapes share. `length_s`: the whole run, if no scene ends before its time."""

    abstract = True
    use_common_options = True
    scenes: ClassVar[tuple[Scene, ...]]

    def __init__(self, environment: Environment, library: Library, length_s: float):
        super().__init__()  # type: ignore[no-untyped-call]
        options: Any = environment.parsed_options
        self.runner = environment.runner
        self._environment = environment
        self._library = library
        self._users: int = options.num_users
        self._length_s = length_s
        self._at = -1
        self._began_s = 0.0
        self._closing_s: float | None = None
        self._told_s: float | None = None
        self._answer: tuple[int, float] = (1, AT_ONCE_PER_S)
        # People have tunnels of their own; the crowds' seats are what can be waited for.
        seats = options.crowds * options.crowd_size
        self._until: dict[str, Callable[[], bool]] = {
            "all came": lambda: library.count("joined") >= options.viewers,
            "all back": lambda: library.here() >= seats,
            "card heard": lambda: library.heard("card.pushed") >= library.count("joined"),
            "sold out": lambda: library.heard("drop.sold_out") >= library.count("joined"),
            "end heard": lambda: library.heard("room.ended") >= library.count("joined"),
        }
        #: (Unix second, name) of each scene that has begun.
        self.played: list[tuple[int, str]] = []

    def tick(self) -> tuple[int, float] | None:
        """Locust asks once a second."""
        if self._closing_s is not None:
            return None if self._all_told() else self._answer
        if self._environment.process_exit_code:  # somebody could not go on
            return self._close()
        if self._at < 0 or self._is_over(self.scenes[self._at]):
            if self._at + 1 == len(self.scenes):
                return self._close()
            self._begin(self._at + 1)
        return self._answer

    def _begin(self, at: int) -> None:
        self._at, self._began_s = at, time.monotonic()
        scene = self.scenes[at]
        users = max(1, round(scene.house * self._users))
        change = abs(users - self._answer[0])
        rate = max(1.0, change / (scene.share * self._length_s))
        self._answer = (users, AT_ONCE_PER_S if scene.at_once else min(AT_ONCE_PER_S, rate))
        self.played.append((int(time.time()), scene.name))
        if scene.cue is not None:
            self._cue(scene.cue)

    def _is_over(self, scene: Scene) -> bool:
        if time.monotonic() - self._began_s >= scene.share * self._length_s:
            return True
        return scene.until is not None and self._until[scene.until]()

    def _close(self) -> tuple[int, float]:
        self._closing_s = time.monotonic()
        self.played.append((int(time.time()), "close"))
        self._cue("close")
        return self._answer

    def _all_told(self) -> bool:
        assert self._closing_s is not None, "asked only then"
        now_s = time.monotonic()
        if self._told_s is None and self._library.finals() >= max(1, len(self._library.books)):
            self._told_s = now_s
        if self._told_s is not None and now_s - self._told_s > TABLES_S:
            return True
        return now_s - self._closing_s > BOOKS_S

    def _cue(self, name: str) -> None:
        assert self.runner is not None, "Locust has begun"
        self.runner.send_message(CUE, {"cue": name})


class DoorsOpen(EveningShape):
    """Arrivals, evenly over half of the time."""

    scenes = (
        Scene("doors open", 0.5),
        Scene("a card", 0.3, cue="card"),
        Scene("the end", 0.2, cue="end", until="end heard"),
    )


class TheDrop(EveningShape):
    """A run for one drop."""

    scenes = (
        Scene("doors open", 0.4, until="all came", at_once=True),
        Scene("a card", 0.1, cue="card", until="card heard"),
        Scene("the drop", 0.4, cue="drop", until="sold out"),
        Scene("the end", 0.1, cue="end", until="end heard"),
    )


class StormReturn(EveningShape):
    """Everybody loses the line, and nobody may miss what is announced meanwhile."""

    scenes = (
        Scene("doors open", 0.4, until="all came", at_once=True),
        Scene("the storm", 0.05, cue="storm"),
        Scene("a card", 0.1, cue="card"),
        Scene("back again", 0.25, until="all back"),
        Scene("the end", 0.2, cue="end", until="end heard"),
    )


class FullHouse(EveningShape):
    """As many as there may be. Its length is a bound: each scene ends when all have heard."""

    scenes = (
        Scene("doors open", 0.55, until="all came", at_once=True),
        Scene("all here", 0.05),
        Scene("a card", 0.1, cue="card", until="card heard"),
        Scene("the drop", 0.2, cue="drop", until="sold out"),
        Scene("the end", 0.1, cue="end", until="end heard"),
    )


class LongEvening(EveningShape):
    """Waves of people, and a drop in each."""

    scenes = (
        Scene("doors open", 0.15, house=0.6),
        Scene("a card", 0.05, house=0.7, cue="card"),
        Scene("the first drop", 0.15, house=1.0, cue="drop"),
        Scene("some leave", 0.1, house=0.5),
        Scene("they come again", 0.1, house=0.9),
        Scene("the second drop", 0.15, house=0.9, cue="drop"),
        Scene("it grows late", 0.1, house=0.6),
        Scene("the last drop", 0.1, house=0.5, cue="drop"),
        Scene("the end", 0.1, house=0.5, cue="end", until="end heard"),
    )


SHAPES: Final[dict[str, type[EveningShape]]] = {
    "doors_open": DoorsOpen,
    "the_drop": TheDrop,
    "storm_return": StormReturn,
    "full_house": FullHouse,
    "long_evening": LongEvening,
}
