"""How long a room is without an owner when its engine ends, by the length of its log.

    python -m loadtest.bench.restart [--facts 10000,100000,1000000]

Logs are written by the engine's own code: shoppers who reserve, check out and pay. Then a fresh
engine process, already running, is given the room, and the time counts from there to the first
durable answer; once with nothing but the log, once with the snapshot that an engine keeps when it
stops. Beside it stands the floor: reading the same bytes out of Redis and doing nothing with them.

An engine that is killed leaves its lease behind, which adds up to `lease_ms` (2 s) to these times.

Writes var/bench/restart.json.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, cast

from msgspec import Struct
from redis import asyncio as aioredis

from livestream import keys, wire
from livestream.clock import now_ms
from livestream.commands import Announce, Envelope, HostCommand, PaymentApproved, RoomCreate
from livestream.engine.turn import messages_of, take_turn
from livestream.inbox import Asker
from livestream.journal import READ_PAGE, Journal
from livestream.messages import CartAdd, Checkout, OrderPay
from livestream.redis_client import StreamEntries, open_redis
from livestream.room import Room, RoomState
from livestream.snapshots import read_snapshot_bytes
from loadtest.bench import report
from loadtest.bench.counter import opening
from loadtest.bench.processes import fresh_redis, running_engine, say
from loadtest.bench.report import Figure, Mark
from loadtest.bench.shoppers import SKU

FACTS_PER_SHOPPER = 4  # hold.placed, order.placed, payment.started, order.paid
SHOPPERS_PER_RECORD = 100
TAKEN_OVER_TIMEOUT_S = 120.0
#: A takeover should take less than 5 s, of which the lease of an engine that was killed takes 2.
MARK = Mark("most", 3.0)


class TakeOver(Struct):
    """One take-over: its time, that of reading the same bytes alone, how many those are, and the
    engine's memory afterwards.
    """

    seconds: float
    reading_s: float
    stored_bytes: int
    engine_bytes: int


async def write_log(redis: aioredis.Redis, name: str, facts: int) -> int:
    """A room in which shoppers bought until its log had `facts` facts; return how many it has."""
    room, journal = Room(RoomState(name)), Journal(redis, name)
    inbox = 0
    desk = [Envelope(0, "desk:bench", "desk", command) for command in opening()]
    await commit(room, journal, desk, inbox)
    bought = 0
    while room.state.seq < facts:
        numbers = range(bought, bought + SHOPPERS_PER_RECORD)
        bought += SHOPPERS_PER_RECORD
        inbox += 1
        await commit(room, journal, list(buying(numbers)), inbox)
    return room.state.seq


def buying(numbers: range, sku: str = SKU) -> Iterator[Envelope]:
    """Viewers who each add, check out and pay, as the first orders of a room."""
    price_minor = 2_880_000
    for n in numbers:
        viewer, order = f"viewer-{n}", f"o{n + 1}"
        yield Envelope(0, viewer, "tmall", CartAdd(f"a{n}", sku))
        yield Envelope(0, viewer, "tmall", Checkout(f"c{n}", f"checkout-{n}"))
        yield Envelope(0, viewer, "tmall", OrderPay(f"p{n}", order, "tok_approve"))
        paid = PaymentApproved(f"{order}-p1", price_minor, "CNY")
        yield Envelope(0, "provider:sandbox", "provider", paid)


async def commit(room: Room, journal: Journal, envelopes: list[Envelope], inbox: int) -> None:
    """Decide commands as the engine does, and append what they lead to."""
    entries = [(f"0-{inbox + 1}", "g-bench", wire.encode_batch(envelopes))]
    turn = take_turn(room, entries, now_ms())
    air = wire.encode(turn.air) if turn.air else b""
    record = turn.record(epoch=0, cursor=turn.consumed)
    await journal.commit(turn.last_seq, record, air, "", messages_of(turn, room.state.room))


async def take_over(url: str, room: str) -> TakeOver:
    """Give the room to a fresh engine and wait for its first answer."""
    async with client(url) as redis:
        reading_s, stored_bytes = await _read_alone(redis, room)
        with running_engine(url) as engine:
            async with asking(redis) as asker:
                await _warm_up(redis, asker)
                started_s = time.perf_counter()
                await redis.sadd(keys.ROOMS, room)
                await redis.publish(keys.ROOMS_CHANGED, room)
                await ask(asker, room, Announce("welcome back"))
                seconds = time.perf_counter() - started_s
                engine_bytes = engine.resident_bytes()
        await redis.srem(keys.ROOMS, room)
    return TakeOver(seconds, reading_s, stored_bytes, engine_bytes)


async def _read_alone(redis: aioredis.Redis, room: str) -> tuple[float, int]:
    """Seconds and bytes of reading what a take-over reads: the snapshot, or the whole log."""
    started_s = time.perf_counter()
    snapshot = await read_snapshot_bytes(redis, room)
    if snapshot is not None:
        return time.perf_counter() - started_s, len(snapshot)
    return await read_log_alone(redis, room)


async def read_log_alone(redis: aioredis.Redis, room: str) -> tuple[float, int]:
    """Seconds and bytes of reading a whole log and doing nothing with it."""
    started_s = time.perf_counter()
    read_bytes, start = 0, "-"
    while page := await redis.xrange(keys.log(room), min=start, count=READ_PAGE):
        entries = cast(StreamEntries, page)
        read_bytes += sum(len(fields[b"r"]) for _, fields in entries)
        start = f"({entries[-1][0].decode()}"
    return time.perf_counter() - started_s, read_bytes


async def _warm_up(redis: aioredis.Redis, asker: Asker) -> None:
    """Have the engine own an empty room, so that its own start is not measured."""
    await redis.sadd(keys.ROOMS, "warm-up")
    await redis.publish(keys.ROOMS_CHANGED, "warm-up")
    await ask(asker, "warm-up", RoomCreate("warm-up"))


async def ask(asker: Asker, room: str, command: HostCommand) -> None:
    """Have the desk do something, waiting as long as a take-over may take."""
    reply = await asker.ask(room, "desk:bench", command, TAKEN_OVER_TIMEOUT_S)
    if not reply["ok"]:
        raise RuntimeError(f"{room}: {reply}")


@asynccontextmanager
async def client(url: str) -> AsyncIterator[aioredis.Redis]:
    """A client for the length of a block."""
    redis = open_redis(url)
    try:
        yield redis
    finally:
        await redis.aclose()


@asynccontextmanager
async def asking(redis: aioredis.Redis) -> AsyncIterator[Asker]:
    """Somebody who asks rooms as the desk does, for the length of a block."""
    asker = Asker(redis, "c-bench")
    await asker.start()
    try:
        yield asker
    finally:
        await asker.close()


async def _prepare(url: str, room: str, facts: int) -> int:
    async with client(url) as redis:
        return await write_log(redis, room, facts)


def measure(lengths: list[int]) -> list[dict[str, Any]]:
    """A row for each length: facts, and the take-over without and with a snapshot."""
    rows: list[dict[str, Any]] = []
    for length in lengths:
        with fresh_redis(report.DIRECTORY / "redis") as server:
            say(f"{length:,} facts: writing the log")
            facts = asyncio.run(_prepare(server.url, "bench", length))
            say(f"{length:,} facts: taking over from the log alone")
            from_log = asyncio.run(take_over(server.url, "bench"))
            say(f"{length:,} facts: taking over from a snapshot")
            from_snapshot = asyncio.run(take_over(server.url, "bench"))
        rows.append({"facts": facts, "log": from_log, "snapshot": from_snapshot})
    return rows


def figures(document: dict[str, Any]) -> list[Figure]:
    """The document as lines of the table."""
    lines = []
    for row in document["rooms"]:
        for kind, what in (("log", "from the log alone"), ("snapshot", "from a snapshot")):
            taken = row[kind]
            lines.append(
                Figure(
                    f"room of {row['facts']:,} facts taken over {what}",
                    taken["seconds"],
                    "s",
                    taken["reading_s"],
                    f"reading its {taken['stored_bytes'] / 1e6:,.1f} MB alone",
                    MARK if kind == "snapshot" else None,
                )
            )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--facts", default="10000,100000,1000000", help="lengths of logs")
    options = parser.parse_args()
    rows = measure([int(length) for length in options.facts.split(",")])
    document = {"command": "python -m loadtest.bench.restart", "rooms": rows}
    path = report.write("restart", document)
    print(report.table(figures(report.read("restart"))))
    say(f"written to {path}")


if __name__ == "__main__":
    main()
