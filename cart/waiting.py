"""Waiting for a unit: join the line of a drop, leave it, and be offered what falls free.

    join      units are free and nobody waits: a hold, as by `cart.add`; else the end of the line
    leave     the viewer does not want to wait any more
    offers    (a consequence) free units to whoever waits, in the order of the line

While somebody waits nobody else takes a unit, not even a free one that the next turn will offer.
An offer is a hold like any other and ends the waiting, also when fewer units are free than were
wanted: no unit lies idle for somebody who wants two.

Owns these rules. Refuses to know whether a viewer may buy at all: that is what `cart.shopper` says
of the same wish.
"""

from __future__ import annotations

from heapq import heappush
from itertools import islice
from typing import Literal

from cart import invitation, limits
from cart.basket import Basket
from cart.bounds import LINES_MAX
from cart.counter import Counter
from cart.drop import Drop
from cart.events import LineJoined, LineLeft
from cart.fact import Fact
from cart.line import LINE_MAX, Place
from cart.outcome import Decision, ErrorCode, PlaceResult, Refusal, refuse
from cart.places import place_result
from cart.reserving import ALL_HELD_RETRY_MS
from cart.shopper import add, hold_of, id_used, refusal_to_mix


def join(
    counter: Counter,
    viewer: str,
    sku: str,
    quantity: int,
    command_id: str,
    now_ms: int,
    tier: str = "",
    invited: bool = False,
    channel: str = "",
) -> Decision:
    """Get `quantity` units of the drop that sells `sku`, now or when they fall free. `tier`,
    `invited` and `channel` are what the viewer's ticket claims. While channels have shelves of
    their own there is no line: it could not be served in one order.
    """
    books = counter.books
    basket = books.baskets.get(viewer)
    done = basket.recent.get(command_id) if basket is not None else None
    if isinstance(done, LineJoined):
        if (done.sku, done.quantity) == (sku, quantity):
            return Decision((), _joined_result(done))
        return id_used(command_id)
    drop_id = books.drop_of_sku.get(sku)
    drop = books.drops[drop_id] if drop_id is not None else None
    place = drop.line.of(viewer) if drop is not None else None
    if drop is not None and place is not None and done is None:
        if place.quantity == quantity:
            return Decision((), place_result(drop, place))
        return refuse(ErrorCode.IN_LINE, f"you wait for {place.quantity} already: leave first")
    now = add(counter, viewer, sku, quantity, command_id, now_ms, tier, invited, channel)
    if drop is None or drop.is_apart or not isinstance(now.answer, Refusal):
        return now
    if now.answer.code is not ErrorCode.ALL_HELD or drop.terms.reserve_on == "payment":
        return now  # where only a payment takes a unit, none comes back
    line = drop.line
    if len(line.places) >= LINE_MAX:
        return refuse(
            ErrorCode.ALL_HELD, f"{LINE_MAX} wait for {drop.terms.title} already", ALL_HELD_RETRY_MS
        )
    joined = LineJoined(
        drop_id=drop.terms.drop_id,
        sku=sku,
        viewer=viewer,
        quantity=quantity,
        number=line.joined + 1,
        ahead=len(line.places),
        held=drop.stock.held,
        command_id=command_id,
        at_ms=now_ms,
        tier=tier,
        invited=invited,
    )
    return Decision((joined,), _joined_result(joined))


def leave(counter: Counter, viewer: str, sku: str, command_id: str) -> Decision:
    """Wait no more. Who does not wait has left already: that is answered with success."""
    books = counter.books
    basket = books.baskets.get(viewer)
    if basket is not None and command_id in basket.recent:
        return id_used(command_id)
    drop_id = books.drop_of_sku.get(sku)
    if drop_id is None:
        return refuse(ErrorCode.NOT_FOUND, f"no drop sells {sku}")
    place = books.drops[drop_id].line.of(viewer)
    left = () if place is None else (LineLeft(drop_id, viewer, place.number, "viewer"),)
    return Decision(left, {"drop_id": drop_id, "sku": sku})


def offers(counter: Counter, drop: Drop, now_ms: int) -> list[Fact]:
    """Free units of an open drop to those who wait for it, in order. What one turn cannot do for
    all is put on the agenda, to be gone on with at the next.
    """
    facts: list[Fact] = []
    terms, holds_placed = drop.terms, counter.books.holds_placed
    free, places = drop.stock.available, iter(drop.line)
    while free:
        if counter.offers_left <= 0:
            heappush(counter.agenda, (now_ms, "line", terms.drop_id))
            break
        place = next(places, None)
        if place is None:
            break
        counter.offers_left -= 1
        viewer = place.viewer
        reason = _reason_to_pass_over(counter, drop, place, now_ms)
        if reason is not None:
            facts.append(LineLeft(terms.drop_id, viewer, place.number, reason))
            continue
        units = min(place.quantity, free, limits.left(counter.books, drop, viewer))
        free -= units
        holds_placed += 1
        claims = (place.tier, place.invited)
        facts.append(hold_of(drop, holds_placed, viewer, units, "", now_ms, *claims, offered=True))
    return facts


def _reason_to_pass_over(
    counter: Counter, drop: Drop, place: Place, now_ms: int
) -> Literal["limit", "cart", "invitation"] | None:
    books, viewer = counter.books, place.viewer
    if limits.left(books, drop, viewer) <= 0:
        return "limit"
    if invitation.refusal(books, drop, viewer, place.tier, place.invited, now_ms) is not None:
        return "invitation"
    basket = books.baskets.get(viewer)
    return None if basket is None or _takes_more(counter, basket, drop) else "cart"


def _takes_more(counter: Counter, basket: Basket, drop: Drop) -> bool:
    if len(basket.hold_ids) >= LINES_MAX:
        return False
    return refusal_to_mix(counter.books, basket, drop) is None


def let_go(counter: Counter, drop: Drop, now_ms: int) -> list[Fact]:
    """Send those home who wait for a presale that takes no deposits any more: what falls free is
    not sold by it. What one turn cannot do for all is gone on with at the next.
    """
    drop_id = drop.terms.drop_id
    gone = [*islice(drop.line, max(0, counter.offers_left))]
    counter.offers_left -= len(gone)
    if len(gone) < len(drop.line.places):
        heappush(counter.agenda, (now_ms, "line", drop_id))
    return [LineLeft(drop_id, place.viewer, place.number, "presale") for place in gone]


def _joined_result(joined: LineJoined) -> PlaceResult:
    return {
        "drop_id": joined.drop_id,
        "sku": joined.sku,
        "quantity": joined.quantity,
        "number": joined.number,
        "ahead": joined.ahead,
        "held": joined.held,
    }
