"""Peers of the fan-out benchmark that are programs of their own: node's `ws`, and nginx with nchan.

Owns finding them, starting them at their leanest on a listening socket that is handed down, and
reading their CPU time and memory from outside. Brings none of them along: what this machine does
not have is left out, with a word on how to get it. Refuses to measure anything else.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, Protocol

import psutil

from livestream import tether

#: A directory with `ws` in it, as `npm install ws` makes it (node_modules, or the one above).
NODE_MODULES: Final = "LIVESTREAM_BENCH_NODE_MODULES"
_SCRIPT: Final = Path(__file__).with_name("fanout_ws.mjs")
_PATIENCE_S: Final = 30
#: A program is at rest once its CPU time has stood still for so long.
_REST_S: Final = 0.005
_NGINX_CONFIGURATION: Final = """
{load_module}
daemon off; worker_processes 1; {user}
pid {directory}/nginx.pid; error_log {directory}/error.log crit;
worker_rlimit_nofile {descriptors};
events {{ worker_connections {connections}; use epoll; }}
http {{
  access_log off; tcp_nodelay on;
  client_body_temp_path {directory}/t; proxy_temp_path {directory}/t; scgi_temp_path {directory}/t;
  fastcgi_temp_path {directory}/t; uwsgi_temp_path {directory}/t;
  server {{
    listen 127.0.0.1:{port};
    location /live/ {{
      nchan_subscriber websocket; nchan_channel_id bench; nchan_websocket_ping_interval 0;
    }}
    location /say {{ nchan_publisher; nchan_channel_id bench; nchan_store_messages off; }}
  }}
}}
"""


class Absent(Exception):  # noqa: N818 - no error: a peer that this machine does not have
    """Why a peer is not there, and how to get it."""


class Program(Protocol):
    """A server in a process of its own."""

    pid: int

    def broadcast(self, payload: bytes) -> None:
        """Return when the program says that it has sent it."""

    def viewers(self) -> int: ...

    def collect(self) -> None:
        """Let go of garbage, where there is such a thing."""

    def stop(self) -> None: ...


# -- finding -----------------------------------------------------------------------------------


def find_ws() -> tuple[str, Path]:
    """node, and the directory of the package `ws`; raises Absent."""
    how = f"npm install ws in a directory, and name that in {NODE_MODULES} or --node-modules"
    node = shutil.which("node")
    if node is None:
        raise Absent(f"no node on PATH; install Node.js, then {how}")
    places = [Path(name) for name in os.environ.get("NODE_PATH", "").split(os.pathsep) if name]
    if named := os.environ.get(NODE_MODULES):
        places[:0] = [Path(named), Path(named) / "node_modules"]
    places += [Path.cwd() / "node_modules", *_global_modules()]
    for place in places:
        if (place / "ws" / "package.json").is_file():
            return node, (place / "ws").resolve()
    raise Absent(how)


def _global_modules() -> list[Path]:
    npm = shutil.which("npm")
    if npm is None:
        return []
    asked = subprocess.run([npm, "root", "--global"], capture_output=True, text=True)
    return [Path(asked.stdout.strip())] if asked.returncode == 0 else []


def find_nchan() -> tuple[str, str]:
    """nginx, and the line of its configuration that loads nchan; raises Absent."""
    how = "install nginx with its module nchan (Debian: libnginx-mod-nchan), nginx on PATH"
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if nginx is None:
        raise Absent(how)
    built = subprocess.run([nginx, "-V"], capture_output=True, text=True).stderr
    if any("nchan" in word for word in built.split() if word.startswith("--add-module=")):
        return nginx, ""
    places = [Path(nginx).resolve().parents[1] / "lib/nginx/modules"]
    places += [
        Path(word.partition("=")[2]) for word in built.split() if word.startswith("--modules-path=")
    ]
    for place in places:
        if (module := place / "ngx_nchan_module.so").is_file():
            return nginx, f"load_module {module};"
    raise Absent(how)


def version_of_ws() -> str:
    """Of `ws`, and of the node that runs it."""
    node, package = find_ws()
    mine = json.loads((package / "package.json").read_text())["version"]
    its = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    return f"{mine} on node {its.strip().removeprefix('v')}"


def version_of_nchan() -> str:
    """Of nginx; the module does not tell its own."""
    nginx, _ = find_nchan()
    told = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=True).stderr
    return f"in nginx {told.strip().partition('/')[2]}"


#: What must be found for each kind, and what was found.
FINDERS: Final[dict[str, Callable[[], object]]] = {"ws": find_ws, "nchan": find_nchan}
VERSIONS: Final = {"ws": version_of_ws, "nchan": version_of_nchan}


# -- running -----------------------------------------------------------------------------------


class NodeWs:
    """`fanout_ws.mjs`, told what to do line by line."""

    def __init__(self, sock: socket.socket) -> None:
        node, package = find_ws()
        sock.set_inheritable(True)
        self._process = subprocess.Popen(
            _tied(node, "--expose-gc", str(_SCRIPT), str(package), str(sock.fileno())),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(sock.fileno(),),
        )
        self.pid = self._process.pid
        sock.close()
        self._hear()

    def broadcast(self, payload: bytes) -> None:
        self._ask(broadcast=payload.decode())

    def viewers(self) -> int:
        return int(self._ask())

    def collect(self) -> None:
        self._ask(collect=True)

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        _end(self._process)

    def _ask(self, **command: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        self._process.stdin.flush()
        return self._hear()

    def _hear(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"ws: node ended with {self._process.wait()}")
        return json.loads(line)


class Nchan:
    """nginx with one worker, whose figures these are; told by HTTP as nchan's publishers do."""

    def __init__(self, sock: socket.socket) -> None:
        nginx, load_module = find_nchan()
        self._directory = tempfile.TemporaryDirectory(prefix="bench-nchan-")
        port = sock.getsockname()[1]
        _, descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
        configuration = Path(self._directory.name) / "nginx.conf"
        configuration.write_text(
            _NGINX_CONFIGURATION.format(
                load_module=load_module,
                user="user root;" if os.geteuid() == 0 else "",
                directory=self._directory.name,
                port=port,
                descriptors=descriptors,
                connections=descriptors - 100,
            )
        )
        sock.set_inheritable(True)
        self._process = subprocess.Popen(
            _tied(nginx, "-p", self._directory.name, "-c", str(configuration)),
            stderr=(Path(self._directory.name) / "said").open("wb"),
            pass_fds=(sock.fileno(),),
            # As a newer nginx takes the sockets of the one that it replaces.
            env={**os.environ, "NGINX": f"{sock.fileno()};"},
        )
        self._url = f"http://127.0.0.1:{port}/say"
        sock.close()  # it is nginx's alone now: if that has ended, nobody listens
        try:
            self._say()
        except OSError as failure:
            said = (Path(self._directory.name) / "said").read_text()
            self.stop()
            raise RuntimeError(f"nginx did not start: {said}") from failure
        (worker,) = psutil.Process(self._process.pid).children()
        self.pid = worker.pid

    def broadcast(self, payload: bytes) -> None:
        self._say(payload)

    def viewers(self) -> int:
        return int(self._say()["subscribers"])

    def collect(self) -> None: ...

    def stop(self) -> None:
        self._process.terminate()
        _end(self._process)
        self._directory.cleanup()

    def _say(self, payload: bytes | None = None) -> Any:
        """Publish, or with nothing to say ask about the channel, which has to be there for that."""
        kind = {"Accept": "text/json", "Content-Type": "text/plain"}
        request = urllib.request.Request(self._url, payload, kind)
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            if refusal.code == 404:
                return {"subscribers": 0}
            raise


