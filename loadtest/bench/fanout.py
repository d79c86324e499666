"""Fan-out, weight and handshakes of the gateway's audience, beside its floor and its peers.

    python -m loadtest.bench.fanout [--viewers 10000] [--rounds 11] [--only ours,websockets]

Owns the conducting and the table. Every server is a fresh process with N real loopback sockets,
whose other ends are in a process of their own on the other core. All servers are up at once and
take turns, so that what else the machine does hits them alike; figures are medians of rounds. What
is compared is the CPU time of the server process, which on loopback includes the kernel's delivery
into the receiver's socket.

Writes var/bench/fanout.json.
"""

from __future__ import annotations

import argparse
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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadtest.bench import fanout_crowd, fanout_servers

_PAYLOAD_BYTES = 300
_HEADER_BYTES = 4
_JOIN_STEPS = 5
_WARM_UP = 500
_SETTLE_S = 0.5
_SPARE_DESCRIPTORS = 200
_PATIENCE_S = 120
_SCRAPES = 10
_KINDS = ("floor", "ours", "ours+instruments", "ours+ticket", *fanout_servers.LIBRARIES[1:])
#: What the audience has to reach: the first mark and, in brackets, the design's own.
_MARKS = {
    "delivery_ratio_to_floor_max": (1.25, 1.10),
    "viewer_bytes_max": (1_200, 600),
    "handshakes_per_s_min": (4_000, 8_000),
}
#: What measuring may cost: the ratio of fan-out with instruments on to off, and one scrape.
_MEASURED = "ours+instruments"
_INSTRUMENTS_RATIO_MAX = 1.05
_SCRAPE_MS_MAX = 50.0
_TITLES = {
    "floor": "os.write loop (floor)",
    "ours": "audience (ours)",
    "ours+instruments": "  with instruments on",
    "ours+ticket": "  with the ticket checked",
    "websockets": "websockets.broadcast",
    "aiohttp": "aiohttp send_str",
    "picows": "picows send",
}


@dataclass
class Result:
    """Figures of one server. CPU in µs of the server process, one entry for each round."""

    delivery_us: list[float] = field(default_factory=list)
    handshake_us: list[float] = field(default_factory=list)
    handshakes_wall_per_s: list[float] = field(default_factory=list)
    viewer_bytes: float = 0.0
    #: From the first viewer to the last by the clock, and the server's CPU: alone; while somebody
    #: scrapes another gateway, on the other core; and while the same somebody scrapes this one.
    broadcast_ms: list[float] = field(default_factory=list)
    broadcast_beside_ms: list[float] = field(default_factory=list)
    broadcast_beside_cpu_ms: list[float] = field(default_factory=list)
    broadcast_scraped_ms: list[float] = field(default_factory=list)
    broadcast_scraped_cpu_ms: list[float] = field(default_factory=list)
    #: A scrape of a gateway at rest, its CPU time there, and one of a gateway that broadcasts.
    scrape_ms: list[float] = field(default_factory=list)
    scrape_cpu_ms: list[float] = field(default_factory=list)
    scrape_busy_ms: list[float] = field(default_factory=list)


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
        spent_ns, wall_ns = self._broadcast(payload)
        self.result.delivery_us.append(spent_ns / 1_000 / self.viewers)
        self.result.broadcast_ms.append(wall_ns / 1_000_000)

    def broadcast_while_scraped(self, payload: bytes) -> None:
        """The same while somebody scrapes it."""
        spent_ns, wall_ns = self._broadcast(
            payload, lambda: self.result.scrape_busy_ms.append(_scrape(self._port))
        )
        self.result.broadcast_scraped_ms.append(wall_ns / 1_000_000)
        self.result.broadcast_scraped_cpu_ms.append(spent_ns / 1_000_000)

    def broadcast_beside(self, payload: bytes, other_port: int) -> None:
        """The same while somebody scrapes the gateway at `other_port` instead."""
        spent_ns, wall_ns = self._broadcast(payload, lambda: _scrape(other_port))
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
    ) -> tuple[int, int]:
        expected = self.viewers * (len(payload) + _HEADER_BYTES)
        self._crowd.say("receive", expected)
        self._server.say("broadcast", payload)
        if meanwhile is not None:
            meanwhile()
        spent_ns, wall_ns = self._server.hear()
        if not self._crowd.hear():
            raise RuntimeError(f"{self.kind}: a frame did not reach everybody, or more than once")
        return spent_ns, wall_ns

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
    other = Process(fanout_servers.run, _MEASURED, crowd_cores)
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
                if pair.kind == _MEASURED:
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


def summary(results: dict[str, Result]) -> dict[str, dict[str, float | None]]:
    """Medians, and each ratio to the floor of the same round."""
    floor = results.get("floor")
    table: dict[str, dict[str, float | None]] = {}
    for kind, result in results.items():
        ratio = None
        if floor is not None:
            pairs = zip(result.delivery_us, floor.delivery_us, strict=True)
            ratio = statistics.median(ours / theirs for ours, theirs in pairs)
        handshake_us = statistics.median(result.handshake_us)
        is_server = kind != "floor"
        table[kind] = {
            "delivery_us": statistics.median(result.delivery_us),
            "delivery_ratio_to_floor": ratio,
            "viewer_bytes": result.viewer_bytes if is_server else None,
            "handshake_us": handshake_us if is_server else None,
            "handshakes_per_s": 1_000_000 / handshake_us if is_server else None,
            "handshakes_wall_per_s": (
                statistics.median(result.handshakes_wall_per_s) if is_server else None
            ),
        }
    return table


