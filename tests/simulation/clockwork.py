"""Virtual time, and scripts that live in it.

A script is a generator: what it yields is how long it sleeps, in milliseconds (`Nap`: or until
somebody wakes it). Nothing waits in fact, so that an hour takes as long as what happens in it.

Owns the order of events: by time, then by who asked first. That order is all there is of
concurrency here, so that the same seed gives the same world. Refuses to know what anybody does.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from heapq import heappop, heappush
from typing import TypeVar

from msgspec import Struct

_T = TypeVar("_T")


class Nap(Struct, frozen=True):
    """A sleep out of which one can be woken."""

    ms: int


#: What a script gives back at its end is the value of `yield from`.
Script = Generator[int | Nap, None, _T]


class Clock:
    """The only clock of a world."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._asked = 0

    def after(self, ms: int, act: Callable[[], None]) -> None:
        """Do it in so many milliseconds, after everything else that is due by then."""
        self._asked += 1
        heappush(self._events, (self.now_ms + ms, self._asked, act))

    def run(self, until_ms: int) -> None:
        """Let everything happen that is due until then."""
        while self._events and self._events[0][0] <= until_ms:
            self.now_ms, _, act = heappop(self._events)
            act()
        self.now_ms = max(self.now_ms, until_ms)


class Task:
    """A script under way."""

    __slots__ = ("_clock", "_naps", "_script", "_step", "done")

    def __init__(self, clock: Clock, script: Script[None]) -> None:
        self.done = False
        self._clock = clock
        self._script = script
        self._step = 0
        self._naps = False
        clock.after(0, partial(self._go_on, 0))

    def _go_on(self, step: int) -> None:
        if self.done or step != self._step:
            return
        self._step += 1
        try:
            wish = next(self._script)
        except StopIteration:
            self.done = True
            return
        self._naps = isinstance(wish, Nap)
        ms = wish.ms if isinstance(wish, Nap) else wish
        self._clock.after(max(0, ms), partial(self._go_on, self._step))

    def wake(self) -> None:
        """End its nap now; one that sleeps fast, or works, does not notice."""
        if self._naps:
            self._naps = False
            self._clock.after(0, partial(self._go_on, self._step))

    def end(self) -> None:
        """It dies where it stands."""
        if not self.done:
            self.done = True
            self._script.close()
