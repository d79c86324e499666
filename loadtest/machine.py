"""What the machine must allow for a full house, and what it has left.

    needs(viewers, …)   every limit with what it must be, what it is, and how to raise it
    raise_limits()      raise what may be raised; what was changed is put back by `restore`
    Gauge               memory of the server's and the load's processes, and of the kernel, as it is

Owns limits and their sums. Refuses to know what the load test does. Linux only, as the gateway is.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

#: Viewers of one process at either end, of 20,000 descriptors: a gateway refuses at 95 %, and the
#: kernel spreads connections over gateways by chance (17,500 ± 400 of 44 gateways).
VIEWERS_OF_A_PROCESS: Final = 0.875
#: Both ends of a viewer at 100,000: kernel 10.1 KB, gateway 0.8 KB, load 1.8 KB (docs/capacity.md),
#: and something for what waits to be read.
BYTES_OF_A_VIEWER: Final = 13_500
#: A process of either kind, beyond what it shares with its siblings.
BYTES_OF_A_PROCESS: Final = 30 * 2**20
#: For everything else; below this the test stops by itself.
SPARE_BYTES: Final = 1 * 2**30

_PAGE: Final = resource.getpagesize()
_SYS: Final = Path("/proc/sys")


class Need(NamedTuple):
    """One limit. `key`: of sysctl; None if only the administrator can do something."""

    what: str
    wanted: int
    found: int
    remedy: str
    key: str | None = None
    value: str = ""

    @property
    def is_met(self) -> bool:
        return self.found >= self.wanted

    def __str__(self) -> str:
        return f"{self.what} must be {self.wanted:,}, is {self.found:,}: {self.remedy}"


def descriptors_max() -> int:
    """What one process may have open; raises the soft limit to the hard one."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def processes_for(viewers: int) -> int:
    """How many gateways, and how many load processes, share that many viewers."""
    share = int(min(descriptors_max(), 20_000) * VIEWERS_OF_A_PROCESS)
    return max(len(os.sched_getaffinity(0)), -(-viewers // share))


def needs(viewers: int, processes: int) -> list[Need]:
    """Everything that must be so before `viewers` connect to `processes` gateways."""
    both = 2 * viewers
    found = [
        _sysctl("fs.file-max", both + 100_000),
        _sysctl("fs.epoll.max_user_watches", both + 10_000),
        _sysctl("net.core.somaxconn", 4_096),
        _sysctl("net.ipv4.tcp_max_syn_backlog", 4_096),
        # Packets of the loopback wait in one queue for each core. With the usual 1,000 the kernel
        # dropped 800,000 while frames went out to 770,000, and 300,000 viewers timed out.
        _sysctl("net.core.netdev_max_backlog", max(both, 10_000)),
        # What waits to be read takes a page or more of each socket at the worst moment.
        _tcp_mem(max(both, 200_000)),
        Need(
            "processes of a user (ulimit -u)",
            4 * processes + 200,
            _or_many(resource.getrlimit(resource.RLIMIT_NPROC)[0]),
            "raise it in /etc/security/limits.conf",
        ),
        Need(
            "available memory",
            viewers * BYTES_OF_A_VIEWER + 2 * processes * BYTES_OF_A_PROCESS + SPARE_BYTES,
            available_bytes(),
            "a larger machine, or fewer viewers",
        ),
    ]
    if _conntrack_watches():
        found.append(_sysctl("net.netfilter.nf_conntrack_max", viewers + 100_000))
    return found


@contextmanager
def raised(needs: Iterable[Need]) -> Iterator[list[str]]:
    """Raise what is short and may be raised, and put it back at the end. Gives what was done."""
    before: list[tuple[str, str]] = []
    done = []
    for need in needs:
        if need.is_met or need.key is None:
            continue
        was = _read(need.key)
        with suppress(OSError):
            _path(need.key).write_text(need.value)
            before.append((need.key, was))
            done.append(f"{need.key}: {' '.join(was.split())} -> {need.value}")
    try:
        yield done
    finally:
        for key, value in before:
            with suppress(OSError):
                _path(key).write_text(value)


def _sysctl(key: str, wanted: int) -> Need:
    return Need(key, wanted, int(_read(key)), f"sysctl -w {key}={wanted}", key, str(wanted))


def _tcp_mem(pages: int) -> Need:
    """Memory for all of TCP's buffers, in pages: low, pressure, high."""
    key = "net.ipv4.tcp_mem"
    low, _, high = (int(word) for word in _read(key).split())
    value = f"{max(low, pages // 2)} {pages} {pages + pages // 4}"
    remedy = f"sysctl -w {key}='{value}'"
    return Need(f"{key} (its last number, in pages)", pages, high, remedy, key, value)


def _conntrack_watches() -> bool:
    """Whether the firewall keeps a table of connections and is at work."""
    count = Path("/proc/sys/net/netfilter/nf_conntrack_count")
    return count.exists() and int(count.read_text()) > 0


def _path(key: str) -> Path:
    return _SYS / key.replace(".", "/")


def _read(key: str) -> str:
    return _path(key).read_text().strip()


def _or_many(limit: int) -> int:
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit


# -- what it takes -------------------------------------------------------------------------------


def available_bytes() -> int:
    """What could be taken without swapping."""
    return _meminfo()["MemAvailable"]


class Gauge:
    """Memory over time. `server` and `load` name the processes by the pid that began them."""

    def __init__(self, server: int) -> None:
        self._server = server
        self.load: int | None = None
        self.samples: list[dict[str, Any]] = []

    def sample(self, whole: bool = True) -> dict[str, Any]:
        """One moment, in bytes. Processes by PSS, so that what they share counts once: to ask 90 of
        them takes a fifth of a second, so not for each sample.
        """
        info = _meminfo()
        kernel = {
            "at_s": time.time(),
            "available": info["MemAvailable"],
            "kernel": info["Slab"] + _tcp_buffers(),
            "sockets": _sockets(),
            "whole": whole,
        }
        self.samples.append({**(self._processes() if whole else self.samples[-1]), **kernel})
        return self.samples[-1]

    def _processes(self) -> dict[str, Any]:
        # `livestream serve` begins with Redis, an engine and a control server; the rest are
        # gateways.
        served = children(self._server)
        others, gateways = [self._server, *served[:3]], served[3:]
        load = [] if self.load is None else [self.load, *children(self.load)]
        return {
            "gateways": sum(map(_pss, gateways)),
            "gateway_processes": len(gateways),
            "others": sum(map(_pss, others)),
            "load": sum(map(_pss, load)),
            "load_processes": max(0, len(load) - 1),
        }


def cpu_seconds(pid: int) -> float:
    """What a process and its children, as far as they live, have used."""
    ticks = 0
    for each in (pid, *children(pid)):
        with suppress(OSError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _meminfo() -> dict[str, int]:
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    return {line[0].rstrip(":"): int(line[1]) * 1024 for line in lines}


def _tcp_buffers() -> int:
    for line in Path("/proc/net/sockstat").read_text().splitlines():
        words = line.split()
        if words[0] == "TCP:":
            return int(words[words.index("mem") + 1]) * _PAGE
    return 0


def _sockets() -> int:
    words = Path("/proc/net/sockstat").read_text().split()
    return int(words[words.index("inuse") + 1])


def _pss(pid: int) -> int:
    return memory_of(pid, "Pss")


def memory_of(pid: int, *kinds: str) -> int:
    """Bytes of these kinds of a process (`/proc/PID/smaps_rollup`); 0 if it has ended."""
    found = 0
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            kind, _, size = line.partition(":")
            if kind in kinds:
                found += int(size.split()[0]) * 1024
    return found


def children(pid: int) -> list[int]:
    """In the order in which they were started."""
    with suppress(OSError):
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []
