"""A presale: a deposit in one window, the balance in another; units not paid in time go back."""

from typing import Any

import pytest
from msgspec import structs

from cart.books import Takings
from cart.bounds import PAYMENT_ATTEMPTS_MAX
from cart.clock import is_settled
from cart.events import (
    DepositPaid,
    DropOpened,
    LineLeft,
    OrderCancelled,
    OrderDefaulted,
    OrderPaid,
    PaymentReturned,
)
from cart.order import OrderStatus, PaymentStatus
from cart.outcome import ErrorCode
from cart.presale import PresaleTerms, flaw_in
from cart.refund import Units
from cart.refunding import Asked
from tests.cart.till import HOLD_TTL_MS, PAY_TTL_MS, PRICE_MINOR, SANTOS, Till, ok, refusal

HOUR_MS = 3_600_000
DEPOSIT_MINOR = 500_000
BALANCE_MINOR = PRICE_MINOR - DEPOSIT_MINOR


def presale(till: Till, **terms: Any) -> PresaleTerms:
    """Deposits for an hour from now, balances in the third hour."""
    at_ms = till.now_ms
    plain = PresaleTerms(DEPOSIT_MINOR, at_ms + HOUR_MS, at_ms + 2 * HOUR_MS, at_ms + 3 * HOUR_MS)
    return structs.replace(plain, **terms)


@pytest.fixture
def till() -> Till:
    """A presale of two units, two for each viewer at most, whose defaults forfeit."""
    till = Till()
    till.sell(supply=2, limit=2, presale=presale(till))
    return till


def with_refunds() -> Till:
    """The same with a deposit that goes back."""
    till = Till()
    till.sell(supply=2, limit=2, presale=presale(till, on_default="refund"))
    return till


def deposit(till: Till, viewer: str = "wang", quantity: int = 1) -> str:
    """An order whose deposit is paid; its id."""
    order_id = till.place(viewer, quantity=quantity)
    ok(till.pay(viewer, order_id))
    ok(till.approve(f"{order_id}-p1"))
    return order_id


def until_balance(till: Till) -> None:
    till.wait(2 * HOUR_MS - (till.now_ms - 1_000_000))


def takings(till: Till) -> Takings:
    return till.counter.takings_of("CNY", SANTOS, "tmall")


def payment(till: Till, payment_id: str) -> PaymentStatus:
    return till.counter.books.payments[payment_id].status


# -- the two payments --------------------------------------------------------------------------


def test_the_deposit_is_due_first_and_the_buyer_is_told_of_both(till: Till) -> None:
    ok(till.add("wang", quantity=2))
    answer = ok(till.check_out("wang"))
    assert answer["total_minor"] == 2 * PRICE_MINOR
    assert answer["presale"] == {
        "deposit_minor": 2 * DEPOSIT_MINOR,
        "balance_minor": 2 * BALANCE_MINOR,
        "balance_from_ms": 1_000_000 + 2 * HOUR_MS,
        "balance_until_ms": 1_000_000 + 3 * HOUR_MS,
        "on_default": "forfeit",
    }
    assert ok(till.pay("wang", "o1"))["presale"] == answer["presale"]
    started = till.counter.books.payments["o1-p1"]
    assert (started.amount_minor, started.part) == (2 * DEPOSIT_MINOR, "deposit")


def test_a_deposit_keeps_the_units_held_until_the_balance_is_due(till: Till) -> None:
    deposit(till)
    assert till.last == [
        DepositPaid("o1", "o1-p1", DEPOSIT_MINOR, expires_at_ms=1_000_000 + 3 * HOUR_MS)
    ]
    assert till.order_status("o1") is OrderStatus.DEPOSITED
    assert payment(till, "o1-p1") is PaymentStatus.CONFIRMED
    till.wait(2 * HOUR_MS)
    assert till.stock() == (1, 1, 0, 0)


def test_a_deposit_is_not_yet_gmv(till: Till) -> None:
    deposit(till)
    assert takings(till) == Takings(deposits_minor=DEPOSIT_MINOR)
    assert takings(till).deposits_kept_minor == DEPOSIT_MINOR


