"""A room: decide what a command leads to, and fold facts into state. Pure.

    decide(room, envelope, now_ms) -> Decision(facts, answer)      reads the state, changes nothing
    tick(room, now_ms)             -> facts                        what time itself does
    consequences(room, now_ms)     -> facts                        what follows from both
    evolve(room, fact, at_ms)                                      the only way the state changes

Owns cards, announcements, moderation and the order of things in a show; hands everything about
stock and money to `cart`. Refuses to know sockets, Redis, tasks and clocks: replaying the same
facts gives the same state, deciding the same command on it gives the same facts.

state.py    what there is             folds.py    how facts change it
buying.py   viewers, the provider     show.py, selling.py, talk.py    the desk
"""

from __future__ import annotations

from typing import Any

from msgspec import structs

from cart import clock
from cart import consequences as following
from cart import folds as books_folds
from cart.fact import Fact
from cart.outcome import Decision, ErrorCode, refuse
from livestream import commands, once
from livestream.commands import Envelope
from livestream.room.buying import BUYING
from livestream.room.folds import EPOCHS_KEPT, FOLDS
from livestream.room.selling import SELLING
from livestream.room.show import CARDS_MAX, SHOW
from livestream.room.state import Decide, Room, RoomState
from livestream.room.talk import TALK

__all__ = [
    "CARDS_MAX",
    "EPOCHS_KEPT",
    "Room",
    "RoomState",
    "consequences",
    "decide",
    "evolve",
    "next_deadline_ms",
    "next_due_ms",
    "stock_to_show",
    "tick",
]


def decide(room: Room, envelope: Envelope, now_ms: int) -> Decision:
    """What `envelope.command` leads to at `now_ms`. Nothing is changed here."""
    command = envelope.command
    if not room.state.title and type(command) is not commands.RoomCreate:
        return refuse(ErrorCode.NOT_FOUND, f"no room {room.state.room}")
    if envelope.once is None:
        return _DECISIONS[type(command)](room, envelope, command, now_ms)
    again = once.decision_again(room.state.answered, envelope)
    if again is not None:
        return again
    decision = _DECISIONS[type(command)](room, envelope, command, now_ms)
    return once.with_memory_of(envelope, decision)


def tick(room: Room, now_ms: int) -> list[Fact]:
    """What is due by itself: drops open, holds and orders expire."""
    return clock.tick(room.counter, now_ms)


def consequences(room: Room, now_ms: int) -> list[Fact]:
    """What follows from the facts folded last; ask again until it is nothing."""
    return following.consequences(room.counter, now_ms)


def stock_to_show(room: Room, now_ms: int) -> list[Fact]:
    """Public stock levels that viewers should be told now."""
    return clock.stock_to_show(room.counter, now_ms)


def next_due_ms(room: Room) -> int | None:
    """When `tick` or `stock_to_show` will next have something to say, or None."""
    return clock.next_due_ms(room.counter)


def next_deadline_ms(room: Room) -> int | None:
    """When the next drop opens, or the next hold or order expires, or None."""
    return room.counter.next_deadline_ms()


def evolve(room: Room, fact: Fact, at_ms: int) -> None:
    """Fold one fact into the state, in place.

    Raises:
        BrokenBooksError: the fact cannot be true of this state; the log or the code is broken.
    """
    state = room.state
    state.seq += 1
    state.at_ms = at_ms
    fold = FOLDS.get(type(fact))
    if fold is None:
        books_folds.evolve(room.counter, fact, at_ms)
    else:
        fold(state, fact)


def _authored(decide: Decide) -> Decide:
    """The decision of somebody at the desk: its facts say whose it is, in the log."""

    def decide_and_sign(room: Room, asked: Envelope, command: Any, now_ms: int) -> Decision:
        decision = decide(room, asked, command, now_ms)
        if not decision.facts:
            return decision
        signed = (structs.replace(fact, by=asked.actor) for fact in decision.facts)
        return Decision(tuple(signed), decision.answer)

    return decide_and_sign


_DECISIONS: dict[type, Decide] = BUYING | {
    kind: _authored(decision) for kind, decision in (SHOW | SELLING | TALK).items()
}