def cost_of_measuring(results: dict[str, Result], viewers: int) -> dict[str, float] | None:
    """What instruments add to a delivery (the median of the ratios within each round), and what a
    scrape is to a broadcast. None where the two were not measured.
    """
    if not {"ours", _MEASURED} <= results.keys():
        return None
    off, on = results["ours"], results[_MEASURED]

    pairs = zip(off.delivery_us, on.delivery_us, strict=True)
    return {
        "fanout_ratio_on_to_off": statistics.median(with_ / without for without, with_ in pairs),
        "scrape_ms": statistics.median(on.scrape_ms),
        "scrape_cpu_ms": statistics.median(on.scrape_cpu_ms),
        "scrape_during_broadcast_ms": statistics.median(on.scrape_busy_ms),
        "broadcast_cpu_ms": statistics.median(on.delivery_us) * viewers / 1_000,
        "broadcast_ms": statistics.median(on.broadcast_ms),
        "broadcast_while_scraped_ms": statistics.median(on.broadcast_scraped_ms),
        "broadcast_while_scraped_cpu_ms": statistics.median(on.broadcast_scraped_cpu_ms),
        "broadcast_beside_a_scrape_ms": statistics.median(on.broadcast_beside_ms),
        "broadcast_beside_a_scrape_cpu_ms": statistics.median(on.broadcast_beside_cpu_ms),
    }


def show(table: dict[str, dict[str, float | None]], viewers: int) -> None:
    print(f"{viewers:,} viewers, {_PAYLOAD_BYTES}-byte frame; CPU of the server process\n")
    print(f"{'':<24}{'µs/delivery':>12}{'× floor':>9}{'bytes/viewer':>14}", end="")
    print(f"{'handshakes/CPU-s':>18}{'by the clock':>14}")
    for kind, row in table.items():
        cells = [
            _cell(row["delivery_us"], 12, ".2f"),
            _cell(row["delivery_ratio_to_floor"], 9, ".2f"),
            _cell(row["viewer_bytes"], 14, ",.0f"),
            _cell(row["handshakes_per_s"], 18, ",.0f"),
            _cell(row["handshakes_wall_per_s"], 14, ",.0f"),
        ]
        print(f"{_TITLES[kind]:<24}{''.join(cells)}")
    ratio, weight, handshakes = _MARKS.values()
    print(
        f"\nmarks for ours (the design's own): at most {ratio[0]} ({ratio[1]}) × floor, "
        f"{weight[0]:,} ({weight[1]}) bytes; at least {handshakes[0]:,} ({handshakes[1]:,}) "
        "handshakes/s, those with the ticket checked"
    )


def show_cost(cost: dict[str, float]) -> None:
    print(
        f"instruments on ÷ off: {cost['fanout_ratio_on_to_off']:.3f} × CPU of a delivery "
        f"(at most {_INSTRUMENTS_RATIO_MAX})\n"
        f"a scrape: {cost['scrape_ms']:.1f} ms (at most {_SCRAPE_MS_MAX:g}), "
        f"{cost['scrape_during_broadcast_ms']:.1f} ms during a broadcast\n"
        f"the gateway's CPU: {cost['scrape_cpu_ms']:.2f} ms for a scrape, "
        f"{cost['broadcast_cpu_ms']:.1f} ms for a broadcast alone, "
        f"{cost['broadcast_while_scraped_cpu_ms']:.1f} ms while it is scraped, "
        f"{cost['broadcast_beside_a_scrape_cpu_ms']:.1f} ms while another gateway is\n"
        f"a broadcast by the clock: {cost['broadcast_ms']:.1f} ms alone, "
        f"{cost['broadcast_while_scraped_ms']:.1f} ms while it is scraped, "
        f"{cost['broadcast_beside_a_scrape_ms']:.1f} ms while another gateway is"
    )


def _cell(value: float | None, width: int, form: str) -> str:
    return f"{'–' if value is None else format(value, form):>{width}}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--viewers", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--only", default=",".join(_KINDS), help="some of: " + ", ".join(_KINDS))
    parser.add_argument("--json", type=Path, default=Path("var/bench/fanout.json"))
    options = parser.parse_args(arguments)
    kinds = options.only.split(",")
    if unknown := set(kinds) - set(_KINDS):
        parser.error(f"--only: unknown {', '.join(sorted(unknown))}")
    _, descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
    viewers_max = descriptors * 95 // 100 - _SPARE_DESCRIPTORS
    if not _WARM_UP + _JOIN_STEPS <= options.viewers <= viewers_max:
        parser.error(f"--viewers: {_WARM_UP + _JOIN_STEPS} to {viewers_max} on this machine")
    results = measure(kinds, options.viewers, options.rounds)
    table = summary(results)
    show(table, options.viewers)
    cost = cost_of_measuring(results, options.viewers)
    if cost is not None:
        show_cost(cost)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "command": "python -m loadtest.bench.fanout",
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "viewers": options.viewers,
        "payload_bytes": _PAYLOAD_BYTES,
        "rounds": options.rounds,
        "marks": {name: {"first": first, "design": own} for name, (first, own) in _MARKS.items()},
        "servers": table,
        "measuring": cost,
        "samples": {kind: vars(result) for kind, result in results.items()},
    }
    options.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
