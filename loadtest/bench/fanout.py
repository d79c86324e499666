"""Fan-out, weight and handshakes of the gateway's audience, beside its floor and its peers.

    python -m loadtest.bench.fanout [--viewers 10000] [--rounds 11] [--only ours,ws]

Owns the conducting. Every server is a fresh process with N real loopback sockets,
whose other ends are in a process of their own on the other core. All servers are up at once and
take turns, so that what else the machine does hits them alike; figures are medians of rounds. What
is compared is the CPU time of the server process, which on loopback includes the kernel's delivery
into the receiver's socket.

Peers that this machine does not have are left out and named. Writes var/bench/fanout.json, and
beside it a picture of it, fanout.svg.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import multiprocessing
import os
import platform
import resource
import statistics
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from loadtest.bench import (
    fanout_crowd,
    fanout_figures,
    fanout_plot,
    fanout_programs,
    fanout_servers,
)
from loadtest.bench.fanout_crowd import Spread
from loadtest.bench.fanout_figures import MARKS, MEASURED, Result

_PAYLOAD_BYTES = 300
_HEADER_BYTES = 4
_JOIN_STEPS = 5
_WARM_UP = 500
_SETTLE_S = 0.5
_SPARE_DESCRIPTORS = 200
_PATIENCE_S = 120
_SCRAPES = 10
_OURS = ("ours", "ours+instruments", "ours+ticket")
_PEERS = (*fanout_servers.LIBRARIES, *fanout_programs.PROGRAMS)
_KINDS = ("floor", *_OURS, *_PEERS)


class Process:
    """A process of the benchmark, and the line to it."""

    def __init__(self, run: Callable[..., None], *arguments: Any) -> None:
        self._name = f"{run.__module__}{arguments}"
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=run, args=(theirs, *arguments), daemon=True)
        self._process.start()

    def say(self, *command: Any) -> None:
        self._line.send(command)

    def hear(self) -> Any:
        if not self._line.poll(_PATIENCE_S):
            raise RuntimeError(f"{self._name}: no answer")
        return self._line.recv()

    def has_said(self) -> bool:
        """Whether `hear` would return at once."""
        return self._line.poll()

    def ask(self, *command: Any) -> Any:
        self.say(*command)
        return self.hear()

    def stop(self) -> None:
        self.say("stop")
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()


class Pair:
    """A server process and its crowd."""

    def __init__(self, kind: str, server_cores: set[int], crowd_cores: set[int]) -> None:
        self.kind = kind
        self.result = Result()
        self._server = Process(fanout_servers.run, kind, server_cores)
        self._port = self._server.hear()
        self._crowd = Process(fanout_crowd.run, self._port, _ticket(), crowd_cores)

    def join(self, viewers: int) -> None:
        """Fill the server in steps; measure handshakes in each, and memory over all of them."""
        self._crowd.ask("join", _WARM_UP)
        time.sleep(_SETTLE_S)
        bytes_before = self._server.ask("memory")
        step = (viewers - _WARM_UP) // _JOIN_STEPS
        for _ in range(_JOIN_STEPS):
            cpu_before = self._server.ask("cpu")
            seconds = self._crowd.ask("join", step)
            time.sleep(_SETTLE_S / 5)
            spent_us = (self._server.ask("cpu") - cpu_before) / 1_000
            self.result.handshake_us.append(spent_us / step)
            self.result.handshakes_wall_per_s.append(step / seconds)
        grown = self._server.ask("memory") - bytes_before
        self.result.viewer_bytes = grown / (step * _JOIN_STEPS)
        self.viewers = self._server.ask("viewers")
        if self.viewers != step * _JOIN_STEPS + _WARM_UP:
            raise RuntimeError(f"{self.kind}: {self.viewers} viewers joined")

    def broadcast(self, payload: bytes) -> None:
        """One frame to everybody; measure once the crowd has all of it."""
        spent_ns, wall_ns, spread = self._broadcast(payload)
        self.result.delivery_us.append(spent_ns / 1_000 / self.viewers)
        self.result.broadcast_ms.append(wall_ns / 1_000_000)
        self.result.spreads.append(spread)

    def broadcast_while_scraped(self, payload: bytes) -> None:
        """The same while somebody scrapes it."""
        spent_ns, wall_ns, _ = self._broadcast(
            payload, lambda: self.result.scrape_busy_ms.append(_scrape(self._port))
        )
        self.result.broadcast_scraped_ms.append(wall_ns / 1_000_000)
        self.result.broadcast_scraped_cpu_ms.append(spent_ns / 1_000_000)

    def broadcast_beside(self, payload: bytes, other_port: int) -> None:
        """The same while somebody scrapes the gateway at `other_port` instead."""
        spent_ns, wall_ns, _ = self._broadcast(payload, lambda: _scrape(other_port))
        self.result.broadcast_beside_ms.append(wall_ns / 1_000_000)
        self.result.broadcast_beside_cpu_ms.append(spent_ns / 1_000_000)

    def scrape(self) -> None:
        """Scrape it in peace."""
        cpu_before = self._server.ask("cpu")
        times_ms = [_scrape(self._port) for _ in range(_SCRAPES)]
        spent_ms = (self._server.ask("cpu") - cpu_before) / 1_000_000
        self.result.scrape_ms.append(statistics.median(times_ms))
        self.result.scrape_cpu_ms.append(spent_ms / _SCRAPES)

    def _broadcast(
        self, payload: bytes, meanwhile: Callable[[], object] | None = None
    ) -> tuple[int, int, Spread]:
        self._crowd.say("arrivals", len(payload) + _HEADER_BYTES)
        self._server.say("broadcast", payload)
        if meanwhile is not None:
            meanwhile()
        spent_ns, wall_ns = self._server.hear()
        spread = self._crowd.hear()
        if spread is None:
            raise RuntimeError(f"{self.kind}: a frame did not reach everybody, or more than once")
        return spent_ns, wall_ns, spread

    def stop(self) -> None:
        self._crowd.stop()
        self._server.stop()


def _scrape(port: int) -> float:
    """Milliseconds that a scraper waits for the gateway at `port`."""
    began_s = time.perf_counter()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read()
    if answer.status != 200 or b"livestream_frames_sent_total" not in text:
        raise RuntimeError("the scrape tells nothing")
    return (time.perf_counter() - began_s) * 1_000


def _ticket() -> str:
    from livestream.tickets import Ticket, issue_ticket

    expires_at_ms = int(time.time() + 3_600) * 1_000
    ticket = Ticket("viewer-1", "bench", "wechat", "Mei", expires_at_ms)
    return issue_ticket(fanout_servers.TICKET_KEY, ticket)


def cores() -> tuple[set[int], set[int]]:
    """The servers' core and the crowds', which must not be the same if there are two."""
    available = sorted(os.sched_getaffinity(0))
    return {available[0]}, set(available[1:]) or {available[0]}


def measure(kinds: list[str], viewers: int, rounds: int) -> dict[str, Result]:
    server_cores, crowd_cores = cores()
    # Whoever scrapes must not take the servers' core.
    os.sched_setaffinity(0, crowd_cores)
    pairs: list[Pair] = []
    other = Process(fanout_servers.run, MEASURED, crowd_cores)
    other_port = other.hear()
    try:
        for kind in kinds:
            _say(f"{kind}: {viewers:,} viewers join")
            pair = Pair(kind, server_cores, crowd_cores)
            pairs.append(pair)
            pair.join(viewers)
        payload = b"x" * _PAYLOAD_BYTES
        for number in range(rounds + 1):
            _say(f"round {number} of {rounds}")
            for pair in pairs:
                pair.broadcast(payload)
                if pair.kind == MEASURED:
                    pair.scrape()
                    pair.broadcast_beside(payload, other_port)
                    pair.broadcast_while_scraped(payload)
        for pair in pairs:
            for figures in vars(pair.result).values():
                if isinstance(figures, list) and len(figures) == rounds + 1:
                    del figures[0]  # the warm-up
        return {pair.kind: pair.result for pair in pairs}
    finally:
        for pair in pairs:
            pair.stop()
        other.stop()


def absent_of(kinds: Sequence[str]) -> dict[str, str]:
    """The peers among `kinds` that this machine does not have, and how to get each."""
    absent: dict[str, str] = {}
    for kind in kinds:
        if kind in fanout_programs.FINDERS:
            try:
                fanout_programs.FINDERS[kind]()
            except fanout_programs.Absent as why:
                absent[kind] = str(why)
        elif kind in fanout_servers.LIBRARIES and importlib.util.find_spec(kind) is None:
            absent[kind] = f"pip install {kind}"
    return absent


def versions(kinds: Sequence[str]) -> dict[str, str]:
    """Which peers were measured."""
    libraries = {
        kind: importlib.metadata.version(kind) for kind in kinds if kind in fanout_servers.LIBRARIES
    }
    return libraries | {
        kind: fanout_programs.VERSIONS[kind]() for kind in kinds if kind in fanout_programs.VERSIONS
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--viewers", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--only", help="some of: " + ", ".join(_KINDS))
    parser.add_argument("--json", type=Path, default=Path("var/bench/fanout.json"))
    parser.add_argument(
        "--node-modules",
        default=os.environ.get(fanout_programs.NODE_MODULES, ""),
        help=f"a directory with node's ws, also {fanout_programs.NODE_MODULES}",
    )
    options = parser.parse_args(arguments)
    os.environ[fanout_programs.NODE_MODULES] = options.node_modules
    asked = options.only.split(",") if options.only else _KINDS
    if unknown := set(asked) - set(_KINDS):
        parser.error(f"--only: unknown {', '.join(sorted(unknown))}")
    absent = absent_of(asked)
    for kind, how in absent.items():
        _say(f"{kind} is not on this machine: left out ({how})")
    kinds = [kind for kind in asked if kind not in absent]
    if not kinds:
        parser.error("--only: nothing is left to measure")
    _, descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
    viewers_max = descriptors * 95 // 100 - _SPARE_DESCRIPTORS
    if not _WARM_UP + _JOIN_STEPS <= options.viewers <= viewers_max:
        parser.error(f"--viewers: {_WARM_UP + _JOIN_STEPS} to {viewers_max} on this machine")
    results = measure(kinds, options.viewers, options.rounds)
    table = fanout_figures.summary(results)
    fanout_figures.show(table, options.viewers, _PAYLOAD_BYTES)
    cost = fanout_figures.cost_of_measuring(results, options.viewers)
    if cost is not None:
        fanout_figures.show_cost(cost)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    document: dict[str, Any] = {
        "command": "python -m loadtest.bench.fanout",
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "viewers": options.viewers,
        "payload_bytes": _PAYLOAD_BYTES,
        "rounds": options.rounds,
        "marks": {name: {"first": first, "design": own} for name, (first, own) in MARKS.items()},
        "absent": absent,
        "versions": versions(kinds),
        "servers": table,
        "measuring": cost,
        "samples": {kind: vars(result) for kind, result in results.items()},
    }
    options.json.write_text(json.dumps(document, indent=2) + "\n")
    picture = options.json.with_suffix(".svg")
    picture.write_text(fanout_plot.picture(document))
    _say(f"{options.json}, {picture}")


if __name__ == "__main__":
    main()
