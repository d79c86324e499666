"""What is kept and shown beside the log: snapshot, storefront, ledger.

Owns when each is worth its while. The loop of `owner` calls it between two turns and never during
one: while a turn is being committed the state is ahead of the log, and the log may still refuse
that turn. Everything here is an economy or a courtesy; the log has it all, so a failure is passed
over and tried again.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Final

import structlog
from redis import asyncio as aioredis
from redis.exceptions import RedisError

from livestream import keys, wire
from livestream.clock import now_ms
from livestream.engine.imprint import Imprint, TornError
from livestream.engine.ledger import ChatCounts, EngineCounts, ledger_of
from livestream.engine.pulse import AudienceTotals
from livestream.flight import Watch
from livestream.journal import Journal
from livestream.room import Room
from livestream.snapshots import PART_BYTES, Snapshots
from livestream.storefront import Storefront
from metrics import catalog

log = structlog.get_logger()

#: Storefront and ledger are renewed at most this often while they change...
VIEW_EVERY_S: Final = 0.25
#: ...and the ledger at least this often when nothing does: a panel that hears nothing for longer
#: has lost its engine.
LEDGER_AT_LEAST_EVERY_S: Final = 2.0
#: Time without facts after which a snapshot is worth its while.
QUIET_BEFORE_SNAPSHOT_S: Final = 5.0
#: A state of fewer facts is encoded at once, in less time than a fork takes: 5,000 x 0.5 us.
FACTS_AT_ONCE_MAX: Final = 5_000
#: After a snapshot that could not be kept.
SNAPSHOT_AGAIN_S: Final = 10.0
#: A large snapshot takes seconds; one that takes this long has a child that is stuck.
SNAPSHOT_WITHIN_S: Final = 300.0


class Keeper:
    """Keeps what one ownership shows of its room."""

    def __init__(
        self, redis: aioredis.Redis, journal: Journal, room: Room, engine: str, every_facts: int
    ) -> None:
        self._redis = redis
        self._journal = journal
        self._snapshots = Snapshots(redis, room.state.room)
        self._saving: tuple[Imprint, asyncio.Task[None]] | None = None
        self._save_from_s = 0.0
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
        watch: Watch,
    ) -> None:
        """Renew what is due; called between any two turns."""
        now_s, seq = time.monotonic(), self._room.state.seq
        if seq != self._changed_seq:
            self._changed_seq, self._changed_s = seq, now_s
        # A snapshot costs what the whole state costs, 0.5 us and 200 bytes for each fact there ever
        # was; folding a fact again costs 2 us. Letting the tail grow to half of what is kept bounds
        # both: all snapshots together cost 1 us for each fact.
        if seq - self._snapshot_seq >= max(self._every_facts, self._snapshot_seq // 2):
            await self._save_while_commands_come()
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
                watch.arrivals,
            )
            if news != self._shown or now_s - self._shown_s >= LEDGER_AT_LEAST_EVERY_S:
                await self._publish_ledger(audience, chat, refusals, engine, watch)
                self._shown, self._shown_s = news, now_s
        if now_s - self._changed_s >= QUIET_BEFORE_SNAPSHOT_S and self._is_worthwhile:
            await self._save_while_commands_come()

    async def say_farewell(
        self,
        audience: AudienceTotals,
        chat: ChatCounts,
        refusals: dict[str, int],
        engine: EngineCounts,
        watch: Watch,
    ) -> bool:
        """Keep all that is needed of the room while nobody owns it; False if commands wait for it.

        Raises:
            FencedError: another engine has written to the log.
            redis.exceptions.RedisError: Redis is away.
        """
        if self._is_worthwhile:
            await self.save_snapshot()
        at_ms = now_ms()
        ledger = ledger_of(self._room, None, at_ms, audience, chat, refusals, engine, watch)
        view = wire.encode_state(Storefront.of(self._room))
        return await self._journal.say_farewell(view, wire.encode(ledger))

    @property
    def _is_worthwhile(self) -> bool:
        """A large state is not written again for a handful of facts."""
        return self._room.state.seq - self._snapshot_seq > self._snapshot_seq // 100

    async def _save_while_commands_come(self) -> None:
        """Keep the state and let the commands of that room wait as little as can be."""
        under_way = self._saving is not None and not self._saving[1].done()
        if under_way or time.monotonic() < self._save_from_s:
            return
        if self._room.state.seq <= FACTS_AT_ONCE_MAX:
            await self.save_snapshot()
            return
        try:
            with catalog.SNAPSHOT_SECONDS.time():
                imprint = Imprint(lambda: wire.encode_state(self._room.state))
        except OSError as error:
            self._put_off(error)
            return
        name, seq = self._name_now, self._room.state.seq
        self._saving = imprint, asyncio.create_task(self._save_imprint(imprint, name, seq))

    async def _save_imprint(self, imprint: Imprint, name: str, seq: int) -> None:
        try:
            async with asyncio.timeout(SNAPSHOT_WITHIN_S):
                await self._snapshots.save_slowly(imprint.parts(PART_BYTES), name)
            self._snapshot_seq = max(seq, self._snapshot_seq)
        except (RedisError, OSError, TornError) as error:
            self._put_off(error)
        finally:
            await imprint.close()

    def _put_off(self, error: Exception) -> None:
        log.warning("snapshot.unmade", room=self._room.state.room, error=str(error))
        self._save_from_s = time.monotonic() + SNAPSHOT_AGAIN_S

    async def save_snapshot(self) -> None:
        """Keep the state, so that the next start folds only what comes after it."""
        await self.close()
        seq = self._room.state.seq
        if seq == self._snapshot_seq:
            return
        with catalog.SNAPSHOT_SECONDS.time():
            state = wire.encode_state(self._room.state)
            with suppress(RedisError, OSError):
                await self._snapshots.save(state, self._name_now)
                self._snapshot_seq = seq

    @property
    def _name_now(self) -> str:
        """Of a snapshot of this moment, and of no other engine's."""
        state = self._room.state
        return f"{state.epoch}-{state.seq}"

    async def close(self) -> None:
        """Break off the snapshot that is being kept, if one is."""
        if self._saving is not None:
            imprint, task = self._saving
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await imprint.close()  # a task that is cancelled before its first step closes nothing
            self._saving = None

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
        watch: Watch,
    ) -> None:
        at_ms, owner = now_ms(), self._engine
        ledger = ledger_of(self._room, owner, at_ms, audience, chat, refusals, engine, watch)
        key, payload = keys.ledger(self._room.state.room), wire.encode(ledger)
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.set(key, payload)
            pipe.publish(key, payload)
            await pipe.execute()
