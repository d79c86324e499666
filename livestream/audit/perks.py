"""Check 8: each perk goes to exactly the first N paid orders, by the declared refund policy."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from cart import events
from livestream.audit.check import Check, Rule, before
from livestream.audit.evidence import Evidence
from livestream.audit.ledger import Ledger

#: A perk by its drop ("": one of the room) and its own id.
Perk = tuple[str, str]
_ROOM = ""


def named(perk: Perk) -> str:
    """A perk in a finding."""
    drop_id, perk_id = perk
    return f"perk {perk_id} of drop {drop_id}" if drop_id else f"perk {perk_id} of the room"


class Ranking(Struct):
    """Who has which rank of one perk, and who is next in line."""

    name: str
    first_n: int
    passes_on: bool
    rank_of: dict[str, int] = {}
    free: set[int] = set()
    #: Ranks 1...`given` were given at least once.
    given: int = 0
    #: Paid orders without a rank, in the order of payment. A dict for its order.
    waiting: dict[str, None] = {}

    def next_rank(self) -> int | None:
        """The lowest rank that nobody has."""
        if self.free:
            return min(self.free)
        return self.given + 1 if self.given < self.first_n else None

    def take(self, order_id: str, rank: int) -> None:
        """Enter that the order has the rank from now on."""
        self.free.discard(rank)
        self.given = max(self.given, rank)
        self.rank_of[order_id] = rank
        self.waiting.pop(order_id, None)


class FirstNGetThePerk(Check):
    """Invariant 8. After each payment and refund the auditor works out who must win or lose what;
    by the end of the record, the log must have said the same.
    """

    rule = Rule(
        8,
        "perks go to the first N",
        "ranks 1 to N without a gap, each to one paid order, in the order of payment",
    )

    def __init__(self, ledger: Ledger, evidence: Evidence) -> None:
        super().__init__(ledger, evidence)
        self.rankings: dict[Perk, Ranking] = {}
        #: (perk, order, rank) that this record still has to award, or to revoke.
        self._to_award: dict[tuple[Perk, str, int], None] = {}
        self._to_revoke: dict[tuple[Perk, str, int], None] = {}
        #: drop, or the room -> its perks, for those that have some.
        self._perks_of: dict[str, list[Perk]] = {}

    @before(events.DropScheduled)
    def declared(self, fact: events.DropScheduled) -> Iterator[str]:
        drop_id = fact.terms.drop_id
        for perk in fact.terms.perks:
            key = drop_id, perk.perk_id
            if key in self.rankings:
                yield f"drop {drop_id} has two perks that are called {perk.perk_id}"
                continue
            self.rankings[key] = Ranking(perk.name, perk.first_n, perk.on_refund == "pass")
            self._perks_of.setdefault(drop_id, []).append(key)

    @before(events.RulesSet)
    def declared_for_the_room(self, fact: events.RulesSet) -> Iterator[str]:
        keys = [(_ROOM, perk.perk_id) for perk in fact.rules.perks]
        if len(set(keys)) < len(keys):
            yield "two perks of the room have one name"
        declared = {
            key: Ranking(perk.name, perk.first_n, perk.on_refund == "pass")
            for key, perk in zip(keys, fact.rules.perks, strict=True)
        }
        known = {key: self.rankings[key] for key in self._perks_of.get(_ROOM, ())}
        terms = [(key, r.name, r.first_n, r.passes_on) for key, r in declared.items()]
        if terms == [(key, r.name, r.first_n, r.passes_on) for key, r in known.items()]:
            return
        if any(order.status in ("paid", "refunded") for order in self.ledger.orders.values()):
            yield "the perks of the room change, and orders are paid"
            return
        for key in known:
            del self.rankings[key]
        self.rankings |= declared
        self._perks_of[_ROOM] = list(declared)

    def awarded_by_drop(self) -> dict[str, int]:
        """How many ranks are given now, over all perks of each drop that has some, and of the
        room ("").
        """
        return {
            drop_id: sum(len(self.rankings[perk].rank_of) for perk in perks)
            for drop_id, perks in self._perks_of.items()
            if perks
        }

    def _rankings(self, order_id: str) -> Iterator[tuple[Perk, Ranking]]:
        """Everything that the order may win."""
        order = self.ledger.orders.get(order_id)
        for drop_id in (*order.units(), _ROOM) if order else ():
            for perk in self._perks_of.get(drop_id, ()):
                yield perk, self.rankings[perk]

    @before(events.OrderPaid)
    def paid(self, fact: events.OrderPaid) -> Iterator[str]:
        for perk, ranking in self._rankings(fact.order_id):
            if fact.order_id in ranking.rank_of:
                continue
            ranking.waiting[fact.order_id] = None
            rank = ranking.next_rank()
            if rank is not None:
                self._to_award[perk, fact.order_id, rank] = None
                ranking.take(fact.order_id, rank)
        yield from ()

    @before(events.OrderRefunded)
    def refunded(self, fact: events.OrderRefunded) -> Iterator[str]:
        for perk, ranking in self._rankings(fact.order_id):
            ranking.waiting.pop(fact.order_id, None)
            if ranking.passes_on and fact.order_id in ranking.rank_of:
                self._pass_on(perk, ranking, fact.order_id)
        yield from ()

    def _pass_on(self, perk: Perk, ranking: Ranking, order_id: str) -> None:
        rank = ranking.rank_of.pop(order_id)
        self._to_revoke[perk, order_id, rank] = None
        ranking.free.add(rank)
        heir = next(iter(ranking.waiting), None)
        if heir is not None:
            self._to_award[perk, heir, rank] = None
            ranking.take(heir, rank)

    @before(events.PerkAwarded)
    def awarded(self, fact: events.PerkAwarded) -> Iterator[str]:
        perk = fact.drop_id or _ROOM, fact.perk_id
        due = perk, fact.order_id, fact.rank
        if due in self._to_award:
            del self._to_award[due]
        else:
            yield (
                f"rank {fact.rank} of {named(perk)} goes to order {fact.order_id}, "
                f"which by the order of payment {self._place(perk, fact.order_id)}"
            )
        order, ranking = self.ledger.orders.get(fact.order_id), self.rankings.get(perk)
        if order is not None and order.viewer != fact.viewer:
            yield f"the perk of order {fact.order_id} goes to {fact.viewer}, not {order.viewer}"
        if ranking is not None and ranking.name != fact.name:
            yield f"{named(perk)} is {ranking.name}, not {fact.name}"

    def _place(self, perk: Perk, order_id: str) -> str:
        ranking = self.rankings.get(perk)
        rank = ranking.rank_of.get(order_id) if ranking else None
        return "has none" if rank is None else f"has rank {rank}"

    @before(events.PerkRevoked)
    def revoked(self, fact: events.PerkRevoked) -> Iterator[str]:
        perk = fact.drop_id or _ROOM, fact.perk_id
        due = perk, fact.order_id, fact.rank
        if due in self._to_revoke:
            del self._to_revoke[due]
        else:
            yield (
                f"order {fact.order_id} loses rank {fact.rank} of {named(perk)}, "
                f"and by the declared policy it does not"
            )

    def record_ends(self) -> Iterator[str]:
        for perk, order_id, rank in self._to_award:
            yield f"order {order_id} has rank {rank} of {named(perk)} and was not awarded it"
        for perk, order_id, rank in self._to_revoke:
            yield f"order {order_id} lost rank {rank} of {named(perk)} and it was not revoked"
        self._to_award.clear()
        self._to_revoke.clear()
