"""Units that move between a drop and a viewer: the moves that several folds share.

Owns that whatever moves a unit also moves it on its shelf and keeps the viewer's tally, and tells
`Counter.touched` that what follows from it is to be looked at. Refuses to know holds and orders.
"""

from __future__ import annotations

from cart.counter import Counter
from cart.drop import Drop, DropStatus
from cart.hold import Hold
from cart.stock import BrokenBooksError


def reserve(counter: Counter, drop: Drop, viewer: str, units: int, shelf: str = "") -> None:
    """available -> held, for a viewer."""
    drop.stock.hold(units)
    if drop.shelves is not None:
        drop.shelves.hold(shelf, units)
    drop.taken[viewer] = drop.taken.get(viewer, 0) + units
    counter.stock_moved(drop)


def wish(drop: Drop, viewer: str, units: int) -> None:
    """Nothing moves; the viewer has that many more all the same."""
    drop.taken[viewer] = drop.taken.get(viewer, 0) + units


def set_aside(counter: Counter, drop: Drop, units: int, shelf: str = "") -> None:
    """available -> held, for a viewer who wished for them before."""
    drop.stock.hold(units)
    if drop.shelves is not None:
        drop.shelves.hold(shelf, units)
    counter.stock_moved(drop)


def sell(counter: Counter, drop: Drop, units: int, shelf: str = "") -> None:
    """held -> sold."""
    drop.stock.sell(units)
    if drop.shelves is not None:
        drop.shelves.of[shelf].sell(units)
    counter.stock_moved(drop)


def give_back(counter: Counter, drop: Drop, hold: Hold, units: int) -> None:
    """held -> available, or -> withdrawn when the drop has closed meanwhile. A wish just ends."""
    if not hold.reserved:
        _untake(drop, hold.viewer, units)
        return
    drop.stock.release(units)
    if drop.shelves is not None:
        drop.shelves.of[hold.shelf].release(units)
    _fall_free(drop, units, hold.shelf)
    _untake(drop, hold.viewer, units)
    counter.stock_moved(drop)


def discard(counter: Counter, drop: Drop, hold: Hold, units: int) -> None:
    """held -> withdrawn: units of an order that ends, and that do not come back."""
    drop.stock.discard(units)
    if drop.shelves is not None:
        drop.shelves.of[hold.shelf].discard(units)
    _untake(drop, hold.viewer, units)
    counter.stock_moved(drop)


def take_back(counter: Counter, drop: Drop, viewer: str, units: int, shelf: str = "") -> None:
    """sold -> available after a refund, or -> withdrawn when the drop has closed meanwhile."""
    drop.stock.take_back(units)
    if drop.shelves is not None:
        drop.shelves.of[shelf].take_back(units)
    _fall_free(drop, units, shelf)
    _untake(drop, viewer, units)
    counter.stock_moved(drop)


def write_off(counter: Counter, drop: Drop, viewer: str, units: int, shelf: str = "") -> None:
    """sold -> withdrawn: a refund whose units do not come back."""
    drop.stock.write_off(units)
    if drop.shelves is not None:
        drop.shelves.of[shelf].write_off(units)
    _untake(drop, viewer, units)
    counter.stock_moved(drop)


def _fall_free(drop: Drop, units: int, shelf: str) -> None:
    """Where units go that are free on a shelf: they are withdrawn when the drop has closed, and
    everybody's when the allocations have merged.
    """
    closed = drop.status is DropStatus.CLOSED
    if closed:
        drop.stock.withdraw(units)
    if drop.shelves is None:
        return
    if closed:
        drop.shelves.of[shelf].withdraw(units)
    else:
        drop.shelves.came_back(shelf)


def _untake(drop: Drop, viewer: str, units: int) -> None:
    left = drop.taken.get(viewer, 0) - units
    if left < 0:
        raise BrokenBooksError(f"{viewer} gives back more of {drop.terms.drop_id} than taken")
    if left:
        drop.taken[viewer] = left
    else:
        del drop.taken[viewer]
