"""What follows from what has just happened, whoever did it: a drop sells out.

Looked at after every decision and every tick, so that each consequence stands in the same record
of the log as its cause, and no rule about it is repeated by shopper, desk, settlement and clock.

Owns the moves that a drop makes because of its stock. Refuses to know what moved the stock, and to
own a clock.
"""

from __future__ import annotations

from cart.counter import Counter
from cart.drop import Drop
from cart.events import DropSoldOut
from cart.fact import Fact


def consequences(counter: Counter, now_ms: int) -> list[Fact]:
    """What follows from the books as they are, for the drops whose stock moved. Fold it and ask
    again until nothing follows.
    """
    facts: list[Fact] = []
    for drop_id in counter.touched:
        facts += _of_stock(counter.books.drops[drop_id])
    counter.touched.clear()
    return facts


def _of_stock(drop: Drop) -> list[Fact]:
    if drop.stock.exhausted and drop.status.sells:
        return [DropSoldOut(drop.terms.drop_id)]
    return []
