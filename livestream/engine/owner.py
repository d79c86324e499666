"""The owner of one room: read the inbox, decide, commit. The loop of the engine.

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
import time
from collections import Counter as Tally
from contextlib import suppress
from typing import Final

import structlog
from redis import asyncio as aioredis
from redis.exceptions import RedisError

from cart.fact import tag_of
from cart.stock import BrokenBooksError
from livestream import wire
from livestream.absence import Absence
from livestream.announcing import public_frame
from livestream.clock import now_ms
from livestream.engine.company import Company
from livestream.engine.keeper import Keeper
from livestream.engine.ledger import ChatCounts, EngineCounts
from livestream.engine.pulse import AudienceTotals
from livestream.engine.recent import Worst
from livestream.engine.rest import Quiet
from livestream.engine.turn import Entries, Turn, messages_of, take_turn
from livestream.facts import EpochStarted
from livestream.flight import Watch
from livestream.inbox import ENTRIES_PER_READ, InboxReader
from livestream.journal import FencedError, Journal, read_log
from livestream.payments.by_room import ByRoom
from livestream.payments.cashier import Cashier
from livestream.payments.provider import PaymentProvider
from livestream.room import Room, RoomState, evolve, next_deadline_ms, next_due_ms
from livestream.snapshots import read_snapshot
from metrics import catalog

log = structlog.get_logger()

#: Reads of the inbox that may wait to be decided: 4 x 64 entries x 500 commands at the very most.
READS_AHEAD_MAX: Final = 4
#: A room with nothing due still looks up this often, to renew its ledger.
IDLE_S: Final = 0.25
RETRY_FIRST_S: Final = 0.02
RETRY_LONGEST_S: Final = 0.5
#: Each failed attempt means that another engine wrote in the milliseconds between our read and our
#: append.
TAKE_OVER_ATTEMPTS: Final = 5


class RoomOwner:
    """One ownership of one room, from take-over until it is stopped, lost or put to rest."""

    _inbox_reader = InboxReader

    def __init__(
        self,
        redis: aioredis.Redis,
        room: str,
        engine: str,
        provider: PaymentProvider,
        snapshot_every_events: int,
        pulse_ms: int,
        sandbox: PaymentProvider | None = None,
    ) -> None:
        self._redis = redis
        self._name = room
        self._engine = engine
        self._provider = provider
        self._sandbox = provider if sandbox is None else sandbox
        self._snapshot_every_events = snapshot_every_events
        self._pulse_ms = pulse_ms
        self._journal = Journal(redis, room)
        self._inbox = self._inbox_reader(redis, room)
        self._reads: asyncio.Queue[Entries] = asyncio.Queue(READS_AHEAD_MAX)
        self._cursor = "0-0"
        self._decisions = 0
        self._records = 0
        self._append_ms_last = 0.0
        self._append_ms, self._inbox_wait_ms = Worst(), Worst()
        self._since_ms = now_ms()
        self._refusals: Tally[str] = Tally()
        self._absence = Absence("journal", room=room)
        self._sit_down_with(Room(RoomState(room)))

    def _sit_down_with(self, room: Room) -> None:
        """Work on this state from now on."""
        self._room = room
        provider = ByRoom(room.state, self._provider, self._sandbox)
        self._cashier = Cashier(self._name, room.state.books, provider)
        self._company = Company(self._redis, room.state, self._pulse_ms)
        self._keeper = Keeper(
            self._redis, self._journal, room, self._engine, self._snapshot_every_events
        )
        self._quiet = Quiet(room)

    # -- the ownership -------------------------------------------------------------------------

    async def run(self, stopping: asyncio.Event, crowded: asyncio.Event) -> bool:
        """Own the room until `stopping` is set, or nobody needs to: True if it may be put to rest.
        While `crowded` is set the engine needs the place for another room.

        Raises:
            FencedError: the room has another owner now.
        """
        await self._take_over()
        async with asyncio.TaskGroup() as tasks:
            helpers = [
                tasks.create_task(self._read_inbox()),
                tasks.create_task(self._company.keep()),
            ]
            try:
                while not stopping.is_set():
                    await self._turn(await self._next_entries(stopping))
                    await self._keeper.keep(*self._told)
                    if await self._has_said_farewell(crowded.is_set()):
                        return True
                await self._keeper.save_snapshot()
            finally:
                for helper in helpers:
                    helper.cancel()
                await self._keeper.close()
        return False

    async def _has_said_farewell(self, crowded: bool) -> bool:
        """Whether nobody needs to own the room any more, and all is kept for that time."""
        chat, viewers = self._company.chat, self._company.audience["viewers"]
        lines_said = chat["shown"] + chat["skipped"] + chat["blocked"]
        if not self._quiet.may_rest(
            time.monotonic(), self._decisions, lines_said, viewers, crowded
        ):
            return False
        try:
            return await self._keeper.say_farewell(*self._told)
        except (RedisError, OSError) as error:
            log.debug("farewell.away", room=self._name, error=str(error))
            return False

    @property
    def _told(self) -> tuple[AudienceTotals, ChatCounts, dict[str, int], EngineCounts, Watch]:
        """What the ledger tells beside the books."""
        company = self._company
        return company.audience, company.chat, dict(self._refusals), self._counts, company.watch

    @property
    def _counts(self) -> EngineCounts:
        return {
            "decisions": self._decisions,
            "records": self._records,
            "append_ms_last": round(self._append_ms_last, 3),
            "append_ms_worst": round(self._append_ms.of(now_ms()), 3),
            "inbox_wait_ms_worst": int(self._inbox_wait_ms.of(now_ms())),
            "since_ms": self._since_ms,
        }

    async def _take_over(self) -> None:
        """Load what the last owner knew and start an epoch of our own."""
        started_s = time.monotonic()
        state = await read_snapshot(self._redis, self._name)
        record = await self._journal.record_of(state) if state is not None else None
        if state is not None and record is not None:
            self._sit_down_with(Room(state))
            self._cursor = record.cursor
        for _ in range(TAKE_OVER_ATTEMPTS):
            await self._catch_up()
            with suppress(FencedError):
                await self._start_epoch()
                break
        else:
            raise FencedError(f"somebody else keeps writing the log of {self._name}")
        self._refusals.update(await self._company.restore())
        await self._keeper.save_storefront()
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
        """What is in the inbox, waiting for it no longer than until the room's next deadline. What
        several reads brought while the last commit was on its way becomes one turn, and one commit.
        """
        entries: Entries = []
        if self._reads.empty() and not stopping.is_set():
            due_ms = next_due_ms(self._room)
            wait_s = IDLE_S if due_ms is None else min(IDLE_S, (due_ms - now_ms()) / 1_000)
            if wait_s > 0:
                # Not wait_for: before Python 3.12 it may return what it got and forget that the
                # room was lost meanwhile.
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        entries = await self._reads.get()
        while not self._reads.empty() and len(entries) < ENTRIES_PER_READ:
            entries = entries + self._reads.get_nowait()
        return entries

    async def _turn(self, entries: Entries) -> None:
        at_ms = max(now_ms(), self._room.state.at_ms)
        if entries:
            waited_ms = at_ms - int(entries[0][0].split("-", 1)[0])
            catalog.INBOX_WAIT_SECONDS.observe(max(0, waited_ms) / 1_000)
            self._inbox_wait_ms.note(waited_ms, at_ms)
        due_ms = next_deadline_ms(self._room)
        if due_ms is not None and due_ms <= at_ms:
            catalog.TICK_LAG_SECONDS.observe((at_ms - due_ms) / 1_000)
        turn = take_turn(self._room, entries, at_ms)
        if turn.unreadable:
            catalog.INBOX_UNREADABLE.inc(turn.unreadable)
            log.warning("inbox.unreadable", room=self._name, entries=turn.unreadable)
        if turn.is_empty:
            return
        await self._commit(turn, self._room.state.epoch)
        self._count(turn)
        self._cashier.heed(turn.facts)
        self._company.heed(turn.facts)

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
                self._absence.note(error)
                await asyncio.sleep(delay_s)
                delay_s = min(RETRY_LONGEST_S, delay_s * 2)
            else:
                self._absence.over()
                append_s = time.perf_counter() - started_s
                self._append_ms_last = append_s * 1_000
                self._append_ms.note(self._append_ms_last, now_ms())
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
            catalog.DECISIONS.labels(tag_of(command), outcome).inc(times)
            if outcome != "ok":
                self._refusals[outcome] += times
