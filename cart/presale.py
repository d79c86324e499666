"""A presale: a deposit in a first window, the balance in a second one.

    order    PLACED --deposit--> DEPOSITED --balance--> PAID
                                 DEPOSITED --the second window ends--> DEFAULTED
                                 DEPOSITED --host--> CANCELLED

The units are held from the cart to the balance. Who does not pay the balance in time loses the
units, which go back to stock, and the deposit too or gets it back, as the drop declared. The host
may give the deposit of an order that waits for its balance back, which ends the order.

Owns the terms and what makes no sense in them. Refuses to know orders: `cart.deposits` does.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from cart.bounds import TimeMs
from cart.money import PRICE_MINOR_MAX


class PresaleTerms(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """`deposit_minor` is for each unit, in the drop's currency. Deposits are taken from the opening
    of the drop until `deposit_until_ms`, balances from `balance_from_ms` until `balance_until_ms`;
    both ends are the first moment that is too late.
    """

    deposit_minor: Annotated[
        int, Meta(ge=1, le=PRICE_MINOR_MAX, description="for each unit, in minor units (fen)")
    ]
    deposit_until_ms: TimeMs
    balance_from_ms: TimeMs
    balance_until_ms: TimeMs
    on_default: Literal["forfeit", "refund"] = "forfeit"


def flaw_in(
    terms: PresaleTerms, price_minor: int, opens_at_ms: int | None, now_ms: int
) -> str | None:
    """What is wrong with the terms of a drop at `price_minor`, in a sentence, or None."""
    if terms.deposit_minor >= price_minor:
        return f"a deposit of {terms.deposit_minor} leaves nothing of {price_minor} to pay"
    if terms.deposit_until_ms <= now_ms:
        return "the window for deposits has passed"
    if opens_at_ms is not None and opens_at_ms >= terms.deposit_until_ms:
        return "the drop opens when the window for deposits has passed"
    if terms.balance_from_ms < terms.deposit_until_ms:
        return "the window for balances begins before the one for deposits ends"
    if terms.balance_until_ms <= terms.balance_from_ms:
        return "the window for balances ends before it begins"
    return None
