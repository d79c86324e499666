"""Folds of rules and invitations."""

from __future__ import annotations

from cart.counter import Counter
from cart.events import InvitationPut, InvitationWithdrawn, RulesSet
from cart.folds.shape import Folds
from cart.invitation import ROOM
from cart.perk import PerkBook


def _rules_set(counter: Counter, event: RulesSet, at_ms: int) -> None:
    books = counter.books
    books.rules = event.rules
    known = books.perks
    books.perks = {
        perk.perk_id: known.get(perk.perk_id) or PerkBook() for perk in event.rules.perks
    }


def _invitation_put(counter: Counter, event: InvitationPut, at_ms: int) -> None:
    listed = counter.books.invited.setdefault(event.drop_id or ROOM, {})
    listed.update(dict.fromkeys(event.viewers, event.tier))


def _invitation_withdrawn(counter: Counter, event: InvitationWithdrawn, at_ms: int) -> None:
    listed = counter.books.invited[event.drop_id or ROOM]
    for viewer in event.viewers:
        del listed[viewer]


FOLDS: Folds = {
    RulesSet: _rules_set,
    InvitationPut: _invitation_put,
    InvitationWithdrawn: _invitation_withdrawn,
}
