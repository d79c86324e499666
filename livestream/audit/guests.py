"""Check 17: who takes units was invited, where that is asked for, and did not come before the time.

The lists are kept here once more, from the facts alone; what a ticket claimed stands in the hold
itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from cart import events
from cart.drop import DropTerms
from livestream.audit.check import Check, Rule, before
from livestream.audit.evidence import Evidence
from livestream.audit.ledger import Ledger


class OnlyTheInvitedBuy(Check):
    """Invariant 17."""

    rule = Rule(
        17,
        "only who is invited buys",
        "who takes units in a room or of a drop for invited viewers was invited by then, and "
        "nobody takes any before the time of the own tier",
    )

    def __init__(self, ledger: Ledger, evidence: Evidence) -> None:
        super().__init__(ledger, evidence)
        #: (drop or None, viewer) -> tier.
        self._tier_of: dict[tuple[str | None, str], str] = {}
        self._asked = 0

    @before(events.InvitationPut)
    def put_on_the_list(self, fact: events.InvitationPut) -> Iterator[str]:
        for viewer in fact.viewers:
            self._tier_of[fact.drop_id, viewer] = fact.tier
        yield from ()

    @before(events.InvitationWithdrawn)
    def taken_off_the_list(self, fact: events.InvitationWithdrawn) -> Iterator[str]:
        for viewer in fact.viewers:
            if self._tier_of.pop((fact.drop_id, viewer), None) is None:
                where = f"drop {fact.drop_id}" if fact.drop_id else "the room"
                yield f"viewer {viewer} is no longer invited to {where}, and never was"

    @before(events.HoldPlaced)
    def held_by_invitation(self, fact: events.HoldPlaced) -> Iterator[str]:
        yield from self.says_against(fact, f"{fact.viewer} takes {fact.hold_id}")

    def says_against(
        self, fact: events.HoldPlaced | events.LineJoined | events.LotteryEntered, takes: str
    ) -> Iterator[str]:
        """Why this viewer, with these claims, may not have units of the drop now."""
        drop = self.ledger.drops.get(fact.drop_id)
        terms = None if drop is None else drop.terms
        access = None if terms is None else terms.access
        if not self.ledger.rules.invited_only and access is None:
            return
        self._asked += 1
        of_room = self._tier_of.get((None, fact.viewer))
        of_drop = self._tier_of.get((fact.drop_id, fact.viewer))
        to_room = fact.invited or of_room is not None
        if self.ledger.rules.invited_only and not to_room:
            yield f"{takes} in a room for others"
        if terms is None or access is None:
            return
        if access.invited_only and not to_room and of_drop is None:
            yield f"{takes} of drop {fact.drop_id}, which is for others"
        yield from self._in_time(fact.drop_id, takes, terms, {fact.tier, of_room, of_drop})

    def _in_time(
        self, drop_id: str, takes: str, terms: DropTerms, mine: set[str | None]
    ) -> Iterator[str]:
        """Those with the earliest time come when the drop opens, and that is rule 0's."""
        every = self.ledger.opening_times(terms)
        own = [at_ms for tier, at_ms in every if tier is None or tier in mine]
        if every and not own:
            yield f"{takes} of drop {drop_id} without a tier for it"
        elif every and min(own) > min(at_ms for _, at_ms in every):
            early_ms = min(own) - self.ledger.at_ms
            if early_ms > 0:
                yield f"{takes} {early_ms} ms before the own time"

    def note(self) -> str:
        return f"{self._asked:,} holds by invitation or tier" if self._asked else ""
