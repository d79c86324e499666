"""Wiping a room: nothing of a rehearsal stays in Redis.

    tombstone                {room}:wiped, and the room on the list WIPED
    off the lists            ROOMS, RESTING, DUTY; whoever works with the room hears of it, and goes
    every key of the room    unlinked, and again each second while the tombstone stands

Whoever worked with the room may write once more before hearing that it is gone: a gateway its
counts, an engine its ledger. So its keys are unlinked again for a minute, by every engine; then the
tombstone goes too, and the name is free. Tombstone and snapshot are watched while the keys are
unlinked: an engine that stood still meanwhile finds no tombstone, and does no harm to a new room of
the same name; and a snapshot that is kept meanwhile does not lose the value that names its parts.

Owns that order. Refuses to know which rooms may be wiped. Every method may raise
redis.exceptions.RedisError.
"""

from __future__ import annotations

from typing import Final, cast

from redis import asyncio as aioredis
from redis.asyncio.client import Pipeline

from livestream import keys
from livestream.snapshots import parts_key

#: Gateways tell their counts once a second and hear of changes at once, or when they find Redis
#: again.
SWEPT_FOR_MS: Final = 60_000


class Wiping:
    """The rooms that are being wiped."""

    def __init__(self, redis: aioredis.Redis) -> None:
        self._redis = redis

    async def begin(self, room: str, now_ms: int) -> None:
        """Take the room off every list, and its keys away."""
        await self._redis.set(keys.wiped(room), str(now_ms))
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.zadd(keys.WIPED, {room: now_ms})
            pipe.srem(keys.ROOMS, room)
            pipe.srem(keys.RESTING, room)
            pipe.hdel(keys.DUTY, room)
            await pipe.execute()
        await self._redis.publish(keys.ROOMS_CHANGED, room)
        await self.sweep(room)

    async def is_under_way(self, room: str) -> bool:
        """Whether the room was wiped just now, and its name is not free yet."""
        return bool(await self._redis.exists(keys.wiped(room)))

    async def is_let_go(self, room: str) -> bool:
        """Whether no engine works in it any more."""
        return not await self._redis.exists(keys.owner(room))

    async def sweep(self, room: str) -> None:
        """Take away what somebody has written since."""

        async def unlink(pipe: Pipeline) -> None:
            if not await pipe.exists(keys.wiped(room)):
                return
            parts = await parts_key(pipe, room)
            pipe.multi()
            pipe.unlink(*keys.all_of(room), *([] if parts is None else [parts]))

        await self._redis.transaction(unlink, keys.wiped(room), keys.snapshot(room))

    async def sweep_all(self, now_ms: int) -> None:
        """The same for every room that was wiped lately; of those wiped longer ago the last trace
        goes.
        """
        wiped = cast(
            list[tuple[bytes, float]], await self._redis.zrange(keys.WIPED, 0, -1, withscores=True)
        )
        for raw, since_ms in wiped:
            room = raw.decode()
            await self.sweep(room)
            if now_ms - since_ms >= SWEPT_FOR_MS:
                async with self._redis.pipeline(transaction=True) as pipe:
                    pipe.hdel(keys.DUTY, room)
                    pipe.zrem(keys.WIPED, room)
                    await pipe.execute()
                await self._redis.delete(keys.wiped(room))
