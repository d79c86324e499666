"""Reads what a report is made of from Redis.

Owns the reading, once through or following a room that goes on. Refuses to know what a figure
means.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import msgspec
from redis import asyncio as aioredis

from livestream import keys, wire
from livestream.attendance import read_counts, read_moments
from livestream.facts import Record
from livestream.journal import read_log
from livestream.payments.statement import read_statement
from livestream.redis_client import StreamEntries
from livestream.report.figures import Report
from livestream.report.fold import Reporter
from livestream.report.surroundings import Surroundings

#: Facts between two looks at whatever else the process has to do: 1,000 x about 7 us = 7 ms.
FACTS_PER_SLICE = 1_000


class LogReader:
    """Follows a room's log: after `catch_up`, `reporter` stands at the log's end.

    One that has raised in `catch_up` may have folded half a record: let it go.
    """

    def __init__(self, redis: aioredis.Redis, room: str) -> None:
        self._redis = redis
        self._room = room
        self._last: Record | None = None
        self.reporter = Reporter(room)

    async def catch_up(self) -> None:
        """Read what the log has gained; all of it anew if it is not the log that was read before,
        as after a Redis that came back with less.

        Raises:
            BrokenBooksError: the log cannot be true.
            msgspec.DecodeError: the log is damaged or newer than this code.
            redis.exceptions.RedisError: Redis is away.
        """
        if self._last is not None and not await self._goes_on(self._last):
            self.reporter = Reporter(self._room)
        since_pause = 0
        async for seq, record in read_log(self._redis, self._room, self.reporter.seq):
            self.reporter.feed(seq, record)
            self._last = record
            since_pause += len(record.facts)
            if since_pause >= FACTS_PER_SLICE:
                since_pause = 0
                await asyncio.sleep(0)

    async def _goes_on(self, last: Record) -> bool:
        entry_id = f"{self.reporter.seq}-0"
        found = cast(
            StreamEntries, await self._redis.xrange(keys.log(self._room), entry_id, entry_id)
        )
        return bool(found) and wire.decode_record(found[0][1][b"r"]) == last


async def read_surroundings(redis: aioredis.Redis, room: str) -> Surroundings:
    """What is known of a room beside its log. What cannot be read counts as not there.

    Raises:
        redis.exceptions.RedisError: Redis is away.
    """
    async with redis.pipeline(transaction=False) as pipe:
        pipe.xrange(keys.attendance(room))
        pipe.hgetall(keys.audience(room))
        pipe.pfcount(keys.unique(room))
        pipe.get(keys.ledger(room))
        moments, counts, unique, ledger = await pipe.execute()
    return Surroundings(
        moments=read_moments(fields.get(b"m", b"") for _, fields in moments),
        counts=read_counts(counts),
        unique=unique,
        ledger=_read_ledger(ledger),
        statement=await read_statement(redis, room),
    )


def _read_ledger(kept: bytes | None) -> dict[str, Any] | None:
    try:
        return None if kept is None else msgspec.json.decode(kept, type=dict[str, Any])
    except msgspec.DecodeError:
        return None


async def report_room(redis: aioredis.Redis, room: str) -> Report:
    """The report on a room as Redis has it, for a process that has nothing else to do.

    Raises:
        BrokenBooksError: the log cannot be true.
        msgspec.DecodeError: the log is damaged or newer than this code.
        redis.exceptions.RedisError: Redis is away.
    """
    reader = LogReader(redis, room)
    with _uncollected():
        await reader.catch_up()
        return reader.reporter.report(await read_surroundings(redis, room))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Python's cyclic collector rests. What is folded forms no cycles and stays; walking through it
    again and again took half of the time of a long log.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
