"""Asking an engine: one subscription hears all answers, whatever else is said on its channel."""

from __future__ import annotations

import asyncio

import pytest
from redis import asyncio as aioredis

from livestream import keys, wire
from livestream.commands import RoomStart
from livestream.inbox import Asker, EngineSilentError, InboxReader
from tests.processes import eventually


async def test_who_asks_is_answered_after_somebody_spoke_nonsense_on_the_replies_channel(
    redis: aioredis.Redis, room: str
) -> None:
    asker = Asker(redis, "c-asker")
    await asker.start()
    assert await redis.publish(keys.replies("c-asker"), b"nonsense") == 1

    async def is_heard(listeners: int) -> bool:
        return bool((await redis.pubsub_numsub(keys.replies("c-asker")))[0][1] == listeners)

    assert await eventually(5, lambda: is_heard(0)), "the nonsense was heard"
    assert await eventually(5, lambda: is_heard(1)), "and the next answer will be"
    question = asyncio.create_task(asker.ask(room, "desk:anna", RoomStart()))
    ((_, sender, batch),) = await InboxReader(redis, room).read()
    (asked,) = wire.decode_batch(batch)
    frame = wire.reply_frame(None, {"status": "live"})
    await redis.publish(keys.replies(sender), wire.encode([(asked.conn, frame)]))
    assert (await question)["result"] == {"status": "live"}
    await asker.close()


async def test_who_asks_nobody_is_told_so(redis: aioredis.Redis, room: str) -> None:
    asker = Asker(redis, "c-asker")
    await asker.start()
    with pytest.raises(EngineSilentError, match=room):
        await asker.ask(room, "desk:anna", RoomStart(), timeout_s=0.1)
    await asker.close()
