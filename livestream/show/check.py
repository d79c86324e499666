"""What does not make sense in a show file whose shape is right.

First the names, times and prices, as far as the file could be read. Then a rehearsal: what may
follow what is not written down here a second time, the show is played in an empty room by the
room's own rules, and what the room refuses is a mistake at the line of its cue.

Owns these findings. Refuses to know YAML and how a show is played.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from cart.drop import DropStatus
from cart.fact import Fact
from cart.lottery import commitment_to
from cart.outcome import ErrorCode, Refusal
from cart.perk import PerkTerms
from cart.rules import RoomRules
from livestream import commands, room
from livestream.commands import Envelope
from livestream.show.file import ScheduleEntry
from livestream.show.script import Cue, Show
from livestream.show.typed_yaml import Broken, Document, Mistake

#: Which section an action's name is looked up in.
_SECTION_OF_VERB = {
    **dict.fromkeys(("push", "pin", "withdraw"), "cards"),
    **dict.fromkeys(
        ("draft", "discard", "schedule", "open", "pause", "resume", "restock", "close", "invite"),
        "drops",
    ),
}
_ID_OF_SECTION = {"cards": "card_id", "drops": "drop_id"}
#: What may be named once in the whole file.
_UNIQUE = (
    *(("cards", "card_id"), ("drops", "drop_id"), ("drops", "sku")),
    *(("coupons", "code"), ("slots", "slot_id")),
)
#: A lottery's seed is drawn by the house when the show is played; any will do to try it.
_ANY_SEED = "00" * 32

Entry = dict[str, Any]


class _Parts:
    """The entries of a file, each with its line, as far as they could be read."""

    def __init__(self, document: Document) -> None:
        self.lines = document.lines
        self._fields = _fields(document.value)
        self.currency = self._fields.get("currency")

    def entries(self, section: str) -> list[tuple[int, Entry]]:
        """(line, fields) of a section's entries."""
        found = self._fields.get(section, ())
        return [(self.lines[section, i], _fields(entry)) for i, entry in enumerate(found)]

    def names(self, section: str) -> set[str] | None:
        """The ids in a section; None when it cannot be read, so that any name may be in it."""
        if (section,) in self.lines and section not in self._fields:
            return None
        key = _ID_OF_SECTION[section]
        return {entry[key] for _, entry in self.entries(section) if key in entry}

    def is_broken(self, section: str) -> bool:
        """Whether it was written, and cannot be read."""
        if (section,) not in self.lines:
            return False
        return section not in self._fields or isinstance(self._fields[section], Broken)

    def perks_of_rules(self) -> Sequence[PerkTerms]:
        """What the first orders of the room get."""
        rules = self._fields.get("rules")
        return rules.perks if isinstance(rules, RoomRules) else ()


def _fields(value: Struct | Broken) -> Entry:
    return dict(value.fields) if isinstance(value, Broken) else msgspec.structs.asdict(value)


def check(path: str, document: Document) -> Iterator[Mistake]:
    """Names that mean nothing, times that run backwards, prices that differ."""
    parts = _Parts(document)
    for section, key in _UNIQUE:
        yield from _doubles(path, parts.entries(section), key)
    yield from _cards_unlike_drops(path, parts)
    yield from _order_of_time(path, parts.entries("cues"))
    yield from _unknown_names(path, parts)
    yield from _unknown_products(path, parts)
    yield from _slots_of_nothing(path, parts)


def _doubles(path: str, entries: Sequence[tuple[int, Entry]], key: str) -> Iterator[Mistake]:
    first: dict[str, int] = {}
    for line, entry in entries:
        name = entry.get(key)
        if name in first:
            yield Mistake(path, line, f"{key} {name!r} is used twice, first on line {first[name]}")
        elif name is not None:
            first[name] = line


def _cards_unlike_drops(path: str, parts: _Parts) -> Iterator[Mistake]:
    if parts.names("drops") is None:
        return
    prices = {
        drop["sku"]: drop.get("price_minor") for _, drop in parts.entries("drops") if "sku" in drop
    }
    for line, card in parts.entries("cards"):
        sku, shown, currency = card.get("sku"), card.get("price_minor"), card.get("currency")
        if sku is not None and sku not in prices:
            yield Mistake(path, line, f"the card's sku {sku!r} is sold by no drop of this show")
        elif sku is not None and None not in (shown, prices[sku]) and shown != prices[sku]:
            yield Mistake(path, line, f"the card shows {shown}, its drop asks for {prices[sku]}")
        if None not in (currency, parts.currency) and currency != parts.currency:
            yield Mistake(path, line, f"the card is in {currency}, the show in {parts.currency}")


def _order_of_time(path: str, cues: Sequence[tuple[int, Entry]]) -> Iterator[Mistake]:
    latest_ms, ended_on = None, None
    for line, cue in cues:
        at_ms = cue.get("at")
        if at_ms is not None:
            if latest_ms is not None and at_ms < latest_ms:
                yield Mistake(path, line, f"time runs backwards: {at_ms} after {latest_ms}")
            else:
                latest_ms = at_ms
        if ended_on is not None:
            yield Mistake(path, line, f"the show has ended on line {ended_on}")
        elif cue.get("end"):
            ended_on = line
        scheduled = cue.get("schedule")
        opens_ms = scheduled.opens if isinstance(scheduled, ScheduleEntry) else None
        if at_ms is not None and opens_ms is not None and opens_ms < at_ms:
            what = f"the drop opens at {opens_ms}, before it is scheduled at {at_ms}"
            yield Mistake(path, line, what)


