"""The only way the books change: one fold for each kind of fact, by what it is about.

Owns `evolve`. Refuses to decide: a fact has happened; one that cannot be true of the books is a
broken log or broken code.
"""

from __future__ import annotations

from cart.counter import Counter
from cart.fact import Fact
from cart.folds import (
    cart,
    coupon,
    drop,
    edition,
    invitation,
    line,
    lottery,
    order,
    payment,
    perk,
    presale,
    slot,
)
from cart.folds.shape import Folds
from cart.stock import BrokenBooksError

_FOLDS: Folds = {
    **drop.FOLDS,
    **coupon.FOLDS,
    **cart.FOLDS,
    **line.FOLDS,
    **order.FOLDS,
    **payment.FOLDS,
    **perk.FOLDS,
    **invitation.FOLDS,
    **edition.FOLDS,
    **presale.FOLDS,
    **slot.FOLDS,
    **lottery.FOLDS,
}


def evolve(counter: Counter, event: Fact, at_ms: int) -> None:
    """Fold one fact into the state, in place.

    Raises:
        BrokenBooksError: the fact cannot be true of this state; the log or the code is broken.
    """
    try:
        _FOLDS[type(event)](counter, event, at_ms)
    except (LookupError, ValueError) as missing:
        raise BrokenBooksError(f"{event} speaks of what is not on the books") from missing
