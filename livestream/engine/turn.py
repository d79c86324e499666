"""One turn of a room: commands in, one record and everybody's answers out. Pure.

Owns the order of things within a turn: first what is due by time, then the commands in the order of
the inbox, each followed by its consequences, then the public stock. Refuses to know Redis, sockets
and clocks.
"""

from __future__ import annotations

from collections import Counter as Tally
from typing import Any, cast

import msgspec
from msgspec import Struct

from cart.events import HoldPlaced
from cart.fact import Fact
from cart.outcome import Refusal
from livestream import keys, wire
from livestream.announcing import HEARD, private_frame, public_frame
from livestream.commands import Envelope
from livestream.facts import AnyFact, Record
from livestream.room import Room, consequences, decide, evolve, stock_to_show, tick

#: Entries of the inbox as read: (id, sender, batch).
Entries = list[tuple[str, str, bytes]]


class Turn(Struct):
    """What one turn leads to: everything that `Journal.commit` needs, and what the owner does
    afterwards.
    """

    first_seq: int
    at_ms: int
    facts: list[Fact] = []
    air: list[tuple[int, str, dict[str, Any]]] = []
    replies: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    private: list[tuple[str, dict[str, Any]]] = []
    consumed: str = ""
    #: How often each kind of command had each outcome: "ok" or an error code.
    outcomes: Tally[tuple[type[Struct], str]] = msgspec.field(default_factory=Tally)
    #: Inbox entries that could not be read: somebody else's, or of another version.
    unreadable: int = 0

    @property
    def last_seq(self) -> int:
        """The seq of the last fact, or of the one before this turn when it has none."""
        return self.first_seq + len(self.facts) - 1

    @property
    def is_empty(self) -> bool:
        """Nothing to write and nobody to tell."""
        return not (self.facts or self.replies or self.consumed)

    def record(self, epoch: int, cursor: str) -> bytes:
        """The log record, or nothing when nothing happened."""
        if not self.facts:
            return b""
        return wire.encode_record(
            Record(epoch, self.at_ms, cursor, cast(list[AnyFact], self.facts))
        )


def take_turn(room: Room, entries: Entries, now_ms: int) -> Turn:
    """Decide everything that is due and everything that was asked, folding as it goes."""
    turn = Turn(room.state.seq + 1, now_ms)
    for fact in tick(room, now_ms):
        _happen(room, turn, fact)
    _follow(room, turn)
    for entry_id, sender, batch in entries:
        turn.consumed = entry_id
        try:
            envelopes = wire.decode_batch(batch)
        except msgspec.DecodeError:
            turn.unreadable += 1
            continue
        _decide_all(room, turn, sender, envelopes, now_ms)
    for fact in stock_to_show(room, now_ms):
        _happen(room, turn, fact)
    return turn


def _decide_all(
    room: Room, turn: Turn, sender: str, envelopes: list[Envelope], now_ms: int
) -> None:
    replies: list[tuple[int, dict[str, Any]]] = []
    outcomes: list[tuple[type[Struct], str]] = []
    for envelope in envelopes:
        command = envelope.command
        decision = decide(room, envelope, now_ms)
        if decision.facts:
            for fact in decision.facts:
                _happen(room, turn, fact)
            if room.counter.touched:
                _follow(room, turn)
        answer = decision.answer
        outcomes.append((type(command), answer.code.value if type(answer) is Refusal else "ok"))
        if envelope.conn:
            to = getattr(command, "id", None)
            replies.append((envelope.conn, wire.reply_frame(to, answer)))
    turn.outcomes.update(outcomes)
    if replies:
        turn.replies.setdefault(sender, []).extend(replies)


def _follow(room: Room, turn: Turn) -> None:
    while facts := consequences(room, turn.at_ms):
        for fact in facts:
            _happen(room, turn, fact)
            if type(fact) is HoldPlaced:  # offered: nobody asked for it just now
                _tell(room, turn, fact)


def _happen(room: Room, turn: Turn, fact: Fact) -> None:
    evolve(room, fact, turn.at_ms)
    turn.facts.append(fact)
    if type(fact) in HEARD:
        _tell(room, turn, fact)


def _tell(room: Room, turn: Turn, fact: Fact) -> None:
    public = public_frame(fact, room.state.seq, turn.at_ms)
    if public is not None:
        turn.air.append((room.state.seq, *public))
    private = private_frame(room.counter, fact)
    if private is not None:
        turn.private.append(private)


def messages_of(turn: Turn, room_name: str) -> list[tuple[str, bytes]]:
    """What is published with the commit: replies for each sender, frames for single viewers."""
    messages = [
        (keys.replies(sender), wire.encode(replies)) for sender, replies in turn.replies.items()
    ]
    if turn.private:
        messages.append((keys.private(room_name), wire.encode(turn.private)))
    return messages
