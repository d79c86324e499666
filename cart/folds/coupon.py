"""Folds of what happens to coupons, and the moves that the folds of orders share."""

from __future__ import annotations

from cart.books import Books
from cart.counter import Counter
from cart.coupon import Coupon
from cart.events import CouponPut
from cart.folds.shape import Folds
from cart.order import Order


def _coupon_put(counter: Counter, event: CouponPut, at_ms: int) -> None:
    coupons, code = counter.books.coupons, event.terms.code
    known = coupons.get(code)
    if known is None:
        coupons[code] = Coupon(event.terms)
    else:
        known.terms = event.terms


def hold_coupon(books: Books, order: Order) -> None:
    """An order that has a coupon takes its redemption."""
    books.coupons[order.coupon].hold(order.viewer)


def redeem_coupon(books: Books, order: Order, late: bool) -> None:
    """The order was paid; if late, it takes its redemption again first."""
    coupon = books.coupons[order.coupon]
    if late:
        coupon.hold(order.viewer)
    coupon.redeem()


def give_coupon_back(books: Books, order: Order) -> None:
    """The order came to nothing before it was paid."""
    books.coupons[order.coupon].give_back(order.viewer)


FOLDS: Folds = {CouponPut: _coupon_put}
