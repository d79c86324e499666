"""Check 21: the line of a drop is served in its order, and nobody waits beside a free unit."""

from __future__ import annotations

from collections.abc import Iterator

from cart import events
from cart.bounds import LINES_MAX
from cart.counter import OFFERS_PER_TURN_MAX
from cart.line import LINE_MAX
from livestream import facts
from livestream.audit.check import Check, Checks, Rule, before
from livestream.audit.evidence import Evidence
from livestream.audit.guests import OnlyTheInvitedBuy
from livestream.audit.ledger import DropAccount, Ledger
from livestream.audit.shelves import ShelvesAddUp
from livestream.audit.stock import LimitCountsAll
from livestream.facts import Record


class LineIsServedInOrder(Check):
    """Invariant 21. It looks before `LimitCountsAll`, whose tally it asks: a hold that is being
    placed is not in it yet.
    """

    rule = Rule(
        21,
        "the line is served in order",
        "numbers are dense; nobody overtakes; no unit of an open drop is free while somebody waits",
    )

    def __init__(self, ledger: Ledger, evidence: Evidence) -> None:
        super().__init__(ledger, evidence)
        self._joined: dict[str, int] = {}
        self._served = 0
        self._took_over = False

    def meet(self, others: Checks) -> None:
        self._limits = others.one(LimitCountsAll)
        self._shelves = others.one(ShelvesAddUp)
        self._guests = others.one(OnlyTheInvitedBuy)

    def record_begins(self, seq: int, record: Record) -> Iterator[str]:
        self._served = 0
        yield from ()

    @before(facts.EpochStarted)
    def another_owner(self, fact: facts.EpochStarted) -> Iterator[str]:
        self._took_over = True  # it goes on with the line in its first turn, one record later
        yield from ()

    @before(events.LotteryDrawn)
    def all_who_entered_have_numbers(self, fact: events.LotteryDrawn) -> Iterator[str]:
        self._joined[fact.drop_id] = fact.entered
        yield from ()

    @before(events.LineJoined)
    def joins_at_the_end(self, fact: events.LineJoined) -> Iterator[str]:
        who = f"viewer {fact.viewer} in the line of {fact.drop_id}"
        drop = self.ledger.drops.get(fact.drop_id)
        if drop is None:
            yield f"{who}: there is no such drop"
            return
        last = self._joined.get(fact.drop_id, 0)
        if fact.number != last + 1:
            yield f"{who} gets number {fact.number} after {last}"
        self._joined[fact.drop_id] = max(last, fact.number)
        if fact.viewer in drop.waiting:
            yield f"{who} waits already, with number {drop.waiting[fact.viewer].number}"
        own = self._shelves.own(fact.drop_id, fact.channel)
        stock = drop if own is None else own
        ahead = len(drop.waiting) if own is None else sum(1 for _ in self._queue(fact, drop))
        if (fact.ahead, fact.held) != (ahead, stock.held):
            yield (
                f"{who} is told of {fact.ahead} ahead and {fact.held} held; "
                f"by the books {ahead} and {stock.held}"
            )
        if fact.ahead >= LINE_MAX:
            yield f"{who} is one more than the {LINE_MAX} who may wait"
        if drop.status not in ("open", "all_held"):
            yield f"{who} joins while the drop is {drop.status}"
        if not ahead and fact.quantity <= stock.available:
            yield f"{who} has to wait though {stock.available} units are free"

    def _queue(
        self, one: events.LineJoined | events.HoldPlaced, drop: DropAccount
    ) -> Iterator[events.LineJoined]:
        """Those who wait for the same units, in their order."""
        return self._shelves.queue(drop, one.channel)

    @before(events.HoldPlaced)
    def is_the_first_in_line(self, fact: events.HoldPlaced) -> Iterator[str]:
        drop = self.ledger.drops.get(fact.drop_id)
        if drop is None:
            return
        first = next((place.viewer for place in self._queue(fact, drop)), None)
        if not fact.offered:
            if first is not None:
                yield (
                    f"hold {fact.hold_id} of {fact.viewer} overtakes {first}, "
                    f"who waits for drop {fact.drop_id}"
                )
            return
        self._served += 1
        if fact.viewer not in drop.waiting:
            yield f"hold {fact.hold_id} is offered to {fact.viewer}, who does not wait for it"
        elif fact.viewer != first:
            yield f"hold {fact.hold_id} is offered to {fact.viewer} before {first}, who is first"
        else:
            yield from self._is_all_that_can_be_had(fact, drop)

    def _is_all_that_can_be_had(self, fact: events.HoldPlaced, drop: DropAccount) -> Iterator[str]:
        place = drop.waiting[fact.viewer]
        own = self._shelves.own(fact.drop_id, place.channel)
        free = drop.available if own is None else own.available
        due = min(place.quantity, free, self._limits.left(drop, fact.viewer))
        if fact.channel != place.channel:
            yield f"{fact.viewer} waits by {place.channel} and is offered a unit by {fact.channel}"
        if fact.quantity != due:
            yield f"{fact.viewer} is offered {fact.quantity} of drop {fact.drop_id}, {due} are due"

    @before(events.LineLeft)
    def leaves_for_a_reason(self, fact: events.LineLeft) -> Iterator[str]:
        drop = self.ledger.drops.get(fact.drop_id)
        place = drop.waiting.get(fact.viewer) if drop is not None else None
        if drop is None or place is None:
            yield f"viewer {fact.viewer} leaves the line of {fact.drop_id} and is not in it"
            return
        if place.number != fact.number:
            yield (
                f"viewer {fact.viewer} leaves as number {fact.number} and is number {place.number}"
            )
        if fact.reason == "viewer":
            return
        self._served += 1
        if fact.viewer != next(self._queue(place, drop)).viewer:
            yield f"viewer {fact.viewer} is passed over in the middle of the line"
        if not self._is_so(fact.reason, place, drop):
            yield f"viewer {fact.viewer} is passed over ({fact.reason}) and may buy"

    def _is_so(self, reason: str, place: events.LineJoined, drop: DropAccount) -> bool:
        match reason:
            case "limit":
                return self._limits.left(drop, place.viewer) <= 0
            case "presale":
                presale = drop.terms.presale
                over = presale is not None and self.ledger.at_ms >= presale.deposit_until_ms
                return over and not drop.sells_rest
            case "sold_out":
                own = self._shelves.own(drop.terms.drop_id, place.channel)
                never = drop.terms.merge_at_ms is None
                return never and own is not None and own.available == own.held == 0
            case "invitation":
                return any(self._guests.says_against(place, place.viewer))
            case _:
                return self._cart_takes_no_more(place.viewer, drop)

    def _cart_takes_no_more(self, viewer: str, drop: DropAccount) -> bool:
        lines = [
            hold
            for hold in self.ledger.holds.values()
            if hold.viewer == viewer and not hold.order_id
        ]
        if len(lines) >= LINES_MAX:
            return True
        if any(hold.currency != drop.terms.currency for hold in lines):
            return True
        others = [hold for hold in lines if hold.drop_id != drop.terms.drop_id]
        drops = [drop, *(self.ledger.drops[h.drop_id] for h in others)]
        if others and any(one.terms.presale and not one.sells_rest for one in drops):
            return True
        one_product = self.ledger.rules.one_product_per_order
        return one_product and any(hold.sku != drop.terms.sku for hold in lines)

    @before(events.OrderPaid, events.DepositPaid)
    def late_money_does_not_overtake(
        self, fact: events.OrderPaid | events.DepositPaid
    ) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        for line in order.lines if order is not None and fact.late else ():
            drop = self.ledger.drops.get(line.drop_id)
            if drop is not None and any(self._shelves.queue(drop, line.shelf)):
                yield f"order {fact.order_id} takes a unit of {line.drop_id} for which others wait"

    def record_ends(self) -> Iterator[str]:
        more_follows = self._took_over or self._served >= OFFERS_PER_TURN_MAX
        self._took_over = False
        if more_follows:
            return
        for drop_id, drop in self.ledger.drops.items():
            if not drop.waiting or not drop.available or drop.status not in ("open", "all_held"):
                continue
            if free := self._shelves.for_somebody(drop):
                yield f"{len(drop.waiting)} wait for drop {drop_id} while {free} are free for them"
            elif drop.status == "all_held":
                yield f"drop {drop_id} stays all held with units for which nobody waits"
