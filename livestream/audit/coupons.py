"""Check 14: a coupon is stock too, and takes off exactly what its terms say."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from msgspec import Struct

from cart import events
from cart.coupon import CouponTerms
from livestream.audit.check import Check, Rule, before
from livestream.audit.evidence import Evidence
from livestream.audit.ledger import Ledger


class CouponAccount(Struct):
    """Redemptions of one coupon: by open orders, by paid ones, and both for each viewer."""

    terms: CouponTerms
    held: int = 0
    redeemed: int = 0
    by_viewer: dict[str, int] = {}


class CouponsAreStock(Check):
    """Rule 14, with a tally of its own and the discount worked out in fractions."""

    rule = Rule(
        14,
        "coupons are stock",
        "redemptions held and done never pass the supply nor a viewer's share; what is taken off "
        "is what the terms say, to the fen, line by line",
    )

    def __init__(self, ledger: Ledger, evidence: Evidence) -> None:
        super().__init__(ledger, evidence)
        self.accounts: dict[str, CouponAccount] = {}
        #: order -> (coupon, viewer), as the order was placed.
        self._of_order: dict[str, tuple[str, str]] = {}

    @before(events.CouponPut)
    def put(self, fact: events.CouponPut) -> Iterator[str]:
        account = self.accounts.get(fact.terms.code)
        if account is None:
            self.accounts[fact.terms.code] = CouponAccount(fact.terms)
            return
        account.terms = fact.terms
        if account.held + account.redeemed > fact.terms.supply:
            yield f"coupon {fact.terms.code} gets a supply below what is used of it"

    @before(events.OrderPlaced)
    def ordered(self, fact: events.OrderPlaced) -> Iterator[str]:
        if not fact.coupon:
            if any(line.discount_minor for line in fact.lines):
                yield f"order {fact.order_id} has a discount and no coupon"
            return
        account = self.accounts.get(fact.coupon)
        if account is None:
            yield f"order {fact.order_id} redeems coupon {fact.coupon}, which nobody put"
            return
        self._of_order[fact.order_id] = (fact.coupon, fact.viewer)
        yield from self._take(account, fact.viewer, f"order {fact.order_id}")
        yield from self._holds_now(account.terms, fact)
        yield from self._takes_off_its_due(account.terms, fact)

    def _take(self, account: CouponAccount, viewer: str, taker: str) -> Iterator[str]:
        terms = account.terms
        account.held += 1
        mine = account.by_viewer[viewer] = account.by_viewer.get(viewer, 0) + 1
        used = account.held + account.redeemed
        if used > terms.supply:
            yield f"coupon {terms.code} is over-redeemed: with {taker} {used} of {terms.supply}"
        if mine > terms.per_viewer:
            yield (
                f"viewer {viewer} has coupon {terms.code} {mine} times with {taker}, "
                f"and {terms.per_viewer} is the most"
            )

    def _holds_now(self, terms: CouponTerms, fact: events.OrderPlaced) -> Iterator[str]:
        begun = terms.from_ms is None or self.ledger.at_ms >= terms.from_ms
        over = terms.until_ms is not None and self.ledger.at_ms >= terms.until_ms
        if not begun or over:
            yield f"order {fact.order_id} redeems coupon {terms.code} outside of its time"
        if terms.currency not in (None, fact.currency):
            yield f"order {fact.order_id} in {fact.currency} redeems {terms.code}: {terms.currency}"

    def _takes_off_its_due(self, terms: CouponTerms, fact: events.OrderPlaced) -> Iterator[str]:
        costs = [
            line.quantity * line.price_minor if not terms.skus or line.sku in terms.skus else 0
            for line in fact.lines
        ]
        whole, off = sum(costs), [line.discount_minor for line in fact.lines]
        if terms.amount_minor is not None:
            due = min(terms.amount_minor, whole)
        else:
            due = int(Fraction(terms.percent_bp or 0, 10_000) * whole)
        if sum(off) != due or due == 0:
            yield (
                f"order {fact.order_id} is {sum(off)} cheaper by coupon {terms.code}, "
                f"by its terms {due}"
            )
            return
        exact = [Fraction(due * cost, whole) for cost in costs]
        rests = [share - int(share) for share in exact]
        ups = [minor - int(share) for minor, share in zip(off, exact, strict=True)]
        left_out = [rest for rest, up in zip(rests, ups, strict=True) if up == 0]
        rounded_up = [rest for rest, up in zip(rests, ups, strict=True) if up == 1]
        fair = max(left_out, default=Fraction(0)) <= min(rounded_up, default=Fraction(1))
        if not fair or any(up not in (0, 1) for up in ups):
            yield f"order {fact.order_id} spreads its discount as {off}, not by largest remainder"

    @before(events.OrderPaid)
    def paid(self, fact: events.OrderPaid) -> Iterator[str]:
        code, viewer = self._of_order.get(fact.order_id, ("", ""))
        account = self.accounts.get(code)
        if account is None:
            return
        if fact.late:
            yield from self._take(account, viewer, f"the late payment of order {fact.order_id}")
        account.held -= 1
        account.redeemed += 1
        if account.held < 0:
            yield f"order {fact.order_id} redeems coupon {code}, which it does not hold"

    @before(events.OrderExpired)
    def expired(self, fact: events.OrderExpired) -> Iterator[str]:
        code, viewer = self._of_order.get(fact.order_id, ("", ""))
        account = self.accounts.get(code)
        if account is None:
            return
        account.held -= 1
        account.by_viewer[viewer] -= 1
        if account.held < 0 or account.by_viewer[viewer] < 0:
            yield f"order {fact.order_id} gives coupon {code} back, which it does not hold"
