"""From a show file to a show, or to everything that is wrong with it.

Owns what each entry of the file becomes. Refuses to know YAML, and which mistakes there are.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from cart.drop import DropTerms
from livestream import commands
from livestream.commands import HostCommand
from livestream.show import check
from livestream.show.file import Duration, ScheduleEntry, ShowFile
from livestream.show.script import Cue, Show
from livestream.show.typed_yaml import Document, Mistake, read_document


def load_show(path: Path) -> Show | list[Mistake]:
    """The show in `path`, or everything that is wrong with the file, in the order of its lines."""
    document = read_document(path, ShowFile, _durations)
    mistakes = [*document.mistakes, *check.check(str(path), document)]
    if mistakes:
        return sorted(mistakes)
    show = _show(document)
    return check.rehearse(str(path), show.cues) or show


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
            perks=drop.perks,
            reserve_on=drop.reserve_on,
            numbered=drop.numbered,
            guarantee_days=drop.guarantee_days,
            options=drop.options,
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
