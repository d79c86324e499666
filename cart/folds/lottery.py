"""Folds of what happens in a lottery."""

from __future__ import annotations

from cart.counter import Counter
from cart.drop import Drop
from cart.events import LotteryDrawn, LotteryEntered
from cart.folds.shape import Folds
from cart.lottery import Entry, LotteryBook, commitment_to, in_order_of_the_draw
from cart.stock import BrokenBooksError


def _book_of(drop: Drop) -> LotteryBook:
    if drop.lottery is None or drop.lottery.drawn:
        raise BrokenBooksError(f"{drop.terms.drop_id} is no lottery that is still to be drawn")
    return drop.lottery


def _lottery_entered(counter: Counter, event: LotteryEntered, at_ms: int) -> None:
    book = _book_of(counter.books.drops[event.drop_id])
    if event.viewer in book.entries or event.number != len(book.entries) + 1:
        raise BrokenBooksError(f"{event.viewer} enters {event.drop_id} as number {event.number}")
    book.entries[event.viewer] = Entry(event.number, event.tier, event.invited)


def _lottery_drawn(counter: Counter, event: LotteryDrawn, at_ms: int) -> None:
    drop = counter.books.drops[event.drop_id]
    book, terms = _book_of(drop), drop.terms.lottery
    if terms is None or commitment_to(event.seed) != terms.commitment:
        raise BrokenBooksError(f"{event.drop_id} is drawn from another seed than was promised")
    book.seed, book.drawn = event.seed, True
    for viewer in in_order_of_the_draw(event.seed, book.entries):
        entry = book.entries[viewer]
        drop.line.join(viewer, 1, entry.tier, entry.invited, at_ms)
    counter.touched[event.drop_id] = None


FOLDS: Folds = {
    LotteryEntered: _lottery_entered,
    LotteryDrawn: _lottery_drawn,
}
