"""A torn log: the append-only file of a real Redis is cut at any byte, as by a power cut in the
middle of a write, and Redis started again.

What had been acknowledged by then is there; what was being written is absent whole; log, air and
inbox agree on where the room stands; and an engine goes on from there. The commits are those of a
simulated evening, written by the real journal.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from msgspec import Struct
from redis import asyncio as aioredis

from livestream import facts, keys, wire
from livestream.audit import audit_log
from livestream.embedded_redis import EmbeddedRedis
from livestream.engine.turn import messages_of, take_turn
from livestream.facts import EpochStarted, Record
from livestream.journal import Journal, read_log
from livestream.redis_client import StreamEntries, open_redis
from livestream.room import Room, RoomState, evolve
from livestream.snapshots import Snapshots, read_snapshot
from tests.simulation.world import FAIR, ROOM, Scale, World

EVENING = Scale(shoppers=12, drops=2, supply_max=6, show_ms=15_000)
CUTS = 48
SNAPSHOT_EVERY_TURNS = 15


class Written(Struct):
    """One write that was acknowledged: what it was, and how long the file was by then."""

    what: str
    size: int
    name: str


class Evening:
    """A file of real commits, and what was acknowledged at which of its bytes."""

    def __init__(self, directory: Path) -> None:
        self.server = EmbeddedRedis(directory)
        self.written: list[Written] = []
        self.log: list[tuple[int, bytes]] = []
        self.air: list[tuple[int, bytes]] = []
        self.whole = b""
        self._cursor = "0-0"

    @property
    def file(self) -> Path:
        """The part of the append-only file that grows."""
        (found,) = (self.server.directory / "appendonlydir").glob("*.incr.aof")
        return found

    def acknowledged(self, what: str, name: str) -> None:
        """Redis has answered: what it was asked for is in the file."""
        self.written.append(Written(what, self.file.stat().st_size, name))

    async def write(self, world: World) -> None:
        """Everything that the engines of this world committed, through the real journal."""
        with self.server:
            redis = open_redis(self.server.url)
            await self._write(redis, world)
            self.log, self.air = await _log(redis), await _air(redis)
            await redis.aclose()
        self.whole = self.file.read_bytes()

    async def _write(self, redis: aioredis.Redis, world: World) -> None:
        journal, room = Journal(redis, ROOM), Room(RoomState(ROOM))
        epoch, engine = 0, ""
        for number, turn in enumerate(world.history):
            if turn.engine != engine:
                epoch, engine = epoch + 1, turn.engine
                await self._take_over(journal, room, EpochStarted(epoch, engine), turn.at_ms)
                continue
            entries = []
            for _, sender, batch in turn.entries:
                entry_id = cast(
                    bytes, await redis.xadd(keys.inbox(ROOM), {b"s": sender, b"b": batch})
                )
                entries.append((entry_id.decode(), sender, batch))
                self.acknowledged("put", entry_id.decode())
            decided = take_turn(room, entries, turn.at_ms)
            self._cursor = decided.consumed or self._cursor
            record = decided.record(epoch, self._cursor)
            air = wire.encode(decided.air) if decided.air else b""
            await journal.commit(
                decided.last_seq, record, air, decided.consumed, messages_of(decided, ROOM)
            )
            if record:
                self.acknowledged("commit", str(decided.last_seq))
            if number % SNAPSHOT_EVERY_TURNS == 0:
                name = f"{epoch}-{room.state.seq}"
                await Snapshots(redis, ROOM).save(wire.encode_state(room.state), name)
                self.acknowledged("snapshot", str(room.state.seq))

    async def _take_over(
        self, journal: Journal, room: Room, fact: EpochStarted, at_ms: int
    ) -> None:
        seq = journal.seq + 1
        record = wire.encode_record(Record(fact.epoch, at_ms, self._cursor, [fact]))
        await journal.commit(seq, record, wire.encode([]), "", [])
        evolve(room, fact, at_ms)
        self.acknowledged("commit", str(seq))

    @asynccontextmanager
    async def cut_at(self, byte: int) -> AsyncIterator[aioredis.Redis]:
        """The server as it starts from the file, cut there."""
        self.file.write_bytes(self.whole[:byte])
        with self.server:
            redis = open_redis(self.server.url)
            try:
                yield redis
            finally:
                await redis.aclose()

    def before(self, byte: int, what: str) -> list[str]:
        """Writes of this kind that were acknowledged when the file was no longer than this."""
        return [w.name for w in self.written if w.what == what and w.size <= byte]

    def cuts(self, rng: random.Random) -> list[int]:
        """Around the ends of acknowledged writes, and anywhere."""
        ends = [write.size for write in self.written]
        near = [end + off for end in rng.sample(ends, CUTS // 6) for off in (-1, 0, 1)]
        anywhere = [rng.randint(0, len(self.whole)) for _ in range(CUTS - len(near))]
        return [min(max(byte, 0), len(self.whole)) for byte in (*near, *anywhere)]


async def _log(redis: aioredis.Redis) -> list[tuple[int, bytes]]:
    return [(int(i.split(b"-")[0]), f[b"r"]) for i, f in await _entries(redis, keys.log(ROOM))]


async def _air(redis: aioredis.Redis) -> list[tuple[int, bytes]]:
    return [(int(i.split(b"-")[0]), f[b"f"]) for i, f in await _entries(redis, keys.air(ROOM))]


async def _entries(redis: aioredis.Redis, key: str) -> StreamEntries:
    return cast(StreamEntries, await redis.xrange(key))


async def _holds(evening: Evening, redis: aioredis.Redis, byte: int) -> None:
    """Everything that must hold of a room whose file was cut at this byte."""
    committed = evening.before(byte, "commit")
    log = await _log(redis)
    assert log == evening.log[: len(committed)], f"cut at byte {byte}"
    last_seq = log[-1][0] if log else 0
    assert await _air(redis) == [entry for entry in evening.air if entry[0] <= last_seq]
    await _nothing_asked_is_lost_or_decided_twice(evening, redis, byte)
    records = [record async for record in read_log(redis, ROOM)]
    assert audit_log(records, ROOM).findings == []
    snapshots = evening.before(byte, "snapshot")
    state = await read_snapshot(redis, ROOM)
    assert (state is None) == (not snapshots)
    journal = Journal(redis, ROOM)
    if state is not None:
        assert str(state.seq) == snapshots[-1]
        assert await journal.record_of(state) is not None, "the log leads to it"
    journal.seq = last_seq
    going_on: list[facts.AnyFact] = [EpochStarted(99, "the next one")]
    await journal.commit(
        last_seq + 1, wire.encode_record(Record(99, 1, "0-0", going_on)), b"", "", []
    )


async def _nothing_asked_is_lost_or_decided_twice(
    evening: Evening, redis: aioredis.Redis, byte: int
) -> None:
    waits = [entry_id.decode() for entry_id, _ in await _entries(redis, keys.inbox(ROOM))]
    put = evening.before(byte, "put")
    # What a commit took off is a beginning of what was put; what waits is all the rest.
    assert waits == put[len(put) - len(waits) :]
    decided = put[: len(put) - len(waits)]
    records = [record async for _, record in read_log(redis, ROOM)]
    cursors = [record.cursor for record in records if record.cursor != "0-0"]
    if cursors:
        assert cursors[-1] in decided


@pytest.mark.slow
async def test_a_log_cut_at_any_byte_has_all_that_was_acknowledged_and_nothing_by_halves(
    free_dir: Path, rng: random.Random, seed: int
) -> None:
    world = World(seed, EVENING, FAIR)
    world.play()
    evening = Evening(free_dir / "redis")
    await evening.write(world)
    assert len(evening.log) > 20
    cuts = evening.cuts(rng)
    for byte in cuts:
        async with evening.cut_at(byte) as redis:
            await _holds(evening, redis, byte)
    lengths = {len(evening.before(byte, "commit")) for byte in cuts}
    assert len(lengths) > 10, "cut at many different points of the evening"


async def test_the_check_would_see_a_record_that_is_missing(free_dir: Path, seed: int) -> None:
    """The twin: a file cut further back than we say."""
    world = World(seed, EVENING, FAIR)
    world.play()
    evening = Evening(free_dir / "redis")
    await evening.write(world)
    commits = [write.size for write in evening.written if write.what == "commit"]
    async with evening.cut_at(commits[-1] - 1) as redis:
        with pytest.raises(AssertionError, match="cut at byte"):
            await _holds(evening, redis, commits[-1])
