"""The engine's state beside the log, so that the next start folds only what came after it.

A small state is one value. A large one in one value would hold Redis, and with it every commit of
every room, for as long as it takes to write hundreds of megabytes to its file; so it lies in parts
that are written one by one, and the value names them. An economy in either case: a snapshot that is
missing, torn or of other code is ignored, for the log has everything.

Owns how snapshots lie in Redis. Refuses to know what is in a state, and when it is kept.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, Iterator
from typing import Final, cast

import msgspec
from redis import asyncio as aioredis
from redis.asyncio.client import Pipeline

from livestream import keys
from livestream.room import RoomState

#: One write: about a millisecond of Redis, its flush to disk included.
PART_BYTES: Final = 256 << 10
#: Parts that one read returns: 64 x 256 KiB = 16 MiB.
PARTS_PER_READ: Final = 64
#: Between two parts Redis is left alone for this many times as long as the last one took it: the
#: writing of a snapshot has a fifth of its time.
REST: Final = 4.0
#: Parts of a snapshot that never was finished are gone after this time.
UNFINISHED_S: Final = 600

#: What the value of a snapshot in parts begins with; a state begins with a brace.
_IN_PARTS: Final = b"parts "


class Snapshots:
    """The writing half, for the owner of `room`."""

    def __init__(self, redis: aioredis.Redis, room: str) -> None:
        self._redis = redis
        self._room = room

    async def save(self, state: bytes, name: str) -> None:
        """Keep an encoded state, at once. `name` is of this snapshot alone.

        Raises:
            redis.exceptions.RedisError: Redis is away; the snapshot before stays.
        """
        if len(state) <= PART_BYTES:
            await self._point_at(state)
            return
        await self._begin(name)
        for part in _split(state):
            await self._append(name, part)
        await self._finish(name, -(-len(state) // PART_BYTES))

    async def save_slowly(self, parts: AsyncIterable[bytes], name: str) -> None:
        """Keep an encoded state that comes in parts, leaving Redis to others in between.

        Raises:
            redis.exceptions.RedisError: Redis is away; the snapshot before stays.
        """
        await self._begin(name)
        count = 0
        async for part in parts:
            began_s = time.perf_counter()
            await self._append(name, part)
            count += 1
            await asyncio.sleep((time.perf_counter() - began_s) * REST)
        await self._finish(name, count)

    async def _begin(self, name: str) -> None:
        """An attempt that was broken off may have left parts."""
        await self._redis.unlink(keys.snapshot_parts(self._room, name))

    async def _append(self, name: str, part: bytes) -> None:
        key = keys.snapshot_parts(self._room, name)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.rpush(key, part)
            pipe.expire(key, UNFINISHED_S)
            await pipe.execute()

    async def _finish(self, name: str, count: int) -> None:
        """From now on these parts are the snapshot."""
        parts = keys.snapshot_parts(self._room, name)
        await self._point_at(_IN_PARTS + f"{count} {name}".encode(), parts)

    async def _point_at(self, value: bytes, parts: str | None = None) -> None:
        """At once, so that parts stay exactly while the value names them."""

        async def point(pipe: Pipeline) -> None:
            before = await parts_key(pipe, self._room)
            pipe.multi()
            pipe.set(key, value)
            if parts is not None:
                pipe.persist(parts)
            if before is not None and before != parts:
                pipe.unlink(before)

        key = keys.snapshot(self._room)
        await self._redis.transaction(point, key)


async def read_snapshot(redis: aioredis.Redis, room: str) -> RoomState | None:
    """The last kept state, or None."""
    kept = await read_snapshot_bytes(redis, room)
    if kept is None:
        return None
    try:
        return msgspec.json.decode(kept, type=RoomState)
    except msgspec.DecodeError:
        return None


async def read_snapshot_bytes(redis: aioredis.Redis, room: str) -> bytes | None:
    """The last kept state as it was encoded, or None."""
    value = cast(bytes | None, await redis.get(keys.snapshot(room)))
    while value is not None and value.startswith(_IN_PARTS):
        whole = await _join(redis, room, value)
        if whole is not None:
            return whole
        # A newer one may have taken its place while it was read.
        before, value = value, cast(bytes | None, await redis.get(keys.snapshot(room)))
        if value == before:
            return None
    return value


async def parts_key(redis: aioredis.Redis, room: str) -> str | None:
    """The key of the last snapshot's parts, if it lies in parts."""
    value = cast(bytes | None, await redis.get(keys.snapshot(room)))
    if value is None or not value.startswith(_IN_PARTS):
        return None
    return keys.snapshot_parts(room, _name_in(value))


async def _join(redis: aioredis.Redis, room: str, value: bytes) -> bytes | None:
    """All parts as one, or None if they are not all there."""
    key = keys.snapshot_parts(room, _name_in(value))
    parts: list[bytes] = []
    while page := cast(
        list[bytes], await redis.lrange(key, len(parts), len(parts) + PARTS_PER_READ - 1)
    ):
        parts += page
    return b"".join(parts) if len(parts) == int(value.split()[1]) else None


def _name_in(value: bytes) -> str:
    return value.split()[2].decode()


def _split(state: bytes) -> Iterator[bytes]:
    for start in range(0, len(state), PART_BYTES):
        yield state[start : start + PART_BYTES]
