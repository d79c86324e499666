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


class Cue(Struct, frozen=True):
    """One thing the host does, `at_ms` after the start. `line` is where the file says so; in a
    `DropSchedule`, `opens_at_ms` counts from the start too, as everything in a show does.
    """

    at_ms: int
    line: int
    verb: str
    command: HostCommand

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
            case commands.DropRestock(drop_id=drop_id, quantity=quantity):
                return f"restock {drop_id} with {quantity}"
            case commands.CardPin(card_id=name) | commands.CardWithdraw(card_id=name):
                return f"{self.verb} {name}"
            case commands.RoomEnd():
                return "end"
            case command:
                return f"{self.verb} {getattr(command, 'drop_id', '')}"


class Show(Struct, frozen=True):
    """A show that was checked. `cues` are in order of time."""

    title: str
    currency: Currency
    cues: Sequence[Cue]

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
            due_ms = start_ms + round(cue.at_ms / speed)
            command = cue.command
            if isinstance(command, commands.DropSchedule) and command.terms.opens_at_ms is not None:
                opens_at_ms = start_ms + round(command.terms.opens_at_ms / speed)
                terms = msgspec.structs.replace(command.terms, opens_at_ms=opens_at_ms)
                cue = msgspec.structs.replace(cue, command=commands.DropSchedule(terms))
            yield due_ms, cue
