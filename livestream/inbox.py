"""How commands reach a room's engine and answers come back.

Owns the inbox stream, the replies channels, and subscribing with reconnects. Refuses to know what a
command means. Nothing here retries a command by itself: only its sender knows whether a repeat is
harmless.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any, Final, cast

import structlog
from redis import asyncio as aioredis
from redis.asyncio.client import Pipeline
from redis.exceptions import RedisError

from livestream import keys, wire
from livestream.commands import Envelope, HostCommand, Once, ProviderCommand
from livestream.redis_client import BLOCK_MS_MAX, StreamEntries, count_failure

log = structlog.get_logger()

#: Entries that one read returns: 64 x at most 500 commands. A turn takes reads until it has as
#: many, so at most 127.
ENTRIES_PER_READ: Final = 64
RECONNECT_FIRST_S: Final = 0.05
RECONNECT_LONGEST_S: Final = 1.0


class EngineSilentError(Exception):
    """No engine answered in time. Whether the command was decided is not known; a repeat finds
    out.
    """


class Inbox:
    """The sending half. `sender` names the replies channel on which answers come back."""

    def __init__(self, redis: aioredis.Redis, sender: str) -> None:
        self._redis = redis
        self.sender = sender

    async def put(self, room: str, envelopes: list[Envelope], traces: Sequence[str] = ()) -> None:
        """Hand commands to the room's engine, in this order, as one entry, with the addresses of
        the traces that some of them are part of.

        Raises:
            redis.exceptions.RedisError: Redis is away; whether the entry got through is not known.
        """
        entry = self._entry(envelopes)
        if traces:
            entry[b"t"] = " ".join(traces)
        await self._redis.xadd(keys.inbox(room), entry)

    async def call(self, room: str) -> None:
        """Wake a room that is at rest though there is nothing to decide: with an empty entry.

        Raises:
            redis.exceptions.RedisError: Redis is away; whether the entry got through is not known.
        """
        await self.put(room, [])

    def add_to(self, pipe: Pipeline, room: str, envelopes: list[Envelope]) -> None:
        """The same, as the last of what `pipe` holds already and its caller executes."""
        pipe.xadd(keys.inbox(room), self._entry(envelopes))

    def _entry(self, envelopes: list[Envelope]) -> dict[Any, Any]:
        return {b"s": self.sender, b"b": wire.encode_batch(envelopes)}


class InboxReader:
    """The reading half, for the engine that owns the room. Starts with the oldest entry that is
    left: what was decided has been taken off.
    """

    def __init__(self, redis: aioredis.Redis, room: str) -> None:
        self._redis = redis
        self._key = keys.inbox(room)
        self._last_id = "0-0"

    async def read(self) -> list[tuple[str, str, bytes]]:
        """The next entries as (id, sender, batch); waits for at most BLOCK_MS_MAX and may return
        none.

        Raises:
            redis.exceptions.RedisError: Redis is away; read again later.
        """
        answer = cast(
            list[tuple[bytes, StreamEntries]],
            await self._redis.xread(
                {self._key: self._last_id}, count=ENTRIES_PER_READ, block=BLOCK_MS_MAX
            ),
        )
        if not answer:
            return []
        entries = [self._take(entry_id, fields) for entry_id, fields in answer[0][1]]
        self._last_id = entries[-1][0]
        return entries

    def _take(self, entry_id: bytes, fields: dict[bytes, bytes]) -> tuple[str, str, bytes]:
        return entry_id.decode(), fields[b"s"].decode(), fields[b"b"]


async def subscribe(
    redis: aioredis.Redis, *channels: str
) -> AsyncIterator[tuple[str, bytes] | None]:
    """Messages of `channels` as (channel, payload), for ever; reconnects by itself.

    Yields None each time the subscription stands, at first and again: what was published before
    that moment was not heard, so whoever needs more than the latest looks for it elsewhere.
    """
    delay_s = RECONNECT_FIRST_S
    while True:
        pubsub = redis.pubsub()
        try:
            await pubsub.subscribe(*channels)
            waiting = set(channels)
            while True:
                message = await pubsub.get_message(timeout=None)
                if message is None:
                    continue
                if message["type"] == "subscribe":
                    waiting.discard(message["channel"].decode())
                    if not waiting:
                        delay_s = RECONNECT_FIRST_S
                        yield None
                elif message["type"] == "message":
                    yield message["channel"].decode(), message["data"]
        except (RedisError, OSError) as error:
            count_failure(redis, error)
            log.debug("subscription.lost", channels=channels, error=str(error))
            await asyncio.sleep(delay_s)
            delay_s = min(RECONNECT_LONGEST_S, delay_s * 2)
        finally:
            with suppress(RedisError, OSError):
                await pubsub.aclose()


class Asker:
    """Ask and wait for the reply, for control and tools. One subscription serves all questions."""

    def __init__(self, redis: aioredis.Redis, sender: str) -> None:
        self._redis = redis
        self._inbox = Inbox(redis, sender)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._last = 0
        self._listening = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Subscribe. Questions asked while the subscription is down are answered
        `EngineSilentError`.
        """
        self._listener = asyncio.create_task(self._listen())
        with suppress(TimeoutError):
            await asyncio.wait_for(self._listening.wait(), RECONNECT_LONGEST_S)

    async def close(self) -> None:
        """Unsubscribe; whoever still waits gets `EngineSilentError`."""
        if self._listener is not None:
            self._listener.cancel()
            with suppress(asyncio.CancelledError):
                await self._listener
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(EngineSilentError("closing"))

    async def ask(
        self,
        room: str,
        actor: str,
        command: HostCommand | ProviderCommand,
        timeout_s: float = 5.0,
        once: Once | None = None,
    ) -> dict[str, Any]:
        """The reply frame to `command`; under the same `once` it is the first one's answer.

        Raises:
            EngineSilentError: no answer within `timeout_s`.
            redis.exceptions.RedisError: Redis is away.
        """
        self._last += 1
        conn = self._last
        future = asyncio.get_running_loop().create_future()
        self._waiting[conn] = future
        try:
            await self._inbox.put(room, [Envelope(conn, actor, "desk", command, once=once)])
            return await asyncio.wait_for(future, timeout_s)
        except TimeoutError:
            raise EngineSilentError(f"no engine answered for {room}") from None
        finally:
            del self._waiting[conn]

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear_replies()
            except Exception:
                # Broken code, or something on the channel that is not ours: whoever asks next must
                # not wait in vain for ever.
                log.exception("replies.failed", sender=self._inbox.sender)
                await asyncio.sleep(RECONNECT_LONGEST_S)

    async def _hear_replies(self) -> None:
        async for heard in subscribe(self._redis, keys.replies(self._inbox.sender)):
            if heard is None:
                self._listening.set()
                continue
            for conn, frame in wire.decode_replies(heard[1]):
                future = self._waiting.get(conn)
                if future is not None and not future.done():
                    future.set_result(wire.decode_frame(frame))
