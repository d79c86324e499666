"""The model of Redis against the real thing: the same calls, the same answers, the same keys."""

from __future__ import annotations

import random

from redis import asyncio as aioredis

from livestream import facts, keys, wire
from livestream.facts import Record
from livestream.inbox import Inbox, InboxReader
from livestream.journal import FencedError, Journal, read_log
from livestream.room import RoomState
from tests.simulation.clockwork import Clock
from tests.simulation.redis_model import RedisModel, id_of

CALLS = 400


def drawn_record(rng: random.Random, epoch: int) -> tuple[bytes, int]:
    """Some facts, and how many."""
    happened: list[facts.AnyFact] = [facts.Announced("x", by="y")] * rng.randint(1, 3)
    return wire.encode_record(Record(epoch, rng.randint(1, 9), "0-0", happened)), len(happened)


async def test_two_writers_in_any_order_are_answered_alike(
    redis: aioredis.Redis, room: str, rng: random.Random
) -> None:
    model = RedisModel(Clock(0))
    journals = [Journal(redis, room), Journal(redis, room)]
    last: list[tuple[int, bytes]] = [(0, b""), (0, b"")]
    fenced = 0
    for _ in range(CALLS):
        who = rng.choice((0, 0, 0, 1))
        journal, tail = journals[who], journals[who].seq
        match rng.choice(("commit", "commit", "commit", "ask", "catch up", "nothing happened")):
            case "commit":
                record, count = drawn_record(rng, who)
                last[who] = tail + count, record
                real = await _outcome(journal.commit(tail + count, record, b"a", "", []))
                ours = _ours(lambda: model.commit(tail, tail + count, record, b"a", "", []))  # noqa: B023
            case "nothing happened":
                real = await _outcome(journal.commit(tail, b"", b"", "", []))
                ours = _ours(lambda: model.commit(tail, tail, b"", b"", "", []))  # noqa: B023
            case "ask":
                seq, record = last[who]
                real = await _outcome(journal.is_committed(seq, record))
                ours = _ours(lambda: model.is_committed(tail, seq, record))  # noqa: B023
            case _:
                journal.seq = model.seq
                continue
        assert ours == real
        fenced += real == "fenced"
    assert [entry async for entry in read_log(redis, room)] == model.read_log(0)
    middle = model.log[len(model.log) // 2][0]
    assert [entry async for entry in read_log(redis, room, middle)] == model.read_log(middle)
    assert await redis.xlen(keys.air(room)) == len(model.air)
    assert 10 < fenced < CALLS - 100, "both outcomes were met"
    await _same_records_for_snapshots(journals[0], model, room)


async def _outcome(call: object) -> object:
    try:
        return await call  # type: ignore[misc]  # any of the journal's coroutines
    except FencedError:
        return "fenced"


def _ours(call: object) -> object:
    try:
        return call()  # type: ignore[operator]
    except FencedError:
        return "fenced"


async def _same_records_for_snapshots(journal: Journal, model: RedisModel, room: str) -> None:
    for seq, record in model.read_log(0)[:20]:
        for state in (
            RoomState(room, seq=seq, at_ms=record.at_ms, epochs=[(record.epoch, 1)]),
            RoomState(room, seq=seq, at_ms=record.at_ms + 1, epochs=[(record.epoch, 1)]),
            RoomState(room, seq=seq + 10**6, at_ms=record.at_ms, epochs=[(record.epoch, 1)]),
        ):
            assert model.record_of(state) == await journal.record_of(state)


async def test_the_inbox_is_read_and_taken_off_alike(
    redis: aioredis.Redis, room: str, rng: random.Random
) -> None:
    model = RedisModel(Clock(0))
    inbox, journal, seq = Inbox(redis, "g-1"), Journal(redis, room), 0
    for _ in range(30):
        for _ in range(rng.randint(0, 4)):
            await inbox.put(room, [])
            model.put("g-1", wire.encode_batch([]))
        if not model.inbox:
            continue
        read = await InboxReader(redis, room).read()
        ours = model.read_inbox("0-0", 64)
        assert [entry[1:] for entry in read] == [entry[1:] for entry in ours]
        decided = rng.randint(1, len(read))
        record, count = drawn_record(rng, 1)
        await journal.commit(seq + count, record, b"", read[decided - 1][0], [])
        model.commit(seq, seq + count, record, b"", ours[decided - 1][0], [])
        seq += count
        assert await redis.xlen(keys.inbox(room)) == len(model.inbox)
    ids = [id_of(entry[0]) for entry in model.inbox]
    assert ids == sorted(set(ids))
