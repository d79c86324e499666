"""The server of a demo: `livestream serve` as a process of its own, in a directory of its own.

Owns its start, the wait until it can serve, its stop, and which old demo directories are kept.
Refuses to know what happens inside: it is the same command that anybody would type.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from livestream import tether
from livestream.config import Settings
from livestream.serve import Addresses, read_addresses

READY_TIMEOUT_S = 60.0
#: `supervise` takes 10 s for each of its four kinds of roles at the very most.
STOP_TIMEOUT_S = 45.0
POLL_S = 0.05
LOG_TAIL_LINES = 12
#: A demo leaves a few MB. The last ones stay, for `livestream verify` and a look at their logs.
RUNS_KEPT = 3
_PREFIX = "demo-"


class HouseError(Exception):
    """The server did not come up, or ended by itself; the message tells its last words."""


class House:
    """A running `livestream serve`; use as a context manager, from the main thread.

    With a port of `settings` taken, the kernel chooses another one. `directory` holds everything
    that this run writes.
    """

    def __init__(self, settings: Settings) -> None:
        self.directory = _new_directory(settings.var_dir)
        self.log_path = self.directory / "serve.log"
        self.settings = msgspec.structs.replace(
            settings,
            var_dir=self.directory,
            control_port=_free(settings.control_host, settings.control_port),
            gateway_port=_free(settings.gateway_host, settings.gateway_port),
        )
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether the server still runs."""
        return self._process is not None and self._process.poll() is None

    def _start(self) -> None:
        tether.require_main_thread("start the server")
        # Tied to us: if this process is killed, so is the server, and with it all of its roles.
        tie = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid())]
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [*tie, sys.executable, "-m", "livestream", "serve", *self._options()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,  # Ctrl-C is ours to pass on
            )

    def _options(self) -> list[str]:
        settings = self.settings
        options = {
            "--var-dir": settings.var_dir,
            "--control-host": settings.control_host,
            "--control-port": settings.control_port,
            "--gateway-host": settings.gateway_host,
            "--gateway-port": settings.gateway_port,
            "--gateways": settings.gateway_count(),
            "--redis": settings.redis_url,
            "--log-level": settings.log_level,
        }
        given = [f"{name}={value}" for name, value in options.items() if value is not None]
        return [*given, "--walk-in"]

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> Addresses:
        """Where the server listens, once it can serve.

        Raises:
            HouseError: it ended, or was not ready in time.
        """
        give_up_at_s = time.monotonic() + timeout_s
        while time.monotonic() < give_up_at_s:
            self.check()
            addresses = read_addresses(self.directory)
            if addresses is not None and _ready(addresses):
                return addresses
            time.sleep(POLL_S)
        raise HouseError(f"the server was not ready within {timeout_s:g} s\n{self._last_words()}")

    def check(self) -> None:
        """Raises HouseError when the server ended by itself."""
        if not self.running:
            raise HouseError(f"the server ended by itself\n{self._last_words()}")

    def stop(self) -> None:
        """End the server and wait until it is gone; a Ctrl-C meanwhile kills it."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.send_signal(signal.SIGTERM)
            process.wait(STOP_TIMEOUT_S)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            process.kill()  # its roles are tied to it
            process.wait()

    def _last_words(self) -> str:
        with suppress(OSError):
            lines = self.log_path.read_text(errors="replace").splitlines()
            return "\n".join([f"its log, {self.log_path}, ends with:", *lines[-LOG_TAIL_LINES:]])
        return ""


def _ready(addresses: Addresses) -> bool:
    gateway = addresses.gateway_url.replace("ws", "http", 1)
    return _answers(f"{addresses.control_url}/readyz") and _answers(f"{gateway}/readyz")


def _answers(url: str) -> bool:
    # Without the environment's proxies: this is our own machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _free(host: str, port: int) -> int:
    """`port`, or 0 (the kernel chooses) when somebody else has it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return 0
    return port


# -- directories of demos ----------------------------------------------------------------------


def _new_directory(var_dir: Path) -> Path:
    """A fresh directory for this run; of older runs' the last few stay."""
    var_dir.mkdir(parents=True, exist_ok=True)
    old = sorted(path for path in var_dir.glob(f"{_PREFIX}*") if path.is_dir())
    for path in old[: -(RUNS_KEPT - 1)]:
        if not _in_use(path):
            shutil.rmtree(path, ignore_errors=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for name in (f"{_PREFIX}{stamp}", *(f"{_PREFIX}{stamp}-{n}" for n in range(2, 100))):
        with suppress(FileExistsError):
            (var_dir / name).mkdir(mode=0o700)
            return var_dir / name
    raise HouseError(f"no name left for a directory in {var_dir}")


def _in_use(directory: Path) -> bool:
    """Whether a demo still runs there: its Redis holds a lock on its directory, and a run with
    another Redis tells its addresses.
    """
    if read_addresses(directory) is not None:
        return True
    try:
        lock = os.open(directory / "redis" / "lock", os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False
