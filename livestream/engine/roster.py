"""The roster: which rooms need an owner, which are at rest, and which of those are called for.

A room at rest has no owner. It is in the set RESTING, and every command for it waits in its inbox
as ever, so nobody who sends one needs to know. Engines wait for all those inboxes at once, in one
blocking read from their beginning: an entry that is there already, put in the moment in which the
last owner left, ends the read at once, and one that comes ends it when it comes. Nothing can be
missed between two reads, and a room that somebody began to wake and died over is found again, for
its command is still there.

A room is written down as awake before its new owner decides anything, and as at rest only by the
ownership that was written down last. An engine that stood still on its way to rest therefore cannot
put to rest what another has woken since, with a payment under way that nobody would ask about.

Owns RESTING and DUTY. Refuses to know leases, and when a room may rest.
"""

from __future__ import annotations

import secrets
from typing import Final, cast

from redis import asyncio as aioredis

from livestream import keys
from livestream.redis_client import StreamEntries

#: How long one read waits for a command, and so how late an engine learns of a room that another
#: has just put to rest. With 1,000 rooms at rest (control's ROOMS_MAX) the read is 40 KB and costs
#: an engine 4 ms of CPU and Redis 1 ms, 0.4 % and 0.1 % of a core; asking for 1,000 lengths in a
#: pipeline instead costs the engine 12 ms, and a command would wait for the next time.
CALLED_WAIT_MS: Final = 1_000

_REST = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
  return 0
end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('SADD', KEYS[2], ARGV[1])
return 1
"""


class Roster:
    """The rooms as `engine` finds them. Every method may raise redis.exceptions.RedisError."""

    def __init__(self, redis: aioredis.Redis, engine: str) -> None:
        self._redis = redis
        self._engine = engine
        self._rest = redis.register_script(_REST)

    async def awake(self) -> list[str]:
        """Every room that needs an owner, by name."""
        rooms = cast(set[bytes], await self._redis.sdiff([keys.ROOMS, keys.RESTING]))
        return sorted(room.decode() for room in rooms)

    async def gone(self, rooms: list[str]) -> list[str]:
        """Those of these rooms that are on no list any more: they were wiped."""
        if not rooms:
            return []
        there = cast(list[int], await self._redis.smismember(keys.ROOMS, rooms))
        return [room for room, known in zip(rooms, there, strict=True) if not known]

    async def called(self) -> list[str]:
        """Rooms at rest for which a command waits; waits for one itself, at most CALLED_WAIT_MS.
        Returns at once while there is one.
        """
        resting = cast(set[bytes], await self._redis.smembers(keys.RESTING))
        inboxes = {keys.inbox(room.decode()): room.decode() for room in resting}
        if not inboxes:
            return []
        answer = cast(
            list[tuple[bytes, StreamEntries]],
            await self._redis.xread(dict.fromkeys(inboxes, "0-0"), count=1, block=CALLED_WAIT_MS),
        )
        return sorted(inboxes[key.decode()] for key, _ in answer or ())

    async def needs_owner(self, room: str) -> bool:
        """Whether that is still so, for whoever has just got the lease: since the lists were read,
        another engine may have woken the room and put it to rest again.
        """
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.sismember(keys.RESTING, room)
            pipe.xlen(keys.inbox(room))
            resting, waiting = await pipe.execute()
        return not resting or waiting > 0

    async def take(self, room: str) -> str:
        """Write `room` down as awake, before anything is decided in it; the name of this ownership
        for `rest`.
        """
        duty = f"{self._engine}:{secrets.token_hex(4)}"
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(keys.DUTY, room, duty)
            pipe.srem(keys.RESTING, room)
            await pipe.execute()
        return duty

    async def rest(self, room: str, duty: str) -> bool:
        """Write `room` down as at rest; False if another ownership has begun since `duty`."""
        return bool(await self._rest(keys=[keys.DUTY, keys.RESTING], args=[room, duty]))
