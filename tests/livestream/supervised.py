"""A program under supervision, for test_supervisor to run, watch and kill.

    python -m tests.livestream.supervised SCENARIO DIRECTORY

Its roles and the supervisor's callbacks write to DIRECTORY/journal, one line each: what
happened, to whom, the pid. The status is the supervisor's.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from livestream.config import Settings
from livestream.embedded_redis import EmbeddedRedis
from livestream.logs import configure
from livestream.supervisor import Restart, Role, supervise

DIRECTORY = Path(sys.argv[2]) if len(sys.argv) > 2 else Path()
QUICK = Restart(first_s=0.05, longest_s=0.4, jitter=0.0)


def note(what: str, who: str = "supervisor", pid: int | None = None) -> None:
    # One short write to a file opened for appending is one line, whoever else writes.
    with (DIRECTORY / "journal").open("a") as journal:
        journal.write(f"{what} {who} {pid or os.getpid()}\n")


def serve(name: str) -> None:
    """Run until told to stop, then say so."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    note("started", name)
    signal.sigwait({signal.SIGTERM})
    time.sleep(0.05)
    note("stopped", name)


def stubborn(name: str) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note("started", name)
    time.sleep(60)


def fail(name: str) -> None:
    note("started", name)
    raise RuntimeError("no such luck")


def lead(name: str, status: int) -> None:
    note("started", name)
    time.sleep(0.2)
    sys.exit(status)


def role(name: str, number: int | None = None) -> Role:
    label = name if number is None else f"{name}-{number}"
    return Role(name, partial(serve, label), number)


def run(*roles: Role, grace_s: float = 5.0, ready_timeout_s: float = 5.0) -> int:
    return supervise(
        roles,
        restart=QUICK,
        grace_s=grace_s,
        ready_timeout_s=ready_timeout_s,
        on_up=lambda: note("up"),
        on_death=lambda role, pid: note("died", role.label, pid),
    )


def house() -> int:
    return run(role("engine"), role("control"), role("gateway", 0), role("gateway", 1))


def hopeless() -> int:
    failing = Role("engine", partial(fail, "engine"), last_words=lambda: "disk full")
    return run(role("control"), failing)


def deaf() -> int:
    return run(role("engine"), Role("gateway", partial(stubborn, "gateway")), grace_s=0.3)


def deaf_and_patient() -> int:
    return run(role("engine"), Role("gateway", partial(stubborn, "gateway")), grace_s=30)


def waiting() -> int:
    """The second role waits for the first, which is ready when a file says so."""
    first = Role("redis", partial(serve, "redis"), ready=(DIRECTORY / "ready").exists)
    return run(first, role("engine"), ready_timeout_s=1.0)


def aside() -> int:
    """The same, but nobody waits for the first."""
    ready = (DIRECTORY / "ready").exists
    first = Role("control", partial(serve, "control"), ready=ready, holds_back=False)
    return run(first, role("gateway"), ready_timeout_s=1.0)


def led() -> int:
    return run(role("engine"), Role("demo", partial(lead, "demo", 7), leads=True))


def broken_callback() -> int:
    def refuse() -> bool:
        raise OSError("nobody expected this")

    return run(role("engine"), Role("gateway", partial(serve, "gateway"), ready=refuse))


def with_redis() -> int:
    redis = EmbeddedRedis(DIRECTORY / "redis")
    redis.claim()
    note(redis.url, "address")
    try:
        return run(Role("redis", redis.exec_server, ready=redis.ready), role("engine"))
    finally:
        redis.release()


SCENARIOS: list[Callable[[], int]] = [
    house,
    hopeless,
    deaf,
    deaf_and_patient,
    waiting,
    aside,
    led,
    broken_callback,
    with_redis,
]

if __name__ == "__main__":
    configure(Settings(log_format="json"), "supervisor")
    scenario = next(known for known in SCENARIOS if known.__name__ == sys.argv[1])
    sys.exit(scenario())