def test_the_balance_pays_the_order_and_the_whole_price_is_gmv(till: Till) -> None:
    deposit(till)
    until_balance(till)
    ok(till.pay("wang", "o1"))
    assert till.counter.books.payments["o1-p2"].amount_minor == BALANCE_MINOR
    ok(till.approve("o1-p2"))
    assert till.last == [OrderPaid("o1", "o1-p2", 1)]
    assert till.stock() == (1, 0, 1, 0)
    assert takings(till) == Takings(
        PRICE_MINOR, 0, 1, 0, deposits_minor=DEPOSIT_MINOR, deposits_applied_minor=DEPOSIT_MINOR
    )
    assert takings(till).deposits_kept_minor == 0
    till.wait(24 * HOUR_MS)
    assert till.last == [], "and no default follows"


def test_two_units_may_lie_in_two_holds_of_one_cart(till: Till) -> None:
    ok(till.add("wang"))
    ok(till.add("wang"))
    ok(till.check_out("wang"))
    ok(till.pay("wang", "o1"))
    ok(till.approve("o1-p1"))
    assert takings(till).deposits_minor == 2 * DEPOSIT_MINOR


# -- the windows -------------------------------------------------------------------------------


def test_the_balance_cannot_be_paid_before_its_window(till: Till) -> None:
    deposit(till)
    answer = till.pay("wang", "o1")
    assert refusal(answer) is ErrorCode.NOT_OPEN
    assert answer.retry_after_ms == 2 * HOUR_MS  # type: ignore[union-attr]


def test_when_deposits_have_ended_nothing_is_held_any_more(till: Till) -> None:
    till.wait(HOUR_MS - 1)
    ok(till.add("wang"))
    till.wait(1)
    assert "hold.expired" in till.names()
    assert refusal(till.add("li")) is ErrorCode.CLOSED


