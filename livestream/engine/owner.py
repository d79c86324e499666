"""The owner of one room: read the inbox, decide, commit, keep snapshots. The loop of the engine.

    entries = read inbox           waits, but never past the next deadline of the room
    turn    = take_turn(entries)   pure: facts, frames, replies
    commit(turn)                   one append for all of them; only now anyone hears of it
    afterwards                     the provider is asked, views and snapshots are kept

While a commit is on its way the next entries are read; they are decided when it stands. State in
memory is then at most one turn ahead of the log, and if the log refuses that turn the whole state
is thrown away.

Owns the sequence above and what happens when Redis is away or the room is lost. Refuses to decide
anything and to know what a fact means.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter as Tally
from contextlib import suppress
from typing import Final, cast

import structlog
from redis import asyncio as aioredis
from redis.exceptions import RedisError

from cart.stock import BrokenBooksError
from livestream import keys, wire
from livestream.clock import now_ms
from livestream.engine.ledger import ledger_of
from livestream.engine.mixer import TICK_MS, Mixer
from livestream.engine.pulse import AudienceTotals, read_counts, total
from livestream.engine.turn import Entries, Turn, messages_of, take_turn
from livestream.facts import ChatDeleted, EpochStarted, ViewerBanned, ViewerMuted
from livestream.inbox import InboxReader, subscribe
from livestream.journal import FencedError, Journal, read_log, read_snapshot
from livestream.payments.cashier import Cashier
from livestream.payments.provider import PaymentProvider
from livestream.redis_client import error_kind
from livestream.room import Room, RoomState, evolve, next_deadline_ms, next_due_ms
from livestream.storefront import Storefront, public_frame
from metrics import catalog

log = structlog.get_logger()

#: Reads of the inbox that may wait to be decided: 4 x 256 entries x 500 commands at the very most.
READS_AHEAD_MAX: Final = 4
#: A room with nothing due still looks up this often, for the ledger and the snapshot.
IDLE_S: Final = 1.0
RETRY_FIRST_S: Final = 0.02
RETRY_LONGEST_S: Final = 0.5
#: The storefront is kept at most this often, the ledger published at most this often when it
#: changed...
VIEW_EVERY_S: Final = 0.25
#: ...and at least this often when it did not: a panel that hears nothing for longer has lost its
#: engine.
LEDGER_AT_LEAST_EVERY_S: Final = 2.0
PULSE_EVERY_S: Final = 1.0
#: Each failed attempt means that another engine wrote in the milliseconds between our read and our
#: append.
TAKE_OVER_ATTEMPTS: Final = 5
#: Public records after which the storefront is kept even in a rush that never pauses: what a
#: starting gateway, or a reader of the API, has to catch up on at most.
RECORDS_BEFORE_VIEW: Final = 200
#: Time without facts after which a snapshot is worth its while.
QUIET_BEFORE_SNAPSHOT_S: Final = 5.0


class RoomOwner:
    """One ownership of one room, from take-over until it is stopped or lost."""

    def __init__(
        self,
        redis: aioredis.Redis,
        room: str,
        engine: str,
        provider: PaymentProvider,
        snapshot_every_events: int,
    ) -> None:
        self._redis = redis
        self._name = room
        self._engine = engine
        self._provider = provider
        self._snapshot_every_events = snapshot_every_events
        self._journal = Journal(redis, room)
        self._inbox = InboxReader(redis, room)
        self._reads: asyncio.Queue[Entries] = asyncio.Queue(READS_AHEAD_MAX)
        self._mixer = Mixer(random.Random())
        self._room = Room(RoomState(room))
        self._cashier = Cashier(room, self._room.state.books, provider)
        self._cursor = "0-0"
        self._snapshot_seq = 0
        self._records_unseen = 0  # public ones, since the storefront was kept
        self._last_fact_s = time.monotonic()
        self._decisions = 0
        self._records = 0
        self._append_ms_last = 0.0
        self._refusals: Tally[str] = Tally()
        self._audience: AudienceTotals = total({}, 0, 0, 0)

    # -- the ownership -------------------------------------------------------------------------

    async def run(self, stopping: asyncio.Event) -> None:
        """Own the room until `stopping` is set.

        Raises:
            FencedError: the room has another owner now.
        """
        await self._take_over()
        async with asyncio.TaskGroup() as tasks:
            helpers = [
                tasks.create_task(self._read_inbox()),
                tasks.create_task(self._mix_chat()),
                tasks.create_task(self._hear_chat()),
                tasks.create_task(self._beat()),
                tasks.create_task(self._keep_views()),
            ]
            try:
                while not stopping.is_set():
                    await self._turn(await self._next_entries(stopping))
                await self._save_snapshot()
            finally:
                for helper in helpers:
                    helper.cancel()

    async def _take_over(self) -> None:
        """Load what the last owner knew and start an epoch of our own."""
        started_s = time.monotonic()
        state = await read_snapshot(self._redis, self._name)
        record = await self._journal.record_of(state) if state is not None else None
        if state is not None and record is not None:
            self._room = Room(state)
            self._snapshot_seq = state.seq
            self._cursor = record.cursor
        for _ in range(TAKE_OVER_ATTEMPTS):
            await self._catch_up()
            with suppress(FencedError):
                await self._start_epoch()
                break
        else:
            raise FencedError(f"somebody else keeps writing the log of {self._name}")
        self._cashier = Cashier(self._name, self._room.state.books, self._provider)
        await self._restore_side_state()
        await self._save_storefront()
        self._cashier.resume()
        took_s = time.monotonic() - started_s
        catalog.TAKEOVER_SECONDS.observe(took_s)
        catalog.ROOM_EPOCH.labels(catalog.room_label(self._name)).set(self._room.state.epoch)
        log.info(
            "room.owned",
            room=self._name,
            epoch=self._room.state.epoch,
            seq=self._room.state.seq,
            took_ms=round(took_s * 1_000),
        )

    async def _catch_up(self) -> None:
        """Fold every record after our state; the journal then stands at the end of the log."""
        async for seq, record in read_log(self._redis, self._name, self._room.state.seq):
            for fact in record.facts:
                evolve(self._room, fact, record.at_ms)
            if self._room.state.seq != seq:
                raise BrokenBooksError(
                    f"log of {self._name}: record {seq} folds to {self._room.state.seq}"
                )
            self._cursor = record.cursor
        self._journal.seq = self._room.state.seq

    async def _start_epoch(self) -> None:
        """Write the first fact of this ownership; from then on nobody else can write.

        Raises:
            FencedError: the log has grown meanwhile.
        """
        at_ms = max(now_ms(), self._room.state.at_ms)
        turn = Turn(self._room.state.seq + 1, at_ms)
        fact = EpochStarted(self._room.state.epoch + 1, self._engine)
        public = public_frame(fact, turn.first_seq, at_ms)
        assert public is not None, "a take-over is told to viewers"
        turn.facts.append(fact)
        turn.air.append((turn.first_seq, *public))
        await self._commit(turn, fact.epoch)
        evolve(self._room, fact, at_ms)

    async def _restore_side_state(self) -> None:
        """Chat history and the peak, which are kept beside the log: good to have, no truth."""
        history = cast(bytes | None, await self._redis.get(keys.history(self._name)))
        if history:
            self._mixer.history.extend(wire.decode_chat(history))
        kept = cast(bytes | None, await self._redis.get(keys.ledger(self._name)))
        if kept:
            self._audience = wire.decode_frame(kept)["audience"]

    # -- the loop ------------------------------------------------------------------------------

    async def _read_inbox(self) -> None:
        delay_s = RETRY_FIRST_S
        while True:
            try:
                entries = await self._inbox.read()
            except (RedisError, OSError) as error:
                log.debug("inbox.away", room=self._name, error=str(error))
                await asyncio.sleep(delay_s)
                delay_s = min(RETRY_LONGEST_S, delay_s * 2)
                continue
            delay_s = RETRY_FIRST_S
            if entries:
                await self._reads.put(entries)

    async def _next_entries(self, stopping: asyncio.Event) -> Entries:
        """What is in the inbox, waiting for it no longer than until the room's next deadline."""
        if self._reads.empty() and not stopping.is_set():
            due_ms = next_due_ms(self._room)
            wait_s = IDLE_S if due_ms is None else min(IDLE_S, (due_ms - now_ms()) / 1_000)
            if wait_s > 0:
                with suppress(TimeoutError):
                    return await asyncio.wait_for(self._reads.get(), wait_s)
        entries: Entries = []
        with suppress(asyncio.QueueEmpty):
            entries = self._reads.get_nowait()
        return entries

    async def _turn(self, entries: Entries) -> None:
        at_ms = max(now_ms(), self._room.state.at_ms)
        if entries:
            waited_ms = at_ms - int(entries[0][0].split("-", 1)[0])
            catalog.INBOX_WAIT_SECONDS.observe(max(0, waited_ms) / 1_000)
        due_ms = next_deadline_ms(self._room)
        if due_ms is not None and due_ms <= at_ms:
            catalog.TICK_LAG_SECONDS.observe((at_ms - due_ms) / 1_000)
        turn = take_turn(self._room, entries, at_ms)
        if turn.unreadable:
            log.warning("inbox.unreadable", room=self._name, entries=turn.unreadable)
        if turn.is_empty:
            return
        await self._commit(turn, self._room.state.epoch)
        self._count(turn)
        if turn.facts:
            self._last_fact_s = time.monotonic()
            self._cashier.heed(turn.facts)
            self._heed_moderation(turn)
        self._records_unseen += bool(turn.air)
        if self._records_unseen >= RECORDS_BEFORE_VIEW:
            with suppress(RedisError, OSError):
                await self._save_storefront()
        if self._room.state.seq - self._snapshot_seq >= self._snapshot_every_events:
            await self._save_snapshot()

    async def _commit(self, turn: Turn, epoch: int) -> None:
        """Append until it is certain that the turn is in the log, through any absence of Redis.

        Raises:
            FencedError: the log went on without us.
        """
        self._cursor = turn.consumed or self._cursor
        record = turn.record(epoch, self._cursor)
        air = wire.encode(turn.air) if turn.air else b""
        messages = messages_of(turn, self._name)
        delay_s = RETRY_FIRST_S
        uncertain = False
        while True:
            started_s = time.perf_counter()
            try:
                if uncertain and record and await self._journal.is_committed(turn.last_seq, record):
                    # Written, but the answer was lost and with it perhaps the messages. They are
                    # said again without the record: a reply that nobody waits for does no harm.
                    record = air = b""
                await self._journal.commit(turn.last_seq, record, air, turn.consumed, messages)
            except (RedisError, OSError) as error:
                uncertain = True
                catalog.REDIS_ERRORS.labels("engine", error_kind(error)).inc()
                log.warning("journal.away", room=self._name, error=str(error))
                await asyncio.sleep(delay_s)
                delay_s = min(RETRY_LONGEST_S, delay_s * 2)
            else:
                append_s = time.perf_counter() - started_s
                self._append_ms_last = append_s * 1_000
                if turn.facts:
                    self._records += 1
                    catalog.RECORDS.inc()
                    catalog.APPEND_SECONDS.observe(append_s)
                return

    def _count(self, turn: Turn) -> None:
        catalog.FACTS.inc(len(turn.facts))
        catalog.BATCH_COMMANDS.observe(turn.outcomes.total())
        self._decisions += turn.outcomes.total()
        for (command, outcome), times in turn.outcomes.items():
            tag = str(command.__struct_config__.tag)  # type: ignore[attr-defined]  # every command is a Struct
            catalog.DECISIONS.labels(tag, outcome).inc(times)
            if outcome != "ok":
                self._refusals[outcome] += times

    def _heed_moderation(self, turn: Turn) -> None:
        for fact in turn.facts:
            match fact:
                case ChatDeleted():
                    self._mixer.delete(fact.message_id)
                case ViewerMuted(viewer=viewer) | ViewerBanned(viewer=viewer):
                    self._mixer.silence(viewer)

    # -- what is kept beside the log -------------------------------------------------------------

    @property
    def _is_between_turns(self) -> bool:
        """Whether the state is what the log says. While a turn is being committed it is ahead, and
        must not be kept: the log may refuse that turn and go on differently under the same seqs.
        """
        return self._journal.seq == self._room.state.seq

    async def _save_snapshot(self) -> None:
        seq = self._room.state.seq
        with catalog.SNAPSHOT_SECONDS.time():
            state = wire.encode_state(self._room.state)
            with suppress(RedisError, OSError):
                await self._journal.save_snapshot(state)
                self._snapshot_seq = seq

    async def _save_storefront(self) -> None:
        view = wire.encode_state(Storefront.of(self._room))
        self._records_unseen = 0
        await self._journal.save_storefront(view)

    async def _keep_views(self) -> None:
        """Storefront and ledger a few times a second while they change, snapshot when it is
        quiet.
        """
        kept_seq, published_s, published = -1, 0.0, ""
        while True:
            await asyncio.sleep(VIEW_EVERY_S)
            with suppress(RedisError, OSError):
                seq = self._journal.seq
                if seq != kept_seq and self._is_between_turns:
                    await self._save_storefront()
                    kept_seq = seq
                fingerprint = f"{seq} {self._audience} {self._mixer.shown} {self._decisions}"
                now_s = time.monotonic()
                if fingerprint != published or now_s - published_s >= LEDGER_AT_LEAST_EVERY_S:
                    await self._publish_ledger()
                    published, published_s = fingerprint, now_s
            if (
                self._snapshot_seq != self._journal.seq
                and self._is_between_turns
                and time.monotonic() - self._last_fact_s > QUIET_BEFORE_SNAPSHOT_S
            ):
                await self._save_snapshot()

    async def _publish_ledger(self) -> None:
        payload = wire.encode(
            ledger_of(
                self._room,
                self._engine,
                now_ms(),
                self._audience,
                {"shown": self._mixer.shown, "skipped": self._mixer.skipped},
                dict(self._refusals),
                {
                    "decisions": self._decisions,
                    "records": self._records,
                    "append_ms_last": round(self._append_ms_last, 3),
                },
            )
        )
        key = keys.ledger(self._name)
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.set(key, payload)
            pipe.publish(key, payload)
            await pipe.execute()

    # -- chat and pulse ------------------------------------------------------------------------

    async def _hear_chat(self) -> None:
        async for heard in subscribe(self._redis, keys.said(self._name)):
            if heard is not None:
                lines = wire.decode_chat(heard[1])
                muted = self._room.state.muted
                self._mixer.add([line for line in lines if line["viewer"] not in muted])

    async def _mix_chat(self) -> None:
        while True:
            await asyncio.sleep(TICK_MS / 1_000)
            frame = self._mixer.mix()
            if frame is None:
                continue
            catalog.CHAT_LINES.labels("shown").inc(len(frame["messages"]))
            catalog.CHAT_LINES.labels("skipped").inc(frame["skipped"])
            history = wire.encode(list(self._mixer.history))
            with suppress(RedisError, OSError):
                async with self._redis.pipeline(transaction=False) as pipe:
                    pipe.publish(keys.chat(self._name), wire.encode(frame))
                    pipe.set(keys.history(self._name), history)
                    await pipe.execute()

    async def _beat(self) -> None:
        while True:
            with suppress(RedisError, OSError):
                fields = cast(
                    dict[bytes, bytes], await self._redis.hgetall(keys.audience(self._name))
                )
                unique = await self._redis.pfcount(keys.unique(self._name))
                at_ms = now_ms()
                self._audience = total(read_counts(fields), unique, self._audience["peak"], at_ms)
                pulse = {
                    "type": "pulse",
                    "viewers": self._audience["viewers"],
                    "likes": self._audience["likes"],
                    "server_time_ms": at_ms,
                }
                await self._redis.publish(keys.chat(self._name), wire.encode(pulse))
            await asyncio.sleep(PULSE_EVERY_S)
