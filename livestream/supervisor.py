"""Run each role as a process of its own, see that it lives, and stop them all in order.

Owns forking, restarting and stopping. Knows nothing of what a role does: a role is a function
that runs until it is told to stop by SIGTERM. Roles are forked from this process after
everything was imported, so that they share that memory; the collector is told to leave it
alone (`gc.freeze`), or its marks would copy page after page.

What it promises:
* Roles start in order. One that has `ready` holds back those after it until it is ready, or, with
  `holds_back` off, only the word that all are up.
* A role that ends without being told to is started again, later each time, and soon again
  once it has lived a healthy minute. One that keeps ending within a second of its start is
  not going to get better: everything is stopped and the status is 1.
* SIGTERM, SIGINT or SIGHUP stop the roles in reverse order, each name after the one behind it
  is gone, in `grace_s` for each name: with 4 names of 10 s a stop takes 40 s at the very most.
  What is left then is killed. A second SIGINT kills all at once.
* If this process is killed, the kernel kills the roles (see `tether`).

There is no event loop and no thread here: waiting is one `select` on the pipe into which
Python writes the numbers of signals, and forking stays safe.
"""

import gc
import os
import random
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

import structlog

from livestream import tether

log = structlog.get_logger()

STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
WATCHED_SIGNALS = STOP_SIGNALS | {signal.SIGCHLD}

READY_POLL_S = 0.02
READY_TIMEOUT_S = 30.0
GRACE_S = 10.0

STATUS_STOPPED = 0
STATUS_GAVE_UP = 1
STATUS_KILLED = 130  # 128 + SIGINT, as a shell reports it


@dataclass(frozen=True, slots=True)
class Role:
    """What one process does.

    `run` is called in the child; when it returns the process ends with status 0, when it raises
    with 1. `ready` is asked in the parent and must answer quickly; a role that `holds_back` others
    must be ready in `ready_timeout_s`, or everything ends. A role that `leads` is what
    the others run for: it is not restarted, and its end stops them and gives the status.
    `last_words` is asked in the parent what a role that failed at its start had logged.
    """

    name: str
    run: Callable[[], object]
    number: int | None = None
    ready: Callable[[], bool] | None = None
    holds_back: bool = True
    leads: bool = False
    last_words: Callable[[], str] | None = None

    @property
    def label(self) -> str:
        return self.name if self.number is None else f"{self.name}-{self.number}"


@dataclass(frozen=True, slots=True)
class Restart:
    """When a role that died is started again: 0.1, 0.2, 0.4 … 10 s after its death, ± a fifth.

    The jitter keeps gateways that died of one cause from coming back at one moment.
    """

    first_s: float = 0.1
    longest_s: float = 10.0
    jitter: float = 0.2
    healthy_s: float = 60.0
    instant_s: float = 1.0
    instant_deaths_max: int = 5

    def delay_s(self, deaths_in_a_row: int) -> float:
        # The exponent is bounded too: a float overflows after a thousand deaths.
        delay_s = min(self.longest_s, self.first_s * 2.0 ** min(deaths_in_a_row - 1, 30))
        return delay_s * random.uniform(1 - self.jitter, 1 + self.jitter)


def supervise(
    roles: Sequence[Role],
    *,
    restart: Restart | None = None,
    grace_s: float = GRACE_S,
    ready_timeout_s: float = READY_TIMEOUT_S,
    on_up: Callable[[], object] | None = None,
    on_death: Callable[[Role, int], object] | None = None,
) -> int:
    """Run the roles until a signal, a leading role or a hopeless one ends it; return the status.

    `on_up` is called once, when every role was started and was ready. `on_death` is called with
    each role that ended, for whatever reason, and its pid. Both run in this process.
    The status is 0 after a signal, the leading role's own, 1 when given up, 130 when killed.

    Raises RuntimeError when called beside other threads: a fork would copy their locks.
    """
    tether.require_main_thread("supervise")
    if threading.active_count() > 1:
        raise RuntimeError("supervise forks, so no other thread may run yet")
    gc.collect()
    gc.freeze()
    with _Signals.watched() as signals:
        return _Supervisor(
            [_Seat(role) for role in roles],
            signals,
            restart or Restart(),
            grace_s,
            ready_timeout_s,
            on_up or (lambda: None),
            on_death or (lambda _role, _pid: None),
        ).run()


