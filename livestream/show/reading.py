"""From a show file to a show, or to everything that is wrong with it.

Owns what each entry of the file becomes. Refuses to know YAML, and which mistakes there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from cart.access import AccessTerms
from cart.coupon import CouponTerms
from cart.drop import DropTerms
from cart.lottery import LotteryTerms
from cart.presale import PresaleTerms
from cart.price import FlashPrice
from cart.slot import SlotTerms
from livestream import commands
from livestream.commands import HostCommand
from livestream.show import check
from livestream.show.file import CouponEntry, DropEntry, Duration, ScheduleEntry, ShowFile
from livestream.show.script import Cue, Show
from livestream.show.typed_yaml import Document, Mistake, parse_document, read_document


def load_show(path: Path) -> Show | list[Mistake]:
    """The show in `path`, or everything that is wrong with the file, in the order of its lines."""
    return _checked(str(path), read_document(path, ShowFile, _times))


def parse_show(name: str, content: bytes) -> Show | list[Mistake]:
    """The same of a text that is at hand; `name` is what its mistakes are told with."""
    return _checked(name, parse_document(name, content, ShowFile, _times))


def _checked(name: str, document: Document) -> Show | list[Mistake]:
    mistakes = [*document.mistakes, *check.check(name, document)]
    if mistakes:
        return sorted(mistakes)
    show = _Reading(document).show()
    return sorted(check.rehearse(name, show)) or show


def _times(kind: type, value: Any) -> Any:
    if issubclass(kind, Duration):
        return kind.parse(value)
    raise NotImplementedError(kind)


class _Reading:
    """One file on its way to a show."""

    def __init__(self, document: Document) -> None:
        file: ShowFile = document.value
        self._file = file
        self._lines = document.lines
        self._cards = {card.card_id: card for card in file.cards}
        self._drops = {drop.drop_id: drop for drop in file.drops}
        self._drop_lines = {
            drop.drop_id: document.lines["drops", i] for i, drop in enumerate(file.drops)
        }
        self._slots = dict(enumerate(file.slots))

    def show(self) -> Show:
        preparations = list(self._preparations())
        cues: list[Cue] = []
        for index, entry in enumerate(self._file.cues):
            verb, about = entry.action
            line = self._lines["cues", index]
            cue = Cue(int(entry.at), line, verb, self._makers[verb](self, about))
            if isinstance(cue.command, commands.DropSchedule | commands.DropDraft):
                terms_line = self._drop_lines[cue.command.terms.drop_id]
                cue = msgspec.structs.replace(cue, terms_line=terms_line)
            cues.append(cue)
            if isinstance(cue.command, commands.DropSchedule):
                terms = cue.command.terms
                cues += self._slots_of({p.perk_id for p in terms.perks if p.slots}, cue.at_ms)
        return Show(self._file.title, self._file.currency, tuple(cues), tuple(preparations))

    def _preparations(self) -> Iterator[Cue]:
        rules = self._file.rules
        if rules is not None:
            yield Cue(0, self._lines["rules",], "rules", commands.RulesSet(rules))
            yield from self._slots_of({p.perk_id for p in rules.perks if p.slots}, 0)
        if self._file.stream is not None:
            stream = commands.StreamSet(self._file.stream)
            yield Cue(0, self._lines["stream",], "stream", stream)
        for index, coupon in enumerate(self._file.coupons):
            command = commands.CouponPut(self._coupon(coupon))
            yield Cue(0, self._lines["coupons", index], "coupon", command)

    def _slots_of(self, perk_ids: set[str], at_ms: int) -> Iterator[Cue]:
        """The slots of these perks, which can be declared from now on; each once."""
        for index, slot in list(self._slots.items()):
            if slot.perk_id in perk_ids:
                del self._slots[index]
                terms = SlotTerms(
                    slot_id=slot.slot_id,
                    perk_id=slot.perk_id,
                    city=slot.city,
                    from_ms=int(slot.from_),
                    until_ms=int(slot.until),
                    capacity=slot.capacity,
                )
                yield Cue(at_ms, self._lines["slots", index], "slot", commands.SlotPut(terms))

    def _coupon(self, coupon: CouponEntry) -> CouponTerms:
        return CouponTerms(
            code=coupon.code,
            supply=coupon.supply,
            per_viewer=coupon.per_viewer,
            amount_minor=coupon.amount_minor,
            percent_bp=coupon.percent_bp,
            currency=None if coupon.amount_minor is None else self._file.currency,
            skus=coupon.skus,
            from_ms=_maybe(coupon.from_),
            until_ms=_maybe(coupon.until),
        )

    def _terms(self, drop: DropEntry, opens: Duration | None) -> DropTerms:
        return DropTerms(
            drop_id=drop.drop_id,
            sku=drop.sku,
            title=drop.title,
            supply=drop.supply,
            price_minor=drop.price_minor,
            currency=self._file.currency,
            opens_at_ms=_maybe(opens),
            limit_per_viewer=drop.limit_per_viewer,
            hold_ttl_ms=int(drop.hold),
            pay_ttl_ms=int(drop.pay_within),
            perks=drop.perks,
            flash=[
                FlashPrice(int(price.from_), int(price.until), price.price_minor)
                for price in drop.flash
            ],
            access=_access(drop),
            reserve_on=drop.reserve_on,
            numbered=drop.numbered,
            guarantee_days=drop.guarantee_days,
            options=drop.options,
            presale=_presale(drop),
            lottery=_lottery(drop),
            allocations=drop.allocations,
            merge_at_ms=_maybe(drop.merge),
        )

    def _schedule(self, entry: ScheduleEntry) -> HostCommand:
        return commands.DropSchedule(self._terms(self._drops[entry.drop], entry.opens))

    def _push(self, card_id: str) -> HostCommand:
        card = self._cards[card_id]
        if card.price_minor is not None and card.currency is None:
            card = msgspec.structs.replace(card, currency=self._file.currency)
        return commands.CardPut(card)

    _makers: dict[str, Callable[[Any, Any], HostCommand]] = {  # noqa: RUF012  # never changed
        "announce": lambda _, text: commands.Announce(text),
        "push": _push,
        "pin": lambda _, card_id: commands.CardPin(card_id),
        "withdraw": lambda _, card_id: commands.CardWithdraw(card_id),
        "invite": lambda _, entry: commands.InvitationPut(entry.viewers, entry.drop, entry.tier),
        "draft": lambda self, name: commands.DropDraft(self._terms(self._drops[name], None)),
        "discard": lambda _, name: commands.DraftDiscard(name),
        "schedule": _schedule,
        "open": lambda _, name: commands.DropOpen(name),
        "pause": lambda _, name: commands.DropPause(name),
        "resume": lambda _, name: commands.DropOpen(name),
        "restock": lambda _, it: commands.DropRestock(it.drop, it.quantity, it.channel),
        "close": lambda _, name: commands.DropClose(name),
        "end": lambda *_: commands.RoomEnd(),
    }


def _maybe(moment: Duration | None) -> int | None:
    return None if moment is None else int(moment)


def _access(drop: DropEntry) -> AccessTerms | None:
    access = drop.access
    if access is None:
        return None
    tiers = {tier: int(at) for tier, at in access.tiers.items()}
    return AccessTerms(tiers, access.invited_only)


def _presale(drop: DropEntry) -> PresaleTerms | None:
    presale = drop.presale
    if presale is None:
        return None
    return PresaleTerms(
        deposit_minor=presale.deposit_minor,
        deposit_until_ms=int(presale.deposit_until),
        balance_from_ms=int(presale.balance_from),
        balance_until_ms=int(presale.balance_until),
        on_default=presale.on_default,
    )


def _lottery(drop: DropEntry) -> LotteryTerms | None:
    lottery = drop.lottery
    if lottery is None:
        return None
    return LotteryTerms(int(lottery.entries_from), int(lottery.entries_until))
