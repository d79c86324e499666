"""Waiting for a unit: join the line of a drop, leave it, and be offered what falls free.

    join      units are free and nobody waits: a hold, as by `cart.add`; else the end of the line
    leave     the viewer does not want to wait any more
    offers    (a consequence) free units to whoever waits, in the order of the line

While somebody waits nobody else takes a unit, not even a free one that the next turn will offer.
An offer is a hold like any other and ends the waiting, also when fewer units are free than were
wanted: no unit lies idle for somebody who wants two.

While channels have shelves of their own all of this holds for each shelf: who waits for one is
served from it, in order, whoever waits for another. A drop that reserves on payment has no line:
only who pays takes a unit, so that there is no hold that could fall free for somebody.

Owns these rules. Refuses to know whether a viewer may buy at all: that is what `cart.shopper` says
of the same wish.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappush
from itertools import count, islice
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
    `invited` and `channel` are what the viewer's ticket claims.
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
    if drop is None or not isinstance(now.answer, Refusal):
        return now
    if now.answer.code is not ErrorCode.ALL_HELD:
        return now
    line, title = drop.line, drop.terms.title
    if drop.terms.reserve_on == "payment":
        message = f"{title} has no line: whoever pays first takes what is free"
        return refuse(ErrorCode.ALL_HELD, message, ALL_HELD_RETRY_MS)
    if len(line.places) >= LINE_MAX:
        return refuse(ErrorCode.ALL_HELD, f"{LINE_MAX} wait for {title} already", ALL_HELD_RETRY_MS)
    ahead, held = len(line.places), drop.stock.held
    if drop.shelves is None:
        channel = ""  # does not matter here, and is not kept
    elif drop.is_apart:
        shelf = drop.shelves.of_channel(channel)
        ahead, held = drop.awaited(shelf), drop.shelves.of[shelf].held
    joined = LineJoined(
        drop_id=drop.terms.drop_id,
        sku=sku,
        viewer=viewer,
        quantity=quantity,
        number=line.joined + 1,
        ahead=ahead,
        held=held,
        command_id=command_id,
        at_ms=now_ms,
        tier=tier,
        invited=invited,
        channel=channel,
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


def is_somebodys_turn(drop: Drop) -> bool:
    """Whether units are free for which somebody waits."""
    if drop.shelves is None or not drop.is_apart:
        return drop.stock.available > 0 and bool(drop.line.places)
    queues = drop.line.queues
    return any(queue and drop.shelves.free(shelf) for shelf, queue in queues.items())


def offers(counter: Counter, drop: Drop, now_ms: int) -> list[Fact]:
    """Free units of an open drop to those who wait for it, in order. What one turn cannot do for
    all is put on the agenda, to be gone on with at the next.
    """
    numbers = count(counter.books.holds_placed + 1)
    if drop.shelves is None or not drop.is_apart:
        free, places = drop.stock.available, iter(drop.line)
        return [*_offers_of(counter, drop, "", free, places, numbers, now_ms)]
    facts: list[Fact] = []
    for shelf in drop.line.queues:
        free, places = drop.shelves.free(shelf), drop.line.of_shelf(shelf)
        facts += _offers_of(counter, drop, shelf, free, places, numbers, now_ms)
    return facts


def _offers_of(
    counter: Counter,
    drop: Drop,
    shelf: str,
    free: int,
    places: Iterator[Place],
    numbers: Iterator[int],
    now_ms: int,
) -> Iterator[Fact]:
    """The `free` units of one shelf to those in `places`. `numbers` are those of the next holds."""
    terms = drop.terms
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
            yield LineLeft(terms.drop_id, viewer, place.number, reason)
            continue
        units = min(place.quantity, free, limits.left(counter.books, drop, viewer))
        free -= units
        yield hold_of(
            drop,
            next(numbers),
            viewer,
            units,
            "",
            now_ms,
            place.tier,
            place.invited,
            offered=True,
            shelf=shelf,
            channel=place.channel,
        )


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
    not sold by it.
    """
    return _sent_home(counter, drop, iter(drop.line), len(drop.line.places), "presale", now_ms)


def let_go_of_sold_out_shelves(counter: Counter, drop: Drop, now_ms: int) -> list[Fact]:
    """Send those home who wait for a shelf of which all is sold, and into which no other will ever
    flow, while the drop goes on: a drop that sells out ends its line by that alone.
    """
    if drop.shelves is None or drop.terms.merge_at_ms is not None:
        return []
    facts: list[Fact] = []
    for shelf, queue in drop.line.queues.items():
        if queue and drop.shelves.of[shelf].exhausted:
            places = drop.line.of_shelf(shelf)
            facts += _sent_home(counter, drop, places, len(queue), "sold_out", now_ms)
    return facts


def _sent_home(
    counter: Counter,
    drop: Drop,
    places: Iterator[Place],
    waiting: int,
    reason: Literal["presale", "sold_out"],
    now_ms: int,
) -> list[Fact]:
    """What one turn cannot do for all is gone on with at the next."""
    drop_id = drop.terms.drop_id
    gone = [*islice(places, max(0, counter.offers_left))]
    counter.offers_left -= len(gone)
    if len(gone) < waiting:
        heappush(counter.agenda, (now_ms, "line", drop_id))
    return [LineLeft(drop_id, place.viewer, place.number, reason) for place in gone]


def _joined_result(joined: LineJoined) -> PlaceResult:
    return {
        "drop_id": joined.drop_id,
        "sku": joined.sku,
        "quantity": joined.quantity,
        "number": joined.number,
        "ahead": joined.ahead,
        "held": joined.held,
    }
