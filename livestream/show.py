"""A show: what the host will do, second by second, in a YAML file that is checked before it runs.

    version: 1
    title: Cartier on Tmall
    currency: CNY
    cards: [{card_id: tank, title: Tank, sku: tank-gold}]
    drops: [{drop_id: tank-drop, sku: tank-gold, title: Tank, supply: 288, price_minor: 1880000}]
    cues:
      - {at: 0s, push: tank}
      - {at: 5s, schedule: {drop: tank-drop, opens: 20s}}
      - {at: 45s, end: show}

All times count from the start of the show; `schedule` without `opens` waits for `open`. Prices are
in minor units. A card may show a price of its own; `currency` is the room's.

Owns the format and the timetable. `livestream.show_check` finds what does not make sense,
`livestream.show_runner` plays. Refuses to know clocks and HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from cart.bounds import QUANTITY_MAX, SUPPLY_MAX, CardId, DropId, Sku, Supply, Text, Title
from cart.drop import DropTerms
from cart.money import Currency, PriceMinor, format_minor
from cart.perk import PerkTerms
from livestream import commands, show_check
from livestream.commands import HostCommand
from livestream.messages import Card
from livestream.typed_yaml import Document, Mistake, read_document

#: A show of a day; a cue a second for a quarter of an hour, which a person can still read.
SHOW_MS_MAX = 86_400_000
CUES_MAX = 1_000

_DURATION = re.compile(r"(?:(\d{1,4})m)?(?:(\d{1,5}(?:\.\d{1,3})?)s)?")


class Duration(int):
    """Milliseconds, written as `12s`, `1.5s`, `2m` or `1m30s`."""

    @classmethod
    def parse(cls, text: object) -> Duration:
        """Raises ValueError."""
        match = _DURATION.fullmatch(text) if isinstance(text, str) else None
        if match is None or not text:
            raise ValueError(f"{text!r} is not a duration such as 12s, 1.5s or 2m")
        minutes, seconds = match.groups()
        duration = cls(60_000 * int(minutes or 0) + round(1_000 * float(seconds or 0)))
        if duration > SHOW_MS_MAX:
            raise ValueError(f"{text} is longer than a day")
        return duration

    def __str__(self) -> str:
        return f"{int(self) / 1_000:g}s"


# -- the file ----------------------------------------------------------------------------------


class DropEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A drop as a show declares it: the terms, less what the show itself adds."""

    drop_id: DropId
    sku: Sku
    title: Title
    supply: Supply
    price_minor: PriceMinor
    limit_per_viewer: Annotated[int, Meta(ge=1, le=QUANTITY_MAX)] = 1
    hold: Duration = Duration(120_000)
    pay_within: Duration = Duration(300_000)
    perk: PerkTerms | None = None

    def __post_init__(self) -> None:
        if self.perk is not None and self.perk.first_n > self.supply:
            raise ValueError(
                f"perk for the first {self.perk.first_n}, but the supply is {self.supply}"
            )
        for name, duration in (("hold", self.hold), ("pay_within", self.pay_within)):
            if duration < 1_000:
                raise ValueError(f"{name}: {duration} is shorter than 1s")


class ScheduleEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """Announce a drop ahead of time."""

    drop: DropId
    opens: Duration | None = None


class RestockEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """More units."""

    drop: DropId
    quantity: Annotated[int, Meta(ge=1, le=SUPPLY_MAX)]


class CueEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One moment: `at` and exactly one of the actions."""

    at: Duration
    announce: Annotated[Text, Meta(min_length=1)] | None = None
    push: CardId | None = None
    pin: CardId | None = None
    withdraw: CardId | None = None
    schedule: ScheduleEntry | None = None
    open: DropId | None = None
    pause: DropId | None = None
    resume: DropId | None = None
    restock: RestockEntry | None = None
    close: DropId | None = None
    end: Literal["show"] | None = None

    def __post_init__(self) -> None:
        given = [verb for verb in _VERBS if getattr(self, verb) is not None]
        if len(given) != 1:
            what = "has none" if not given else f"has {' and '.join(given)}"
            raise ValueError(f"a cue has one action ({', '.join(_VERBS)}); this one {what}")

    @property
    def action(self) -> tuple[str, Any]:
        """The verb and what it is about."""
        verb = next(verb for verb in _VERBS if getattr(self, verb) is not None)
        return verb, getattr(self, verb)


_VERBS = tuple(name for name in CueEntry.__struct_fields__ if name != "at")


class ShowFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    version: Literal[1]
    title: Title
    currency: Currency
    cards: list[Card] = []
    drops: list[DropEntry] = []
    cues: Annotated[list[CueEntry], Meta(min_length=1, max_length=CUES_MAX)]


# -- the show ----------------------------------------------------------------------------------


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


def load_show(path: Path) -> Show | list[Mistake]:
    """The show in `path`, or everything that is wrong with the file, in the order of its lines."""
    document = read_document(path, ShowFile, _durations)
    mistakes = [*document.mistakes, *show_check.check(str(path), document)]
    if mistakes:
        return sorted(mistakes)
    show = _show(document)
    return show_check.rehearse(str(path), show.cues) or show


def _durations(kind: type, value: Any) -> Any:
    if kind is Duration:
        return Duration.parse(value)
    raise NotImplementedError(kind)


def _show(document: Document) -> Show:
    file: ShowFile = document.value
    cards = {card.card_id: card for card in file.cards}
    drops = {drop.drop_id: drop for drop in file.drops}

    def schedule(entry: ScheduleEntry) -> HostCommand:
        drop = drops[entry.drop]
        terms = DropTerms(
            drop_id=drop.drop_id,
            sku=drop.sku,
            title=drop.title,
            supply=drop.supply,
            price_minor=drop.price_minor,
            currency=file.currency,
            opens_at_ms=None if entry.opens is None else int(entry.opens),
            limit_per_viewer=drop.limit_per_viewer,
            hold_ttl_ms=int(drop.hold),
            pay_ttl_ms=int(drop.pay_within),
            perk=drop.perk,
        )
        return commands.DropSchedule(terms)

    def push(card_id: str) -> HostCommand:
        card = cards[card_id]
        if card.price_minor is not None and card.currency is None:
            card = msgspec.structs.replace(card, currency=file.currency)
        return commands.CardPut(card)

    makers: dict[str, Callable[[Any], HostCommand]] = {
        "announce": commands.Announce,
        "push": push,
        "pin": commands.CardPin,
        "withdraw": commands.CardWithdraw,
        "schedule": schedule,
        "open": commands.DropOpen,
        "pause": commands.DropPause,
        "resume": commands.DropOpen,
        "restock": lambda entry: commands.DropRestock(entry.drop, entry.quantity),
        "close": commands.DropClose,
        "end": lambda _: commands.RoomEnd(),
    }
    cues = []
    for index, entry in enumerate(file.cues):
        verb, about = entry.action
        line = document.lines["cues", index]
        cues.append(Cue(int(entry.at), line, verb, makers[verb](about)))
    return Show(file.title, file.currency, tuple(cues))
