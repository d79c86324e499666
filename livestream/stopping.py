"""Being asked to stop: the same two signals for every process of ours.

Owns which signals mean it. Refuses to know how a process ends.
"""

from __future__ import annotations

import asyncio
import signal


def stop_event() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set from now on, for the running loop of the main thread."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping
