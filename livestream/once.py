"""A command of the desk that is done once, however often it is asked for. Pure.

    decision_again(state's memory, envelope)   -> what was decided the first time, or None
    with_memory_of(envelope, decision)         -> the decision, and the fact that remembers it

Whoever is afraid that an answer gets lost gives the command a key (`commands.Once`). What was done
under a key is kept by the log and the snapshot with the answer, so a repeat gets that answer though
the room has moved on, under a new owner too. What was refused is not kept: nothing was done, and a
repeat is decided anew.

Owns this memory. Refuses to know what a command means.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from cart.fact import tag_of
from cart.outcome import Decision, ErrorCode, Refusal, refuse
from livestream.commands import Envelope
from livestream.facts import DeskAnswered

#: Keys that a room remembers, the oldest is forgotten first: 1,000 x about 400 bytes = 400 KB. A
#: desk presses a few hundred times in a show, and repeats within a minute what was not answered.
ANSWERS_KEPT_MAX = 1_000


class Answered(Struct, frozen=True, gc=False):
    """What was done under a key: for whom, which command, what exactly was asked, and the answer as
    JSON.
    """

    by: str
    command: str
    asked: str
    result: str
    at_ms: int


def decision_again(kept: Mapping[str, Answered], envelope: Envelope) -> Decision | None:
    """The first answer, if the command was done before; a conflict if the key was for another."""
    assert envelope.once is not None, "asked for commands with a key only"
    known = kept.get(envelope.once.key)
    if known is None:
        return None
    if (known.by, known.asked) != (envelope.actor, envelope.once.asked):
        return refuse(ErrorCode.CONFLICT, f"the key {envelope.once.key} was used for another call")
    return Decision((), msgspec.json.decode(known.result))


def with_memory_of(envelope: Envelope, decision: Decision) -> Decision:
    """The same decision, remembered if something was done or was found to be done already."""
    assert envelope.once is not None, "asked for commands with a key only"
    if isinstance(decision.answer, Refusal):
        return decision
    fact = DeskAnswered(
        key=envelope.once.key,
        asked=envelope.once.asked,
        by=envelope.actor,
        command=tag_of(type(envelope.command)),
        result=msgspec.json.encode(decision.answer).decode(),
    )
    return Decision((*decision.facts, fact), decision.answer)


def remember(kept: dict[str, Answered], fact: DeskAnswered, at_ms: int) -> None:
    """Fold the fact into the memory, in place."""
    kept[fact.key] = Answered(fact.by, fact.command, fact.asked, fact.result, at_ms)
    if len(kept) > ANSWERS_KEPT_MAX:
        del kept[next(iter(kept))]
