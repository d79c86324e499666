"""What a paid order wins, what a refund takes from it, and who gets that instead.

Owns the order in which ranks are given: that of payment. Refuses to know money, the provider, and
who asked for a refund; the ranks themselves are in `cart.perk`.
"""

from __future__ import annotations

from collections.abc import Iterable

from cart.books import Books
from cart.counter import Counter
from cart.drop import Drop
from cart.events import PerkAwarded, PerkRevoked
from cart.fact import Fact
from cart.order import Order, OrderStatus
from cart.outcome import PerkResult
from cart.perk import PerkTerms


def won(counter: Counter, order: Order) -> list[Fact]:
    """What the order wins by being paid now. It is asked before the payment is folded."""
    facts: list[Fact] = []
    for drop in _drops_of(counter.books, order):
        for perk in drop.terms.perks:
            rank = drop.perks[perk.perk_id].next_free(perk.first_n)
            if rank is not None:
                facts.append(_awarded(drop, perk, order, rank))
    return facts


def passed_on(counter: Counter, order: Order) -> list[Fact]:
    """What a refund of the whole order takes from it, and who gets it instead."""
    facts: list[Fact] = []
    for drop in _drops_of(counter.books, order):
        for perk in drop.terms.perks:
            facts += _passed_on(counter, drop, perk, order)
    return facts


def _passed_on(counter: Counter, drop: Drop, perk: PerkTerms, order: Order) -> list[Fact]:
    ranks = drop.perks[perk.perk_id].ranks
    rank = ranks.get(order.order_id)
    if rank is None or perk.on_refund == "stay":
        return []
    facts: list[Fact] = [PerkRevoked(drop.terms.drop_id, perk.perk_id, order.order_id, rank)]
    for heir_id in drop.paid_orders:
        heir = counter.books.orders[heir_id]
        if heir.status is OrderStatus.PAID and heir is not order and heir_id not in ranks:
            facts.append(_awarded(drop, perk, heir, rank))
            break
    return facts


def perks_of(books: Books, order: Order) -> list[PerkResult]:
    """Ranks that an order has, in the order of its lines and of the terms."""
    return [
        {"drop_id": drop.terms.drop_id, "perk_id": perk.perk_id, "name": perk.name, "rank": rank}
        for drop in _drops_of(books, order)
        for perk in drop.terms.perks
        if (rank := drop.perks[perk.perk_id].ranks.get(order.order_id)) is not None
    ]


def _drops_of(books: Books, order: Order) -> Iterable[Drop]:
    """The drops of the order's lines, each once."""
    lines = order.lines
    if len(lines) == 1:
        return (books.drops[lines[0].drop_id],)
    return [books.drops[drop_id] for drop_id in {line.drop_id: None for line in lines}]


def _awarded(drop: Drop, perk: PerkTerms, order: Order, rank: int) -> PerkAwarded:
    drop_id = drop.terms.drop_id
    return PerkAwarded(drop_id, perk.perk_id, order.order_id, order.viewer, perk.name, rank)
