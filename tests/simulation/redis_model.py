"""What Redis keeps of one room, as a model in this process, and the weather on the way to it.

    RedisModel   log, air, inbox, snapshot, storefront: each call happens whole and at once, by the
                 same rules as `livestream.journal` and its Lua (`test_redis_model.py` compares
                 the two, call by call)
    Weather      what goes wrong on the way: requests and answers that are lost, calls that take
                 seconds, a server that is away, or falls over and loses who listened

A server that falls over in the middle of an append leaves it whole or absent, never half: that is
shown of the real one in `tests/integration/test_torn_log.py`, and taken for granted here.

Owns storage and trouble. Refuses to know what the bytes mean.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from msgspec import Struct

from livestream import wire
from livestream.engine.turn import Entries
from livestream.facts import Record
from livestream.journal import FencedError
from livestream.room import RoomState
from tests.simulation.clockwork import Clock, Script, Task

_T = TypeVar("_T")

Listener = Callable[[str, bytes], None]


class AwayError(Exception):
    """Redis did not answer; whether it did what it was asked is not known."""


class RedisModel:
    """The keys of one room. A log entry is (seq, record), as its stream id would say."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.log: list[tuple[int, bytes]] = []
        self.air: list[tuple[int, bytes]] = []
        self.inbox: Entries = []
        self.snapshot: bytes | None = None
        self.storefront: bytes | None = None
        self.listeners: list[Listener] = []
        #: Who reads the air as it grows.
        self.watchers: list[Callable[[], None]] = []
        #: Engines that wait for something in the inbox.
        self.readers: list[Task] = []
        #: Nobody has subscribed again since the server fell over: what is published is lost.
        self.unheard_until_ms = 0
        self._last_entry = (0, 0)

    @property
    def seq(self) -> int:
        """Of the last fact in the log."""
        return self.log[-1][0] if self.log else 0

    # -- what `Journal` does -------------------------------------------------------------------

    def commit(
        self,
        tail: int,
        seq: int,
        record: bytes,
        air: bytes,
        consumed: str,
        messages: Sequence[tuple[str, bytes]],
    ) -> None:
        """As `Journal.commit` by an engine that believes that the log ends with `tail`.

        Raises:
            FencedError: it does not; nothing was written.
        """
        if self.seq != tail:
            raise FencedError(f"FENCED the log ends with {self.seq}-0, not with {tail}-0")
        if record:
            self.log.append((seq, record))
        if air:
            self.air.append((seq, air))
        if consumed:
            upto = id_of(consumed)
            self.inbox = [entry for entry in self.inbox if id_of(entry[0]) > upto]
        if self._clock.now_ms >= self.unheard_until_ms:
            for channel, message in messages:
                for listener in self.listeners:
                    listener(channel, message)
            for watcher in self.watchers:
                watcher()

    def is_committed(self, tail: int, seq: int, record: bytes) -> bool:
        """As `Journal.is_committed`.

        Raises:
            FencedError: the log ends neither before nor with this record.
        """
        if self.log and record and self.log[-1] == (seq, record):
            return True
        if self.seq == tail:
            return False
        raise FencedError(f"the log ends with {self.seq}-0, not with {tail}-0")

    def record_of(self, state: RoomState) -> Record | None:
        """As `Journal.record_of`."""
        for seq, kept in reversed(self.log):
            if seq <= state.seq:
                record = wire.decode_record(kept) if seq == state.seq else None
                at = (record.epoch, record.at_ms) if record else None
                return record if at == (state.epoch, state.at_ms) else None
        return None

    def read_log(self, after_seq: int) -> list[tuple[int, Record]]:
        """As `read_log`."""
        tail: list[tuple[int, Record]] = []
        for seq, kept in reversed(self.log):
            if seq <= after_seq:
                break
            tail.append((seq, wire.decode_record(kept)))
        return tail[::-1]

    # -- the inbox -----------------------------------------------------------------------------

    def put(self, sender: str, batch: bytes) -> None:
        """As `Inbox.put`."""
        ms, number = self._last_entry
        now_ms = self._clock.now_ms
        self._last_entry = (now_ms, 0) if now_ms > ms else (ms, number + 1)
        self.inbox.append(("{}-{}".format(*self._last_entry), sender, batch))
        for reader in self.readers:
            reader.wake()

    def read_inbox(self, after: str, at_most: int) -> Entries:
        """As `InboxReader.read`, for a reader that has had everything up to `after`."""
        upto = id_of(after)
        return [entry for entry in self.inbox if id_of(entry[0]) > upto][:at_most]


def id_of(entry_id: str) -> tuple[int, int]:
    """A stream id as something that compares."""
    ms, _, number = entry_id.partition("-")
    return int(ms), int(number)


class Climate(Struct, frozen=True):
    """How bad the weather is, in probabilities for each call."""

    request_lost: float = 0.0
    answer_lost: float = 0.0
    slow: float = 0.0


#: A call that is slow takes at most this long each way, a server that fell is back after this long,
#: and after so many lost calls in a row one gets through: together less than `LATE_MAX_MS`, after
#: which the auditor would rightly say that holds end late.
SLOW_MS_MAX = 800
DOWN_MS_MAX = 2_000
LOST_IN_A_ROW_MAX = 2


class Weather:
    """Between everybody and Redis. `down_until_ms` is when the server will be there again."""

    def __init__(self, clock: Clock, rng: random.Random, climate: Climate) -> None:
        self._clock = clock
        self._rng = rng
        self.climate = climate
        self.down_until_ms = 0
        self.troubles = 0
        self._lost_in_a_row = 0

    def call(self, act: Callable[[], _T]) -> Script[_T]:
        """Ask Redis for something, through the weather.

        Raises:
            AwayError: no answer came; it may have happened all the same.
        """
        yield self._travel_ms()
        if self._clock.now_ms < self.down_until_ms or self._is_lost(self.climate.request_lost):
            self.troubles += 1
            yield self._rng.choice((1, 20, 200))
            raise AwayError("connection refused")
        result = act()
        if self._is_lost(self.climate.answer_lost):
            self.troubles += 1
            yield self._rng.choice((1, 20, 200))
            raise AwayError("connection reset")
        self._lost_in_a_row = 0
        yield self._travel_ms()
        return result

    def _is_lost(self, probability: float) -> bool:
        if self._rng.random() < probability and self._lost_in_a_row < LOST_IN_A_ROW_MAX:
            self._lost_in_a_row += 1
            return True
        return False

    def _travel_ms(self) -> int:
        if self._rng.random() < self.climate.slow:
            self.troubles += 1
            return self._rng.randint(1, SLOW_MS_MAX)
        return self._rng.choice((0, 0, 1))
