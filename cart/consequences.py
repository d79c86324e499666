"""What follows from what has just happened, whoever did it: all is held, units are free again and
offered to those who wait in line, a drop sells out; and allocations flow together once it is time.

Looked at after every decision and every tick, so that each consequence stands in the same record
of the log as its cause, and no rule about it is repeated by shopper, desk, settlement and clock.

Owns the moves that a drop makes because of its stock. Refuses to know what moved the stock, and to
own a clock.
"""

from __future__ import annotations

from cart.counter import Counter
from cart.drop import Drop, DropStatus
from cart.events import AllocationsMerged, DropAllHeld, DropOpened, DropSoldOut
from cart.fact import Fact
from cart.waiting import is_somebodys_turn, let_go, let_go_of_sold_out_shelves, offers


def consequences(counter: Counter, now_ms: int) -> list[Fact]:
    """What follows from the books as they are, for the drops whose stock moved. Fold it and ask
    again until nothing follows.
    """
    touched = counter.touched
    while touched:  # of one drop at a time: what follows for the next may depend on it
        drop_id = next(iter(touched))
        del touched[drop_id]
        if facts := _of_drop(counter, counter.books.drops[drop_id], now_ms):
            return facts
    return []


def _of_drop(counter: Counter, drop: Drop, now_ms: int) -> list[Fact]:
    stock, status = drop.stock, drop.status
    if drop.shelves is not None and drop.merges_at(now_ms):
        return [AllocationsMerged(drop.terms.drop_id, drop.shelves.to_merge())]
    if stock.exhausted:
        return [DropSoldOut(drop.terms.drop_id)] if status.sells else []
    if status is DropStatus.OPEN and not stock.available:
        return [DropAllHeld(drop.terms.drop_id)]
    presale = None if drop.sells_rest else drop.terms.presale
    if presale is not None and drop.line.places and now_ms >= presale.deposit_until_ms:
        return let_go(counter, drop, now_ms) if status.is_open else []
    if drop.line.places and status.is_open:
        if is_somebodys_turn(drop):
            return offers(counter, drop, now_ms)
        if gone := let_go_of_sold_out_shelves(counter, drop, now_ms):
            return gone
    if status is DropStatus.ALL_HELD and stock.available:
        return [DropOpened(drop.terms.drop_id, "released")]
    return []
