"""A whole load test on this machine: `python -m loadtest --shape the_drop --viewers 5000`.

Looks whether the machine allows it, starts a private `livestream serve` in a fresh directory, sends
Locust there with as many workers as it takes, watches memory meanwhile, asks the auditor, and in
the end measures a bare send loop to as many sockets. Leaves in `--directory` (var/load):

    SIZE.json, .html, .svg the figures, a page with plots of them, and the plots as a picture
    report.html            Locust's own
    audit.txt, *.log       what the auditor and the processes said

Status 0 only if everybody came in, nobody missed an announcement, gateways and clients counted the
same, and the audit is clean.

Owns processes and their order. Refuses to know what users do: that is `locustfile`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from loadtest import machine, page
from loadtest.bare import deliveries_per_s
from loadtest.counted import Counted
from loadtest.private import REPOSITORY, Server, serving, var_of
from loadtest.shape_names import SHAPE_NAMES

ROOM: Final = "load"
#: For Locust to end in order.
STOP_TIMEOUT_S: Final = 30.0
#: Over the length of the test: for workers to start, and for everybody to tell and to leave.
LOCUST_EXTRA_S: Final = 180.0
WATCH_EVERY_S: Final = 2.0
PROGRESS_EVERY: Final = 5
#: So few can be asked for their memory each time.
FEW_PROCESSES: Final = 8
#: For the length by default, of which the doors have half: a busy machine seats twice as many.
VIEWERS_A_SECOND: Final = 400
#: Who runs for a drop by default: a tenth, or tens of thousands.
RUNNERS_MAX: Final = 40_000
#: A pulse goes to everybody: so many deliveries a second leave the machine some rest.
PULSE_DELIVERIES_PER_S: Final = 10_000
PULSE_MS_MAX: Final = 60_000
#: A frame of the bare send loop: as long as the one that opens a drop.
FRAME_BYTES: Final = 100


def main() -> int:
    """The status."""
    options = _options()
    directory: Path = options.directory.resolve()
    _clear(directory)
    processes = options.processes or machine.processes_for(options.viewers)
    needs = machine.needs(options.viewers, processes)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server goes too
    with machine.raised(needs) as changed:
        short = [need for need in machine.needs(options.viewers, processes) if not need.is_met]
        for line in changed:
            print(f"raised {line}")
        if short and not options.reckless:
            print(f"this machine does not allow {options.viewers:,} viewers: {short[0]}")
            return 2
        print(
            f"{options.shape}: {options.viewers:,} viewers, {processes} gateways, "
            f"{processes} load processes, {machine.available_bytes() / 2**30:.1f} GiB available",
            flush=True,
        )
        with serving(directory, processes, _pulse_ms(options.viewers)) as server:
            result = _evening(directory, options, processes, server)
        path = directory / f"{_name(options)}.json"
        page.leave(path, result)
        if options.bare:
            print("a bare send loop to as many sockets …", flush=True)
            result["bare"] = deliveries_per_s(options.viewers, processes, FRAME_BYTES)
            page.leave(path, result)
    print(page.words_of(result))
    print(f"{path.with_suffix('.html')}: plots; {directory / 'report.html'}: Locust's report")
    return 0 if result["passed"] else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtest", description=__doc__)
    parser.add_argument("--shape", choices=SHAPE_NAMES, default="the_drop")
    parser.add_argument("--viewers", type=int, default=1_000)
    parser.add_argument("--seconds", type=int, help="length at most (default: by size)")
    parser.add_argument("--runners", type=int, help="attempts at the drop (default: a tenth)")
    parser.add_argument("--processes", type=int, help="gateways, and load processes")
    parser.add_argument("--directory", type=Path, default=Path("var/load"))
    parser.add_argument("--bare", action="store_true", help="measure a bare send loop as well")
    parser.add_argument(
        "--reckless", action="store_true", help="go on where a limit says that it cannot work"
    )
    options = parser.parse_args()
    if options.runners is None:
        options.runners = min(options.viewers // 10, RUNNERS_MAX)
    if options.seconds is None:
        options.seconds = 60 + options.viewers // VIEWERS_A_SECOND
    return options


def _name(options: argparse.Namespace) -> str:
    size = page.short(options.viewers)
    return size if options.shape == "full_house" else f"{options.shape}-{size}"


def _clear(directory: Path) -> None:
    """What an earlier run left, but not its figures."""
    shutil.rmtree(var_of(directory), ignore_errors=True)
    directory.mkdir(parents=True, exist_ok=True)
    for pattern in ("*.log", "report.html", "audit.txt", "locust.json"):
        for left in directory.glob(pattern):
            left.unlink()


# -- the evening ---------------------------------------------------------------------------------


def _evening(
    directory: Path, options: argparse.Namespace, processes: int, server: Server
) -> dict[str, Any]:
    """Everything between the server's start and its end; what was measured."""
    gauge = machine.Gauge(server.pid)
    before = gauge.sample()
    token = server.token()
    counted = Counted(server.address("control_url"), token, ROOM)
    locust = _start_locust(directory, options, processes, server, token)
    stopped = ""
    try:
        gauge.load = locust.pid
        stopped = _watch(locust, gauge, counted, options.seconds + LOCUST_EXTRA_S)
        server_cpu_s = machine.cpu_seconds(server.pid)
    finally:
        _end(locust)
    verify = ("verify", ROOM, "--compare")
    audit = server.ask(*verify)
    books = json.loads(server.ask(*verify, "--json").stdout or "{}").get("books", {})
    (directory / "audit.txt").write_text(audit.stdout)
    found = directory / "locust.json"
    told: dict[str, Any] = json.loads(found.read_text()) if found.exists() else {}
    result = {
        **told,
        "viewers": options.viewers,
        "gateways": processes,
        "pulse_ms": _pulse_ms(options.viewers),
        "stopped": stopped,
        "audit": audit.stdout,
        "audit_clean": audit.returncode == 0,
        "drops": books.get("drops", []),
        "server_cpu_s": round(server_cpu_s, 1),
        "memory_before": before,
        "memory": gauge.samples,
        "counted": counted.samples,
        "cores": len(os.sched_getaffinity(0)),
    }
    shown = all(met for _, _, met in page.proofs(result))
    return {**result, "passed": shown and not (stopped or locust.returncode)}


