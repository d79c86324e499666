"""How long after the show its report is there, by the length of the log.

    python -m loadtest.bench.aftermath [--facts 10000,1000000]

The log is written by the engine's own code (`restart.write_log`): shoppers who reserve, check out
and pay, one order for every four facts, which is the most that a report has to keep. Beside the
time of the report stands the floor: reading the same bytes out of Redis and doing nothing with
them. The memory is that of a fresh process, above what it had with everything imported.

Writes var/bench/aftermath.json.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import time
from typing import Any

import psutil
from msgspec import Struct

from livestream.redis_client import open_redis
from livestream.report import html_of, report_room
from loadtest.bench import report
from loadtest.bench.processes import fresh_redis, say
from loadtest.bench.report import Figure, Mark
from loadtest.bench.restart import read_log_alone, write_log

ROOM = "bench"
#: "Seconds after the end": of a room with a million facts, a quarter of a million orders.
MARK = Mark("most", 15.0)


class Told(Struct):
    """One report: reading and folding, drawing the page, the floor, and what it cost."""

    facts: int
    orders: int
    seconds: float
    page_s: float
    reading_s: float
    stored_bytes: int
    process_bytes: int


def tell(url: str) -> Told:
    """Make the report of the room at `url`, in this process."""
    return asyncio.run(_tell(url))


async def _tell(url: str) -> Told:
    redis = open_redis(url)
    try:
        reading_s, stored_bytes = await read_log_alone(redis, ROOM)
        before_bytes = psutil.Process().memory_info().rss
        started_s = time.perf_counter()
        told = await report_room(redis, ROOM)
        seconds = time.perf_counter() - started_s
        process_bytes = psutil.Process().memory_info().rss - before_bytes
        started_s = time.perf_counter()
        html_of(told)
        page_s = time.perf_counter() - started_s
    finally:
        await redis.aclose()
    orders = sum(told.orders.values())
    return Told(told.seq, orders, seconds, page_s, reading_s, stored_bytes, process_bytes)


async def _prepare(url: str, facts: int) -> None:
    redis = open_redis(url)
    try:
        await write_log(redis, ROOM, facts)
    finally:
        await redis.aclose()


def measure(lengths: list[int]) -> list[Told]:
    """A report for each length of log, each in a process of its own."""
    rows = []
    for length in lengths:
        with fresh_redis(report.DIRECTORY / "redis") as server:
            say(f"{length:,} facts: writing the log")
            asyncio.run(_prepare(server.url, length))
            say(f"{length:,} facts: making the report")
            with multiprocessing.get_context("spawn").Pool(1) as fresh:
                rows.append(fresh.apply(tell, (server.url,)))
    return rows


def figures(document: dict[str, Any]) -> list[Figure]:
    """The document as lines of the table."""
    lines = []
    for row in document["rooms"]:
        what = f"{row['facts']:,} facts, {row['orders']:,} orders"
        reading = f"reading its {row['stored_bytes'] / 1e6:,.1f} MB alone"
        lines += [
            Figure(f"report on {what}", row["seconds"], "s", row["reading_s"], reading, MARK),
            Figure("  memory for each order", row["process_bytes"] / row["orders"], "bytes"),
        ]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--facts", default="10000,1000000", help="lengths of logs")
    options = parser.parse_args()
    rows = measure([int(length) for length in options.facts.split(",")])
    document = {"command": "python -m loadtest.bench.aftermath", "rooms": rows}
    path = report.write("aftermath", document)
    print(report.table(figures(report.read("aftermath"))))
    say(f"written to {path}")


if __name__ == "__main__":
    main()
