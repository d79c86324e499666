"""Engines of one room, one after another and sometimes two at once, as `livestream.engine.owner`
goes about it; what they decide is decided by the real code.

    take over    snapshot, if the log leads to it; the rest of the log; an epoch of one's own
    a turn       read the inbox, `take_turn`, commit until it is certain, then ask the provider
    the end      killed at any point, or fenced by another who took over

Owns the sequence, as `RoomOwner` does, in virtual time (`test_same_as_the_owner.py` compares the
two on the same commands). Refuses to decide anything.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable
from contextlib import suppress

from msgspec import Struct

from cart.stock import BrokenBooksError
from livestream import wire
from livestream.announcing import public_frame
from livestream.engine.owner import RETRY_LONGEST_S, TAKE_OVER_ATTEMPTS
from livestream.engine.turn import Entries, Turn, messages_of, take_turn
from livestream.facts import EpochStarted
from livestream.inbox import ENTRIES_PER_READ
from livestream.journal import FencedError
from livestream.payments.cashier import Cashier
from livestream.payments.provider import PaymentProvider
from livestream.room import Room, RoomState, evolve, next_due_ms
from livestream.storefront import Storefront
from tests.simulation.clockwork import Clock, Nap, Script, Task
from tests.simulation.redis_model import AwayError, RedisModel, Weather

RETRY_FIRST_MS = 20
RETRY_LONGEST_MS = round(RETRY_LONGEST_S * 1_000)
#: The real one looks up four times a second; here only what is due, or in the inbox, wakes it.
IDLE_MAX_MS = 60_000


class Committed(Struct, frozen=True):
    """A turn that is in the log: whose, when, and what it was asked. Nothing, at a take-over."""

    engine: str
    at_ms: int
    entries: Entries


class Engine:
    """One ownership. `skew_ms` is how far its clock is off; `history` is of all engines."""

    def __init__(
        self,
        name: str,
        room: str,
        clock: Clock,
        redis: RedisModel,
        weather: Weather,
        provider: PaymentProvider,
        snapshot_every_facts: int,
        history: list[Committed],
        skew_ms: int = 0,
    ) -> None:
        self.name = name
        self.fenced = False
        self.outcomes: Tally[tuple[type[Struct], str]] = Tally()
        self._clock = clock
        self._redis = redis
        self._weather = weather
        self._provider = provider
        self._snapshot_every_facts = snapshot_every_facts
        self._history = history
        self._skew_ms = skew_ms
        self._asked: Entries = []
        self._cursor = "0-0"
        self._read_upto = "0-0"
        self._tail = 0
        self._sit_down_with(Room(RoomState(room)))
        self.task = Task(clock, self._life())

    def _sit_down_with(self, room: Room) -> None:
        self.room = room
        self._cashier = Cashier(room.state.room, room.state.books, self._provider)
        self._snapshot_seq = room.state.seq
        self._storefront_seq = 0

    @property
    def now_ms(self) -> int:
        return self._clock.now_ms + self._skew_ms

    def _life(self) -> Script[None]:
        try:
            yield from self._take_over()
            while True:
                entries = yield from self._next_entries()
                yield from self._turn(entries)
                yield from self._keep()
        except FencedError:
            self.fenced = True

    # -- the ownership -------------------------------------------------------------------------

    def _take_over(self) -> Script[None]:
        yield from self._until_there(self._load)
        for _ in range(TAKE_OVER_ATTEMPTS):
            yield from self._until_there(self._catch_up)
            with suppress(FencedError):
                yield from self._start_epoch()
                break
        else:
            raise FencedError("somebody else keeps writing")
        self._cashier.resume()

    def _until_there(self, act: Callable[[], None]) -> Script[None]:
        while True:
            try:
                yield from self._weather.call(act)
            except AwayError:
                yield RETRY_FIRST_MS
            else:
                return

    def _load(self) -> None:
        if self._redis.snapshot is None:
            return
        state = wire.decode_state(self._redis.snapshot, RoomState)
        record = self._redis.record_of(state)
        if record is not None:
            self._sit_down_with(Room(state))
            self._cursor = record.cursor

    def _catch_up(self) -> None:
        for seq, record in self._redis.read_log(self.room.state.seq):
            for fact in record.facts:
                evolve(self.room, fact, record.at_ms)
            if self.room.state.seq != seq:
                raise BrokenBooksError(f"record {seq} folds to {self.room.state.seq}")
            self._cursor = record.cursor
        self._tail = self.room.state.seq

    def _start_epoch(self) -> Script[None]:
        at_ms = max(self.now_ms, self.room.state.at_ms)
        turn = Turn(self.room.state.seq + 1, at_ms)
        fact = EpochStarted(self.room.state.epoch + 1, self.name)
        public = public_frame(fact, turn.first_seq, at_ms)
        assert public is not None
        turn.facts.append(fact)
        turn.air.append((turn.first_seq, *public))
        yield from self._commit(turn, fact.epoch)
        evolve(self.room, fact, at_ms)

    # -- the loop ------------------------------------------------------------------------------

    def _next_entries(self) -> Script[Entries]:
        entries = self._read()
        if not entries:
            due_ms = next_due_ms(self.room)
            wait_ms = IDLE_MAX_MS if due_ms is None else min(IDLE_MAX_MS, due_ms - self.now_ms)
            if wait_ms > 0:
                yield Nap(wait_ms)
                entries = self._read()
        return entries

    def _read(self) -> Entries:
        entries = self._redis.read_inbox(self._read_upto, ENTRIES_PER_READ)
        if entries:
            self._read_upto = entries[-1][0]
        return entries

    def _turn(self, entries: Entries) -> Script[None]:
        at_ms = max(self.now_ms, self.room.state.at_ms)
        self._asked = entries
        turn = take_turn(self.room, entries, at_ms)
        assert not turn.unreadable
        if turn.is_empty:
            return
        yield from self._commit(turn, self.room.state.epoch)
        self.outcomes.update(turn.outcomes)
        self._cashier.heed(turn.facts)

    def _commit(self, turn: Turn, epoch: int) -> Script[None]:
        """Raises FencedError: the log went on without us."""
        self._cursor = turn.consumed or self._cursor
        written = turn.record(epoch, self._cursor)
        air = wire.encode(turn.air) if turn.air else b""
        messages = messages_of(turn, self.room.state.room)
        seq, delay_ms, uncertain, known = turn.last_seq, RETRY_FIRST_MS, False, False

        def append() -> None:
            record, shown = (b"", b"") if known else (written, air)
            self._redis.commit(self._tail, seq, record, shown, turn.consumed, messages)
            self._history.append(Committed(self.name, turn.at_ms, self._asked))

        while True:
            try:
                if uncertain and written and not known:
                    known = yield from self._weather.call(
                        lambda: self._redis.is_committed(self._tail, seq, written)
                    )
                    self._tail = seq if known else self._tail
                yield from self._weather.call(append)
            except AwayError:
                uncertain = True
                yield delay_ms
                delay_ms = min(RETRY_LONGEST_MS, delay_ms * 2)
            else:
                self._tail = seq
                return

    def _keep(self) -> Script[None]:
        """Snapshot and storefront, between two turns; what fails is passed over."""
        seq = self.room.state.seq
        if seq - self._storefront_seq >= self._snapshot_every_facts // 2:
            view = wire.encode_state(Storefront.of(self.room))
            with suppress(AwayError):
                yield from self._weather.call(lambda: self._keep_as("storefront", view))
                self._storefront_seq = seq
        if seq - self._snapshot_seq >= self._snapshot_every_facts:
            state = wire.encode_state(self.room.state)
            with suppress(AwayError):
                yield from self._weather.call(lambda: self._keep_as("snapshot", state))
                self._snapshot_seq = seq

    def _keep_as(self, key: str, value: bytes) -> None:
        setattr(self._redis, key, value)
