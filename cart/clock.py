"""What time does by itself: drops open, holds and orders expire, presales end, lotteries are drawn,
public stock is told.

Owns deadlines' meaning. Refuses to own a clock: `now_ms` is given, and the same `now_ms` on the
same state always gives the same facts.
"""

from __future__ import annotations

from heapq import heappop

from cart import deposits, drawing
from cart.bounds import STOCK_SHOWN_EVERY_MS
from cart.counter import OFFERS_PER_TURN_MAX, Counter
from cart.delivery import released
from cart.drop import Drop, DropStatus
from cart.events import DropOpened, HoldExpired, OrderExpired, StockShown
from cart.fact import Fact

#: One tick makes at most this many facts, so that a wave of expiries does not hold up the next
#: batch of commands: 1,000 x about 3 us = 3 ms. The rest follow at the next tick, in the order of
#: their deadlines.
FACTS_PER_TICK_MAX = 1_000


def tick(counter: Counter, now_ms: int) -> list[Fact]:
    """Facts that are due at `now_ms`, oldest deadline first. Takes due entries off the agenda (an
    index of the books, not part of them): every one is either stale or becomes a fact that the
    caller folds in, or is looked at by `cart.consequences`, whom the caller asks next.
    """
    books, agenda = counter.books, counter.agenda
    counter.offers_left = OFFERS_PER_TURN_MAX
    facts: list[Fact] = []
    while agenda and agenda[0][0] <= now_ms and len(facts) < FACTS_PER_TICK_MAX:
        deadline = heappop(agenda)
        if counter.is_stale(deadline):
            continue
        _, kind, name = deadline
        match kind:
            case "drop":
                facts.append(DropOpened(name, "clock"))
            case "hold":
                hold = books.holds[name]
                facts.append(HoldExpired(name, hold.viewer, hold.sku, hold.quantity))
            case "draw":
                facts += drawing.draw(books.drops[name])
            case "line" | "presale" | "merge":
                counter.touched[name] = None  # goes on in `cart.consequences`
            case "order":
                facts.append(OrderExpired(name, books.orders[name].viewer))
                if name in books.slots_of:
                    facts += released(books, name, "expired")
            case "balance":
                facts.append(deposits.defaulted(counter, books.orders[name]))
                if name in books.slots_of:
                    facts += released(books, name, "defaulted")
    return facts


def stock_to_show(counter: Counter, now_ms: int) -> list[Fact]:
    """Levels that changed since they were last told, for drops whose last telling is long enough
    ago.
    """
    facts: list[Fact] = []
    for drop in counter.books.drops.values():
        if now_ms - drop.shown_at_ms >= STOCK_SHOWN_EVERY_MS:
            facts += show_stock(drop)
    return facts


def show_stock(drop: Drop) -> list[Fact]:
    """The current levels as a fact, if viewers were told others."""
    levels = drop.levels
    if levels == drop.shown:
        return []
    terms = drop.terms
    return [
        StockShown(
            terms.drop_id,
            terms.sku,
            levels.available,
            levels.held,
            levels.sold,
            levels.waiting,
            levels.next,
            levels.shelves,
        )
    ]


def next_due_ms(counter: Counter) -> int | None:
    """When `tick` or `stock_to_show` will next have something to say, or None."""
    due = [
        drop.shown_at_ms + STOCK_SHOWN_EVERY_MS
        for drop in counter.books.drops.values()
        if drop.levels != drop.shown
    ]
    deadline_ms = counter.next_deadline_ms()
    if deadline_ms is not None:
        due.append(deadline_ms)
    return min(due, default=None)


def is_settled(counter: Counter) -> bool:
    """Nothing is held, nothing waits for a payment or a refund: the books can be closed."""
    books = counter.books
    return (
        not books.holds
        and not books.unsettled
        and all(drop.status is not DropStatus.SCHEDULED for drop in books.drops.values())
    )
