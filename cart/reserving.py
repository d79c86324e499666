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

#: Somebody who finds everything reserved may look again after this long.
RETRY_MS = 2_000


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
    wanted: dict[str, int] = {}
    for hold_id in hold_ids:
        hold = books.holds[hold_id]
        if not hold.reserved:
            wanted[hold.drop_id] = wanted.get(hold.drop_id, 0) + hold.quantity
    for drop_id, units in wanted.items():
        drop = books.drops[drop_id]
        if drop.status is DropStatus.PAUSED:
            return refuse(ErrorCode.NOT_OPEN, f"the drop of {drop.terms.title} is paused")
        refusal = _refusal_to_take(drop, units)
        if refusal is not None:
            return refusal
        if drop.shelves is not None:
            mine = [hold for hold in map(books.holds.__getitem__, hold_ids) if not hold.reserved]
            lacking = drop.shelves.lacking(drop_id, mine)
            if lacking is not None:
                return nothing_on(drop, lacking, now_ms)
    return None


def refusal_to_pay(books: Books, lines: Sequence[OrderLine], now_ms: int) -> Decision | None:
    """Why paying an order would buy nothing now: units that it does not hold are not free."""
    for drop_id, units in not_reserved(lines).items():
        drop = books.drops[drop_id]
        refusal = _refusal_to_take(drop, units)
        if refusal is not None:
            return refusal
        if drop.shelves is not None:
            mine = [line for line in lines if not line.reserved]
            lacking = drop.shelves.lacking(drop_id, mine)
            if lacking is not None:
                return nothing_on(drop, lacking, now_ms)
    return None


def nothing_on(drop: Drop, shelf: str, now_ms: int) -> Decision:
    """Too few units are free on this shelf of the drop, whatever others have. Where the allocations
    will not merge, a shelf can be sold out by itself.
    """
    assert drop.shelves is not None, "only a drop with allocations has shelves"
    terms, stock, name = drop.terms, drop.shelves.of[shelf], shelf or "other channels"
    wait_ms = RETRY_MS
    if stock.exhausted:
        if terms.merge_at_ms is None:
            return refuse(ErrorCode.SOLD_OUT, f"what {name} had of {terms.title} is sold out")
        wait_ms = max(wait_ms, terms.merge_at_ms - now_ms)
    message = f"for {name} {stock.available} are free now, {stock.held} held by others"
    return refuse(ErrorCode.ALL_HELD, message, wait_ms)


def _refusal_to_take(drop: Drop, units: int) -> Decision | None:
    title = drop.terms.title
    if drop.status is DropStatus.CLOSED:
        return refuse(ErrorCode.CLOSED, f"the drop of {title} has ended")
    if drop.stock.exhausted:
        return refuse(ErrorCode.SOLD_OUT, f"{title} is sold out")
    if units > drop.stock.available or drop.line.places:
        free, waiting = drop.stock.available, len(drop.line.places)
        message = f"{free} of {title} free now, {waiting} in line"
        return refuse(ErrorCode.ALL_HELD, message, RETRY_MS)
    return None


def not_reserved(lines: Iterable[OrderLine]) -> dict[str, int]:
    """Units, by drop, that an order of these lines does not hold."""
    units: dict[str, int] = {}
    for line in lines:
        if not line.reserved:
            units[line.drop_id] = units.get(line.drop_id, 0) + line.quantity
    return units
