"""Folds of what paid orders win."""

from __future__ import annotations

from cart.counter import Counter
from cart.events import PerkAwarded, PerkRevoked
from cart.folds.shape import Folds
from cart.perk import PerkBook


def _book(counter: Counter, event: PerkAwarded | PerkRevoked) -> PerkBook:
    books = counter.books
    perks = books.perks if event.drop_id is None else books.drops[event.drop_id].perks
    return perks[event.perk_id]


def _perk_awarded(counter: Counter, event: PerkAwarded, at_ms: int) -> None:
    _book(counter, event).award(event.order_id, event.rank)


def _perk_revoked(counter: Counter, event: PerkRevoked, at_ms: int) -> None:
    _book(counter, event).revoke(event.order_id)


FOLDS: Folds = {
    PerkAwarded: _perk_awarded,
    PerkRevoked: _perk_revoked,
}
