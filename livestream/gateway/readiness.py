"""Which descriptors are ready: told by one epoll set, or, where there is none, by the loop itself.

macOS has no epoll. There the loop watches each descriptor, with a handle for each viewer: enough to
develop on, and nothing to fill a house with.

Owns that choice. Refuses to know who stands behind a descriptor.
"""

from __future__ import annotations

import select
from asyncio import AbstractEventLoop
from collections.abc import Callable
from itertools import islice
from typing import Final, Protocol

EVENT_IN: Final = getattr(select, "EPOLLIN", 0x1)
EVENT_OUT: Final = getattr(select, "EPOLLOUT", 0x4)


class Readiness(Protocol):
    """What `select.epoll` does, level-triggered: a descriptor that stays ready is told again."""

    def register(self, fd: int, mask: int, /) -> None: ...
    def modify(self, fd: int, mask: int, /) -> None: ...
    def unregister(self, fd: int, /) -> None: ...
    def poll(self, timeout: float, events_max: int, /) -> list[tuple[int, int]]: ...
    def close(self) -> None: ...


def readiness(loop: AbstractEventLoop, wake: Callable[[], object]) -> Readiness:
    """For this platform. The loop calls `wake` while something is ready."""
    return EpollSet(loop, wake) if hasattr(select, "epoll") else LoopWatch(loop, wake)


class EpollSet:
    """One set, whose own descriptor is the only one that the loop watches."""

    def __init__(self, loop: AbstractEventLoop, wake: Callable[[], object]) -> None:
        self._loop = loop
        self._epoll = epoll = select.epoll()
        self.register = epoll.register
        self.modify = epoll.modify
        self.unregister = epoll.unregister
        self.poll = epoll.poll
        loop.add_reader(epoll.fileno(), wake)

    def close(self) -> None:
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()


class LoopWatch:
    """The loop watches each descriptor."""

    def __init__(self, loop: AbstractEventLoop, wake: Callable[[], object]) -> None:
        self._loop = loop
        self._wake = wake
        self._ready: dict[int, int] = {}
        self._closed = False

    def register(self, fd: int, mask: int, /) -> None:
        if mask & EVENT_IN:
            self._loop.add_reader(fd, self._note, fd, EVENT_IN)
        if mask & EVENT_OUT:
            self._loop.add_writer(fd, self._note, fd, EVENT_OUT)

    def modify(self, fd: int, mask: int, /) -> None:
        self.unregister(fd)
        self.register(fd, mask)

    def unregister(self, fd: int, /) -> None:
        self._loop.remove_reader(fd)
        self._loop.remove_writer(fd)
        self._ready.pop(fd, None)

    def poll(self, _timeout: float, events_max: int, /) -> list[tuple[int, int]]:
        # Those beyond are noted again in the loop's next turn, for they stay ready.
        events = list(islice(self._ready.items(), events_max))
        self._ready.clear()
        return events

    def close(self) -> None:
        self._closed = True

    def _note(self, fd: int, event: int) -> None:
        if not self._ready:
            self._loop.call_soon(self._wake_up)
        self._ready[fd] = self._ready.get(fd, 0) | event

    def _wake_up(self) -> None:
        if not self._closed:
            self._wake()
