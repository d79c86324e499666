"""Which object stands behind which descriptor.

Owns the set of watched descriptors (`readiness`), the table and the closing of descriptors: exactly
once each. Refuses to know what its occupants are.

The kernel gives the lowest free number to the next connection, so a number closed while a batch of
events is being worked on could come back within that batch, and a late event would hit a stranger.
Therefore a descriptor closed within a batch leaves the set at once, but its number only when the
batch is over.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Mapping
from typing import Any

from livestream.gateway.readiness import Readiness

_GROWTH = 1_024


class Descriptors:
    """The table is a list indexed by descriptor: 8 bytes a place, no hashing. As long is `places`,
    which has a number for each occupant: where in its group a viewer is.
    """

    def __init__(self, watched: Readiness) -> None:
        self._watched = watched
        self.table: list[Any] = []
        self.places = array("i")
        self._in_batch = False
        self._closing: list[int] = []

    def add(self, fd: int, occupant: object, mask: int) -> None:
        """Put a new descriptor into the set."""
        table = self.table
        if fd >= len(table):
            more = fd + _GROWTH - len(table)
            table.extend([None] * more)
            self.places.extend([0] * more)
        table[fd] = occupant
        self._watched.register(fd, mask)

    def watch(self, fd: int, mask: int) -> None:
        """Change what a descriptor is watched for."""
        self._watched.modify(fd, mask)

    def hand_over(self, fd: int, occupant: object, mask: int) -> None:
        """The same connection enters another stage of its life."""
        self.table[fd] = occupant
        self._watched.modify(fd, mask)

    def close(self, fd: int) -> None:
        """Close a descriptor for good."""
        self.table[fd] = None
        # Closing would take it out of the set as well, but not if some child process holds a copy.
        self._watched.unregister(fd)
        if self._in_batch:
            self._closing.append(fd)
        else:
            os.close(fd)

    def dispatch(
        self, handlers: Mapping[type, Callable[[Any, int], None]], events_max: int
    ) -> None:
        """Serve at most `events_max` ready descriptors: `handlers[type](occupant, mask)`."""
        table = self.table
        self._in_batch = True
        try:
            for fd, mask in self._watched.poll(0, events_max):
                occupant = table[fd]
                if occupant is not None:
                    handlers[type(occupant)](occupant, mask)
        finally:
            self._in_batch = False
            for fd in self._closing:
                os.close(fd)
            self._closing.clear()

    def close_all(self) -> None:
        for fd, occupant in enumerate(self.table):
            if occupant is not None:
                self.close(fd)
        self._watched.close()
