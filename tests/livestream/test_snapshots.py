"""Snapshots in Redis: small ones whole, large ones in parts, torn ones not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from redis import asyncio as aioredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from livestream import keys, wire
from livestream.room import RoomState
from livestream.snapshots import (
    PART_BYTES,
    Snapshots,
    parts_key,
    read_snapshot,
    read_snapshot_bytes,
)

LARGE = b"a state of many orders " * 50_000


async def keys_of(redis: aioredis.Redis, room: str) -> set[str]:
    return {key.decode() async for key in redis.scan_iter(f"*{room}*")}


async def test_a_snapshot_reads_back_and_one_from_elsewhere_is_ignored(
    redis: aioredis.Redis, room: str
) -> None:
    snapshots = Snapshots(redis, room)
    assert await read_snapshot(redis, room) is None
    state = RoomState(room, title="T", seq=7)
    await snapshots.save(wire.encode_state(state), "1-7")
    assert await read_snapshot(redis, room) == state
    await snapshots.save(b'{"room": 3}', "1-8")
    assert await read_snapshot(redis, room) is None


async def test_a_large_one_lies_in_parts_and_the_one_before_is_cleared_away(
    redis: aioredis.Redis, room: str
) -> None:
    snapshots = Snapshots(redis, room)
    await snapshots.save(b"x" + LARGE, "1-1")
    await snapshots.save(LARGE, "1-2")
    assert await read_snapshot_bytes(redis, room) == LARGE
    parts = keys.snapshot_parts(room, "1-2")
    assert await redis.llen(parts) == -(-len(LARGE) // PART_BYTES)
    assert await redis.ttl(parts) == -1
    assert await keys_of(redis, room) == {keys.snapshot(room), parts}
    await snapshots.save(b"{}", "1-3")
    assert await read_snapshot_bytes(redis, room) == b"{}"
    assert await keys_of(redis, room) == {keys.snapshot(room)}


async def test_one_that_is_broken_off_leaves_the_one_before_and_goes_by_itself(
    redis: aioredis.Redis, room: str
) -> None:
    snapshots = Snapshots(redis, room)
    await snapshots.save(LARGE, "1-1")

    async def torn() -> AsyncIterator[bytes]:
        yield b"first"
        raise RuntimeError("the child is gone")

    with pytest.raises(RuntimeError, match="the child is gone"):
        await snapshots.save_slowly(torn(), "1-2")
    assert await read_snapshot_bytes(redis, room) == LARGE
    assert await redis.ttl(keys.snapshot_parts(room, "1-2")) > 0

    async def whole() -> AsyncIterator[bytes]:
        yield b"again, "
        yield b"and whole"

    await snapshots.save_slowly(whole(), "1-2")
    assert await read_snapshot_bytes(redis, room) == b"again, and whole"


async def test_parts_that_nothing_names_go_by_themselves_wherever_redis_went_away(
    redis: aioredis.Redis, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots, sent, last = Snapshots(redis, room), 0, 0
    send = AbstractConnection.send_packed_command

    async def send_until_last(self: AbstractConnection, *args: Any, **more: Any) -> None:
        nonlocal sent
        sent += 1
        if last and sent > last:
            raise RedisError("away")
        await send(self, *args, **more)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", send_until_last)
    await snapshots.save(b"x" + LARGE, "1-0")
    for attempt in range(1, sent + 1):
        sent, last = 0, attempt
        with suppress(RedisError):
            await snapshots.save(LARGE, f"1-{attempt}")
        sent, last = 0, 0
        named = await parts_key(redis, room)
        kept = await keys_of(redis, room) - {keys.snapshot(room)}
        assert {key for key in kept if await redis.ttl(key) == -1} == {named}
    assert named == keys.snapshot_parts(room, f"1-{attempt}"), "the last one had all it needs"


async def test_one_of_which_a_part_is_missing_counts_for_nothing(
    redis: aioredis.Redis, room: str
) -> None:
    await Snapshots(redis, room).save(LARGE, "1-1")
    await redis.rpop(keys.snapshot_parts(room, "1-1"))
    assert await read_snapshot_bytes(redis, room) is None
