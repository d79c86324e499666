"""Measure, and print one table.

    python -m loadtest.bench [--quick]
        [all|fanout|weight|slices|sloths|compression|counter|soldout|growth|restart]

Each benchmark runs as a process of its own, with its own options' defaults, and leaves its JSON
under var/bench. Owns the choice and the table. The status is 1 if a benchmark failed; a mark that
was missed is said, not punished: on a busy machine it says more about the machine, so how busy it
was with other work is said too.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from typing import Any

import psutil

from loadtest.bench import (
    compression,
    counter,
    growth,
    report,
    restart,
    slices,
    sloths,
    soldout,
    weight,
)
from loadtest.bench.processes import say
from loadtest.bench.report import Figure, Mark

NAMES = (
    "fanout",
    "weight",
    "slices",
    "sloths",
    "compression",
    "counter",
    "soldout",
    "growth",
    "restart",
)
#: Options for a look that takes a minute instead of several.
QUICK = {
    "fanout": ["--viewers", "3000", "--rounds", "5"],
    "weight": ["--viewers", "5000"],
    "slices": ["--viewers", "3000", "--rounds", "5"],
    "sloths": ["--viewers", "1000", "--rounds", "2"],
    "compression": ["--viewers", "1000", "--rounds", "5"],
    "counter": ["--rounds", "1", "--seconds", "2"],
    "soldout": ["--viewers", "1000", "--rounds", "2"],
    "growth": ["--carts", "1000,10000", "--seconds", "1"],
    "restart": ["--facts", "10000,100000"],
}
FAN_OUT_MARK = Mark("most", 1.25)
INSTRUMENTS_MARK = Mark("most", 1.05)
SCRAPE_MARK = Mark("most", 50)
VIEWER_BYTES_MARK = Mark("most", 1_200)
HANDSHAKES_MARK = Mark("least", 4_000)


def fanout_figures(document: dict[str, Any]) -> list[Figure]:
    """The fan-out's document as lines of the table, beside the floor and the best known peer."""
    servers = document["servers"]
    ours, floor = servers["ours"], servers["floor"]
    admitting, peer = servers["ours+ticket"], servers["websockets"]
    return [
        Figure(
            f"one frame to {document['viewers']:,} viewers, CPU of each delivery",
            ours["delivery_us"],
            "µs",
            floor["delivery_us"],
            "os.write loop (floor)",
            FAN_OUT_MARK,
            "ratio",
        ),
        *(
            Figure("  the same", ours["delivery_us"], "µs", servers[kind]["delivery_us"], kind)
            for kind in servers
            if not kind.startswith("ours") and kind != "floor"
        ),
        *measuring_figures(document),
        Figure(
            "from the first viewer who has a frame to the last",
            ours["spread_last_ms"],
            "ms",
            floor["spread_last_ms"],
            "os.write loop (floor)",
        ),
        Figure(
            "memory of an idle viewer",
            ours["viewer_bytes"],
            "bytes",
            peer["viewer_bytes"],
            "websockets",
            VIEWER_BYTES_MARK,
        ),
        Figure(
            "handshakes in a second of CPU, ticket checked",
            admitting["handshakes_per_s"],
            "/s",
            peer["handshakes_per_s"],
            "websockets, no ticket",
            HANDSHAKES_MARK,
        ),
    ]


def measuring_figures(document: dict[str, Any]) -> list[Figure]:
    """What the instruments of a gateway cost its viewers."""
    servers, cost = document["servers"], document["measuring"]
    return [
        Figure(
            "  the same with instruments on",
            servers["ours+instruments"]["delivery_us"],
            "µs",
            servers["ours"]["delivery_us"],
            "off",
            INSTRUMENTS_MARK,
            "ratio",
        ),
        Figure(
            f"a scrape of a gateway of {document['viewers']:,} viewers",
            cost["scrape_ms"],
            "ms",
            mark=SCRAPE_MARK,
        ),
        Figure(
            "  of it CPU of the gateway",
            cost["scrape_cpu_ms"],
            "ms",
            cost["broadcast_cpu_ms"],
            "a broadcast",
        ),
        Figure(
            "a broadcast while its gateway is scraped, CPU",
            cost["broadcast_while_scraped_cpu_ms"],
            "ms",
            cost["broadcast_beside_a_scrape_cpu_ms"],
            "another gateway is",
        ),
    ]


FIGURES = {
    "fanout": fanout_figures,
    "weight": weight.figures,
    "slices": slices.figures,
    "sloths": sloths.figures,
    "compression": compression.figures,
    "counter": counter.figures,
    "soldout": soldout.figures,
    "growth": growth.figures,
    "restart": restart.figures,
}


class Neighbours:
    """How much of the machine other work takes, from its making until it is asked."""

    def __init__(self) -> None:
        self._began = time.monotonic(), _busy_s(), _ours_s()

    def share(self) -> float:
        """CPU time of all others, of all that there was: 0 to 1. Our children must have ended."""
        began_s, busy_s, ours_s = self._began
        others_s = (_busy_s() - busy_s) - (_ours_s() - ours_s)
        there_was_s = (time.monotonic() - began_s) * (psutil.cpu_count() or 1)
        return min(1.0, max(0.0, others_s / there_was_s))


def _busy_s() -> float:
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0.0)


def _ours_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.bench", description="Measure, each figure beside its floor."
    )
    parser.add_argument("which", nargs="?", choices=(*NAMES, "all"), default="all")
    parser.add_argument("--quick", action="store_true", help="a shorter look, with less to say")
    options = parser.parse_args()
    names = NAMES if options.which == "all" else (options.which,)
    lines: list[Figure] = []
    failed: list[str] = []
    for name in names:
        say(f"== {name}")
        neighbours = Neighbours()
        command = [sys.executable, "-m", f"loadtest.bench.{name}"]
        extra = QUICK[name] if options.quick else []
        run = subprocess.run([*command, *extra], stdout=subprocess.DEVNULL)
        if run.returncode:
            failed.append(name)
            continue
        share = neighbours.share()
        say(f"other work took {share:.0%} of this machine meanwhile")
        document = {**report.read(name), "taken_by_others": round(share, 3)}
        report.write(name, document)
        lines += FIGURES[name](document)
    if lines:
        print(report.table(lines))
    if failed:
        say(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
