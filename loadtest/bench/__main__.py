"""`python -m loadtest.bench [fanout|counter|restart|all] [--quick]`: measure, and print one table.

Each benchmark runs as a process of its own, with its own options' defaults, and leaves its JSON
under var/bench. Owns the choice and the table. The status is 1 if a benchmark failed; a mark that
was missed is said, not punished: on a busy machine it says more about the machine.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import Any

from loadtest.bench import counter, report, restart
from loadtest.bench.processes import say
from loadtest.bench.report import Figure, Mark

NAMES = ("fanout", "counter", "restart")
#: Options for a look that takes a minute instead of several.
QUICK = {
    "fanout": ["--viewers", "3000", "--rounds", "5"],
    "counter": ["--rounds", "1", "--seconds", "2"],
    "restart": ["--facts", "10000,100000"],
}
FAN_OUT_MARK = Mark("most", 1.25)
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
            if kind not in ("ours", "ours+ticket", "floor")
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


FIGURES = {
    "fanout": fanout_figures,
    "counter": counter.figures,
    "restart": restart.figures,
}


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
        command = [sys.executable, "-m", f"loadtest.bench.{name}"]
        extra = QUICK[name] if options.quick else []
        run = subprocess.run([*command, *extra], stdout=subprocess.DEVNULL)
        if run.returncode:
            failed.append(name)
        else:
            lines += FIGURES[name](report.read(name))
    if lines:
        print(report.table(lines))
    if failed:
        say(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
