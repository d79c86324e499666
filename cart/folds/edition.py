"""Folds of what happens to the numbers of an edition."""

from __future__ import annotations

from cart.counter import Counter
from cart.edition import Edition
from cart.events import EditionNumbered, EditionRevoked
from cart.folds.shape import Folds


def _edition_numbered(counter: Counter, event: EditionNumbered, at_ms: int) -> None:
    # A list of its own: a later refund takes numbers out of it, and not out of the fact.
    edition = Edition(list(event.numbers), event.of, at_ms)
    counter.books.drops[event.drop_id].editions.give(event.order_id, edition)


def _edition_revoked(counter: Counter, event: EditionRevoked, at_ms: int) -> None:
    editions = counter.books.drops[event.drop_id].editions
    editions.revoke(event.order_id, event.numbers, event.freed)


FOLDS: Folds = {
    EditionNumbered: _edition_numbered,
    EditionRevoked: _edition_revoked,
}
