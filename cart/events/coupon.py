"""What happens to coupons, as facts. Owns their words. That one is redeemed is part of the facts
about its order.
"""

from __future__ import annotations

from cart.coupon import CouponTerms
from cart.fact import Fact


class CouponPut(Fact, frozen=True, tag="coupon.put"):
    """The host declared a coupon, or gave it other terms. No viewer is told."""

    terms: CouponTerms
