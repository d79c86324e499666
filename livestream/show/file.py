"""The format of a show file: what may be written, and within which bounds.

Owns the entries and how a duration is spelled. Refuses to know what follows from them.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from cart.bounds import (
    GUARANTEE_DAYS_MAX,
    OPTIONS_MAX,
    PERKS_MAX,
    QUANTITY_MAX,
    SUPPLY_MAX,
    CardId,
    DropId,
    Sku,
    Supply,
    Text,
    Title,
)
from cart.money import Currency, PriceMinor
from cart.perk import PerkTerms, flaw_in
from cart.personalisation import OptionTerms, flaw_in_options
from livestream.messages import Card

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
    perks: Annotated[list[PerkTerms], Meta(max_length=PERKS_MAX)] = []
    reserve_on: Literal["cart", "checkout", "payment"] = "cart"
    numbered: bool = False
    guarantee_days: Annotated[int, Meta(ge=0, le=GUARANTEE_DAYS_MAX)] = 0
    options: Annotated[list[OptionTerms], Meta(max_length=OPTIONS_MAX)] = []

    def __post_init__(self) -> None:
        flaw = flaw_in(self.perks) or flaw_in_options(self.options)
        if flaw is not None:
            raise ValueError(flaw)
        if self.guarantee_days and not self.numbered:
            raise ValueError("a guarantee needs numbered: true")
        for perk in self.perks:
            if perk.first_n > self.supply:
                raise ValueError(
                    f"perk for the first {perk.first_n}, but the supply is {self.supply}"
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
