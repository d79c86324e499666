"""Folds of what happens in a waiting line."""

from __future__ import annotations

from cart.basket import Basket
from cart.counter import Counter
from cart.events import LineJoined, LineLeft
from cart.folds.shape import Folds
from cart.stock import BrokenBooksError


def _line_joined(counter: Counter, event: LineJoined, at_ms: int) -> None:
    books = counter.books
    drop = books.drops[event.drop_id]
    if event.viewer in drop.line.number_of:
        raise BrokenBooksError(f"{event.viewer} waits for {event.drop_id} already")
    shelf = None
    if drop.shelves is not None and drop.is_apart:
        shelf = drop.shelves.of_channel(event.channel)
    drop.line.join(
        event.viewer,
        event.quantity,
        event.tier,
        event.invited,
        event.at_ms,
        event.channel,
        shelf,
    )
    basket = books.baskets.get(event.viewer)
    if basket is None:
        basket = books.baskets[event.viewer] = Basket()
    basket.remember(event.command_id, event, at_ms)
    counter.touched[event.drop_id] = None


def _line_left(counter: Counter, event: LineLeft, at_ms: int) -> None:
    counter.books.drops[event.drop_id].line.leave(event.viewer)
    counter.touched[event.drop_id] = None


FOLDS: Folds = {
    LineJoined: _line_joined,
    LineLeft: _line_left,
}
