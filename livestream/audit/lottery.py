"""Check 24: a lottery is drawn as it was promised, and nothing of it is sold beside the draw.

Owns the sums of a draw, done once more from what was published. Refuses to know who is offered a
unit after it: that is the line's (check 21), in the order that is worked out here.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from cart import events
from cart.lottery import ENTRIES_MAX
from livestream.audit.check import Check, Checks, Rule, before
from livestream.audit.evidence import Evidence
from livestream.audit.guests import OnlyTheInvitedBuy
from livestream.audit.ledger import DropAccount, Ledger

#: How long after its time a draw may come: as with holds, time without an owner is not counted.
LATE_MAX_MS = 5_000


class LotteryIsDrawnAsPromised(Check):
    """Rule 24."""

    rule = Rule(
        24,
        "a lottery is drawn as promised",
        "entries are numbered, once for each viewer and in the window; the seed is the one that "
        "was promised before it; nobody but those who were drawn takes a unit",
    )

    def __init__(self, ledger: Ledger, evidence: Evidence) -> None:
        super().__init__(ledger, evidence)
        self._drawn: set[str] = set()

    def meet(self, others: Checks) -> None:
        self._guests = others.one(OnlyTheInvitedBuy)

    def _lottery_of(self, drop_id: str) -> DropAccount | None:
        drop = self.ledger.drops.get(drop_id)
        return drop if drop is not None and drop.terms.lottery is not None else None

    @before(events.DropScheduled)
    def promised(self, fact: events.DropScheduled) -> Iterator[str]:
        drop_id, terms = fact.terms.drop_id, fact.terms.lottery
        if terms is None:
            if fact.seed:
                yield f"drop {drop_id} has a seed and no lottery"
            return
        if _sha256_of(fact.seed) != terms.commitment:
            yield f"the lottery of {drop_id} promises another seed than its own"
        if terms.entries_until_ms <= max(self.ledger.at_ms, terms.entries_from_ms):
            yield f"the lottery of {drop_id} takes no entries"

    @before(events.LotteryEntered)
    def entered(self, fact: events.LotteryEntered) -> Iterator[str]:
        drop = self._lottery_of(fact.drop_id)
        if drop is None or drop.terms.lottery is None:
            yield f"viewer {fact.viewer} enters {fact.drop_id}, which is no lottery"
            return
        terms, at_ms = drop.terms.lottery, self.ledger.at_ms
        if not terms.entries_from_ms <= at_ms < terms.entries_until_ms:
            yield f"viewer {fact.viewer} enters {fact.drop_id} outside the window"
        if drop.status != "scheduled":
            yield f"viewer {fact.viewer} enters {fact.drop_id} while it is {drop.status}"
        if fact.viewer in drop.entries:
            yield f"viewer {fact.viewer} enters {fact.drop_id} twice"
        if fact.number != len(drop.entries) + 1 or fact.number > ENTRIES_MAX:
            yield f"viewer {fact.viewer} enters {fact.drop_id} as number {fact.number}"
        yield from self._guests.says_against(fact, f"{fact.viewer} enters the lottery")

    @before(events.LotteryDrawn)
    def drawn(self, fact: events.LotteryDrawn) -> Iterator[str]:
        drop = self._lottery_of(fact.drop_id)
        if drop is None or drop.terms.lottery is None:
            yield f"{fact.drop_id} is drawn and is no lottery"
            return
        terms, at_ms = drop.terms.lottery, self.ledger.at_ms
        if fact.drop_id in self._drawn:
            yield f"the lottery of {fact.drop_id} is drawn twice"
        self._drawn.add(fact.drop_id)
        if drop.status != "scheduled":
            yield f"the lottery of {fact.drop_id} is drawn while it is {drop.status}"
        if _sha256_of(fact.seed) != terms.commitment:
            yield f"the lottery of {fact.drop_id} is drawn from another seed than was promised"
        if fact.entered != len(drop.entries):
            yield (
                f"the lottery of {fact.drop_id} is drawn of {fact.entered}, "
                f"and {len(drop.entries)} have entered"
            )
        if at_ms < terms.entries_until_ms:
            early_ms = terms.entries_until_ms - at_ms
            yield f"the lottery of {fact.drop_id} is drawn {early_ms} ms early"
        late_ms = at_ms - max(terms.entries_until_ms, self.ledger.epoch_at_ms)
        if late_ms > LATE_MAX_MS:
            yield f"the lottery of {fact.drop_id} is drawn {late_ms} ms late"

    @before(events.DropOpened)
    def opens_by_its_draw(self, fact: events.DropOpened) -> Iterator[str]:
        is_lottery = self._lottery_of(fact.drop_id) is not None
        if fact.reason == "draw" and fact.drop_id not in self._drawn:
            yield f"drop {fact.drop_id} opens by a draw that was not made"
        if fact.reason == "rest" and is_lottery:
            if waiting := len(self.ledger.drops[fact.drop_id].waiting):
                yield f"the rest of {fact.drop_id} is opened and {waiting} who were drawn wait"
            if fact.drop_id not in self._drawn:
                yield f"the rest of {fact.drop_id} is opened before its draw"
        if fact.reason in ("clock", "host") and is_lottery:
            yield f"the lottery of {fact.drop_id} opens by {fact.reason} and not by its draw"

    @before(events.HoldPlaced)
    def only_who_was_drawn(self, fact: events.HoldPlaced) -> Iterator[str]:
        drop = self._lottery_of(fact.drop_id)
        if drop is None or drop.sells_rest:
            return
        if not (fact.offered and fact.viewer in drop.entries):
            yield f"hold {fact.hold_id} of {fact.viewer} is placed beside the draw"

    @before(events.LineJoined)
    def nobody_joins_behind(self, fact: events.LineJoined) -> Iterator[str]:
        drop = self._lottery_of(fact.drop_id)
        if drop is not None and not drop.sells_rest:
            yield f"viewer {fact.viewer} joins the line of {fact.drop_id} beside the draw"

    def log_ends(self) -> Iterator[str]:
        for drop_id, drop in self.ledger.drops.items():
            terms = drop.terms.lottery
            if terms is None or drop_id in self._drawn or drop.status == "closed":
                continue
            late_ms = self.ledger.at_ms - max(terms.entries_until_ms, self.ledger.epoch_at_ms)
            if late_ms > LATE_MAX_MS:
                yield f"the lottery of {drop_id} is not drawn {late_ms} ms after its time"

    def note(self) -> str:
        return f"{len(self._drawn)} drawn" if self._drawn else ""


def _sha256_of(seed: str) -> str:
    try:
        return sha256(bytes.fromhex(seed)).hexdigest()
    except ValueError:
        return ""
