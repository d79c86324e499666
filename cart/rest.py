"""The rest of a drop: units that its own terms can sell to nobody any more.

A presale takes no deposits after their window, a lottery offers units to those who were drawn and
to nobody else. Units that come back later (a default, a refund, a restock) lie there until the host
opens the rest. From then on the drop sells as any other does: at the price of its terms and its
flash prices, whole, to everybody whom its access lets in, with a line of its own.

    presale    once `balance_until_ms` has passed, so that nobody's balance is due any more
    lottery    once nobody who was drawn waits any more

It is a step of its own and no second meaning of "open", so that a button pressed twice opens
nothing.

Owns when the rest may be opened. Refuses to know what is left: it may be nothing yet.
"""

from __future__ import annotations

from cart.counter import Counter
from cart.drop import Drop, DropStatus
from cart.events import DropOpened
from cart.outcome import Decision, ErrorCode, refuse


def open_rest(counter: Counter, drop_id: str, now_ms: int) -> Decision:
    """Sell what is left of a presale or a lottery as by any other drop."""
    drop = counter.books.drops.get(drop_id)
    if drop is None:
        return refuse(ErrorCode.NOT_FOUND, f"no drop {drop_id}")
    if drop.sells_rest:
        return Decision((), {"drop_id": drop_id, "status": drop.status.value})
    return _refusal_to_open(drop, now_ms) or Decision(
        (DropOpened(drop_id, "rest"),), {"drop_id": drop_id, "status": DropStatus.OPEN.value}
    )


def _refusal_to_open(drop: Drop, now_ms: int) -> Decision | None:
    terms = drop.terms
    if terms.presale is None and terms.lottery is None:
        message = f"{terms.title} is for everybody already: only a presale or a lottery has a rest"
        return refuse(ErrorCode.CONFLICT, message)
    if not drop.status.is_open and drop.status is not DropStatus.PAUSED:
        return refuse(ErrorCode.CONFLICT, f"drop {terms.drop_id} is {drop.status.value}")
    if terms.presale is not None and now_ms < terms.presale.balance_until_ms:
        wait_ms = terms.presale.balance_until_ms - now_ms
        return refuse(ErrorCode.NOT_OPEN, f"balances for {terms.title} may still be paid", wait_ms)
    if drop.line.places:
        message = f"{len(drop.line.places)} wait for {terms.title}: they come first"
        return refuse(ErrorCode.CONFLICT, message)
    return None
