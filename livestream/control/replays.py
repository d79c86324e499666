"""Last night's log, looked at again: what a player needs, and the room as it stood at a time.

Owns a film (`rewind`) of each room that was asked for lately, and reading. What is folded, is
folded in a thread, a page of the log at a time: a show of a million facts takes it some seconds, in
which every other request is served. Refuses to know how a room is folded.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import cast

import msgspec
import structlog
from redis import asyncio as aioredis

from cart.stock import BrokenBooksError
from livestream import keys
from livestream.attendance import read_moments
from livestream.control.context import Answer, Call, Control
from livestream.control.problems import Problem, log_broken
from livestream.control.rewind import Entries, Film
from livestream.journal import READ_PAGE, seq_of
from livestream.redis_client import StreamEntries

log = structlog.get_logger()

#: 2 rooms x (two states, of a usual show 10 MB each, and 20 MB of those that are kept) = 80 MB; of
#: 100,000 orders each state has 200 MB.
ROOMS_KEPT = 2


class _Player:
    def __init__(self, room: str) -> None:
        self.lock = asyncio.Lock()
        self.film = Film(room)


class Replays:
    """The films of all rooms that were asked for lately."""

    def __init__(self, redis: aioredis.Redis) -> None:
        self._redis = redis
        self._players: OrderedDict[str, _Player] = OrderedDict()

    def forget(self, room: str) -> None:
        """The room was wiped."""
        self._players.pop(room, None)

    async def about(self, room: str) -> Film:
        """The film up to the log's end of now, or a little before.

        Raises:
            redis.exceptions.RedisError: Redis is away.
            msgspec.DecodeError, BrokenBooksError: the log is damaged.
        """
        player = self._player(room)
        async with player.lock:
            await self._catch_up(player)
            return player.film

    async def at(self, room: str, at_ms: int) -> bytes:
        """The room as it stood, as JSON. Raises as `about`."""
        player = self._player(room)
        async with player.lock:
            if player.film.head.state.at_ms <= at_ms:
                await self._catch_up(player)
            film = player.film
            try:
                seq = await asyncio.to_thread(film.wind_to, at_ms)
                there = False
                while not there:
                    page = await self._page(room, seq)
                    there = await asyncio.to_thread(film.run, page, at_ms) or len(page) < READ_PAGE
                    seq = seq_of(page[-1][0]) if page else seq
            except BaseException:
                film.lose_shot()
                raise
            return await asyncio.to_thread(lambda: msgspec.json.encode(film.shown(at_ms)))

    def _player(self, room: str) -> _Player:
        player = self._players.setdefault(room, _Player(room))
        self._players.move_to_end(room)
        if len(self._players) > ROOMS_KEPT:
            self._players.popitem(last=False)
        return player

    async def _catch_up(self, player: _Player) -> None:
        film = player.film
        room = film.room
        if await self._end(room) < film.head.state.seq:
            log.warning("replay.log_rewritten", room=room)  # Redis came back with less
            film = player.film = Film(room)
        try:
            seq = film.head.state.seq
            while True:
                page = await self._page(room, seq)
                seq = await asyncio.to_thread(film.take, page)
                if len(page) < READ_PAGE:
                    break
        except BaseException:
            player.film = Film(room)  # half a record may be folded
            raise
        kept = cast(StreamEntries, await self._redis.xrange(keys.attendance(room)))
        film.know(read_moments(fields[b"m"] for _, fields in kept))

    async def _end(self, room: str) -> int:
        tail = cast(StreamEntries, await self._redis.xrevrange(keys.log(room), count=1))
        return seq_of(tail[0][0]) if tail else 0

    async def _page(self, room: str, after_seq: int) -> Entries:
        start = f"({after_seq}-0" if after_seq else "-"
        page = await self._redis.xrange(keys.log(room), min=start, count=READ_PAGE)
        return [(entry_id, fields[b"r"]) for entry_id, fields in cast(StreamEntries, page)]


async def show_replay(control: Control, call: Call) -> Answer | Problem:
    """From when to when a room's log goes, and what happened in it."""
    try:
        return Answer((await control.replays.about(call.room)).about())
    except (BrokenBooksError, msgspec.DecodeError) as error:
        return log_broken(call.room, error)


async def show_moment(control: Control, call: Call) -> Answer | Problem:
    """A room as it stood at a time: what viewers saw, and the desk's numbers. Folded from the log
    by the engine's own code; of chat, which is not in it, only how much there was.
    """
    try:
        return Answer(await control.replays.at(call.room, call.query.at_ms))
    except (BrokenBooksError, msgspec.DecodeError) as error:
        return log_broken(call.room, error)
