"""A whole load test on this machine: `python -m loadtest --viewers 1000 --seconds 30`.

Starts a private `livestream serve` in a fresh directory, sends Locust there, then the auditor.
Leaves under `--directory` (var/load) report.html and *.csv, both Locust's own, audit.txt and the
logs. Status 0 only if every viewer heard every announcement and the audit is clean.

Owns processes. Refuses to know what users do: that is `locustfile`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
ROOM = "load"
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 30.0
#: Over the length of the test: for imports, and for everybody to leave.
LOCUST_EXTRA_S = 60.0
#: Users a second. A crowd is one, and has a pace of its own.
SPAWN_PER_S = 50


def main() -> int:
    """The status."""
    parser = argparse.ArgumentParser(prog="python -m loadtest", description=__doc__)
    parser.add_argument("--viewers", type=int, default=1_000)
    parser.add_argument("--seconds", type=int, default=30, help="from first join to last leave")
    parser.add_argument("--directory", type=Path, default=Path("var/load"))
    options = parser.parse_args()
    directory: Path = options.directory.resolve()
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server goes too
    with _serving(directory) as control_url:
        token = _livestream(directory, "token", "loadtest").strip()
        locust = _locust(directory, control_url, token, options.viewers, options.seconds)
        audit = subprocess.run(
            _command(directory, "verify", ROOM, "--compare"),
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
    (directory / "audit.txt").write_text(audit.stdout)
    print(audit.stdout, end="")
    print(f"{directory / 'report.html'}: Locust's report")
    return 1 if locust or audit.returncode else 0


@contextmanager
def _serving(directory: Path) -> Iterator[str]:
    """The control server's address, while a private server runs."""
    ports = ("--control-port", "0", "--gateway-port", "0")
    with (directory / "serve.log").open("wb") as log:
        server = subprocess.Popen(
            _command(directory, "serve", *ports, "--log-format", "json"),
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield _control_url(directory, server)
    finally:
        server.terminate()
        try:
            server.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _control_url(directory: Path, server: subprocess.Popen[bytes]) -> str:
    told = _var(directory) / "addresses.json"
    give_up_at_s = time.monotonic() + START_TIMEOUT_S
    while not told.exists():
        if server.poll() is not None or time.monotonic() > give_up_at_s:
            sys.exit(f"the server did not start: see {directory / 'serve.log'}")
        time.sleep(0.05)
    addresses: dict[str, Any] = json.loads(told.read_text())
    return str(addresses["control_url"])


def _locust(directory: Path, control_url: str, token: str, viewers: int, seconds: int) -> int:
    """Locust's own status, as `locustfile` gives it."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "locust", "--headless", "-f", "loadtest/locustfile.py"),
            *("--host", control_url, "--room", ROOM, "--viewers", str(viewers)),
            *("--run-time", f"{seconds}s", "--spawn-rate", str(SPAWN_PER_S)),
            *("--html", str(directory / "report.html"), "--csv", str(directory / "stats")),
            *("--loglevel", "WARNING", "--only-summary"),
        ],
        cwd=REPOSITORY,
        env={**os.environ, "LOADTEST_HOST_TOKEN": token},
        stdin=subprocess.DEVNULL,
        timeout=seconds + LOCUST_EXTRA_S,
    ).returncode


def _livestream(directory: Path, *arguments: str) -> str:
    return subprocess.run(
        _command(directory, *arguments), cwd=REPOSITORY, check=True, capture_output=True, text=True
    ).stdout


def _command(directory: Path, *arguments: str) -> list[str]:
    var = str(_var(directory))
    return [sys.executable, "-m", "livestream", *arguments, "--var-dir", var]


def _var(directory: Path) -> Path:
    return directory / "server"


if __name__ == "__main__":
    sys.exit(main())
