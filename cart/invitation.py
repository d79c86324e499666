"""Invitations: the lists of who is invited, and whether a viewer may buy a drop now.

Who is invited is said by the merchant, in the viewer's ticket or on a list: the room's, which is
for the room and all its drops, or that of one drop. A tier comes from the same places; of several
the one with the earliest time counts.

Owns these decisions. Refuses to know tickets (their claims come as arguments) and clocks.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import to_builtins

from cart.books import Books
from cart.counter import Counter
from cart.drop import Drop, DropStatus
from cart.events import InvitationPut, InvitationWithdrawn, RulesSet
from cart.outcome import Decision, ErrorCode, refuse
from cart.perk import flaw_in
from cart.rules import RoomRules

#: Names on all lists of a room: 10,000 x about 220 bytes = 2.2 MB in the engine; those of the
#: room's own list are in each gateway too, and at most 700 KB in the view that gateways start from.
INVITED_MAX = 10_000
#: Whose list is the room's.
ROOM = ""


def set_rules(counter: Counter, rules: RoomRules) -> Decision:
    """Declare the rules of the room, all of them anew."""
    answer = {"rules": to_builtins(rules)}
    books = counter.books
    if books.rules == rules:
        return Decision((), answer)
    flaw = flaw_in(rules.perks)
    if flaw is not None:
        return refuse(ErrorCode.INVALID, flaw)
    if books.orders_paid and rules.perks != books.rules.perks:
        # Who is among the first N would otherwise depend on when it was said.
        return refuse(ErrorCode.CONFLICT, "orders are paid: the perks of the room stand")
    return Decision((RulesSet(rules),), answer)


def put(counter: Counter, drop_id: str | None, viewers: Iterable[str], tier: str) -> Decision:
    """Invite viewers to the room (None) or to one drop; who is on the list already gets the new
    tier.
    """
    books = counter.books
    if drop_id is not None:
        drop = books.drops.get(drop_id)
        if drop is None:
            return refuse(ErrorCode.NOT_FOUND, f"no drop {drop_id}")
        if drop.status is DropStatus.CLOSED:
            return refuse(ErrorCode.CONFLICT, f"drop {drop_id} is closed")
    listed = books.invited.get(drop_id or ROOM, {})
    changed = [viewer for viewer in dict.fromkeys(viewers) if listed.get(viewer) != tier]
    added = sum(viewer not in listed for viewer in changed)
    if sum(map(len, books.invited.values())) + added > INVITED_MAX:
        return refuse(ErrorCode.LIMIT_REACHED, f"a room has at most {INVITED_MAX} invitations")
    facts = (InvitationPut(changed, drop_id, tier),) if changed else ()
    return Decision(facts, {"drop_id": drop_id, "invited": len(listed) + added})


def withdraw(counter: Counter, drop_id: str | None, viewers: Iterable[str]) -> Decision:
    """Take viewers off a list. What they hold and have ordered stays theirs."""
    listed = counter.books.invited.get(drop_id or ROOM, {})
    gone = [viewer for viewer in dict.fromkeys(viewers) if viewer in listed]
    facts = (InvitationWithdrawn(gone, drop_id),) if gone else ()
    return Decision(facts, {"drop_id": drop_id, "invited": len(listed) - len(gone)})


def refusal(
    books: Books, drop: Drop, viewer: str, tier: str, invited: bool, now_ms: int
) -> Decision | None:
    """Why this viewer, whose ticket claims `tier` and `invited`, may not buy at `now_ms`, as far as
    that is a matter of invitation and access; None: no reason.
    """
    terms = drop.terms
    of_room, of_drop = _on_list(books, ROOM, viewer), _on_list(books, terms.drop_id, viewer)
    is_guest_of_the_room = invited or of_room is not None
    if books.rules.invited_only and not is_guest_of_the_room:
        return refuse(ErrorCode.NOT_INVITED, "this room is for invited viewers")
    access = terms.access
    if access is None:
        return None
    if access.invited_only and not is_guest_of_the_room and of_drop is None:
        return refuse(ErrorCode.NOT_INVITED, f"{terms.title} is for invited viewers")
    opens_for_ms = access.opens_for_ms(terms.opens_at_ms, (tier, of_room or "", of_drop or ""))
    if opens_for_ms is None:
        return refuse(ErrorCode.NOT_INVITED, f"{terms.title} is for {', '.join(access.tiers)}")
    wait_ms = opens_for_ms - now_ms
    if wait_ms <= 0 or not drop.status.sells:
        return None
    # Whoever opened the drop opened it for those who come first, be it before their time.
    is_first = opens_for_ms == access.first_ms(terms.opens_at_ms)
    if is_first and drop.status is not DropStatus.SCHEDULED:
        return None
    return refuse(ErrorCode.NOT_OPEN, f"{terms.title} is not open for you yet", wait_ms)


def _on_list(books: Books, drop_id: str, viewer: str) -> str | None:
    """The tier that a list gives ("": none); None: not on it."""
    listed = books.invited.get(drop_id)
    return None if listed is None else listed.get(viewer)
