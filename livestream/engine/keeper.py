"""What is kept and shown beside the log: snapshot, storefront, ledger.

Owns when each is worth its while. The loop of `owner` calls it between two turns and never during
one: while a turn is being committed the state is ahead of the log, and the log may still refuse
that turn. Everything here is an economy or a courtesy; the log has it all, so a failure is passed
over and tried again.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Final

from redis import asyncio as aioredis
from redis.exceptions import RedisError

from livestream import keys, wire
from livestream.clock import now_ms
from livestream.engine.ledger import ChatCounts, EngineCounts, ledger_of
from livestream.engine.pulse import AudienceTotals
from livestream.journal import Journal
from livestream.room import Room
from livestream.storefront import Storefront
from metrics import catalog

#: Storefront and ledger are renewed at most this often while they change...
VIEW_EVERY_S: Final = 0.25
#: ...and the ledger at least this often when nothing does: a panel that hears nothing for longer
#: has lost its engine.
LEDGER_AT_LEAST_EVERY_S: Final = 2.0
#: Time without facts after which a snapshot is worth its while.
QUIET_BEFORE_SNAPSHOT_S: Final = 5.0


class Keeper:
    """Keeps what one ownership shows of its room."""

    def __init__(
        self, redis: aioredis.Redis, journal: Journal, room: Room, engine: str, every_facts: int
    ) -> None:
        self._redis = redis
        self._journal = journal
        self._room = room
        self._engine = engine
        self._every_facts = every_facts
        self._snapshot_seq = room.state.seq
        self._storefront_seq = -1
        self._looked_s = 0.0
        self._changed_s = time.monotonic()
        self._changed_seq = room.state.seq
        self._shown: tuple[object, ...] = ()
        self._shown_s = 0.0

    async def keep(
        self,
        audience: AudienceTotals,
        chat: ChatCounts,
        refusals: dict[str, int],
        engine: EngineCounts,
    ) -> None:
        """Renew what is due; called between any two turns."""
        now_s, seq = time.monotonic(), self._room.state.seq
        if seq != self._changed_seq:
            self._changed_seq, self._changed_s = seq, now_s
        # A snapshot costs what the whole state costs, 0.5 us and 200 bytes for each fact there ever
        # was, while commands wait; folding a fact again costs 2 us. Letting the tail grow to half
        # of what is kept bounds both: all snapshots together cost 1 us for each fact.
        if seq - self._snapshot_seq >= max(self._every_facts, self._snapshot_seq // 2):
            await self.save_snapshot()
        if now_s - self._looked_s < VIEW_EVERY_S:
            return
        self._looked_s = now_s
        with suppress(RedisError, OSError):
            if seq != self._storefront_seq:
                await self.save_storefront()
            news = (
                seq,
                audience["viewers"],
                audience["joined"],
                audience["likes"],
                chat["shown"],
                engine["decisions"],
            )
            if news != self._shown or now_s - self._shown_s >= LEDGER_AT_LEAST_EVERY_S:
                await self._publish_ledger(audience, chat, refusals, engine)
                self._shown, self._shown_s = news, now_s
        if now_s - self._changed_s >= QUIET_BEFORE_SNAPSHOT_S:
            await self._save_worthwhile_snapshot()

    async def say_farewell(
        self,
        audience: AudienceTotals,
        chat: ChatCounts,
        refusals: dict[str, int],
        engine: EngineCounts,
    ) -> bool:
        """Keep all that is needed of the room while nobody owns it; False if commands wait for it.

        Raises:
            FencedError: another engine has written to the log.
            redis.exceptions.RedisError: Redis is away.
        """
        await self._save_worthwhile_snapshot()
        ledger = ledger_of(self._room, None, now_ms(), audience, chat, refusals, engine)
        view = wire.encode_state(Storefront.of(self._room))
        return await self._journal.say_farewell(view, wire.encode(ledger))

    async def _save_worthwhile_snapshot(self) -> None:
        """Nobody waits now; but a large state is not written again for a handful of facts."""
        if self._room.state.seq - self._snapshot_seq > self._snapshot_seq // 100:
            await self.save_snapshot()

    async def save_snapshot(self) -> None:
        """Keep the state, so that the next start folds only what comes after it."""
        seq = self._room.state.seq
        with catalog.SNAPSHOT_SECONDS.time():
            state = wire.encode_state(self._room.state)
            with suppress(RedisError, OSError):
                await self._journal.save_snapshot(state)
                self._snapshot_seq = seq

    async def save_storefront(self) -> None:
        """Keep the public view, so that a gateway can start from it.

        Raises:
            redis.exceptions.RedisError: Redis is away.
        """
        seq = self._room.state.seq
        await self._journal.save_storefront(wire.encode_state(Storefront.of(self._room)))
        self._storefront_seq = seq

    async def _publish_ledger(
        self,
        audience: AudienceTotals,
        chat: ChatCounts,
        refusals: dict[str, int],
        engine: EngineCounts,
    ) -> None:
        ledger = ledger_of(self._room, self._engine, now_ms(), audience, chat, refusals, engine)
        key, payload = keys.ledger(self._room.state.room), wire.encode(ledger)
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.set(key, payload)
            pipe.publish(key, payload)
            await pipe.execute()
