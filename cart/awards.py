"""What a paid order gets beside its units, what a refund takes from it, and who gets that instead:
ranks of perks and numbers of an edition.

Owns the order in which they are given: that of payment. Refuses to know money, the provider, and
who asked for a refund; ranks are in `cart.perk`, numbers in `cart.edition`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cart import delivery
from cart.books import Books
from cart.counter import Counter
from cart.drop import Drop
from cart.events import EditionNumbered, EditionRevoked, PerkAwarded, PerkRevoked
from cart.fact import Fact
from cart.order import Order, OrderLine, OrderStatus
from cart.outcome import EditionResult, PerkResult
from cart.perk import PerkBook, PerkTerms
from cart.refund import RefundLine


def won(counter: Counter, order: Order) -> list[Fact]:
    """What the order gets by being paid now. It is asked before the payment is folded."""
    facts: list[Fact] = []
    for drop in _drops_of(counter.books, order):
        terms = drop.terms
        for perk in terms.perks:
            rank = drop.perks[perk.perk_id].next_free(perk.first_n)
            if rank is not None:
                facts.append(_awarded(terms.drop_id, perk, order, rank))
        if terms.numbered:
            numbers = drop.editions.next_free(sum(line.quantity for line in _lines(drop, order)))
            facts.append(
                EditionNumbered(
                    terms.drop_id, order.order_id, order.viewer, numbers, drop.stock.supplied
                )
            )
    books = counter.books
    if books.perks:
        facts += _won_of_the_room(books, order)
    if order.order_id in books.slots_of:
        facts += delivery.settled(books, order.order_id, _won_in_slots(books, order, facts))
    return facts


def _won_in_slots(books: Books, order: Order, facts: list[Fact]) -> set[str]:
    """Perks delivered in slots among those that were just won."""
    won = {(fact.drop_id, fact.perk_id) for fact in facts if isinstance(fact, PerkAwarded)}
    return {
        perk.perk_id
        for drop_id, perk, _, _ in _offers(books, order)
        if perk.slots and (drop_id, perk.perk_id) in won
    }


def _won_of_the_room(books: Books, order: Order) -> Iterable[Fact]:
    for perk in books.rules.perks:
        rank = books.perks[perk.perk_id].next_free(perk.first_n)
        if rank is not None:
            yield _awarded(None, perk, order, rank)


def taken_back(
    counter: Counter, order: Order, back: Sequence[RefundLine], restocked: bool, whole: bool
) -> list[Fact]:
    """What a refund takes from the order, and who gets it instead: of each unit that goes back its
    number, the highest ones first; and, with the whole order, its ranks and its delivery slots.
    """
    units = {line.hold_id: line.quantity for line in back}
    facts: list[Fact] = []
    for drop in _drops_of(counter.books, order):
        terms = drop.terms
        edition = drop.editions.given.get(order.order_id)
        if edition is None:
            continue
        gone = sum(units.get(line.hold_id, 0) for line in _lines(drop, order))
        if gone:
            numbers = sorted(edition.numbers)[-gone:]
            facts.append(EditionRevoked(terms.drop_id, order.order_id, numbers, restocked))
    if whole:
        for offer in _offers(counter.books, order):
            facts += _passed_on(counter.books, offer, order)
        facts += delivery.released(counter.books, order.order_id, "refunded")
    return facts


class _Offer(NamedTuple):
    """A perk that an order may win: of a drop, or of the room (None). `paid` are all orders that
    could, in the order of payment.
    """

    drop_id: str | None
    perk: PerkTerms
    book: PerkBook
    paid: list[str]


def _offers(books: Books, order: Order) -> Iterable[_Offer]:
    for drop in _drops_of(books, order):
        for perk in drop.terms.perks:
            book = drop.perks[perk.perk_id]
            yield _Offer(drop.terms.drop_id, perk, book, drop.paid_orders)
    for perk in books.rules.perks:
        yield _Offer(None, perk, books.perks[perk.perk_id], books.paid_orders)


def _passed_on(books: Books, offer: _Offer, order: Order) -> Iterable[Fact]:
    drop_id, perk, book, paid = offer
    rank = book.ranks.get(order.order_id)
    if rank is None or perk.on_refund == "stay":
        return
    yield PerkRevoked(drop_id, perk.perk_id, order.order_id, rank)
    for heir_id in paid:
        heir = books.orders[heir_id]
        if heir.status is OrderStatus.PAID and heir is not order and heir_id not in book.ranks:
            yield _awarded(drop_id, perk, heir, rank)
            break


def perks_of(books: Books, order: Order) -> list[PerkResult]:
    """Ranks that an order has: of its drops in the order of its lines, then those of the room."""
    return [
        {"drop_id": drop_id, "perk_id": perk.perk_id, "name": perk.name, "rank": rank}
        for drop_id, perk, book, _ in _offers(books, order)
        if (rank := book.ranks.get(order.order_id)) is not None
    ]


def editions_of(books: Books, order: Order) -> list[EditionResult]:
    """Numbers that an order has, in the order of its lines."""
    return [
        {
            "drop_id": drop.terms.drop_id,
            "sku": drop.terms.sku,
            "numbers": list(edition.numbers),
            "of": edition.of,
        }
        for drop in _drops_of(books, order)
        if (edition := drop.editions.given.get(order.order_id)) is not None
    ]


def _drops_of(books: Books, order: Order) -> Iterable[Drop]:
    """The drops of the order's lines, each once."""
    lines = order.lines
    if len(lines) == 1:
        return (books.drops[lines[0].drop_id],)
    return [books.drops[drop_id] for drop_id in {line.drop_id: None for line in lines}]


def _lines(drop: Drop, order: Order) -> Iterable[OrderLine]:
    drop_id = drop.terms.drop_id
    return (line for line in order.lines if line.drop_id == drop_id)


def _awarded(drop_id: str | None, perk: PerkTerms, order: Order, rank: int) -> PerkAwarded:
    return PerkAwarded(drop_id, perk.perk_id, order.order_id, order.viewer, perk.name, rank)
