"""A private server for the length of a measurement: `livestream serve` in a directory of its own.

Owns its start and end, and what it tells of itself. Refuses to know what is measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

REPOSITORY: Final = Path(__file__).parents[1]
START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 120.0
LOG: Final = "serve.log"


class Server:
    """One that runs; `directory` has its log and, under `server`, its data."""

    def __init__(self, directory: Path, process: subprocess.Popen[bytes]) -> None:
        self._directory = directory
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def address(self, name: str) -> str:
        """`control_url`, `gateway_url` or `redis_url`."""
        told: dict[str, Any] = json.loads((var_of(self._directory) / "addresses.json").read_text())
        return str(told[name])

    def secret(self) -> str:
        """What its tickets are signed with."""
        return (var_of(self._directory) / "secret").read_text().strip()

    def token(self) -> str:
        """A host's token.

        Raises:
            CalledProcessError: it was not given.
        """
        return self.ask("token", "loadtest", check=True).stdout.strip()

    def ask(self, *arguments: str, check: bool = False) -> subprocess.CompletedProcess[str]:
        """What `livestream …` says about this server."""
        command = livestream(self._directory, *arguments)
        return subprocess.run(
            command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=check
        )


@contextmanager
def serving(directory: Path, gateways: int, pulse_ms: int) -> Iterator[Server]:
    """A private server, while it runs.

    Raises:
        SystemExit: it does not start.
    """
    arguments = ("--control-port", "0", "--gateway-port", "0", "--gateways", str(gateways))
    with (directory / LOG).open("wb") as log:
        process = subprocess.Popen(
            livestream(directory, "serve", *arguments, "--log-format", "json"),
            cwd=REPOSITORY,
            env={**os.environ, "LIVESTREAM_PULSE_MS": str(pulse_ms)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _await_start(directory, process)
        yield Server(directory, process)
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def livestream(directory: Path, *arguments: str) -> list[str]:
    """The command, for the server of that directory."""
    return [sys.executable, "-m", "livestream", *arguments, "--var-dir", str(var_of(directory))]


def var_of(directory: Path) -> Path:
    """Where the server keeps its data."""
    return directory / "server"


def _await_start(directory: Path, process: subprocess.Popen[bytes]) -> None:
    told = var_of(directory) / "addresses.json"
    give_up_at_s = time.monotonic() + START_TIMEOUT_S
    while not told.exists():
        if process.poll() is not None or time.monotonic() > give_up_at_s:
            sys.exit(f"the server did not start: see {directory / LOG}")
        time.sleep(0.05)
