"""Coupons: a code that takes something off an order, with a supply of its own.

    free --checkout--> held by the order --paid--> redeemed
                            |  ^
                   expired  v  | paid late, while one is free
                           free

A refund does not give a redemption back. What a coupon takes off is a whole number of minor units:
a percentage is rounded down, once for the whole order, and never more is taken off than the pieces
cost. Personalisation is not discounted. The sum is then spread over the lines in proportion to what
their pieces cost, by largest remainder: each line gets its share rounded down, and the minor units
that are left over go, one each, to the lines that were cut the most (of equals, the earlier). So
the lines add up to the order, and GMV by product to GMV.

Owns terms, the tally of one coupon and this arithmetic. Refuses to know orders beyond amounts, and
every clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from cart.bounds import DROPS_MAX, QUANTITY_MAX, WORD, Sku, Supply, TimeMs
from cart.money import Currency, PriceMinor
from cart.stock import BrokenBooksError

#: Ten thousandths of the whole.
WHOLE_BP = 10_000
#: Coupons of a room: 1,000 x about 500 bytes, and some 100 bytes for each viewer who redeems one.
COUPONS_MAX = 1_000

CouponCode = Annotated[str, Meta(min_length=1, max_length=32, pattern=WORD)]


class CouponTerms(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the host declares: `amount_minor` of `currency` off, or `percent_bp` ten thousandths of
    the price (1,500 is 15 %, in `currency` only if one is named). It holds for pieces of `skus`, or
    of every SKU if none is named, from `from_ms` on and no longer at `until_ms`.
    """

    code: CouponCode
    supply: Supply
    per_viewer: Annotated[int, Meta(ge=1, le=QUANTITY_MAX)] = 1
    amount_minor: PriceMinor | None = None
    percent_bp: Annotated[int, Meta(ge=1, le=WHOLE_BP)] | None = None
    currency: Currency | None = None
    skus: Annotated[list[Sku], Meta(max_length=DROPS_MAX)] = []
    from_ms: TimeMs | None = None
    until_ms: TimeMs | None = None


class Coupon(Struct):
    """One coupon as it stands: held + redeemed <= supply. `taken` counts both for each viewer."""

    terms: CouponTerms
    held: int = 0
    redeemed: int = 0
    taken: dict[str, int] = {}

    @property
    def used(self) -> int:
        """Redemptions that nobody else can have: held and redeemed."""
        return self.held + self.redeemed

    def hold(self, viewer: str) -> None:
        """free -> held, for an order of this viewer."""
        if self.used >= self.terms.supply:
            raise BrokenBooksError(f"coupon {self.terms.code} is held beyond its supply")
        self.held += 1
        self.taken[viewer] = self.taken.get(viewer, 0) + 1

    def redeem(self) -> None:
        """held -> redeemed: the order was paid."""
        if self.held < 1:
            raise BrokenBooksError(f"coupon {self.terms.code} is redeemed and was not held")
        self.held -= 1
        self.redeemed += 1

    def give_back(self, viewer: str) -> None:
        """held -> free: the order came to nothing."""
        left = self.taken.get(viewer, 0) - 1
        if self.held < 1 or left < 0:
            raise BrokenBooksError(f"coupon {self.terms.code} is given back and was not held")
        self.held -= 1
        if left:
            self.taken[viewer] = left
        else:
            del self.taken[viewer]


def flaw_in_coupon(terms: CouponTerms) -> str:
    """What is wrong with these terms, in a sentence; empty when they may stand."""
    if (terms.amount_minor is None) == (terms.percent_bp is None):
        return "a coupon takes off either amount_minor or percent_bp"
    if terms.amount_minor == 0:
        return "a coupon takes off at least one minor unit"
    if terms.amount_minor is not None and terms.currency is None:
        return "an amount needs its currency"
    if None not in (terms.from_ms, terms.until_ms) and terms.until_ms <= terms.from_ms:  # type: ignore[operator]
        return "the coupon ends before it begins"
    return ""


def why_not_free(coupon: Coupon, viewer: str) -> str:
    """Why this viewer can have no redemption of it now, in a sentence; empty when one is free."""
    terms = coupon.terms
    if coupon.used >= terms.supply:
        return f"coupon {terms.code} is used up"
    if coupon.taken.get(viewer, 0) >= terms.per_viewer:
        return f"coupon {terms.code} is for {terms.per_viewer} orders of each viewer"
    return ""


def why_not_valid(terms: CouponTerms, currency: Currency, now_ms: int) -> str:
    """Why it takes nothing off an order in `currency` at `now_ms`; empty when it does."""
    if terms.from_ms is not None and now_ms < terms.from_ms:
        return f"coupon {terms.code} does not hold yet"
    if terms.until_ms is not None and now_ms >= terms.until_ms:
        return f"coupon {terms.code} has ended"
    if terms.currency is not None and terms.currency != currency:
        return f"coupon {terms.code} is for orders in {terms.currency}"
    return ""


def discounts(terms: CouponTerms, pieces: Sequence[tuple[str, int]]) -> list[int]:
    """What is taken off each line, in minor units. `pieces` has, for each line, its SKU and what
    its pieces cost.
    """
    bases = [cost if not terms.skus or sku in terms.skus else 0 for sku, cost in pieces]
    whole = sum(bases)
    if terms.amount_minor is not None:
        return spread(min(terms.amount_minor, whole), bases)
    return spread(whole * (terms.percent_bp or 0) // WHOLE_BP, bases)


def spread(amount_minor: int, bases: Sequence[int]) -> list[int]:
    """`amount_minor`, at most their sum, in proportion to `bases`, by largest remainder: the shares
    add up to it, and none is more than its base.
    """
    whole = sum(bases)
    if not whole:
        return [0] * len(bases)
    cut = [divmod(amount_minor * base, whole) for base in bases]
    shares = [share for share, _ in cut]
    by_remainder = sorted(range(len(bases)), key=lambda place: -cut[place][1])
    for place in by_remainder[: amount_minor - sum(shares)]:
        shares[place] += 1
    return shares
