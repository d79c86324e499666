"""The report as Redis has it: read once, followed, and read anew when Redis lost something."""

import msgspec
import pytest
from redis import asyncio as aioredis

from cart.stock import BrokenBooksError
from livestream import commands, keys, wire
from livestream.facts import Record
from livestream.report import (
    LogReader,
    Report,
    Surroundings,
    read_surroundings,
    report_of,
    report_room,
)
from tests.livestream.stage import Stage


async def write(redis: aioredis.Redis, room: str, log: list[tuple[int, Record]]) -> None:
    for seq, record in log:
        await redis.xadd(keys.log(room), {b"r": wire.encode_record(record)}, id=f"{seq}-0")


async def write_surroundings(redis: aioredis.Redis, room: str, beside: Surroundings) -> None:
    for moment in beside.moments:
        await redis.xadd(keys.attendance(room), {b"m": wire.encode_state(moment)})
    for gateway, counts in beside.counts.items():
        await redis.hset(keys.audience(room), gateway, wire.encode_state(counts))
    await redis.pfadd(keys.unique(room), *(f"v{number}" for number in range(beside.unique)))


async def test_a_room_is_reported_as_redis_has_it(
    redis: aioredis.Redis, room: str, stage: Stage, surroundings: Surroundings, whole: Report
) -> None:
    await write(redis, room, stage.log)
    await write_surroundings(redis, room, surroundings)
    told = await report_room(redis, room)
    assert msgspec.structs.replace(told, room="evening") == whole


async def test_a_room_that_nobody_counted_is_reported_too(
    redis: aioredis.Redis, room: str, stage: Stage, report: Report
) -> None:
    await write(redis, room, stage.log)
    told = await report_room(redis, room)
    assert msgspec.structs.replace(told, room="evening") == report


async def test_what_is_not_of_our_making_counts_as_not_there(
    redis: aioredis.Redis, room: str
) -> None:
    await redis.xadd(keys.attendance(room), {b"x": b"y"})
    await redis.hset(keys.audience(room), "g-1", "junk")
    await redis.set(keys.ledger(room), "junk")
    assert not (await read_surroundings(redis, room)).was_counted


async def test_a_reader_goes_on_where_it_was(redis: aioredis.Redis, room: str) -> None:
    stage = Stage("evening")
    stage.begin()
    stage.sell(supply=5)
    reader = LogReader(redis, room)
    for viewer in ("anna", "bob"):
        stage.buy(viewer)
        written = reader.reporter.seq
        await write(redis, room, [entry for entry in stage.log if entry[0] > written])
        await reader.catch_up()
        told = msgspec.structs.replace(reader.reporter.report(), room="evening")
        assert told == report_of("evening", stage.log)


async def test_a_log_that_lost_its_end_is_read_anew(redis: aioredis.Redis, room: str) -> None:
    stage = Stage("evening")
    stage.begin()
    kept = list(stage.log)
    stage.put_card("c1", title="Lost with Redis")
    await write(redis, room, stage.log)
    reader = LogReader(redis, room)
    await reader.catch_up()

    other = Stage("evening")
    other.begin()
    other.put_card("c1", title="Another card")
    other.put_card("c2", title="And one more")
    assert other.log[: len(kept)] == kept
    await redis.delete(keys.log(room))
    await write(redis, room, other.log)
    await reader.catch_up()
    titles = [mark.title for mark in reader.reporter.report().marks]
    assert titles == ["An evening in Paris", "Another card", "And one more"]


async def test_a_log_that_cannot_be_true_is_an_error(
    redis: aioredis.Redis, room: str, stage: Stage
) -> None:
    await write(redis, room, stage.log[5:])
    with pytest.raises(BrokenBooksError):
        await report_room(redis, room)


async def test_a_long_log_leaves_room_for_others(
    redis: aioredis.Redis, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand facts at a time, and between them whoever else has something to do."""
    stage = Stage("evening")
    stage.begin()
    for number in range(40):
        stage.desk(commands.Announce(f"line {number}"))
    await write(redis, room, stage.log)
    pauses = 0

    async def pause(seconds: float) -> None:
        nonlocal pauses
        pauses += 1

    monkeypatch.setattr("livestream.report.reading.FACTS_PER_SLICE", 10)
    monkeypatch.setattr("livestream.report.reading.asyncio.sleep", pause)
    await LogReader(redis, room).catch_up()
    assert pauses == 4
