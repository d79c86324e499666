"""Programs of ours as processes of their own, and everything that can happen to a process.

Owns starting, hurting and reading the log of a `python -m livestream …`. Refuses to know what a
role does. A program is tied to the test run: if that is killed, the kernel ends the program too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from livestream import tether
from tests.processes import within

REPOSITORY = Path(__file__).parents[2]
#: Small, so that a take-over in a short test folds a snapshot and a tail, as in a long show.
SNAPSHOT_EVERY_EVENTS = 50
#: The longest that a program may take to start or to do what it was told, on a busy machine.
PATIENCE_S = 30.0


@dataclass(eq=False)
class Program:
    """A running `livestream` command. `log_path` gets its standard error, JSON lines."""

    name: str
    process: subprocess.Popen[bytes]
    log_path: Path
    _lines: list[dict[str, Any]] = field(default_factory=list)
    _bytes_read: int = 0

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def runs(self) -> bool:
        return self.process.poll() is None

    def kill_9(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def freeze(self) -> None:
        """As a machine that is starved or swapping: it runs on later and does not know."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """Ask it to end; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Log lines of one event so far; a last line that is half written is not there yet."""
        with self.log_path.open("rb") as log:
            log.seek(self._bytes_read)
            whole, newline, _ = log.read().rpartition(b"\n")
        self._lines += map(orjson.loads, whole.splitlines())
        self._bytes_read += len(whole) + len(newline)
        return [line for line in self._lines if line["message"] == event]

    def has_logged(self, event: str, times: int = 1) -> bool:
        """Whether it says so in time."""
        return within(PATIENCE_S, lambda: len(self.logged(event)) >= times or not self.runs) and (
            len(self.logged(event)) >= times
        )

    def complaints(self) -> list[str]:
        """Everything it logged that was not all well, and what is no log line at all."""
        lines = self.log_path.read_text().splitlines()
        return [
            line for line in lines if '"level":"info"' not in line and '"level":"debug"' not in line
        ]

    def clear_away(self) -> None:
        """Whatever state it is in."""
        if self.runs:
            self.process.kill()
        self.process.wait(PATIENCE_S)


def start_program(directory: Path, name: str, *arguments: str, **settings: object) -> Program:
    """Run `livestream <arguments>`; each of `settings` becomes its LIVESTREAM_… variable."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("LIVESTREAM_")}
    settings.setdefault("snapshot_every_events", SNAPSHOT_EVERY_EVENTS)
    chosen = {f"LIVESTREAM_{key.upper()}": str(value) for key, value in settings.items()}
    tied = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid())]
    log_path = directory / f"{name}.log"
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            [*tied, sys.executable, "-m", "livestream", *arguments],
            cwd=REPOSITORY,
            env={**clean, **chosen, "LIVESTREAM_LOG_FORMAT": "json"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
    return Program(name, process, log_path)


def run_command(*arguments: str, **settings: object) -> Ran:
    """Run `livestream <arguments>` to its end."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("LIVESTREAM_")}
    chosen = {f"LIVESTREAM_{key.upper()}": str(value) for key, value in settings.items()}
    ended = subprocess.run(
        [sys.executable, "-m", "livestream", *arguments],
        cwd=REPOSITORY,
        env={**clean, **chosen},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return Ran(ended.returncode, ended.stdout, ended.stderr)


@dataclass(frozen=True)
class Ran:
    """A command that has ended: its status, what it printed, what it complained of."""

    status: int
    out: str
    err: str
