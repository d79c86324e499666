"""When a unit is reserved: in the cart, at the checkout, or by the payment.

    cart       `cart.add` reserves; checkout and payment take what is reserved already
    checkout   the cart is a wish, at the price of that moment; the checkout reserves all of it, at
               the price of its own moment, or nothing
    payment    neither reserves: first paid, first served, and money that comes too late goes back

A wish counts against the viewer's limit and ends like any hold, so that nobody collects wishes.
Whatever reserves obeys the same rules: units that are free, of a drop that is open, and nobody in
line for them. What is offered to who waited in line is reserved already in the cart.

Owns these differences. Refuses to know money and perks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cart.books import Books
from cart.drop import Drop, DropStatus, DropTerms
from cart.hold import Hold
from cart.order import OrderLine
from cart.outcome import Decision, ErrorCode, refuse
from cart.price import price_at
from cart.shelf import Wanted

#: Somebody who finds everything held is told to look again after this long.
ALL_HELD_RETRY_MS = 2_000


def flaw_in(terms: DropTerms) -> str | None:
    """What is wrong with when the drop reserves, in a sentence; None when it may stand."""
    if terms.presale is not None and terms.reserve_on != "cart":
        return "a deposit is for a unit that is reserved: a presale reserves in the cart"
    return None


def line_of(drop: Drop, hold: Hold, now_ms: int) -> OrderLine:
    """The order line of a wish: reserved by this very checkout, or only by its payment."""
    terms = drop.terms
    if terms.reserve_on == "payment":
        return OrderLine(
            hold.hold_id,
            hold.drop_id,
            hold.sku,
            hold.quantity,
            hold.price_minor,
            reserved=False,
            shelf=hold.shelf,
        )
    price_minor = price_at(terms.price_minor, terms.flash, now_ms)
    return OrderLine(
        hold.hold_id, hold.drop_id, hold.sku, hold.quantity, price_minor, shelf=hold.shelf
    )


def refusal_to_check_out(books: Books, hold_ids: Sequence[str], now_ms: int) -> Decision | None:
    """Why the wishes among these holds cannot all become an order now; None: they can."""
    holds = map(books.holds.__getitem__, hold_ids)
    return _refusal_of(books, [hold for hold in holds if not hold.reserved], now_ms)


def refusal_to_pay(books: Books, lines: Sequence[OrderLine], now_ms: int) -> Decision | None:
    """Why paying an order would buy nothing now: units that it does not hold are not free."""
    wanted = [line for line in lines if not line.reserved]
    return _refusal_of(books, wanted, now_ms, also_paused=True)


def _refusal_of(
    books: Books, wanted: Sequence[Wanted], now_ms: int, *, also_paused: bool = False
) -> Decision | None:
    """Why not all that is wanted can be taken now. `also_paused`: of a drop that is paused, too."""
    for drop_id, units in units_by_drop(wanted).items():
        drop = books.drops[drop_id]
        if drop.status is DropStatus.PAUSED and not also_paused:
            return refuse(ErrorCode.NOT_OPEN, f"the drop of {drop.terms.title} is paused")
        refusal = _refusal_to_take(drop, units)
        if refusal is not None:
            return refusal
        if drop.shelves is not None:
            lacking = lacking_for(drop, wanted)
            if lacking is not None:
                return nothing_on(drop, lacking, now_ms)
    return None


def lacking_for(drop: Drop, wanted: Sequence[Wanted]) -> str | None:
    """The first shelf of the drop that cannot give what is wanted of it: too few units are free, or
    others wait for them.
    """
    assert drop.shelves is not None, "only a drop with allocations has shelves"
    drop_id = drop.terms.drop_id
    lacking = drop.shelves.lacking(drop_id, wanted)
    if lacking is None and drop.line.queues:
        ours = (one.shelf for one in wanted if one.drop_id == drop_id)
        return next((shelf for shelf in ours if drop.awaited(shelf)), None)
    return lacking


def nothing_on(drop: Drop, shelf: str, now_ms: int) -> Decision:
    """Too few units are free on this shelf of the drop, whatever others have. Where the allocations
    will not merge, a shelf can be sold out by itself.
    """
    assert drop.shelves is not None, "only a drop with allocations has shelves"
    terms, stock, name = drop.terms, drop.shelves.of[shelf], shelf or "other channels"
    wait_ms = ALL_HELD_RETRY_MS
    if stock.exhausted:
        if terms.merge_at_ms is None:
            return refuse(ErrorCode.SOLD_OUT, f"what {name} had of {terms.title} is sold out")
        wait_ms = max(wait_ms, terms.merge_at_ms - now_ms)
    waiting = drop.awaited(shelf)
    message = f"for {name} {stock.available} are free, {stock.held} held, {waiting} in line"
    return refuse(ErrorCode.ALL_HELD, message, wait_ms)


def _refusal_to_take(drop: Drop, units: int) -> Decision | None:
    title = drop.terms.title
    if drop.status is DropStatus.CLOSED:
        return refuse(ErrorCode.CLOSED, f"the drop of {title} has ended")
    if drop.stock.exhausted:
        return refuse(ErrorCode.SOLD_OUT, f"{title} is sold out")
    if units > drop.stock.available or (drop.line.places and not drop.is_apart):
        free, waiting = drop.stock.available, len(drop.line.places)
        message = f"{free} of {title} free now, {waiting} in line"
        return refuse(ErrorCode.ALL_HELD, message, ALL_HELD_RETRY_MS)
    return None


def units_by_drop(wanted: Iterable[Wanted]) -> dict[str, int]:
    """How many units of each drop these holds or order lines are of."""
    units: dict[str, int] = {}
    for one in wanted:
        units[one.drop_id] = units.get(one.drop_id, 0) + one.quantity
    return units
