"""Folds of what happens in a cart."""

from __future__ import annotations

from heapq import heappush

from cart.basket import Basket, PutBack
from cart.counter import Counter
from cart.events import HoldExpired, HoldPlaced, HoldReleased
from cart.folds.shape import Folds
from cart.folds.stock import give_back, reserve, wish
from cart.hold import Hold


def _hold_placed(counter: Counter, event: HoldPlaced, at_ms: int) -> None:
    books = counter.books
    hold = Hold(
        event.hold_id,
        event.viewer,
        event.drop_id,
        event.sku,
        event.quantity,
        event.price_minor,
        event.currency,
        event.expires_at_ms,
        reserved=event.reserved,
        shelf=event.shelf,
        offered=event.offered,
    )
    if event.reserved:
        reserve(counter, books.drops[event.drop_id], event.viewer, event.quantity, event.shelf)
    else:
        wish(books.drops[event.drop_id], event.viewer, event.quantity)
    books.holds[event.hold_id] = hold
    books.holds_placed += 1
    basket = books.baskets.get(event.viewer)
    if basket is None:
        basket = books.baskets[event.viewer] = Basket()
    basket.hold_ids.append(event.hold_id)
    basket.expired = False
    if event.offered:
        books.drops[event.drop_id].line.leave(event.viewer)
    else:
        basket.remember(event.command_id, event, at_ms)
    heappush(counter.agenda, (event.expires_at_ms, "hold", event.hold_id))


def _hold_released(counter: Counter, event: HoldReleased, at_ms: int) -> None:
    hold = counter.books.holds[event.hold_id]
    give_back(counter, counter.books.drops[hold.drop_id], hold, event.quantity)
    basket = counter.books.baskets[hold.viewer]
    hold.quantity -= event.quantity
    if hold.quantity == 0:
        del counter.books.holds[event.hold_id]
        basket.hold_ids.remove(event.hold_id)
    before = basket.recent.get(event.command_id)
    already = before.quantity if isinstance(before, PutBack) else 0
    basket.remember(event.command_id, PutBack(hold.sku, already + event.quantity, at_ms), at_ms)


def _hold_expired(counter: Counter, event: HoldExpired, at_ms: int) -> None:
    hold = counter.books.holds.pop(event.hold_id)
    give_back(counter, counter.books.drops[hold.drop_id], hold, hold.quantity)
    basket = counter.books.baskets[hold.viewer]
    basket.hold_ids.remove(event.hold_id)
    basket.expired = True


FOLDS: Folds = {
    HoldPlaced: _hold_placed,
    HoldReleased: _hold_released,
    HoldExpired: _hold_expired,
}
