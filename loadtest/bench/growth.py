"""How the counter grows: what a decision costs, and what the engine weighs, by the carts it keeps.

    python -m loadtest.bench.growth [--carts 1000,10000,100000,1000000] [--seconds 3]

For each size a fresh room is filled with so many carts, each of a viewer of its own with a unit
held, by the engine's own code and at its own speed; then a fresh engine takes it over, and shoppers
in other processes add and check out in it, as in `loadtest.bench.counter`. The smallest size stands
beside each of the others. At the end one room is weighed: 100,000 carts and 20,000 paid orders.
Viewers who only watch are no weight of an engine: it keeps nothing of them.

Writes var/bench/growth.json, and beside it a picture of it, growth.svg.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from msgspec import Struct

from cart.bounds import SUPPLY_MAX
from livestream import keys
from livestream.commands import (
    DropOpen,
    DropSchedule,
    Envelope,
)
from livestream.journal import Journal
from livestream.messages import CartAdd
from livestream.room import Room, RoomState
from loadtest.bench import counter, growth_plot, report, restart, shoppers
from loadtest.bench.processes import fresh_redis, running_engine, say
from loadtest.bench.report import Figure, Mark

ROOM: Final = "bench"
#: What the carts are filled from, so that the drop that is measured has units left.
SHELF: Final = "shelf"
SHOPPERS_PER_RECORD: Final = 250
CLIENTS: Final = 2
IN_FLIGHT: Final = 800
WARM_UP_S: Final = 0.5
CARTS_WEIGHED: Final = 100_000
ORDERS_WEIGHED: Final = 20_000
#: Flat: what a million carts add to a decision is caches that miss, not work.
FLAT: Final = Mark("most", 1.5)


class Size(Struct):
    """One size: what was measured with so many carts in the room."""

    carts: int
    decisions_per_s: float
    engine_us: float
    p99_ms: float
    engine_bytes: int
    took_over_s: float


def _reserving(numbers: range) -> Iterator[Envelope]:
    for n in numbers:
        yield Envelope(0, f"holder-{n}", "tmall", CartAdd(f"a{n}", SHELF))


def _buying(numbers: range) -> Iterator[Envelope]:
    return restart.buying(numbers, SHELF)


Visits = Callable[[range], Iterator[Envelope]]


async def fill(url: str, parts: Sequence[tuple[Visits, int]]) -> None:
    """Write the log of a room in which so many viewers did that."""
    desk = [
        *counter.opening(),
        DropSchedule(counter.terms(SUPPLY_MAX, SHELF, SHELF)),
        DropOpen(SHELF),
    ]
    async with restart.client(url) as redis:
        room, journal, entry = Room(RoomState(ROOM)), Journal(redis, ROOM), 0
        opening = [Envelope(0, "desk:bench", "desk", command) for command in desk]
        await restart.commit(room, journal, opening, entry)
        for visits, count in parts:
            for first in range(0, count, SHOPPERS_PER_RECORD):
                numbers = range(first, min(count, first + SHOPPERS_PER_RECORD))
                entry += 1
                await restart.commit(room, journal, list(visits(numbers)), entry)


async def hand_over(url: str) -> float:
    """Give the room to whatever engine runs; return the seconds until its first answer."""
    async with restart.client(url) as redis, restart.asking(redis) as asker:
        started_s = time.perf_counter()
        await redis.sadd(keys.ROOMS, ROOM)
        await redis.publish(keys.ROOMS_CHANGED, ROOM)
        await restart.ask(asker, ROOM, DropOpen(SHELF))
        return time.perf_counter() - started_s


def measure_size(carts: int, seconds: float) -> Size:
    """Fill a room with `carts`, have it taken over, and shop in it."""
    with fresh_redis(report.DIRECTORY / "redis") as server:
        say(f"{carts:,} carts: filling the room")
        asyncio.run(fill(server.url, [(_reserving, carts)]))
        with running_engine(server.url) as engine:
            took_over_s = asyncio.run(hand_over(server.url))
            engine_bytes = engine.resident_bytes()
            say(f"{carts:,} carts: shopping")
            places = IN_FLIGHT // CLIENTS
            people = [(server.url, ROOM, index, places) for index in range(CLIENTS)]
            with counter.crowd(shoppers.work, people) as ours:
                ours.run(("place", WARM_UP_S))
                round_ = counter.round_of(engine, ours, "place", seconds)
    return Size(
        carts=carts,
        decisions_per_s=round_.per_s,
        engine_us=round_.engine_us_each,
        p99_ms=round_.latency_ms(99),
        engine_bytes=engine_bytes,
        took_over_s=took_over_s,
    )


def weigh() -> dict[str, int]:
    """Resident bytes of an engine with nothing, with orders, and with orders and carts."""
    weights = {}
    for name, parts in (
        ("empty", []),
        ("orders", [(_buying, ORDERS_WEIGHED)]),
        ("orders_and_carts", [(_buying, ORDERS_WEIGHED), (_reserving, CARTS_WEIGHED)]),
    ):
        with fresh_redis(report.DIRECTORY / "redis") as server:
            asyncio.run(fill(server.url, parts))
            with running_engine(server.url) as engine:
                asyncio.run(hand_over(server.url))
                weights[name] = engine.resident_bytes()
    return weights


def figures(document: dict[str, Any]) -> list[Figure]:
    """The document as lines of the table."""
    sizes, weights = document["sizes"], document["bytes"]
    lines = [
        Figure(
            f"engine CPU of a decision with {size['carts']:,} carts in the room",
            size["engine_us"],
            "µs",
            sizes[0]["engine_us"],
            f"{sizes[0]['carts']:,} carts",
            FLAT,
            "ratio",
        )
        for size in sizes[1:]
    ]
    carts = (weights["orders_and_carts"] - weights["orders"]) / CARTS_WEIGHED
    orders = (weights["orders"] - weights["empty"]) / ORDERS_WEIGHED
    return [
        *lines,
        Figure(
            f"memory of an engine with {CARTS_WEIGHED:,} carts and {ORDERS_WEIGHED:,} paid orders",
            weights["orders_and_carts"] / 2**20,
            "MiB",
            weights["empty"] / 2**20,
            "empty",
        ),
        Figure("  of it a cart with one unit", carts, "bytes"),
        Figure("  of it a paid order with its payment", orders, "bytes"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--carts", default="1000,10000,100000,1000000", help="sizes of rooms")
    parser.add_argument("--seconds", type=float, default=3.0, help="of shopping at each size")
    options = parser.parse_args()
    sizes = [measure_size(int(carts), options.seconds) for carts in options.carts.split(",")]
    say("weighing")
    report.write(
        "growth",
        {"command": "python -m loadtest.bench.growth", "sizes": sizes, "bytes": weigh()},
    )
    document = report.read("growth")
    (report.DIRECTORY / "growth.svg").write_text(growth_plot.picture(document))
    print(report.table(figures(document)))


if __name__ == "__main__":
    main()
