"""A show that was checked: what the host will do, and when.

Owns the cues and the timetable. Refuses to know clocks and HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from cart.drop import DropTerms
from cart.money import Currency, format_minor
from livestream import commands
from livestream.commands import HostCommand
from livestream.show.file import Duration
from livestream.show.times import shortened, told_at


class Cue(Struct, frozen=True):
    """One thing the host does, `at_ms` after the start. `line` is where the file says so, and
    `terms_line` where it says the terms that are declared by it (0: nowhere else); moments in the
    command count from the start too, as everything in a show does.
    """

    at_ms: int
    line: int
    verb: str
    command: HostCommand
    terms_line: int = 0

    def __str__(self) -> str:
        """The cue for people who watch the run."""
        return f"{Duration(self.at_ms)!s:>7}  {self._words()}"

    def _words(self) -> str:
        match self.command:
            case commands.Announce(text=text):
                return f"announce “{text}”"
            case commands.CardPut(card=card):
                return f"push {card.title}"
            case commands.DropSchedule(terms=terms):
                price = format_minor(terms.price_minor, terms.currency)
                return f"schedule {terms.title}: {terms.supply} at {price}"
            case commands.DropDraft(terms=terms):
                return f"draft {terms.title}"
            case commands.DropRestock(drop_id=drop_id, quantity=quantity, channel=channel):
                return f"restock {drop_id} with {quantity}" + (f" for {channel}" if channel else "")
            case commands.RulesSet():
                return "rules"
            case commands.StreamSet():
                return "the picture"
            case commands.CouponPut(coupon_terms=coupon):
                return f"coupon {coupon.code}"
            case commands.SlotPut(slot_terms=slot):
                return f"slot {slot.slot_id}: {slot.capacity} in {slot.city}"
            case commands.InvitationPut(viewers=viewers, drop_id=drop_id):
                return f"invite {len(viewers)} to {drop_id or 'the room'}"
            case commands.CardPin(card_id=name) | commands.CardWithdraw(card_id=name):
                return f"{self.verb} {name}"
            case commands.RoomEnd():
                return "end"
            case command:
                return f"{self.verb} {getattr(command, 'drop_id', '')}"


class Show(Struct, frozen=True):
    """A show that was checked. `cues` are in order of time, `preparations` before its start."""

    title: str
    currency: Currency
    cues: Sequence[Cue]
    preparations: Sequence[Cue] = ()

    @property
    def duration_ms(self) -> int:
        """From the start to the last cue."""
        return self.cues[-1].at_ms

    @property
    def drops(self) -> list[DropTerms]:
        """Terms of the drops in the order they are scheduled; `opens_at_ms` is from the start."""
        asked = (cue.command for cue in self.cues)
        return [c.terms for c in asked if isinstance(c, commands.DropSchedule)]

    def timetable(self, start_ms: int, speed: float = 1.0) -> Iterator[tuple[int, Cue]]:
        """The cues of a run that starts at `start_ms`, each with the time it is due.

        Between cues time runs `speed` times faster. How long a hold or an order lasts is a promise
        to the buyer and stays as it is written.
        """
        for cue in self.cues:
            yield _by_clock(cue, start_ms, speed)

    def prepared(self, start_ms: int, speed: float = 1.0) -> list[Cue]:
        """The preparations of that run."""
        return [_by_clock(cue, start_ms, speed)[1] for cue in self.preparations]

    def faster(self, speed: float) -> Show:
        """The show as a rehearsal plays it: everything takes `speed` times less, from the first cue
        to the last second of a hold. A hold of two minutes in a show that is over in half a minute
        would never run out, and an order would be waited for long after the end.
        """
        return msgspec.structs.replace(
            self,
            cues=[_sooner(cue, speed) for cue in self.cues],
            preparations=[_sooner(cue, speed) for cue in self.preparations],
        )


def _by_clock(cue: Cue, start_ms: int, speed: float) -> tuple[int, Cue]:
    def clock(ms: int) -> int:
        return start_ms + round(ms / speed)

    return clock(cue.at_ms), msgspec.structs.replace(cue, command=told_at(cue.command, clock))


def _sooner(cue: Cue, speed: float) -> Cue:
    return msgspec.structs.replace(
        cue, at_ms=round(cue.at_ms / speed), command=shortened(cue.command, speed)
    )