def _start_locust(
    directory: Path, options: argparse.Namespace, processes: int, server: Server, token: str
) -> subprocess.Popen[bytes]:
    port = str(_free_port())
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "locust", "--headless", "-f", "loadtest/locustfile.py"),
            *("--host", server.address("control_url"), "--room", ROOM),
            *("--shape", options.shape, "--viewers", str(options.viewers)),
            *("--seconds", str(options.seconds), "--runners", str(options.runners)),
            *("--result", str(directory / "locust.json")),
            *("--processes", str(processes), "--master-bind-host", "127.0.0.1"),
            *("--master-bind-port", port, "--master-port", port),
            *("--html", str(directory / "report.html")),
            *("--loglevel", "ERROR", "--only-summary"),
        ],
        cwd=REPOSITORY,
        env={
            **os.environ,
            "LOADTEST_HOST_TOKEN": token,
            "LOADTEST_SECRET": server.secret(),
        },
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # so that its workers can be ended with it
    )


def _watch(
    locust: subprocess.Popen[bytes], gauge: machine.Gauge, counted: Counted, within_s: float
) -> str:
    """Until Locust is through. Why it was stopped before; "" if it was not."""
    give_up_at_s = time.monotonic() + within_s
    watched, few = 0, gauge.samples[0]["gateway_processes"] <= FEW_PROCESSES
    while True:
        with suppress(subprocess.TimeoutExpired):
            locust.wait(WATCH_EVERY_S)
            return ""
        watched += 1
        counted.sample()
        now = gauge.sample(whole=few or watched % PROGRESS_EVERY == 0)
        if watched % PROGRESS_EVERY == 0:
            print(
                f"{now['sockets']:>9,} sockets; kernel {now['kernel'] / 2**20:,.0f}, gateways "
                f"{now['gateways'] / 2**20:,.0f}, load {now['load'] / 2**20:,.0f}, available "
                f"{now['available'] / 2**20:,.0f} MiB",
                flush=True,
            )
        if now["available"] < machine.SPARE_BYTES // 2:
            return f"stopped: {now['available'] / 2**20:,.0f} MiB were left"
        if time.monotonic() > give_up_at_s:
            return f"stopped: not through after {within_s:,.0f} s"


def _end(locust: subprocess.Popen[bytes]) -> None:
    """Locust and its workers: in order if it listens, else at once."""
    if locust.poll() is None:
        locust.terminate()
        with suppress(subprocess.TimeoutExpired):
            locust.wait(STOP_TIMEOUT_S)
    with suppress(ProcessLookupError):
        os.killpg(locust.pid, signal.SIGKILL)
    locust.wait()


def _pulse_ms(viewers: int) -> int:
    return max(1_000, min(PULSE_MS_MAX, viewers * 1_000 // PULSE_DELIVERIES_PER_S))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
