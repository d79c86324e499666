"""What reaches a room's view from Redis: the air in order and without a gap, and the channels.

The air is a stream with the log's own ids, so a reader that lost its connection goes on after the
last id that it read. That is right while two things hold, and both are looked at:

* nothing after that id was trimmed: it cannot have been while the stream's oldest entry is not
  younger than that id, and there is reason to look only after a read that came back full;
* the log is still the same: after any failure the entry that was read last must still be there.

If either fails the view starts over from the storefront, and whoever is connected is asked, a few
at a time, to come back for a snapshot.

Owns reading. Refuses to know what a frame says.
"""

from __future__ import annotations

import asyncio
from typing import Final, cast

import msgspec
import structlog
from redis import asyncio as aioredis
from redis.exceptions import RedisError

from livestream import keys, wire
from livestream.gateway.audience import Audience
from livestream.gateway.frames import text_frame
from livestream.gateway.ring import Ring
from livestream.gateway.rooms import NOT_INVITED, RoomView, come_back
from livestream.gateway.viewer import Viewer
from livestream.inbox import subscribe
from livestream.journal import seq_of
from livestream.messages import CloseCode, Pulse
from livestream.redis_client import BLOCK_MS_MAX, StreamEntries
from livestream.storefront import Storefront

log = structlog.get_logger()

#: A read that comes back full may have a gap before it: far fewer than the stream keeps (10,000).
RECORDS_PER_READ: Final = 500
#: Records of the past that a starting gateway fetches, so that those who come back to it resume: at
#: two a second some four minutes.
PAST_RECORDS: Final = 500
RETRY_FIRST_S: Final = 0.05
RETRY_LONGEST_S: Final = 1.0
#: After a gap 20,000 viewers come back within 4 s: half of the 8,000 handshakes a process does.
COME_BACK_BATCH: Final = 100
COME_BACK_EVERY_S: Final = 0.02
#: Who is not invited any more is shown out in slices of some 2 ms, between which others are served.
SHOWN_OUT_BATCH: Final = 100


async def read_storefront(redis: aioredis.Redis, room: str) -> Storefront | None:
    """The public view that the room's engine keeps; None until it has an engine.

    Raises:
        redis.exceptions.RedisError: Redis is away.
        msgspec.DecodeError: the view was kept by another version.
    """
    kept = cast(bytes | None, await redis.get(keys.storefront(room)))
    return None if kept is None else msgspec.json.decode(kept, type=Storefront)


async def read_pulse(redis: aioredis.Redis, room: str) -> bytes | None:
    """The room's counts as its owner told them last, as a pulse. They stand until the next one,
    and a room at rest has none.

    Raises:
        redis.exceptions.RedisError: Redis is away.
    """
    kept = cast(bytes | None, await redis.get(keys.ledger(room)))
    try:
        ledger = wire.decode_frame(kept or b"")
        pulse: Pulse = {
            "type": "pulse",
            "viewers": ledger["audience"]["viewers"],
            "likes": ledger["audience"]["likes"],
            "server_time_ms": ledger["at_ms"],
        }
    except (ValueError, KeyError, TypeError):
        return None  # there is none, or it is of another version
    return wire.encode(pulse)


async def read_past(redis: aioredis.Redis, storefront: Storefront) -> Ring:
    """What viewers may have missed before this gateway began: the air up to the kept view.

    Raises:
        redis.exceptions.RedisError: Redis is away.
    """
    entries = cast(
        StreamEntries,
        await redis.xrevrange(
            keys.air(storefront.room), max=f"{storefront.seq}-0", count=PAST_RECORDS
        ),
    )
    past = [told for _, fields in reversed(entries) for told in wire.decode_air(fields[b"f"])]
    ring = Ring(past[0][0] - 1 if past else storefront.seq)
    for seq, audience, frame in past:
        if audience == "viewers":
            ring.append(seq, text_frame(bytes(frame)))
    return ring


