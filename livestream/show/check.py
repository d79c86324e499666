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

from cart.drop import DropStatus
from cart.fact import Fact
from cart.outcome import Refusal
from livestream import commands, room
from livestream.commands import Envelope
from livestream.show.script import Cue
from livestream.show.typed_yaml import Broken, Document, Mistake

#: Which section an action's name is looked up in.
_SECTION_OF_VERB = {
    **dict.fromkeys(("push", "pin", "withdraw"), "cards"),
    **dict.fromkeys(("schedule", "open", "pause", "resume", "restock", "close"), "drops"),
}
_ID_OF_SECTION = {"cards": "card_id", "drops": "drop_id"}

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


def _fields(value: Struct | Broken) -> Entry:
    return dict(value.fields) if isinstance(value, Broken) else msgspec.structs.asdict(value)


def check(path: str, document: Document) -> Iterator[Mistake]:
    """Names that mean nothing, times that run backwards, prices that differ."""
    parts = _Parts(document)
    for section, key in (("cards", "card_id"), ("drops", "drop_id"), ("drops", "sku")):
        yield from _doubles(path, parts.entries(section), key)
    yield from _cards_unlike_drops(path, parts)
    yield from _order_of_time(path, parts.entries("cues"))
    yield from _unknown_names(path, parts)


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
        opens_ms = cue["schedule"].opens if cue.get("schedule") else None
        if at_ms is not None and opens_ms is not None and opens_ms < at_ms:
            what = f"the drop opens at {opens_ms}, before it is scheduled at {at_ms}"
            yield Mistake(path, line, what)


def _unknown_names(path: str, parts: _Parts) -> Iterator[Mistake]:
    known = {section: parts.names(section) for section in _ID_OF_SECTION}
    for line, cue in parts.entries("cues"):
        for verb, section in _SECTION_OF_VERB.items():
            about, names = cue.get(verb), known[section]
            name = about if about is None or isinstance(about, str) else about.drop
            if name is not None and names is not None and name not in names:
                yield Mistake(path, line, f"{verb}: there is no {section[:-1]} {name!r}")


def rehearse(path: str, cues: Sequence[Cue]) -> list[Mistake]:
    """Play the cues in an empty room, without a clock; what the room refuses is a mistake."""
    stage = room.Room(room.RoomState("rehearsal"))
    mistakes: list[Mistake] = []

    def happen(facts: Sequence[Fact], at_ms: int) -> None:
        while facts:
            for fact in facts:
                room.evolve(stage, fact, at_ms)
            facts = room.consequences(stage, at_ms)

    def ask(command: commands.HostCommand, at_ms: int) -> Refusal | None:
        decision = room.decide(stage, Envelope(0, "desk:rehearsal", "desk", command), at_ms)
        happen(decision.facts, at_ms)
        return decision.answer if isinstance(decision.answer, Refusal) else None

    ask(commands.RoomCreate("Rehearsal"), 0)
    ask(commands.RoomStart(), 0)
    for cue in cues:
        happen(room.tick(stage, cue.at_ms), cue.at_ms)
        if cue.verb == "resume" and isinstance(cue.command, commands.DropOpen):
            # The desk has one button for both; who writes `resume` means a pause.
            drop = stage.state.books.drops.get(cue.command.drop_id)
            if drop is not None and drop.status is not DropStatus.PAUSED:
                what = f"resume: drop {cue.command.drop_id} is {drop.status}, not paused"
                mistakes.append(Mistake(path, cue.line, what))
                continue
        refusal = ask(cue.command, cue.at_ms)
        if refusal is not None:
            mistakes.append(Mistake(path, cue.line, f"{cue.verb}: {refusal.message}"))
    return mistakes