def test_a_hold_and_an_order_that_wait_for_a_deposit_end_with_the_window(till: Till) -> None:
    till.wait(HOUR_MS - HOLD_TTL_MS // 2)
    assert ok(till.add("wang"))["expires_at_ms"] == 1_000_000 + HOUR_MS
    assert ok(till.check_out("wang"))["expires_at_ms"] == 1_000_000 + HOUR_MS
    till.wait(HOLD_TTL_MS // 2)
    assert till.order_status("o1") is OrderStatus.EXPIRED
    assert till.stock() == (2, 0, 0, 0)


def test_a_checkout_at_the_very_end_of_the_window_is_too_late(till: Till) -> None:
    ok(till.add("wang"))
    till.now_ms = 1_000_000 + HOUR_MS  # and no tick has been since
    assert refusal(till.check_out("wang")) is ErrorCode.CLOSED


def test_an_order_without_its_deposit_expires_as_any_other(till: Till) -> None:
    till.place("wang")
    till.wait(PAY_TTL_MS)
    assert till.order_status("o1") is OrderStatus.EXPIRED
    assert refusal(till.pay("wang", "o1")) is ErrorCode.HOLD_EXPIRED


# -- default -----------------------------------------------------------------------------------


def test_who_does_not_pay_the_balance_forfeits_and_the_units_go_back(till: Till) -> None:
    deposit(till)
    till.wait(3 * HOUR_MS)
    assert OrderDefaulted("o1", "wang", "o1-p1", DEPOSIT_MINOR, forfeited=True) in till.last
    assert till.order_status("o1") is OrderStatus.DEFAULTED
    assert till.stock() == (2, 0, 0, 0)
    assert takings(till) == Takings(
        deposits_minor=DEPOSIT_MINOR, deposits_forfeited_minor=DEPOSIT_MINOR
    )
    assert payment(till, "o1-p1") is PaymentStatus.CONFIRMED
    assert refusal(till.pay("wang", "o1")) is ErrorCode.HOLD_EXPIRED
    assert is_settled(till.counter)


def test_a_balance_is_too_late_though_the_clock_has_yet_to_come_to_the_order(till: Till) -> None:
    deposit(till)
    till.now_ms = 1_000_000 + 3 * HOUR_MS - 1
    ok(till.pay("wang", "o1"))
    ok(till.decline("o1-p2"))
    till.now_ms += 1  # a tick has its bound, and this order may be behind it
    assert refusal(till.pay("wang", "o1")) is ErrorCode.HOLD_EXPIRED


def test_a_presale_takes_no_coupons_and_the_cart_stays(till: Till) -> None:
    ok(till.put_coupon(supply=1, percent_bp=1_000))
    ok(till.add("wang"))
    assert refusal(till.check_out("wang", coupon="MAISON")) is ErrorCode.COUPON_REJECTED
    assert till.counter.books.coupons["MAISON"].used == 0
    assert ok(till.check_out("wang"))["total_minor"] == PRICE_MINOR


def test_where_a_default_refunds_the_deposit_goes_back() -> None:
    till = with_refunds()
    deposit(till)
    till.wait(3 * HOUR_MS)
    assert takings(till).deposits_refunded_minor == DEPOSIT_MINOR
    assert takings(till).deposits_kept_minor == 0
    assert payment(till, "o1-p1") is PaymentStatus.REFUNDING
    assert not is_settled(till.counter)
    ok(till.settle_refund("o1-p1"))
    assert is_settled(till.counter)


def test_what_was_forfeited_can_be_sold_by_another_drop(till: Till) -> None:
    deposit(till, quantity=2)
    till.wait(3 * HOUR_MS)
    ok(till.close())
    assert till.stock() == (0, 0, 0, 2)
    till.sell("again", sku=SANTOS, supply=2)
    till.buy("li", SANTOS)


def test_a_room_with_a_deposit_is_not_settled(till: Till) -> None:
    deposit(till)
    ok(till.close())
    assert not is_settled(till.counter)
    until_balance(till)
    ok(till.pay("wang", "o1"))
    ok(till.approve("o1-p2"))
    assert till.stock() == (0, 0, 1, 1), "what is held may still be paid after the close"


# -- late, twice, wrong ------------------------------------------------------------------------


def test_a_deposit_that_comes_late_takes_a_free_unit(till: Till) -> None:
    till.place("wang")
    ok(till.pay("wang", "o1"))
    till.wait(PAY_TTL_MS)
    ok(till.approve("o1-p1"))
    assert till.last[0] == DepositPaid(
        "o1", "o1-p1", DEPOSIT_MINOR, expires_at_ms=1_000_000 + 3 * HOUR_MS, late=True
    )
    assert till.stock() == (1, 1, 0, 0)
    assert till.counter.books.orders_expired == 0
    until_balance(till)
    ok(till.pay("wang", "o1"))
    ok(till.approve("o1-p2"))
    assert till.stock() == (1, 0, 1, 0)


def returned(till: Till) -> str:
    """Why the money of the last decision goes back."""
    (fact,) = till.last
    assert isinstance(fact, PaymentReturned)
    return fact.reason


def test_a_deposit_that_comes_late_and_finds_no_unit_goes_back(till: Till) -> None:
    till.place("wang")
    ok(till.pay("wang", "o1"))
    till.wait(PAY_TTL_MS)
    deposit(till, "li", quantity=2)
    ok(till.approve("o1-p1"))
    assert returned(till) == "too_late"
    assert takings(till).deposits_minor == 2 * DEPOSIT_MINOR


def test_a_deposit_that_comes_after_the_last_balance_goes_back(till: Till) -> None:
    till.place("wang")
    ok(till.pay("wang", "o1"))
    till.wait(3 * HOUR_MS)
    ok(till.approve("o1-p1"))
    assert returned(till) == "too_late"


def test_a_balance_asked_for_in_time_that_comes_late_takes_a_free_unit(till: Till) -> None:
    """The provider was slow, not the buyer: what was forfeited is taken into account after all."""
    deposit(till)
    until_balance(till)
    ok(till.pay("wang", "o1"))
    till.wait(HOUR_MS)
    assert till.order_status("o1") is OrderStatus.DEFAULTED
    ok(till.approve("o1-p2"))
    assert till.last[0] == OrderPaid("o1", "o1-p2", 1, late=True)
    assert till.stock() == (1, 0, 1, 0)
    assert takings(till) == Takings(
        PRICE_MINOR, 0, 1, 0, deposits_minor=DEPOSIT_MINOR, deposits_applied_minor=DEPOSIT_MINOR
    )
    assert till.counter.books.orders_defaulted == 0


def test_a_balance_that_comes_late_goes_back_where_the_deposit_did() -> None:
    till = with_refunds()
    deposit(till)
    until_balance(till)
    ok(till.pay("wang", "o1"))
    till.wait(HOUR_MS)
    ok(till.approve("o1-p2"))
    assert returned(till) == "too_late"
    assert payment(till, "o1-p1") is PaymentStatus.REFUNDING
    assert payment(till, "o1-p2") is PaymentStatus.REFUNDING


def test_a_second_deposit_goes_back(till: Till) -> None:
    till.place("wang")
    ok(till.pay("wang", "o1"))
    ok(till.decline("o1-p1"))
    ok(till.pay("wang", "o1"))
    ok(till.approve("o1-p1"))
    ok(till.approve("o1-p2"))
    assert returned(till) == "already_paid"
    until_balance(till)
    ok(till.pay("wang", "o1"))
    assert till.counter.books.payments["o1-p3"].part == "balance"


def test_a_deposit_without_an_answer_does_not_stand_in_the_way_of_the_balance(till: Till) -> None:
    till.place("wang")
    ok(till.pay("wang", "o1"))
    ok(till.decline("o1-p1"))
    ok(till.pay("wang", "o1"))
    ok(till.approve("o1-p1"))
    until_balance(till)
    ok(till.pay("wang", "o1"))
    ok(till.approve("o1-p3"))
    assert till.order_status("o1") is OrderStatus.PAID
    ok(till.approve("o1-p2"))
    assert returned(till) == "already_paid"


def test_asking_to_pay_the_balance_twice_starts_one_payment(till: Till) -> None:
    deposit(till)
    until_balance(till)
    ok(till.pay("wang", "o1"))
    ok(till.pay("wang", "o1"))
    assert till.last == []


def test_a_wrong_amount_goes_back(till: Till) -> None:
    till.place("wang")
    ok(till.pay("wang", "o1"))
    ok(till.approve("o1-p1", PRICE_MINOR))
    assert returned(till) == "wrong_amount"


def test_the_balance_has_as_many_attempts_of_its_own(till: Till) -> None:
    deposit(till)
    until_balance(till)
    for number in range(2, 2 * PAYMENT_ATTEMPTS_MAX + 1):
        ok(till.pay("wang", "o1"))
        ok(till.decline(f"o1-p{number}"))
    assert refusal(till.pay("wang", "o1")) is ErrorCode.LIMIT_REACHED


# -- refunds -----------------------------------------------------------------------------------


def test_a_refund_gives_both_payments_back(till: Till) -> None:
    deposit(till)
    until_balance(till)
    ok(till.pay("wang", "o1"))
    ok(till.approve("o1-p2"))
    ok(till.refund("o1"))
    assert takings(till).net_minor == 0
    for payment_id in ("o1-p1", "o1-p2"):
        assert payment(till, payment_id) is PaymentStatus.REFUNDING
        ok(till.settle_refund(payment_id))
    assert till.counter.books.unsettled == {}


def paid(till: Till, viewer: str = "wang", quantity: int = 1) -> str:
    """An order with both payments."""
    order_id = deposit(till, viewer, quantity)
    until_balance(till)
    ok(till.pay(viewer, order_id))
    ok(till.approve(f"{order_id}-p2"))
    return order_id


def owed(till: Till) -> dict[str, int]:
    """What goes back under which name."""
    return {name: refund.amount_minor for name, refund in till.counter.books.refunds.items()}


def test_a_whole_refund_says_what_goes_back_in_all_and_says_it_again(till: Till) -> None:
    paid(till)
    first = ok(till.refund("o1"))
    assert first["amount_minor"] == PRICE_MINOR
    assert ok(till.refund("o1")) == first
    assert till.last == []
    assert owed(till) == {"o1-p2-r1": BALANCE_MINOR, "o1-p1-r1": DEPOSIT_MINOR}
    assert till.stock() == (2, 0, 0, 0)


def test_a_named_whole_refund_is_the_same_when_it_is_repeated(till: Till) -> None:
    paid(till)
    first = ok(till.refund_part("o1", Asked(request_id="r1")))
    assert ok(till.refund_part("o1", Asked(request_id="r1"))) == first
    assert first["amount_minor"] == PRICE_MINOR


def test_a_part_comes_from_the_balance_and_the_rest_from_both(till: Till) -> None:
    paid(till, quantity=2)
    ok(till.refund_part("o1", Asked(units=[Units(SANTOS, 1)], request_id="one")))
    assert owed(till) == {"o1-p2-r1": PRICE_MINOR}
    ok(till.refund("o1"))
    assert owed(till) == {
        "o1-p2-r1": PRICE_MINOR,
        "o1-p2-r2": PRICE_MINOR - 2 * DEPOSIT_MINOR,
        "o1-p1-r1": 2 * DEPOSIT_MINOR,
    }
    assert takings(till).net_minor == 0
    for payment_id in ("o1-p1", "o1-p2"):
        assert payment(till, payment_id) is PaymentStatus.REFUNDING
        for _ in range(2):
            ok(till.settle_refund(payment_id))
        assert payment(till, payment_id) is PaymentStatus.REFUNDED


def test_a_part_that_neither_payment_has_is_a_conflict(till: Till) -> None:
    paid(till)
    asked = BALANCE_MINOR + 1
    assert (
        refusal(till.refund_part("o1", Asked(amount_minor=asked, request_id="a")))
        is ErrorCode.CONFLICT
    )
    ok(till.refund_part("o1", Asked(amount_minor=BALANCE_MINOR, request_id="b")))
    ok(till.refund_part("o1", Asked(amount_minor=DEPOSIT_MINOR - 1, request_id="c")))
    assert owed(till) == {"o1-p2-r1": BALANCE_MINOR, "o1-p1-r1": DEPOSIT_MINOR - 1}
    assert ok(till.refund("o1"))["amount_minor"] == 1
    assert till.order_status("o1") is OrderStatus.REFUNDED


# -- the desk gives a deposit back -------------------------------------------------------------


def test_the_desk_may_give_the_deposit_back_and_the_order_ends(till: Till) -> None:
    deposit(till, quantity=2)
    answer = ok(till.refund("o1"))
    assert answer == {
        "order_id": "o1",
        "status": "cancelled",
        "refund_id": "o1-p1-r1",
        "amount_minor": 2 * DEPOSIT_MINOR,
    }
    cancelled, opened = till.last
    assert cancelled == OrderCancelled(
        "o1", "wang", "o1-p1", 2 * DEPOSIT_MINOR, restocked=True, refund_id="o1-p1-r1"
    )
    assert opened == DropOpened(SANTOS, "refund")
    assert till.order_status("o1") is OrderStatus.CANCELLED
    assert till.stock() == (2, 0, 0, 0)
    assert (takings(till).deposits_refunded_minor, takings(till).deposits_kept_minor) == (
        2 * DEPOSIT_MINOR,
        0,
    )
    assert (takings(till).gross_minor, takings(till).units_refunded) == (0, 0), "it was no GMV"
    assert not is_settled(till.counter)
    ok(till.settle_refund("o1-p1", "o1-p1-r1"))
    assert payment(till, "o1-p1") is PaymentStatus.REFUNDED
    assert is_settled(till.counter)
    assert till.wait(3 * HOUR_MS) == [], "nobody defaults on it any more"


def test_units_of_a_cancelled_order_may_be_written_off(till: Till) -> None:
    deposit(till, quantity=2)
    ok(till.refund("o1", restock=False))
    assert till.names() == ["order.cancelled", "drop.sold_out"]
    assert till.stock() == (0, 0, 0, 2)


def test_a_deposit_that_is_given_back_twice_goes_back_once(till: Till) -> None:
    deposit(till)
    first = ok(till.refund("o1"))
    assert ok(till.refund("o1")) == first
    assert till.last == []
    deposit(till, "li")
    named = Asked(request_id="r1")
    first = ok(till.refund_part("o2", named))
    assert ok(till.refund_part("o2", named)) == first
    assert refusal(till.refund_part("o2", Asked(restock=False, request_id="r1"))) is (
        ErrorCode.CONFLICT
    )


@pytest.mark.parametrize(
    "part",
    [Asked(amount_minor=1, request_id="r1"), Asked([Units(SANTOS, 1)], request_id="r1")],
    ids=["an amount", "a unit"],
)
def test_of_a_deposit_no_part_goes_back(till: Till, part: Asked) -> None:
    deposit(till, quantity=2)
    assert refusal(till.refund_part("o1", part)) is ErrorCode.CONFLICT


def test_a_balance_under_way_when_the_order_is_cancelled_goes_back(till: Till) -> None:
    deposit(till)
    until_balance(till)
    ok(till.pay("wang", "o1"))
    ok(till.refund("o1"))
    assert payment(till, "o1-p2") is PaymentStatus.EXPIRED
    ok(till.approve("o1-p2"))
    (returned,) = till.last
    assert isinstance(returned, PaymentReturned)
    assert returned.reason == "order_refunded"
    assert refusal(till.pay("wang", "o1")) is ErrorCode.CONFLICT


def test_who_waits_is_offered_the_units_of_a_cancelled_order(till: Till) -> None:
    deposit(till, quantity=2)
    ok(till.join("li"))
    ok(till.refund("o1"))
    assert till.names() == ["order.cancelled", "hold.placed", "drop.opened"]
    assert till.show("li")["holds"]


def test_a_cancelled_order_gives_the_viewers_limit_back(till: Till) -> None:
    deposit(till, quantity=2)
    ok(till.refund("o1"))
    assert deposit(till, quantity=2) == "o2"


# -- what may lie together ---------------------------------------------------------------------


def test_a_presale_has_a_cart_of_its_own(till: Till) -> None:
    till.sell("ring")
    ok(till.add("wang", "ring"))
    assert refusal(till.add("wang")) is ErrorCode.CONFLICT
    ok(till.remove("wang", "ring"))
    ok(till.add("wang"))
    assert refusal(till.add("wang", "ring")) is ErrorCode.CONFLICT
    ok(till.add("wang"))


def test_who_waits_in_line_is_offered_a_unit_whose_deposit_was_not_paid(till: Till) -> None:
    till.place("wang", quantity=2)
    ok(till.join("li"))
    till.wait(PAY_TTL_MS)
    (hold,) = till.show("li")["holds"]
    assert hold["expires_at_ms"] == till.now_ms + HOLD_TTL_MS


def test_an_offer_ends_with_the_window_too(till: Till) -> None:
    till.wait(HOUR_MS - PAY_TTL_MS - 1_000)
    till.place("wang", quantity=2)
    ok(till.join("li"))
    till.wait(PAY_TTL_MS)
    (hold,) = till.show("li")["holds"]
    assert hold["expires_at_ms"] == 1_000_000 + HOUR_MS


def test_the_line_of_a_presale_ends_with_its_deposits(till: Till) -> None:
    deposit(till, "wang", 2)
    ok(till.join("li"))
    ok(till.join("zhao"))
    till.wait(HOUR_MS - 1)
    assert till.last == []
    till.wait(1)
    assert till.last == [
        LineLeft(SANTOS, "li", 1, "presale"),
        LineLeft(SANTOS, "zhao", 2, "presale"),
    ]
    assert refusal(till.join("li")) is ErrorCode.CLOSED
    till.wait(2 * HOUR_MS)
    assert till.stock() == (2, 0, 0, 0), "what was forfeited is offered to nobody"


def test_a_late_deposit_does_not_overtake_the_line(till: Till) -> None:
    till.place("wang")
    ok(till.pay("wang", "o1"))
    till.wait(PAY_TTL_MS)
    ok(till.add("zhao", quantity=2))
    ok(till.join("li"))
    ok(till.approve("o1-p1"))
    assert returned(till) == "too_late"


def test_a_cart_with_something_else_is_passed_over(till: Till) -> None:
    till.sell("ring")
    ok(till.add("zhao", quantity=2))
    ok(till.join("li"))
    ok(till.add("li", "ring"))
    ok(till.remove("zhao"))
    assert LineLeft(SANTOS, "li", 1, "cart") in till.last


# -- terms -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "opens_at_ms", "sentence"),
    [
        ({"deposit_minor": PRICE_MINOR}, None, "leaves nothing"),
        ({"deposit_until_ms": 1_000_000}, None, "has passed"),
        ({}, 1_000_000 + HOUR_MS, "opens when"),
        ({"balance_from_ms": 1_000_000 + HOUR_MS - 1}, None, "before the one for deposits"),
        ({"balance_until_ms": 1_000_000 + 2 * HOUR_MS}, None, "before it begins"),
    ],
)
def test_terms_that_make_no_sense_are_invalid(
    change: dict[str, int], opens_at_ms: int | None, sentence: str
) -> None:
    till = Till()
    terms = presale(till, **change)
    assert refusal(till.schedule(presale=terms, opens_at_ms=opens_at_ms)) is ErrorCode.INVALID
    assert sentence in (flaw_in(terms, PRICE_MINOR, opens_at_ms, till.now_ms) or "")


def test_the_same_terms_again_are_answered_after_their_windows_too(till: Till) -> None:
    terms = till.of().terms
    till.wait(2 * HOUR_MS)
    ok(till.schedule(supply=2, limit=2, presale=terms.presale))