class AirReader:
    """Follows the air of one room, for ever."""

    def __init__(self, redis: aioredis.Redis, view: RoomView, audience: Audience) -> None:
        self._redis = redis
        self._view = view
        self._audience = audience
        self._key = keys.air(view.name)
        self._last_id = f"{view.storefront.seq}-0"
        self._last_entry: bytes | None = None  # None: nothing was read yet
        self._sending: asyncio.Task[None] | None = None  # kept, or it may be collected unfinished
        self._leaving: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Keep the view up to date."""
        delay_s = RETRY_FIRST_S
        doubtful = False
        while True:
            try:
                if doubtful and not await self._is_the_same_log():
                    await self._start_over("the log is another one")
                doubtful = False
                await self._read()
                delay_s = RETRY_FIRST_S
            except (RedisError, OSError):
                doubtful = True
                await asyncio.sleep(delay_s)
                delay_s = min(RETRY_LONGEST_S, delay_s * 2)

    async def _read(self) -> None:
        answer = cast(
            list[tuple[bytes, StreamEntries]],
            await self._redis.xread(
                {self._key: self._last_id}, count=RECORDS_PER_READ, block=BLOCK_MS_MAX
            ),
        )
        if not answer:
            return
        entries = answer[0][1]
        if len(entries) == RECORDS_PER_READ and await self._is_trimmed():
            await self._start_over("the air was trimmed before it was read")
            return
        for entry_id, fields in entries:
            for seq, audience, frame in wire.decode_air(fields[b"f"]):
                self._view.on_air(seq, audience, frame)
            self._last_id, self._last_entry = entry_id.decode(), fields[b"f"]
        if self._view.uninvited:
            leaving = asyncio.create_task(self._show_out(self._view.uninvited))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
            self._view.uninvited = []

    async def _is_trimmed(self) -> bool:
        """Whether something after the last entry we know may be gone."""
        oldest = cast(StreamEntries, await self._redis.xrange(self._key, count=1))
        return not oldest or seq_of(oldest[0][0]) > seq_of(self._last_id.encode())

    async def _is_the_same_log(self) -> bool:
        if self._last_entry is None:
            return True
        found = cast(
            StreamEntries, await self._redis.xrange(self._key, self._last_id, self._last_id)
        )
        return bool(found) and found[0][1].get(b"f") == self._last_entry

    async def _start_over(self, why: str) -> None:
        """Take the kept view for what it is, and have everybody here fetch it."""
        storefront = await read_storefront(self._redis, self._view.name)
        while storefront is None:
            await asyncio.sleep(RETRY_LONGEST_S)
            storefront = await read_storefront(self._redis, self._view.name)
        log.warning("air.gap", room=self._view.name, reason=why, seq=storefront.seq)
        self._last_id, self._last_entry = f"{storefront.seq}-0", None
        here = self._view.start_over(storefront)
        self._sending = asyncio.create_task(self._send_for_snapshots(here))

    async def _show_out(self, viewers: list[Viewer]) -> None:
        for start in range(0, len(viewers), SHOWN_OUT_BATCH):
            for viewer in viewers[start : start + SHOWN_OUT_BATCH]:
                self._audience.close_viewer(viewer, CloseCode.BANNED, NOT_INVITED)
            await asyncio.sleep(0)

    async def _send_for_snapshots(self, viewers: list[Viewer]) -> None:
        for start in range(0, len(viewers), COME_BACK_BATCH):
            for viewer in viewers[start : start + COME_BACK_BATCH]:
                self._audience.close_viewer(viewer, CloseCode.RESTARTING, come_back())
            await asyncio.sleep(COME_BACK_EVERY_S)


async def follow_channels(redis: aioredis.Redis, view: RoomView) -> None:
    """Chat and pulse for everybody, and the frames for single viewers, for ever."""
    private = keys.private(view.name)
    async for heard in subscribe(redis, keys.chat(view.name), private):
        if heard is None:
            await _fetch_history(redis, view)
        elif heard[0] == private:
            for viewer_id, frame in wire.decode_private(heard[1]):
                view.on_private(viewer_id, bytes(frame))
        else:
            view.on_channel(heard[1])


async def _fetch_history(redis: aioredis.Redis, view: RoomView) -> None:
    try:
        kept = cast(bytes | None, await redis.get(keys.history(view.name)))
    except (RedisError, OSError):
        return  # the next subscription fetches it
    if kept is not None:
        view.remember(wire.decode_chat(kept))
