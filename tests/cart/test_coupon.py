"""Coupons: what they take off, to the fen, and that none is redeemed more often than supplied."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from cart.coupon import COUPONS_MAX, Coupon, CouponTerms, discounts, spread
from cart.order import OrderStatus
from cart.outcome import ErrorCode, Refusal
from cart.stock import BrokenBooksError
from tests.cart.till import PAY_TTL_MS, PRICE_MINOR, SANTOS, Till, ok, refusal
from tests.properties import PROPERTY


@pytest.fixture
def till() -> Till:
    till = Till()
    till.sell(supply=9, limit=9)
    till.sell("ring", supply=9, limit=9, price_minor=500_001)
    ok(till.put_coupon(supply=2, percent_bp=1_000))
    return till


def counts(till: Till, code: str = "MAISON") -> tuple[int, int]:
    """held, redeemed."""
    coupon = till.counter.books.coupons[code]
    return coupon.held, coupon.redeemed


# -- what is taken off -------------------------------------------------------------------------


def test_a_percentage_is_rounded_down_once_and_the_lines_add_up_to_it(till: Till) -> None:
    till.add("wang")
    till.add("wang", "ring", 3)
    order = ok(till.check_out("wang", coupon="MAISON"))
    whole = PRICE_MINOR + 3 * 500_001
    off = whole * 10 // 100
    assert order["coupon"] == "MAISON"
    assert order["total_minor"] == whole - off
    assert [line["discount_minor"] for line in order["lines"]] == [288_000, 150_000]
    assert till.show("wang")["orders"] == [order]


def test_an_amount_never_takes_more_than_the_pieces_cost(till: Till) -> None:
    ok(till.put_coupon("GIFT", supply=1, amount_minor=9_000_000, currency="CNY"))
    till.add("wang", "ring")
    assert ok(till.check_out("wang", coupon="GIFT"))["total_minor"] == 0


def test_only_the_named_skus_get_cheaper(till: Till) -> None:
    ok(till.put_coupon("RINGS", supply=1, amount_minor=100, currency="CNY", skus=["ring"]))
    till.add("wang")
    till.add("wang", "ring")
    lines = ok(till.check_out("wang", coupon="RINGS"))["lines"]
    assert [line.get("discount_minor", 0) for line in lines] == [0, 100]


def test_gmv_by_product_adds_up_with_the_discount_in_it(till: Till) -> None:
    till.add("wang")
    till.add("wang", "ring")
    order = ok(till.check_out("wang", coupon="MAISON"))
    till.pay("wang", order["order_id"])
    ok(till.approve(f"{order['order_id']}-p1"))
    rows = till.counter.books.takings["CNY"]
    gross = {sku: rows[sku]["tmall"].gross_minor for sku in rows}
    assert sum(gross.values()) == order["total_minor"]
    assert gross[SANTOS] == PRICE_MINOR - 288_000
    till.refund(order["order_id"])
    assert sum(rows[sku]["tmall"].net_minor for sku in rows) == 0
    assert counts(till) == (0, 1), "a refund does not give the redemption back"


@PROPERTY
@given(bases=st.lists(st.integers(0, 10**15), min_size=1, max_size=16), data=st.data())
def test_a_spread_adds_up_and_is_fair_to_the_minor_unit(
    bases: list[int], data: st.DataObject
) -> None:
    amount = data.draw(st.integers(0, sum(bases)))
    shares = spread(amount, bases)
    assert sum(shares) == amount
    rounded_up, left_out = [Fraction(1)], [Fraction(0)]
    for share, base in zip(shares, bases, strict=True):
        exact = Fraction(amount * base, sum(bases) or 1)
        assert 0 <= share <= base
        assert share - int(exact) in (0, 1)
        (rounded_up if share > int(exact) else left_out).append(exact - int(exact))
    assert max(left_out) <= min(rounded_up), "the largest remainders are served first"


@PROPERTY
@given(
    percent_bp=st.integers(1, 10_000),
    costs=st.lists(st.integers(0, 10**13), min_size=1, max_size=16),
)
def test_a_percentage_is_the_largest_whole_number_that_is_not_more(
    percent_bp: int, costs: list[int]
) -> None:
    terms = CouponTerms("MAISON", 1, percent_bp=percent_bp)
    off = sum(discounts(terms, [("ring", cost) for cost in costs]))
    exact = Fraction(percent_bp, 10_000) * sum(costs)
    assert off <= exact < off + 1


# -- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        ({"until_ms": 1_000_000}, "has ended"),
        ({"from_ms": 1_000_001}, "does not hold yet"),
        ({"currency": "EUR"}, "for orders in EUR"),
        ({"skus": ["tank"]}, "takes nothing off"),
    ],
)
def test_a_coupon_that_does_not_hold_is_rejected_and_the_cart_stays(
    till: Till, terms: dict[str, Any], why: str
) -> None:
    ok(till.put_coupon("OTHER", supply=1, percent_bp=1_000, **terms))
    till.add("wang")
    answer = till.check_out("wang", coupon="OTHER")
    assert refusal(answer) is ErrorCode.COUPON_REJECTED
    assert isinstance(answer, Refusal)
    assert why in answer.message
    assert len(till.show("wang")["holds"]) == 1


def test_a_code_that_nobody_put_is_rejected(till: Till) -> None:
    till.add("wang")
    assert refusal(till.check_out("wang", coupon="NOSUCH")) is ErrorCode.COUPON_REJECTED


def test_a_coupon_that_is_used_up_is_rejected(till: Till) -> None:
    for viewer in ("wang", "li"):
        till.add(viewer)
        ok(till.check_out(viewer, coupon="MAISON"))
    till.add("zhao")
    assert refusal(till.check_out("zhao", coupon="MAISON")) is ErrorCode.COUPON_REJECTED
    ok(till.check_out("zhao"))


def test_a_viewer_redeems_it_as_often_as_declared(till: Till) -> None:
    till.add("wang")
    ok(till.check_out("wang", coupon="MAISON"))
    till.add("wang")
    assert refusal(till.check_out("wang", coupon="MAISON")) is ErrorCode.COUPON_REJECTED
    ok(till.put_coupon(supply=2, percent_bp=1_000, per_viewer=2))
    ok(till.check_out("wang", coupon="MAISON"))


def test_the_same_checkout_with_another_coupon_is_a_conflict(till: Till) -> None:
    till.add("wang")
    first = ok(till.check_out("wang", "co-1", coupon="MAISON"))
    assert ok(till.check_out("wang", "co-1", coupon="MAISON")) == first
    assert refusal(till.check_out("wang", "co-1")) is ErrorCode.CONFLICT
    assert refusal(till.check_out("wang", "co-1", coupon="NOSUCH")) is ErrorCode.CONFLICT


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"amount_minor": 5, "currency": "CNY", "percent_bp": 5},
        {"amount_minor": 5},
        {"amount_minor": 0, "currency": "CNY"},
        {"percent_bp": 5, "from_ms": 7, "until_ms": 7},
    ],
)
def test_terms_that_mean_nothing_are_invalid(till: Till, terms: dict[str, Any]) -> None:
    assert refusal(till.put_coupon("OTHER", supply=1, **terms)) is ErrorCode.INVALID


def test_its_supply_does_not_fall_below_what_is_used(till: Till) -> None:
    for viewer in ("wang", "li"):
        till.add(viewer)
        ok(till.check_out(viewer, coupon="MAISON"))
    assert refusal(till.put_coupon(supply=1, percent_bp=1_000)) is ErrorCode.CONFLICT


def test_the_same_terms_again_change_nothing(till: Till) -> None:
    ok(till.put_coupon(supply=2, percent_bp=1_000))
    assert till.last == []


def test_a_room_has_so_many_coupons_and_no_more(till: Till) -> None:
    for number in range(COUPONS_MAX - 1):
        ok(till.put_coupon(f"CODE{number}", supply=1, percent_bp=1))
    assert refusal(till.put_coupon("CODE", supply=1, percent_bp=1)) is ErrorCode.LIMIT_REACHED
    ok(till.put_coupon(supply=3, percent_bp=1_000)), "a known one may still change"


# -- held, redeemed, given back ----------------------------------------------------------------


def placed(till: Till, viewer: str) -> str:
    ok(till.add(viewer))
    return str(ok(till.check_out(viewer, coupon="MAISON"))["order_id"])


def test_the_order_holds_it_and_payment_redeems_it(till: Till) -> None:
    order_id = placed(till, "wang")
    assert counts(till) == (1, 0)
    till.pay("wang", order_id)
    till.approve(f"{order_id}-p1")
    assert counts(till) == (0, 1)


def test_an_order_that_expires_gives_it_back(till: Till) -> None:
    for viewer in ("wang", "li"):
        placed(till, viewer)
    till.wait(PAY_TTL_MS)
    assert counts(till) == (0, 0)
    assert till.counter.books.coupons["MAISON"].taken == {}
    placed(till, "wang")


def test_late_money_redeems_it_if_one_is_free(till: Till) -> None:
    order_id = placed(till, "wang")
    till.pay("wang", order_id)
    till.wait(PAY_TTL_MS)
    till.approve(f"{order_id}-p1")
    assert till.order_status(order_id) is OrderStatus.PAID
    assert counts(till) == (0, 1)


def test_late_money_goes_back_when_others_have_redeemed_it(till: Till) -> None:
    order_id = placed(till, "wang")
    till.pay("wang", order_id)
    till.wait(PAY_TTL_MS)
    for viewer in ("li", "zhao"):
        placed(till, viewer)
    till.approve(f"{order_id}-p1")
    assert till.names() == ["payment.returned"]
    assert till.order_status(order_id) is OrderStatus.EXPIRED
    assert counts(till) == (2, 0)


def test_the_tally_cannot_be_broken() -> None:
    coupon = Coupon(CouponTerms("MAISON", 1, percent_bp=1))
    with pytest.raises(BrokenBooksError):
        coupon.redeem()
    with pytest.raises(BrokenBooksError):
        coupon.give_back("wang")
    coupon.hold("wang")
    with pytest.raises(BrokenBooksError):
        coupon.hold("li")
    with pytest.raises(BrokenBooksError):
        coupon.give_back("li")


# -- any story ---------------------------------------------------------------------------------


class CouponMachine(RuleBasedStateMachine):
    """Orders with a coupon in any state and order of events, beside a count of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.till = Till()
        self.till.sell(supply=50, limit=50)
        #: order -> its viewer and "held", "redeemed" or "free".
        self.model: dict[str, tuple[str, str]] = {}

    @initialize(supply=st.integers(1, 3), per_viewer=st.integers(1, 2))
    def begin(self, supply: int, per_viewer: int) -> None:
        ok(self.till.put_coupon(supply=supply, per_viewer=per_viewer, percent_bp=1_234))

    def used(self, *states: str, viewer: str = "") -> int:
        return sum(
            state in states and viewer in ("", owner) for owner, state in self.model.values()
        )

    @rule(supply=st.integers(1, 4), per_viewer=st.integers(1, 2))
    def put(self, supply: int, per_viewer: int) -> None:
        answer = self.till.put_coupon(supply=supply, per_viewer=per_viewer, percent_bp=1_234)
        known = self.used("held", "redeemed") <= supply
        assert isinstance(answer, Refusal) is not known

    @rule(viewer=st.sampled_from(["wang", "li", "zhao"]))
    def place(self, viewer: str) -> None:
        ok(self.till.add(viewer))
        terms = self.till.counter.books.coupons["MAISON"].terms
        free = (
            self.used("held", "redeemed") < terms.supply
            and self.used("held", "redeemed", viewer=viewer) < terms.per_viewer
        )
        answer = self.till.check_out(viewer, coupon="MAISON")
        assert isinstance(answer, Refusal) is not free
        if isinstance(answer, Refusal):
            ok(self.till.remove(viewer))
        else:
            self.model[answer["order_id"]] = (viewer, "held")
            ok(self.till.pay(viewer, answer["order_id"]))

    @rule(data=st.data())
    def approve(self, data: st.DataObject) -> None:
        if not self.model:
            return
        order_id = data.draw(st.sampled_from(sorted(self.model)))
        ok(self.till.approve(f"{order_id}-p1"))
        viewer, state = self.model[order_id]
        if self.till.order_status(order_id) in (OrderStatus.PAID, OrderStatus.REFUNDED):
            self.model[order_id] = (viewer, "redeemed")
        else:
            assert state == "free", "an order that holds its coupon is paid by its money"

    @rule(data=st.data())
    def refund(self, data: st.DataObject) -> None:
        if self.model:
            self.till.refund(data.draw(st.sampled_from(sorted(self.model))))

    @rule(ms=st.sampled_from([1_000, PAY_TTL_MS]))
    def wait(self, ms: int) -> None:
        self.till.wait(ms)
        for order_id, (viewer, state) in self.model.items():
            if self.till.order_status(order_id) is OrderStatus.EXPIRED and state == "held":
                self.model[order_id] = (viewer, "free")

    @invariant()
    def the_tally_is_the_models(self) -> None:
        coupon = self.till.counter.books.coupons.get("MAISON")
        if coupon is None:
            return
        assert (coupon.held, coupon.redeemed) == (self.used("held"), self.used("redeemed"))
        assert coupon.used <= coupon.terms.supply
        mine = {v: self.used("held", "redeemed", viewer=v) for v in ("wang", "li", "zhao")}
        assert coupon.taken == {viewer: count for viewer, count in mine.items() if count}


def test_no_story_over_redeems_a_coupon() -> None:
    run_state_machine_as_test(CouponMachine, settings=PROPERTY)
