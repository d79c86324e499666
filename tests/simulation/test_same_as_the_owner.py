"""The simulated engine against the real owner, Redis and all: what one is asked, the other is asked
at the same time, and both must write the same log and say the same.

The real owner's clock stands until it reads its inbox, and then shows the time at which the
simulated one decided the same commands; nor does it take a turn before it is asked for one. That is
all that is changed about it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from redis import asyncio as aioredis

from livestream import keys
from livestream.engine import owner
from livestream.engine.owner import RoomOwner
from livestream.engine.turn import Entries
from livestream.inbox import InboxReader
from livestream.journal import read_log
from livestream.payments.provider import Intent, RefundIntent
from livestream.redis_client import StreamEntries
from tests.simulation.clockwork import Script
from tests.simulation.engines import Committed
from tests.simulation.world import FAIR, ROOM, Scale, World

SCALE = Scale(shoppers=30, drops=2, supply_max=8, show_ms=25_000)
ANSWER_S = 10.0


class Silent:
    """A provider who has said everything already: it is in the inbox of the simulated world."""

    name = "silent"

    def charge(self, intent: Intent) -> None:
        """Say nothing."""

    def refund(self, intent: RefundIntent) -> None:
        """Say nothing."""


class FairWorld(World):
    """Its engines die now and then, in weather that loses nothing."""

    def _misfortunes(self) -> Script[None]:
        for _ in range(3):
            yield 6_000
            self._an_engine_dies()


class Real:
    """A real Redis with a real owner, who lives at the times of the simulation."""

    def __init__(self, redis: aioredis.Redis, patch: pytest.MonkeyPatch) -> None:
        self._redis = redis
        self._at_ms = self._next_ms = 0
        patch.setattr(owner, "now_ms", lambda: self._at_ms)
        # What is due is done when the simulated one did it, and not a moment before.
        patch.setattr(owner, "next_due_ms", lambda room: None)
        patch.setattr(owner, "IDLE_S", ANSWER_S)
        honest = InboxReader.read

        async def read(reader: InboxReader) -> Entries:
            entries = await honest(reader)
            self._at_ms = self._next_ms
            return entries

        patch.setattr(InboxReader, "read", read)

    @asynccontextmanager
    async def owned(self, name: str, at_ms: int) -> AsyncIterator[None]:
        """An owner, from its take-over at `at_ms` until the end of the block."""
        self._at_ms = self._next_ms = at_ms
        stopping = asyncio.Event()
        task = asyncio.create_task(
            RoomOwner(self._redis, ROOM, name, Silent(), 20, 1_000).run(stopping, asyncio.Event())
        )
        yield
        stopping.set()
        await self._redis.xadd(keys.inbox(ROOM), {b"s": "nobody", b"b": b"[]"})
        await asyncio.wait_for(task, ANSWER_S)
        await self._redis.delete(keys.inbox(ROOM))

    async def hears(self, turn: Committed) -> None:
        """What is in the inbox at once is decided at once; nothing at all wakes it too."""
        self._next_ms = turn.at_ms
        async with self._redis.pipeline(transaction=True) as pipe:
            for _, sender, batch in turn.entries or [("", "nobody", b"[]")]:
                pipe.xadd(keys.inbox(ROOM), {b"s": sender, b"b": batch})
            await pipe.execute()
        async with asyncio.timeout(ANSWER_S):
            while await self._redis.xlen(keys.inbox(ROOM)):  # noqa: ASYNC110 - Redis' own state
                await asyncio.sleep(0.001)

    async def air(self) -> list[tuple[int, bytes]]:
        """As in `RedisModel.air`."""
        entries = cast(StreamEntries, await self._redis.xrange(keys.air(ROOM)))
        return [(int(entry_id.split(b"-")[0]), fields[b"f"]) for entry_id, fields in entries]


def by_owner(history: list[Committed]) -> list[list[Committed]]:
    """Turns of one owner after another."""
    owners: list[list[Committed]] = []
    for turn in history:
        if not owners or owners[-1][0].engine != turn.engine:
            owners.append([])
        owners[-1].append(turn)
    return owners


@pytest.mark.parametrize("number", range(2))
async def test_both_write_the_same_log_and_say_the_same(
    number: int, seed: int, redis: aioredis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = FairWorld(seed + number, SCALE, FAIR)
    world.play()
    assert world.problems() == []
    real = Real(redis, monkeypatch)
    for turns in by_owner(world.history):
        took_over, *others = turns
        async with real.owned(took_over.engine, took_over.at_ms):
            for turn in others:
                await real.hears(turn)
    written = [(seq, record.at_ms, record.facts) async for seq, record in read_log(redis, ROOM)]
    assert written == [(seq, record.at_ms, record.facts) for seq, record in world.records()]
    assert await real.air() == world.redis.air
    assert len(by_owner(world.history)) > 2