def prepare_metrics_dir(directory: Path) -> None:
    """Have the processes forked from now on share their metrics in `directory`, emptied first.

    prometheus_client decides at its import whether it shares, so this comes before.
    Raises RuntimeError when it comes after.
    """
    if "prometheus_client" in sys.modules:
        raise RuntimeError("prepare_metrics_dir comes before prometheus_client is imported")
    directory.mkdir(parents=True, exist_ok=True)
    for left_by_last_run in directory.glob("*.db"):
        left_by_last_run.unlink()
    # The only way in: prometheus_client takes the directory from the environment alone.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory.absolute())


def forget_live_metrics(_role: Role, pid: int) -> None:
    """For `on_death`: take a dead process out of the gauges that count what is live."""
    from metrics.graveyard import bury

    bury(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]), pid)


@dataclass(slots=True)
class _Seat:
    """A role's place: who sits in it now, and how those before fared."""

    role: Role
    pid: int | None = None
    started_s: float = 0.0
    due_s: float = 0.0
    first_start_s: float | None = None
    passed: bool = False  # was ready once, so that those after it need not wait
    deaths_in_a_row: int = 0
    instant_deaths: int = 0


@dataclass(slots=True)
class _Supervisor:
    seats: list[_Seat]
    signals: "_Signals"
    restart: Restart
    grace_s: float
    ready_timeout_s: float
    on_up: Callable[[], object]
    on_death: Callable[[Role, int], object]
    status: int | None = None
    up: bool = False
    stopping: bool = False

    def run(self) -> int:
        try:
            while self.status is None:
                self._start_due()
                self._heed(self.signals.wait(self._idle_s()))
                self._reap()
            self._stop()
        except BaseException:
            # A callback failed, or we did: whatever it is, no role runs on unwatched.
            self._kill()
            raise
        return self.status

    def _heed(self, signals: frozenset[int]) -> None:
        if self.status is None and signals & STOP_SIGNALS:
            self.status = STATUS_STOPPED

    # -- starting

    def _start_due(self) -> None:
        for seat in self.seats:
            if seat.pid is None and seat.due_s <= time.monotonic():
                self._start(seat)
            if not (seat.passed or self._passes(seat)) and seat.role.holds_back:
                return
        if not self.up and all(seat.passed for seat in self.seats):
            self.up = True
            self.on_up()

    def _start(self, seat: _Seat) -> None:
        seat.started_s = time.monotonic()
        if seat.first_start_s is None:
            seat.first_start_s = seat.started_s
        seat.pid = self._fork(seat.role)
        log.debug("role.started", role=seat.role.label, role_pid=seat.pid)

    def _passes(self, seat: _Seat) -> bool:
        ready = seat.role.ready
        seat.passed = ready is None or (seat.pid is not None and ready())
        assert seat.first_start_s is not None, "a seat is asked after it was filled"
        waited_s = time.monotonic() - seat.first_start_s
        if not seat.passed and seat.role.holds_back and waited_s > self.ready_timeout_s:
            self._give_up(seat, f"not ready within {self.ready_timeout_s:g} s")
        return seat.passed

    def _fork(self, role: Role) -> int:
        parent_pid = os.getpid()
        # Standard output is shared: what waits in a buffer now would be written by both.
        sys.stdout.flush()
        sys.stderr.flush()
        # A signal between the fork and the child's own handling would be taken for the parent's.
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED_SIGNALS)
        try:
            pid = os.fork()
            if pid == 0:
                self._become(role, parent_pid)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED_SIGNALS)
        return pid

    def _become(self, role: Role, parent_pid: int) -> NoReturn:
        status = 1
        try:
            tether.die_with_parent(parent_pid)
            os.setpgid(0, 0)  # Ctrl-C at the terminal is for the parent, who stops us in order
            self.signals.leave()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED_SIGNALS)
            role.run()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            log.exception("role.failed", role=role.label)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            # Not sys.exit: what the parent registered for its own end is not the child's to do.
            os._exit(status)

    # -- watching

    def _idle_s(self) -> float | None:
        """How long nothing is due; None: until a signal."""
        if self.status is not None:
            return 0.0
        if not self.up:
            return READY_POLL_S
        due_s = [seat.due_s for seat in self.seats if seat.pid is None]
        return max(0.0, min(due_s) - time.monotonic()) if due_s else None

    def _reap(self) -> None:
        for seat in self._running():
            assert seat.pid is not None
            # Pid by pid, for other children of this process are not ours to reap.
            pid, wait_status = os.waitpid(seat.pid, os.WNOHANG)
            if pid:
                self._bury(seat, pid, os.waitstatus_to_exitcode(wait_status))

    def _bury(self, seat: _Seat, pid: int, code: int) -> None:
        seat.pid = None
        self.on_death(seat.role, pid)
        if self.stopping or self.status is not None:
            return
        if seat.role.leads:
            self.status = code if code >= 0 else 128 - code
            return
        now_s = time.monotonic()
        lived_s = now_s - seat.started_s
        seat.deaths_in_a_row = 1 if lived_s >= self.restart.healthy_s else seat.deaths_in_a_row + 1
        seat.instant_deaths = seat.instant_deaths + 1 if lived_s < self.restart.instant_s else 0
        if seat.instant_deaths >= self.restart.instant_deaths_max:
            self._give_up(seat, f"{seat.instant_deaths} times in a row it {_how(code)} at once")
            return
        delay_s = self.restart.delay_s(seat.deaths_in_a_row)
        seat.due_s = now_s + delay_s
        log.warning(
            "role.died",
            role=seat.role.label,
            role_pid=pid,
            how=_how(code),
            lived_s=round(lived_s, 3),
            restart_in_s=round(delay_s, 3),
        )

    def _give_up(self, seat: _Seat, why: str) -> None:
        words = seat.role.last_words() if seat.role.last_words else ""
        log.error("role.hopeless", role=seat.role.label, why=why, last_words=words or None)
        self.status = STATUS_GAVE_UP

    # -- stopping

    def _stop(self) -> None:
        self.stopping = True
        for name in reversed(list(dict.fromkeys(seat.role.name for seat in self.seats))):
            self._signal(signal.SIGTERM, name)
            deadline_s = time.monotonic() + self.grace_s
            while self._running(name):
                if signal.SIGINT in self.signals.wait(max(0.0, deadline_s - time.monotonic())):
                    self.status = STATUS_KILLED
                    self._kill()
                elif time.monotonic() >= deadline_s:
                    self._kill(name)
                self._reap()

    def _kill(self, name: str | None = None) -> None:
        left = [seat.role.label for seat in self._running(name)]
        log.warning("roles.killed", roles=left)
        self._signal(signal.SIGKILL, name)
        for seat in self._running(name):
            assert seat.pid is not None
            pid, _ = os.waitpid(seat.pid, 0)
            self._bury(seat, pid, -signal.SIGKILL)

    def _signal(self, number: signal.Signals, name: str | None = None) -> None:
        for seat in reversed(self._running(name)):
            assert seat.pid is not None
            os.kill(seat.pid, number)

    def _running(self, name: str | None = None) -> list[_Seat]:
        return [
            seat
            for seat in self.seats
            if seat.pid is not None and (name is None or seat.role.name == name)
        ]


