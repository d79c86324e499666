"""The journal: append all or nothing, behind a fence. Real Redis."""

import pytest
from redis import asyncio as aioredis

from livestream import facts, keys, wire
from livestream.facts import AnyFact, Record
from livestream.inbox import Inbox, InboxReader
from livestream.journal import FencedError, Journal, read_log
from livestream.room import RoomState


def record(epoch: int, *happened: AnyFact) -> bytes:
    return wire.encode_record(Record(epoch, 1_000, "0-0", list(happened)))


async def commit(journal: Journal, seq: int, epoch: int = 1) -> None:
    await journal.commit(seq, record(epoch, facts.RoomStarted()), b"", "", [])


async def test_what_was_committed_reads_back_in_order(redis: aioredis.Redis, room: str) -> None:
    journal = Journal(redis, room)
    await journal.commit(2, record(1, facts.RoomCreated("T"), facts.RoomStarted()), b"", "", [])
    await commit(journal, 3)
    read = [entry async for entry in read_log(redis, room)]
    assert [(seq, len(kept.facts)) for seq, kept in read] == [(2, 2), (3, 1)]
    assert [seq async for seq, _ in read_log(redis, room, after_seq=2)] == [3]


async def test_a_long_log_is_read_in_pages_without_a_gap(redis: aioredis.Redis, room: str) -> None:
    journal = Journal(redis, room)
    for seq in range(1, 1_203):
        await commit(journal, seq)
    assert [seq async for seq, _ in read_log(redis, room)] == list(range(1, 1_203))


async def test_a_stale_writer_is_refused_and_nothing_of_its_turn_happens(
    redis: aioredis.Redis, room: str
) -> None:
    stale, owner = Journal(redis, room), Journal(redis, room)
    await commit(stale, 1)
    owner.seq = 1
    await commit(owner, 2, epoch=2)
    inbox = Inbox(redis, "g-1")
    await inbox.put(room, [])
    with pytest.raises(FencedError, match="ends with 2-0, not with 1-0"):
        await stale.commit(
            5, record(1, facts.RoomEnded()), b"[]", "9999999999999-0", [("replies:g-1", b"[]")]
        )
    assert [seq async for seq, _ in read_log(redis, room)] == [1, 2]
    assert await redis.xlen(keys.air(room)) == 0
    assert await redis.xlen(keys.inbox(room)) == 1


async def test_a_redis_that_lost_its_last_second_is_noticed_before_a_gap_is_written(
    redis: aioredis.Redis, room: str
) -> None:
    journal = Journal(redis, room)
    await commit(journal, 1)
    await commit(journal, 2)
    await redis.xdel(keys.log(room), "2-0")
    with pytest.raises(FencedError, match="ends with 1-0, not with 2-0"):
        await commit(journal, 3)


async def test_after_a_lost_answer_the_journal_knows_what_became_of_it(
    redis: aioredis.Redis, room: str
) -> None:
    writer, unsure = Journal(redis, room), Journal(redis, room)
    turn = record(1, facts.RoomStarted())
    assert not await unsure.is_committed(1, turn)
    await writer.commit(1, turn, b"", "", [])
    assert await unsure.is_committed(1, turn)
    assert unsure.seq == 1
    await commit(writer, 2)
    with pytest.raises(FencedError, match="ends with 2-0"):
        await unsure.is_committed(2, record(1, facts.RoomEnded()))


async def test_the_commit_takes_decided_entries_off_the_inbox_and_no_others(
    redis: aioredis.Redis, room: str
) -> None:
    inbox, reader, journal = Inbox(redis, "g-1"), InboxReader(redis, room), Journal(redis, room)
    for _ in range(3):
        await inbox.put(room, [])
    entries = await reader.read()
    await journal.commit(1, record(1, facts.RoomStarted()), b"", entries[1][0], [])
    assert [left[0] for left in await InboxReader(redis, room).read()] == [entries[2][0]]


async def test_a_snapshot_counts_only_where_the_log_leads_to_it(
    redis: aioredis.Redis, room: str
) -> None:
    journal = Journal(redis, room)
    await commit(journal, 1, epoch=2)
    of_this_log = RoomState(room, seq=1, at_ms=1_000, epochs=[(2, 1)])
    beyond_the_log = RoomState(room, seq=2, at_ms=1_000, epochs=[(2, 1)])
    of_a_turn_that_was_refused = RoomState(room, seq=1, at_ms=999, epochs=[(1, 1)])
    assert await journal.record_of(of_this_log)
    assert not await journal.record_of(beyond_the_log)
    assert not await journal.record_of(of_a_turn_that_was_refused)


async def test_a_farewell_keeps_what_is_shown_of_a_room_without_an_owner(
    redis: aioredis.Redis, room: str
) -> None:
    journal = Journal(redis, room)
    await commit(journal, 1)
    assert await journal.say_farewell(b"view", b"numbers")
    assert await redis.mget(keys.storefront(room), keys.ledger(room)) == [b"view", b"numbers"]


async def test_nobody_says_farewell_while_a_command_waits(redis: aioredis.Redis, room: str) -> None:
    journal = Journal(redis, room)
    await commit(journal, 1)
    await Inbox(redis, "g-1").put(room, [])
    assert not await journal.say_farewell(b"view", b"numbers")
    assert not await redis.exists(keys.storefront(room), keys.ledger(room))


async def test_a_stale_farewell_is_refused_and_leaves_the_last_one(
    redis: aioredis.Redis, room: str
) -> None:
    stale, owner = Journal(redis, room), Journal(redis, room)
    await commit(stale, 1)
    owner.seq = 1
    await commit(owner, 2, epoch=2)
    assert await owner.say_farewell(b"new", b"new")
    with pytest.raises(FencedError, match="ends with 2-0, not with 1-0"):
        await stale.say_farewell(b"old", b"old")
    assert await redis.get(keys.ledger(room)) == b"new"
