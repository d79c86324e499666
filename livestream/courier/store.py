"""Where the courier's letters and its place in each log lie in Redis.

    {room}:courier         the place: the last record that was taken from the log
    {room}:courier.outbox  hash: what waits, by its number
    {room}:courier.dead    hash: dead letters, by their number
    {room}:courier.replay  set: orders whose dead letters somebody wants replayed

Taking from the log is one script that moves the place and adds the letters, or does nothing: a
courier that slept through its lease finds the place moved and cannot move it back. Every method may
raise redis.exceptions.RedisError.

Owns those keys. Refuses to know when anything is tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

import msgspec
from msgspec import Struct
from redis import asyncio as aioredis
from redis.exceptions import ResponseError

from livestream import keys, wire
from livestream.courier.letters import Letter

_TAKE: Final = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then
  return redis.error_reply('FENCED the place in the log has moved')
end
local letters = tonumber(ARGV[3])
for i = 1, letters do
  redis.call('HSET', KEYS[2], ARGV[2 + 2 * i], ARGV[3 + 2 * i])
end
for i = letters + 1, (#ARGV - 3) / 2 do
  redis.call('HSET', KEYS[3], ARGV[2 + 2 * i], ARGV[3 + 2 * i])
end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[2])
end
return 1
"""


class PlaceMovedError(Exception):
    """Another courier has taken from this log."""


class Place(Struct, frozen=True):
    """How far a log was taken: its record of this seq, epoch and time."""

    seq: int = 0
    epoch: int = 0
    at_ms: int = 0


class Store:
    """Everything of one installation."""

    def __init__(self, redis: aioredis.Redis) -> None:
        self._redis = redis
        self._take = redis.register_script(_TAKE)

    async def place(self, room: str) -> Place:
        """How far the log of a room was taken; the beginning if it never was."""
        kept = await self._redis.get(keys.courier(room))
        return Place() if kept is None else msgspec.json.decode(kept, type=Place)

    async def take(
        self, room: str, before: Place, after: Place, waiting: list[Letter], dead: list[Letter]
    ) -> None:
        """Move the place, and keep the letters that the log had up to there.

        Raises:
            PlaceMovedError: see there; nothing was written.
        """
        args: list[str | bytes | int] = [
            _kept(before),
            _kept(after),
            len(waiting),
        ]
        for letter in (*waiting, *dead):
            args += [str(letter.number), wire.encode_state(letter)]
        try:
            await self._take(
                keys=[keys.courier(room), keys.courier_outbox(room), keys.courier_dead(room)],
                args=args,
            )
        except ResponseError as error:
            if str(error).startswith("FENCED"):
                raise PlaceMovedError(str(error)) from None
            raise

    async def waiting(self, room: str) -> list[Letter]:
        """What waits, in the order of the log."""
        return _letters(await self._redis.hgetall(keys.courier_outbox(room)))

    async def dead(self, room: str) -> list[Letter]:
        """Dead letters, in the order of the log."""
        return _letters(await self._redis.hgetall(keys.courier_dead(room)))

    async def counts(self, room: str) -> tuple[int, int]:
        """How many wait, and how many are dead."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hlen(keys.courier_outbox(room))
            pipe.hlen(keys.courier_dead(room))
            waiting, dead = await pipe.execute()
        return waiting, dead

    async def delivered(self, room: str, letter: Letter) -> None:
        """It arrived."""
        await self._redis.hdel(keys.courier_outbox(room), str(letter.number))

    async def failed(self, room: str, letter: Letter) -> None:
        """It did not, and will be tried again."""
        value = wire.encode_state(letter)
        await self._redis.hset(keys.courier_outbox(room), str(letter.number), value)

    async def bury(self, room: str, letters: list[Letter]) -> None:
        """Give up on these until somebody wants them replayed."""
        values = _values(letters)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(keys.courier_dead(room), mapping=values)
            pipe.hdel(keys.courier_outbox(room), *values)
            await pipe.execute()

    async def wish_replay(self, room: str, order_ids: Iterable[str]) -> None:
        """Ask the courier for a replay of these orders' dead letters."""
        await self._redis.sadd(keys.courier_replay(room), *order_ids)

    async def wishes(self, rooms: list[str]) -> list[set[str]]:
        """Orders whose replay is wanted, room by room."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for room in rooms:
                pipe.smembers(keys.courier_replay(room))
            found = cast(list[set[bytes]], await pipe.execute())
        return [{order_id.decode() for order_id in wished} for wished in found]

    async def revive(self, room: str, order_id: str, letters: list[Letter]) -> None:
        """Put the dead letters of an order back among those that wait."""
        values = _values(letters)
        async with self._redis.pipeline(transaction=True) as pipe:
            if values:
                pipe.hset(keys.courier_outbox(room), mapping=values)
                pipe.hdel(keys.courier_dead(room), *values)
            pipe.srem(keys.courier_replay(room), order_id)
            await pipe.execute()


def _kept(place: Place) -> bytes:
    """As it lies in Redis; the beginning of a log is no place yet."""
    return b"" if place == Place() else wire.encode_state(place)


def _values(letters: list[Letter]) -> dict[Any, Any]:
    return {str(letter.number): wire.encode_state(letter) for letter in letters}


def _letters(kept: Mapping[Any, Any]) -> list[Letter]:
    letters = [msgspec.json.decode(value, type=Letter) for value in kept.values()]
    return sorted(letters, key=lambda letter: letter.number)
