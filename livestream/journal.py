"""The log of a room in Redis: append with a fence, read back.

Owns how records and public frames lie in Redis. Refuses to know what they mean: it
stores and returns `Record`s. A record's stream id is `<seq of its last fact>-0`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from importlib import resources
from typing import Any, Final, cast

from redis import asyncio as aioredis
from redis.exceptions import ResponseError

from livestream import keys, wire
from livestream.facts import Record, RoomCreated
from livestream.redis_client import StreamEntries
from livestream.room import RoomState

#: Records of public frames that gateways can catch up on from Redis; one that is further behind
#: starts anew from the storefront. 10,000 x about 300 bytes = 3 MB for each room.
AIR_RECORDS_MAX: Final = 10_000
#: Records that one read returns: 500 x at most a few hundred KB, so that a replay stays in bounds.
READ_PAGE: Final = 500
#: Before a room is made its log has nothing but take-overs, by engines that died over it.
CREATED_WITHIN: Final = 100

_APPEND = resources.files("livestream").joinpath("journal.append.lua").read_text()
_FAREWELL = resources.files("livestream").joinpath("journal.farewell.lua").read_text()


class FencedError(Exception):
    """The log does not end where this engine left it: the room has another owner, or Redis lost
    records.
    """


class Journal:
    """The writing half, for the one engine that owns `room`. `seq` is the last one in the log."""

    def __init__(self, redis: aioredis.Redis, room: str) -> None:
        self._redis = redis
        self._room = room
        self._append = redis.register_script(_APPEND)
        self._farewell = redis.register_script(_FAREWELL)
        self._keys = [keys.log(room), keys.air(room), keys.inbox(room)]
        self.seq = 0

    async def commit(
        self,
        seq: int,
        record: bytes,
        air: bytes,
        consumed: str,
        messages: Sequence[tuple[str, bytes]],
    ) -> None:
        """Append `record`, whose last fact is `seq`, and publish `messages`, or do nothing at all.

        Empty `record` means that nothing happened and `seq` is unchanged. `consumed` is the id of
        the last inbox entry that was decided, or empty.

        Raises:
            FencedError: see there; nothing was written.
            redis.exceptions.RedisError: Redis is away; whether it was written, `is_committed`
            tells.
        """
        args: list[Any] = [
            f"{self.seq}-0",
            f"{seq}-0",
            record,
            air,
            AIR_RECORDS_MAX,
            _after(consumed) if consumed else "",
        ]
        for channel, message in messages:
            args += (channel, message)
        try:
            await self._append(keys=self._keys, args=args)
        except ResponseError as error:
            raise _fenced(error) from None
        self.seq = seq

    async def is_committed(self, seq: int, record: bytes) -> bool:
        """After an append whose answer was lost: whether it is in the log.

        Raises:
            FencedError: the log ends neither before nor with this record.
        """
        tail = cast(StreamEntries, await self._redis.xrevrange(keys.log(self._room), count=1))
        last_id, last = (tail[0][0].decode(), tail[0][1][b"r"]) if tail else ("0-0", b"")
        if record and last_id == f"{seq}-0" and last == record:
            self.seq = seq
            return True
        if last_id == f"{self.seq}-0":
            return False
        raise FencedError(f"the log ends with {last_id}, not with {self.seq}-0")

    async def record_of(self, state: RoomState) -> Record | None:
        """The record that `state` stands at, or None if the log does not lead to it: a snapshot of
        a log that Redis lost, or refused, is worthless, even where the log has grown past its seq
        since.
        """
        entry_id = f"{state.seq}-0"
        found = cast(
            StreamEntries, await self._redis.xrange(keys.log(self._room), entry_id, entry_id)
        )
        if not found:
            return None
        record = wire.decode_record(found[0][1][b"r"])
        return record if (record.epoch, record.at_ms) == (state.epoch, state.at_ms) else None

    async def is_record(self, entry_id: str, epoch: int, at_ms: int) -> bool:
        """Whether the log has this record still, and no other under the same number."""
        found = cast(
            StreamEntries, await self._redis.xrange(keys.log(self._room), entry_id, entry_id)
        )
        if not found:
            return False
        record = wire.decode_record(found[0][1][b"r"])
        return (record.epoch, record.at_ms) == (epoch, at_ms)

    async def save_storefront(self, view: bytes) -> None:
        """Keep the public view, so that a gateway can start from it."""
        await self._redis.set(keys.storefront(self._room), view)

    async def say_farewell(self, view: bytes, ledger: bytes) -> bool:
        """Keep the public view and the desk's numbers for the time in which nobody owns the room.
        False, and nothing is done, if commands wait for it.

        Raises:
            FencedError: see there; nothing was written.
            redis.exceptions.RedisError: Redis is away; whether it was written is not known, and
            does no harm: say it again, or go on.
        """
        room = self._room
        try:
            said = await self._farewell(
                keys=[keys.log(room), keys.inbox(room), keys.storefront(room), keys.ledger(room)],
                args=[f"{self.seq}-0", view, ledger],
            )
        except ResponseError as error:
            raise _fenced(error) from None
        return bool(said)


async def read_log(
    redis: aioredis.Redis, room: str, after_seq: int = 0
) -> AsyncIterator[tuple[int, Record]]:
    """Records after `after_seq`, oldest first, each with the seq of its last fact.

    Raises:
        msgspec.DecodeError: the log is damaged or newer than this code.
    """
    start = f"({after_seq}-0" if after_seq else "-"
    while True:
        page = cast(StreamEntries, await redis.xrange(keys.log(room), min=start, count=READ_PAGE))
        for entry_id, fields in page:
            yield seq_of(entry_id), wire.decode_record(fields[b"r"])
        if len(page) < READ_PAGE:
            return
        start = f"({page[-1][0].decode()}"


async def read_creation(redis: aioredis.Redis, room: str) -> RoomCreated | None:
    """The fact by which the room was made, which is among the first of its log; None before that.

    Raises:
        msgspec.DecodeError: the log is damaged or newer than this code.
    """
    page = cast(StreamEntries, await redis.xrange(keys.log(room), count=CREATED_WITHIN))
    made = (fact for _, fields in page for fact in wire.decode_record(fields[b"r"]).facts)
    return next((fact for fact in made if isinstance(fact, RoomCreated)), None)


def seq_of(entry_id: bytes) -> int:
    """The seq in a stream id of the log or the air."""
    return int(entry_id.split(b"-", 1)[0])


def _fenced(error: ResponseError) -> Exception:
    """What a script's refusal means."""
    return FencedError(str(error)) if str(error).startswith("FENCED") else error


def _after(entry_id: str) -> str:
    """The smallest stream id above `entry_id`."""
    ms, number = entry_id.split("-")
    return f"{ms}-{int(number) + 1}"
