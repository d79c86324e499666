"""Python's cyclic garbage collector in an engine, worked by hand.

Facts, holds and orders live as long as their room and form no cycles. Left alone, the collector
walks through all of them again and again: that took half of the engine's time in a rush, made a
take-over seven times as long, and held commands up for a second at a time. Reference counting frees
everything else. Cycles come with trouble (exceptions, broken connections), so they are looked for
while the process is quiet; what a busy second leaves is set aside unlooked.

Owns when to look. Refuses to know what is in memory.
"""

from __future__ import annotations

import asyncio
import gc
from typing import Final

LOOK_EVERY_S: Final = 1.0
#: Objects since the last look, up to which looking through them takes less than 2 ms.
QUIET_OBJECTS_MAX: Final = 20_000


async def tend() -> None:
    """Collect for as long as this task lives; afterwards the collector is on its own again."""
    gc.disable()
    try:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if gc.get_count()[0] > QUIET_OBJECTS_MAX:
                gc.freeze()
            else:
                gc.collect(1)
    finally:
        gc.enable()
