"""What dead processes counted, put together in one file for each kind.

Without it every restart leaves two files behind for ever, and a role that dies every ten seconds
makes a scrape slower every ten seconds.

Owns the burial, and the lock between it and a scrape: in the middle of it a count would be seen
twice, or not at all, and either looks to a scraper like a restart. Refuses to know who died.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import mark_process_dead

#: Kinds of files whose numbers outlive their process. Gauges of ours never do.
_OUTLIVE: Final = ("counter", "histogram")


def bury(directory: Path, pid: int) -> None:
    """Keep what the dead process counted, and forget what it was. Waits for a scrape under way."""
    with undisturbed(directory, fcntl.LOCK_EX):
        mark_process_dead(pid, str(directory))  # type: ignore[no-untyped-call]  # it has no types
        for kind in _OUTLIVE:
            left = directory / f"{kind}_{pid}.db"
            if left.exists():
                # One that is killed while it makes its file leaves it without a byte.
                if left.stat().st_size:
                    _add(left, directory / f"{kind}_dead.db")
                left.unlink()


def _add(left: Path, dead: Path) -> None:
    sums = MmapedDict(str(dead))  # type: ignore[no-untyped-call]  # it has no types
    for key, value, timestamp, _ in MmapedDict.read_all_values_from_file(str(left)):  # type: ignore[no-untyped-call]  # nor has this
        sums.write_value(key, sums.read_value(key)[0] + value, timestamp)  # type: ignore[no-untyped-call]  # nor have these
    sums.close()  # type: ignore[no-untyped-call]  # nor has this


@contextmanager
def undisturbed(directory: Path, how: int = fcntl.LOCK_SH) -> Iterator[None]:
    """Nobody buries anybody inside; with LOCK_EX nobody scrapes either."""
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, how)
        yield
    finally:
        os.close(lock)
