"""A room as it stood: its log folded up to any time, forwards and backwards. Pure.

    film.take(entries)          the next records of the log, in order; says where the log stands
    film.wind_to(at_ms)         where to go on reading from: the nearest state that is kept
    film.run(entries, at_ms)    fold what came up to that time; True when it is there
    film.shown(at_ms)           storefront and ledger, made by the engine's own code

While the log is taken a state is kept now and then, encoded, so that going back means folding a
part and not all of it. One is kept when a quarter more has happened than before, so a log of twice
the length has three more of them; larger than CHECKPOINT_BYTES_MAX none is kept, and going back
into the later part of such a log folds it from there, at some 2 us a fact.

Owns the film of one room. Refuses to know Redis and who wants to see it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from cart.stock import BrokenBooksError
from livestream import wire
from livestream.attendance import Moment
from livestream.control.rooms import moment_view, storefront_view
from livestream.control.views import Replay, ReplayMoment
from livestream.engine.ledger import ledger_of
from livestream.engine.pulse import AudienceTotals
from livestream.facts import Announced, Record
from livestream.flight import Watch
from livestream.journal import seq_of
from livestream.report.timeline import Run
from livestream.room import Room, RoomState, evolve
from livestream.storefront import Storefront

#: The first state is kept after so many facts: folding as many again takes 4 ms.
CHECKPOINT_FACTS_MIN: Final = 2_000
#: The largest that is kept is of some 20,000 facts. Each is a quarter larger than the one before,
#: so that all of a room are five times the last: 4 MB x 5 = 20 MB.
CHECKPOINT_BYTES_MAX: Final = 4 << 20

#: 200 x at most 2 KB of UTF-8 = 400 KB.
ANNOUNCEMENTS_MAX: Final = 200
#: Points of a chart: 720 x 150 bytes = 108 KB.
MOMENTS_TOLD_MAX: Final = 720

#: Entries of the log: (id, record as it was written).
Entries = Sequence[tuple[bytes, bytes]]


class Checkpoint(Struct, frozen=True):
    """The state after the record of this seq."""

    at_ms: int
    seq: int
    state: bytes


class Film:
    """The log of one room. `head` is the state at its end, `shot` the one that is looked at."""

    def __init__(self, room: str) -> None:
        self.room = room
        self.head = Room(RoomState(room))
        self.from_ms = 0
        self._shot: Room | None = None
        self._run = Run()
        self._announcements: deque[tuple[int, str]] = deque(maxlen=ANNOUNCEMENTS_MAX)
        self._checkpoints: list[Checkpoint] = []
        self._moments: Sequence[Moment] = ()

    # -- the log -------------------------------------------------------------------------------

    def take(self, entries: Entries) -> int:
        """Fold the next records; the seq at which the log stands.

        Raises:
            BrokenBooksError, msgspec.DecodeError: the log is damaged.
        """
        for entry_id, payload in entries:
            record = wire.decode_record(payload)
            self.from_ms = self.from_ms or record.at_ms
            for fact in record.facts:
                if isinstance(fact, Announced):
                    self._announcements.append((record.at_ms, fact.text))
                if type(fact) in Run.MARKED:
                    self._run.mark(self.head.state, fact, record.at_ms)
                evolve(self.head, fact, record.at_ms)
            self._check(self.head, entry_id)
            self._keep(record)
        return self.head.state.seq

    def _check(self, room: Room, entry_id: bytes) -> None:
        if room.state.seq != seq_of(entry_id):
            raise BrokenBooksError(f"record {entry_id.decode()} folds to {room.state.seq}")

    def _keep(self, record: Record) -> None:
        last = self._checkpoints[-1] if self._checkpoints else Checkpoint(0, 0, b"")
        seq = self.head.state.seq
        if seq - last.seq < max(CHECKPOINT_FACTS_MIN, last.seq // 4):
            return
        # The next one would be a quarter larger.
        if len(last.state) * 5 // 4 > CHECKPOINT_BYTES_MAX:
            return
        self._checkpoints.append(Checkpoint(record.at_ms, seq, wire.encode_state(self.head.state)))

    def know(self, moments: Sequence[Moment]) -> None:
        """The book of attendance, which lies beside the log."""
        self._moments = moments

    # -- any time ------------------------------------------------------------------------------

    def wind_to(self, at_ms: int) -> int:
        """Stand at the latest state that is kept and not later than `at_ms`; its seq."""
        kept = bisect_right(self._checkpoints, at_ms, key=lambda one: one.at_ms)
        checkpoint = self._checkpoints[kept - 1] if kept else None
        shot = self._shot
        kept_seq = 0 if checkpoint is None else checkpoint.seq
        # Most often a player goes on: what is looked at is nearer than what is kept.
        if shot is not None and shot.state.at_ms <= at_ms and kept_seq <= shot.state.seq:
            return shot.state.seq
        state = (
            RoomState(self.room)
            if checkpoint is None
            else wire.decode_state(checkpoint.state, RoomState)
        )
        self._shot = Room(state)
        return state.seq

    def run(self, entries: Entries, at_ms: int) -> bool:
        """Fold the records after the one that `wind_to` told, as far as they are not later than
        `at_ms`; whether that is all of them.
        """
        assert self._shot is not None, "wind_to came first"
        for entry_id, payload in entries:
            record = wire.decode_record(payload)
            if record.at_ms > at_ms:
                return True
            for fact in record.facts:
                evolve(self._shot, fact, record.at_ms)
            self._check(self._shot, entry_id)
        return False

    def lose_shot(self) -> None:
        """Half a record may be folded: what is looked at would be wrong from here on."""
        self._shot = None

    def shown(self, at_ms: int) -> ReplayMoment:
        """The room as it stood at `at_ms`, where `run` has brought it."""
        assert self._shot is not None, "wind_to came first"
        moment = self._moment(at_ms)
        ledger = ledger_of(
            self._shot,
            None,
            at_ms,
            _audience(moment),
            {
                "shown": moment.chat_shown if moment else 0,
                "skipped": moment.chat_skipped if moment else 0,
                "blocked": 0,
            },
            {},
            {
                "decisions": 0,
                "records": 0,
                "append_ms_last": 0.0,
                "append_ms_worst": 0.0,
                "inbox_wait_ms_worst": 0,
                "since_ms": 0,
            },
            Watch(buyers=moment.buyers if moment else 0),
        )
        return {
            "room": self.room,
            "at_ms": at_ms,
            "seq": self._shot.state.seq,
            "storefront": storefront_view(Storefront.of(self._shot)),
            "ledger": ledger,
        }

    def _moment(self, at_ms: int) -> Moment | None:
        earlier = bisect_right(self._moments, at_ms, key=lambda moment: moment.at_ms)
        return self._moments[earlier - 1] if earlier else None

    def about(self) -> Replay:
        """What a player needs to begin: from when to when, and what happened."""
        state = self.head.state
        step = max(1, -(-len(self._moments) // MOMENTS_TOLD_MAX))
        return {
            "room": self.room,
            "title": state.title,
            "status": state.status,
            "sandbox": state.sandbox,
            "seq": state.seq,
            "from_ms": self.from_ms,
            "until_ms": state.at_ms,
            "marks": [
                {"at_ms": mark.at_ms, "kind": mark.kind, "title": mark.title}
                for mark in self._run.marks
            ],
            "marks_left_out": self._run.marks_left_out,
            "announcements": [
                {"at_ms": at_ms, "text": text} for at_ms, text in self._announcements
            ],
            "moments": [moment_view(moment) for moment in self._moments[::step]],
        }


def _audience(moment: Moment | None) -> AudienceTotals:
    """As far as the book of attendance has it."""
    return {
        "viewers": moment.viewers if moment else 0,
        "peak": moment.peak if moment else 0,
        "joined": moment.joined if moment else 0,
        "left": moment.left if moment else 0,
        "likes": moment.likes if moment else 0,
        "unique": moment.unique if moment else 0,
        "by_channel": {},
        "gateways": [],
    }