class _Signals:
    """Signals as something to wait for, with a time-out and without missing one."""

    def __init__(self) -> None:
        self._read_fd, self._write_fd = os.pipe()
        os.set_blocking(self._read_fd, False)
        os.set_blocking(self._write_fd, False)

    @classmethod
    @contextmanager
    def watched(cls) -> "Iterator[_Signals]":
        signals = cls()
        before = {number: signal.signal(number, _note) for number in WATCHED_SIGNALS}
        # A full pipe has something to wake up for already.
        fd_before = signal.set_wakeup_fd(signals._write_fd, warn_on_full_buffer=False)
        try:
            yield signals
        finally:
            signal.set_wakeup_fd(fd_before)
            for number, handler in before.items():
                signal.signal(number, handler)
            signals._close()

    def wait(self, timeout_s: float | None) -> frozenset[int]:
        """The signals that came, as soon as one comes; none when the time is up."""
        select.select([self._read_fd], [], [], timeout_s)
        try:
            return frozenset(os.read(self._read_fd, 4096))
        except BlockingIOError:
            return frozenset()

    def leave(self) -> None:
        """In a child: handle signals as a new process does, and let the parent's pipe go."""
        signal.set_wakeup_fd(-1)
        for number in WATCHED_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._close()

    def _close(self) -> None:
        os.close(self._read_fd)
        os.close(self._write_fd)


def _note(_number: int, _frame: FrameType | None) -> None:
    """Nothing: the number is in the pipe already; but without a handler it would not be."""


def _how(code: int) -> str:
    return f"ended with status {code}" if code >= 0 else f"was killed by {_signal_name(-code)}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"  # real-time signals have no name of their own
