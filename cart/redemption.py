"""Coupons at the counter: the host puts them, a checkout redeems one.

Each function reads the books and changes nothing. Every reason for which a coupon is not taken is
told as `coupon_rejected`: the order is then not placed, and the cart stays as it was.

Owns who may redeem what. Refuses to know the arithmetic (`cart.coupon`).
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from cart.books import Books
from cart.counter import Counter
from cart.coupon import (
    COUPONS_MAX,
    CouponTerms,
    discounts,
    flaw_in_coupon,
    why_not_free,
    why_not_valid,
)
from cart.events import CouponPut
from cart.money import Currency
from cart.order import Order, OrderLine
from cart.outcome import Decision, ErrorCode, Refusal, refuse


def put(counter: Counter, terms: CouponTerms) -> Decision:
    """Declare a coupon, or give a known one other terms. Orders that hold it keep what they were
    given; its supply never falls below what is used. `until_ms` of now ends it.
    """
    coupons, answer = counter.books.coupons, {"code": terms.code}
    known = coupons.get(terms.code)
    if known is not None and known.terms == terms:
        return Decision((), answer)
    if flaw := flaw_in_coupon(terms):
        return refuse(ErrorCode.INVALID, flaw)
    if known is None and len(coupons) >= COUPONS_MAX:
        return refuse(ErrorCode.LIMIT_REACHED, f"a room has at most {COUPONS_MAX} coupons")
    if known is not None and terms.supply < known.used:
        return refuse(
            ErrorCode.CONFLICT, f"{known.used} of coupon {terms.code} are held or redeemed"
        )
    return Decision((CouponPut(terms),), answer)


def discounted(
    books: Books,
    viewer: str,
    code: str,
    currency: Currency,
    lines: Sequence[OrderLine],
    now_ms: int,
) -> list[OrderLine] | Refusal:
    """The lines with what the coupon takes off each of them, or why it takes nothing."""
    coupon = books.coupons.get(code)
    if coupon is None:
        return _rejected("there is no such coupon")
    if why_not := why_not_valid(coupon.terms, currency, now_ms) or why_not_free(coupon, viewer):
        return _rejected(why_not)
    off = discounts(coupon.terms, [(line.sku, line.quantity * line.price_minor) for line in lines])
    if not any(off):
        return _rejected(f"coupon {code} takes nothing off these pieces")
    return [
        structs.replace(line, discount_minor=minor) if minor else line
        for line, minor in zip(lines, off, strict=True)
    ]


def _rejected(message: str) -> Refusal:
    return Refusal(ErrorCode.COUPON_REJECTED, message)


def is_free_again(books: Books, order: Order) -> bool:
    """Whether an expired order, whose redemption of its coupon went back, could have one now. The
    order was placed while the coupon held, so that the coupon's own time does not matter.
    """
    return not why_not_free(books.coupons[order.coupon], order.viewer)
