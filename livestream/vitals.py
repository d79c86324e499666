"""What every process tells of itself, whatever its role: how late its loop is, CPU, memory, open
descriptors, version.

Owns the sampling. Refuses to know what the process does.
"""

from __future__ import annotations

import asyncio
import os
import platform
import resource
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Final

from livestream import __version__
from metrics import catalog

#: A lag between two samples goes unseen; four a second see what a viewer would.
LAG_EVERY_S: Final = 0.25
#: As often as a scraper looks, or oftener.
SAMPLES_PER_LOOK: Final = 4

#: What a process remembers of its own lateness: 5 s.
LAGS_KEPT: Final = 20

_PROC: Final = Path("/proc/self")


class Lateness:
    """How late a loop has been lately, for those who tell of it elsewhere."""

    def __init__(self) -> None:
        self._lags_s: deque[float] = deque(maxlen=LAGS_KEPT)

    def note(self, lag_s: float) -> None:
        """One more sample."""
        self._lags_s.append(lag_s)

    def p90_ms(self) -> int:
        """Nine samples in ten were not later than this; 0 before the first."""
        if not self._lags_s:
            return 0
        return round(sorted(self._lags_s)[(len(self._lags_s) * 9 - 1) // 10] * 1_000)


async def tell(role: catalog.Role, lateness: Lateness | None = None) -> None:
    """Sample for as long as this task lives; how late the loop is, into `lateness` too."""
    loop = asyncio.get_running_loop()
    lag = catalog.LOOP_LAG_SECONDS.labels(role)
    cpu = catalog.CPU_SECONDS.labels(role)
    catalog.BUILD_INFO.labels(role, __version__, platform.python_version()).set(1)
    told_s = 0.0
    while True:
        spent_s = time.process_time()
        cpu.inc(spent_s - told_s)
        told_s = spent_s
        await _look(role)
        for _ in range(SAMPLES_PER_LOOK):
            due_s = loop.time() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            lag_s = max(0.0, loop.time() - due_s)
            lag.observe(lag_s)
            if lateness is not None:
                lateness.note(lag_s)


async def _look(role: catalog.Role) -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    catalog.DESCRIPTORS_LIMIT.labels(role).set(soft)
    # No /proc here, or no descriptor left to look with: then these numbers stay as they are.
    with suppress(OSError):
        catalog.DESCRIPTORS_OPEN.labels(role).set(await _descriptors_open())
        pages = int((_PROC / "statm").read_text().split()[1])
        catalog.MEMORY_BYTES.labels(role).set(pages * resource.getpagesize())


async def _descriptors_open() -> int:
    # Since Linux 6.2 the directory's size is their number. Before, 20,000 of them take 10 ms to
    # list, which is not for the loop.
    return os.stat(_PROC / "fd").st_size or len(await asyncio.to_thread(os.listdir, _PROC / "fd"))