#: How each is started on a listening socket.
PROGRAMS: Final[dict[str, Callable[[socket.socket], Program]]] = {"ws": NodeWs, "nchan": Nchan}


def serve(control: Connection, kind: str, sock: socket.socket) -> None:
    """Start the program of `kind` on this process's cores and obey as the other servers do."""
    # Told to end, it ends what it started, of which nginx's worker is tied to nobody.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    port = sock.getsockname()[1]
    program = PROGRAMS[kind](sock)
    cpu_ns = cpu_clock(program.pid)
    try:
        control.send(port)
        while True:
            match control.recv():
                case ("broadcast", bytes(payload)):
                    before, began = cpu_ns(), time.perf_counter_ns()
                    program.broadcast(payload)
                    wall_ns = time.perf_counter_ns() - began
                    control.send((at_rest(cpu_ns) - before, wall_ns))
                case ("cpu",):
                    control.send(at_rest(cpu_ns))
                case ("memory",):
                    program.collect()
                    control.send(resident_bytes(program.pid))
                case ("viewers",):
                    control.send(program.viewers())
                case _:
                    return
    except EOFError:
        return  # who conducts is gone
    finally:
        program.stop()


def cpu_clock(pid: int) -> Callable[[], int]:
    """A clock of the CPU time of a process and all its threads, in ns. What psutil reads from /proc
    has steps of 10 ms, a tenth of a broadcast; this is the clock behind `time.process_time_ns`.
    """
    clock_id = ctypes.c_int()
    if status := ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(clock_id)):
        raise OSError(status, os.strerror(status))
    return lambda: time.clock_gettime_ns(clock_id.value)


def at_rest(cpu_ns: Callable[[], int]) -> int:
    """The CPU time once it stands still: a program may finish its work after it has answered."""
    deadline_s = time.monotonic() + _PATIENCE_S
    now_ns, last_ns = cpu_ns(), -1
    while now_ns != last_ns and time.monotonic() < deadline_s:
        time.sleep(_REST_S)
        now_ns, last_ns = cpu_ns(), now_ns
    return now_ns


def resident_bytes(pid: int | str) -> int:
    """Resident memory of a process, exactly."""
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Rss:"))


def _tied(*command: str) -> list[str]:
    """The command of a program that ends with this process, however that ends."""
    return [sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), *command]


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