def _unknown_names(path: str, parts: _Parts) -> Iterator[Mistake]:
    known = {section: parts.names(section) for section in _ID_OF_SECTION}
    for line, cue in parts.entries("cues"):
        for verb, section in _SECTION_OF_VERB.items():
            about, names = cue.get(verb), known[section]
            if isinstance(about, Broken):
                continue  # told already
            name = about if about is None or isinstance(about, str) else about.drop
            if name is not None and names is not None and name not in names:
                yield Mistake(path, line, f"{verb}: there is no {section[:-1]} {name!r}")


def _unknown_products(path: str, parts: _Parts) -> Iterator[Mistake]:
    if parts.names("drops") is None:
        return
    sold = {drop.get("sku") for _, drop in parts.entries("drops")}
    for line, coupon in parts.entries("coupons"):
        for sku in coupon.get("skus", ()):
            if sku not in sold:
                yield Mistake(
                    path, line, f"the coupon is for {sku!r}, sold by no drop of this show"
                )


def _slots_of_nothing(path: str, parts: _Parts) -> Iterator[Mistake]:
    """A slot is declared when its perk is: by the rules, or by the cue that schedules its drop."""
    if parts.names("drops") is None or parts.is_broken("rules"):
        return
    asked = (cue.get("schedule") for _, cue in parts.entries("cues"))
    scheduled = {entry.drop for entry in asked if isinstance(entry, ScheduleEntry)}
    perks = [*parts.perks_of_rules()]
    for _, drop in parts.entries("drops"):
        if "perks" not in drop or any(isinstance(perk, Broken) for perk in drop["perks"]):
            return  # told already
        if drop.get("drop_id") in scheduled:
            perks += drop["perks"]
    with_slots = {perk.perk_id for perk in perks if perk.slots}
    for line, slot in parts.entries("slots"):
        perk_id = slot.get("perk_id")
        if perk_id is not None and perk_id not in with_slots:
            what = f"no drop that this show schedules has a perk {perk_id!r} with slots: true"
            yield Mistake(path, line, what)


def rehearse(path: str, show: Show) -> list[Mistake]:
    """Play the show in an empty room, without a clock; what the room refuses is a mistake. It is
    told at the line of the cue, or, when the terms make no sense, at that of the terms.
    """
    stage = room.Room(room.RoomState("rehearsal"))
    mistakes: list[Mistake] = []

    def happen(facts: Sequence[Fact], at_ms: int) -> None:
        while facts:
            for fact in facts:
                room.evolve(stage, fact, at_ms)
            facts = room.consequences(stage, at_ms)

    def ask(command: commands.HostCommand, at_ms: int) -> Refusal | None:
        envelope = Envelope(0, "desk:rehearsal", "desk", _with_a_seed(command))
        decision = room.decide(stage, envelope, at_ms)
        happen(decision.facts, at_ms)
        return decision.answer if isinstance(decision.answer, Refusal) else None

    def play(cue: Cue) -> None:
        refusal = ask(cue.command, cue.at_ms)
        if refusal is not None:
            in_terms = cue.terms_line and refusal.code is ErrorCode.INVALID
            line = cue.terms_line if in_terms else cue.line
            mistakes.append(Mistake(path, line, f"{cue.verb}: {refusal.message}"))

    ask(commands.RoomCreate("Rehearsal"), 0)
    for cue in show.preparations:
        play(cue)
    ask(commands.RoomStart(), 0)
    for cue in show.cues:
        happen(room.tick(stage, cue.at_ms), cue.at_ms)
        if cue.verb == "resume" and isinstance(cue.command, commands.DropOpen):
            # The desk has one button for both; who writes `resume` means a pause.
            drop = stage.state.books.drops.get(cue.command.drop_id)
            if drop is not None and drop.status is not DropStatus.PAUSED:
                what = f"resume: drop {cue.command.drop_id} is {drop.status}, not paused"
                mistakes.append(Mistake(path, cue.line, what))
                continue
        if (
            isinstance(cue.command, commands.DraftDiscard)
            and cue.command.drop_id not in stage.state.books.drafts
        ):
            # For the desk it is gone already; who writes `discard` means one that is there.
            what = f"discard: {cue.command.drop_id} is no draft by then"
            mistakes.append(Mistake(path, cue.line, what))
            continue
        play(cue)
    return mistakes


def _with_a_seed(command: commands.HostCommand) -> commands.HostCommand:
    """As the control server asks for it: a lottery has a seed."""
    if not isinstance(command, commands.DropSchedule) or command.terms.lottery is None:
        return command
    lottery = replace(command.terms.lottery, commitment=commitment_to(_ANY_SEED))
    return commands.DropSchedule(replace(command.terms, lottery=lottery), _ANY_SEED)
