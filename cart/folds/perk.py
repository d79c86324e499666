"""Folds of what paid orders win."""

from __future__ import annotations

from cart.counter import Counter
from cart.events import PerkAwarded, PerkRevoked
from cart.folds.shape import Folds


def _perk_awarded(counter: Counter, event: PerkAwarded, at_ms: int) -> None:
    counter.books.drops[event.drop_id].perks[event.perk_id].award(event.order_id, event.rank)


def _perk_revoked(counter: Counter, event: PerkRevoked, at_ms: int) -> None:
    counter.books.drops[event.drop_id].perks[event.perk_id].revoke(event.order_id)


FOLDS: Folds = {
    PerkAwarded: _perk_awarded,
    PerkRevoked: _perk_revoked,
}
