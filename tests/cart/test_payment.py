"""The provider's word, in any order, any number of times, hours late: captured money ends as a
paid order or as a refund, never as neither and never as both.
"""

from collections.abc import Callable

import pytest

from cart import shopper
from cart.books import Takings
from cart.bounds import ANSWERS_KEPT_MS
from cart.clock import is_settled
from cart.drop import DropStatus
from cart.events import OrderPaid, PaymentReturned
from cart.money import Currency
from cart.order import OrderStatus, PaymentStatus
from cart.outcome import ErrorCode
from tests.cart.till import PAY_TTL_MS, PRICE_MINOR, SANTOS, Till, ok, refusal


@pytest.fixture
def till() -> Till:
    till = Till()
    till.sell(supply=2)
    return till


def started(till: Till, viewer: str = "wang") -> str:
    """An order with one payment in flight; the payment's id."""
    order_id = till.place(viewer)
    ok(till.pay(viewer, order_id))
    return f"{order_id}-p1"


def returned(till: Till) -> PaymentReturned:
    """The one fact of the last decision: money on its way back."""
    (fact,) = till.last
    assert isinstance(fact, PaymentReturned)
    return fact


def status(till: Till, payment_id: str) -> PaymentStatus:
    return till.counter.books.payments[payment_id].status


def takings(till: Till, channel: str = "tmall", sku: str = SANTOS) -> Takings:
    return till.counter.takings_of("CNY", sku, channel)


def test_an_approval_pays_the_order_and_sells_its_units(till: Till) -> None:
    payment_id = started(till)
    assert ok(till.approve(payment_id)) == {"order_id": "o1", "payment": "confirmed"}
    assert till.order_status("o1") is OrderStatus.PAID
    assert till.stock() == (1, 0, 1, 0)
    assert takings(till) == Takings(PRICE_MINOR, 0, 1, 0)


def test_paid_orders_are_numbered_in_the_order_of_payment(till: Till) -> None:
    first, second = started(till, "wang"), started(till, "li")
    till.approve(second)
    till.approve(first)
    assert till.order("o2").paid_seq == 1
    assert till.order("o1").paid_seq == 2


def test_takings_are_kept_by_product_and_channel(till: Till) -> None:
    till.sell("ring", price_minor=500_000, limit=2)
    till.buy("wang", channel="tmall")
    till.buy("li", channel="wechat")
    till.buy("zhao", "ring", 2, channel="wechat")
    assert takings(till, "tmall") == Takings(PRICE_MINOR, 0, 1, 0)
    assert takings(till, "wechat") == Takings(PRICE_MINOR, 0, 1, 0)
    assert takings(till, "wechat", "ring") == Takings(1_000_000, 0, 2, 0)


@pytest.mark.parametrize("times", [1, 5])
def test_an_approval_that_comes_again_changes_nothing(till: Till, times: int) -> None:
    payment_id = started(till)
    till.approve(payment_id)
    for _ in range(times):
        assert ok(till.approve(payment_id))["payment"] == "confirmed"
        assert till.last == []
    assert takings(till).gross_minor == PRICE_MINOR


def test_a_decline_leaves_the_order_standing(till: Till) -> None:
    payment_id = started(till)
    assert ok(till.decline(payment_id)) == {"order_id": "o1", "payment": "declined"}
    assert till.order_status("o1") is OrderStatus.PLACED
    assert till.stock() == (1, 1, 0, 0)


def test_a_decline_that_comes_again_changes_nothing(till: Till) -> None:
    payment_id = started(till)
    till.decline(payment_id)
    assert ok(till.decline(payment_id))["payment"] == "declined"
    assert till.last == []


def test_a_decline_after_the_approval_is_old_news(till: Till) -> None:
    payment_id = started(till)
    till.approve(payment_id)
    assert ok(till.decline(payment_id))["payment"] == "confirmed"
    assert till.order_status("o1") is OrderStatus.PAID


def test_an_approval_after_the_decline_still_counts(till: Till) -> None:
    payment_id = started(till)
    till.decline(payment_id)
    assert ok(till.approve(payment_id))["payment"] == "confirmed"
    assert till.order_status("o1") is OrderStatus.PAID


def test_two_approvals_of_two_attempts_pay_once_and_return_the_other(till: Till) -> None:
    first = started(till)
    till.decline(first)
    till.pay("wang", "o1")
    ok(till.approve("o1-p2"))
    assert ok(till.approve(first))["payment"] == "refunding"
    assert till.names() == ["payment.returned"]
    assert returned(till).reason == "already_paid"
    assert takings(till).gross_minor == PRICE_MINOR


@pytest.mark.parametrize(
    ("amount_minor", "currency"), [(PRICE_MINOR - 1, "CNY"), (PRICE_MINOR, "USD"), (0, "CNY")]
)
def test_a_wrong_amount_goes_back_as_it_came(
    till: Till, amount_minor: int, currency: Currency
) -> None:
    payment_id = started(till)
    assert ok(till.approve(payment_id, amount_minor, currency))["payment"] == "refunding"
    assert till.last == [
        PaymentReturned(
            payment_id, "o1", amount_minor, currency, "wrong_amount", f"{payment_id}-r1"
        )
    ]
    owed = till.counter.books.refunds[f"{payment_id}-r1"]
    assert (owed.amount_minor, owed.currency) == (amount_minor, currency)
    assert till.order_status("o1") is OrderStatus.PLACED
    ok(till.pay("wang", "o1"))
    ok(till.approve("o1-p2"))
    assert till.order_status("o1") is OrderStatus.PAID


def test_news_of_a_payment_that_was_never_started_is_not_found(till: Till) -> None:
    assert refusal(till.approve("o7-p1")) is ErrorCode.NOT_FOUND
    assert refusal(till.decline("o7-p1")) is ErrorCode.NOT_FOUND
    assert refusal(till.settle_refund("o7-p1")) is ErrorCode.NOT_FOUND


# -- late --------------------------------------------------------------------------------------


def expire(till: Till) -> None:
    till.wait(PAY_TTL_MS)
    assert "order.expired" in till.names()


def test_money_that_comes_late_still_buys_while_units_are_free(till: Till) -> None:
    payment_id = started(till)
    expire(till)
    assert ok(till.approve(payment_id))["payment"] == "confirmed"
    assert OrderPaid("o1", payment_id, paid_seq=1, late=True) in till.last
    assert till.order_status("o1") is OrderStatus.PAID
    assert till.stock() == (1, 0, 1, 0)
    assert till.counter.books.orders_expired == 0


def test_money_that_comes_late_for_the_last_unit_sells_the_drop_out(till: Till) -> None:
    payment_id = started(till)
    expire(till)
    till.buy("li")
    till.approve(payment_id)
    assert till.status() is DropStatus.SOLD_OUT


def late_with_all_held(till: Till) -> None:
    till.add("li")
    till.add("zhao")


def late_with_all_sold(till: Till) -> None:
    till.buy("li")
    till.buy("zhao")


def late_and_over_the_limit(till: Till) -> None:
    till.add("wang")


def late_and_closed(till: Till) -> None:
    till.close()


@pytest.mark.parametrize(
    "meanwhile",
    [late_with_all_held, late_with_all_sold, late_and_over_the_limit, late_and_closed],
)
def test_money_that_comes_too_late_goes_back(till: Till, meanwhile: Callable[[Till], None]) -> None:
    payment_id = started(till)
    expire(till)
    meanwhile(till)
    before = till.stock()
    assert ok(till.approve(payment_id))["payment"] == "refunding"
    assert returned(till).reason == "too_late"
    assert till.order_status("o1") is OrderStatus.EXPIRED
    assert till.stock() == before


def test_a_late_order_is_paid_whole_or_not_at_all(till: Till) -> None:
    till.sell("ring", supply=1)
    till.add("wang")
    till.add("wang", "ring")
    ok(till.check_out("wang"))
    till.pay("wang", "o1")
    expire(till)
    till.buy("li", "ring")
    till.approve("o1-p1")
    assert till.order_status("o1") is OrderStatus.EXPIRED
    assert till.stock(SANTOS) == (2, 0, 0, 0)


def test_a_late_payment_needs_room_for_all_lines_of_one_drop_together() -> None:
    till = Till()
    till.sell(supply=2, limit=2)
    till.add("wang")
    till.add("wang")
    ok(till.check_out("wang"))
    till.pay("wang", "o1")
    expire(till)
    till.add("li")
    assert ok(till.approve("o1-p1"))["payment"] == "refunding"


# -- the same command --------------------------------------------------------------------------


def test_the_same_command_never_starts_a_second_attempt(till: Till) -> None:
    order_id = till.place("wang")
    ok(till.pay("wang", order_id, command_id="pay-1"))
    till.decline("o1-p1")
    assert ok(till.pay("wang", order_id, command_id="pay-1"))["payment"] == "declined"
    assert till.last == []
    ok(till.pay("wang", order_id, command_id="pay-2"))
    assert till.names() == ["payment.started"]


def test_the_same_command_with_another_token_is_a_conflict(till: Till) -> None:
    order_id = till.place("wang")
    ok(till.pay("wang", order_id, command_id="pay-1"))
    again = till.pay("wang", order_id, "tok_other", command_id="pay-1")
    assert refusal(again) is ErrorCode.CONFLICT


def test_an_order_is_found_by_its_checkout_for_as_long_as_the_room(till: Till) -> None:
    first = ok(till.place_as("wang", "co-1"))
    till.wait(2 * ANSWERS_KEPT_MS)
    again = ok(till.check_out("wang", "co-1"))
    assert (again["order_id"], again["total_minor"]) == (first["order_id"], first["total_minor"])
    assert till.last == []
    assert (
        refusal(till.check_out("wang", "co-1", {SANTOS: {"engraving": "w"}})) is ErrorCode.CONFLICT
    )


def test_a_viewer_places_only_so_many_orders(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shopper, "CHECKOUTS_PER_VIEWER_MAX", 2)
    for _ in range(2):
        till.place("wang")
        expire(till)
    ok(till.add("wang"))
    assert refusal(till.check_out("wang")) is ErrorCode.LIMIT_REACHED
    ok(till.add("li"))
    ok(till.check_out("li"))


# -- refunds -----------------------------------------------------------------------------------


def test_a_refund_gives_all_the_money_and_the_unit_back(till: Till) -> None:
    order_id = till.buy("wang")
    assert ok(till.refund(order_id)) == {
        "order_id": order_id,
        "status": "refunded",
        "refund_id": "o1-p1-r1",
        "amount_minor": PRICE_MINOR,
    }
    assert till.order_status(order_id) is OrderStatus.REFUNDED
    assert till.stock() == (2, 0, 0, 0)
    assert takings(till) == Takings(PRICE_MINOR, PRICE_MINOR, 1, 1)
    assert takings(till).net_minor == 0


def test_a_refund_without_restock_takes_the_unit_out_of_sale(till: Till) -> None:
    order_id = till.buy("wang")
    till.refund(order_id, restock=False)
    assert till.stock() == (1, 0, 0, 1)


@pytest.mark.parametrize("restock", [True, False])
def test_a_refund_after_closing_never_puts_a_unit_back_on_sale(till: Till, restock: bool) -> None:
    order_id = till.buy("wang")
    till.close()
    till.refund(order_id, restock=restock)
    assert till.stock() == (0, 0, 0, 2)
    assert till.names() == ["order.refunded"]


def test_a_restocked_refund_opens_a_sold_out_drop_again(till: Till) -> None:
    order_id = till.buy("wang")
    till.buy("li")
    assert till.status() is DropStatus.SOLD_OUT
    till.refund(order_id)
    assert till.status() is DropStatus.OPEN
    till.buy("zhao")
    assert till.status() is DropStatus.SOLD_OUT


def test_a_refund_without_restock_leaves_a_sold_out_drop_sold_out(till: Till) -> None:
    order_id = till.buy("wang")
    till.buy("li")
    till.refund(order_id, restock=False)
    assert till.status() is DropStatus.SOLD_OUT


def test_refunding_twice_changes_nothing(till: Till) -> None:
    order_id = till.buy("wang")
    first = ok(till.refund(order_id))
    assert ok(till.refund(order_id)) == first
    assert till.last == []


def test_only_a_paid_order_can_be_refunded(till: Till) -> None:
    order_id = till.place("wang")
    assert refusal(till.refund(order_id)) is ErrorCode.CONFLICT
    expire(till)
    assert refusal(till.refund(order_id)) is ErrorCode.CONFLICT
    assert refusal(till.refund("o99")) is ErrorCode.NOT_FOUND


def test_an_approval_after_the_refund_goes_back(till: Till) -> None:
    payment_id = started(till)
    till.decline(payment_id)
    till.pay("wang", "o1")
    till.approve("o1-p2")
    till.refund("o1")
    assert ok(till.approve(payment_id))["payment"] == "refunding"
    assert returned(till).reason == "order_refunded"


def test_a_refund_is_owed_until_the_provider_says_it_is_done(till: Till) -> None:
    till.buy("wang")
    till.refund("o1")
    assert status(till, "o1-p1") is PaymentStatus.REFUNDING
    assert not is_settled(till.counter)
    assert ok(till.settle_refund("o1-p1"))["payment"] == "refunded"
    assert status(till, "o1-p1") is PaymentStatus.REFUNDED
    assert is_settled(till.counter)
    assert ok(till.settle_refund("o1-p1"))["payment"] == "refunded"
    assert till.last == []


def test_news_of_a_refund_that_was_never_asked_for_is_not_believed(till: Till) -> None:
    payment_id = started(till)
    assert ok(till.settle_refund(payment_id))["payment"] == "processing"
    till.approve(payment_id)
    assert ok(till.settle_refund(payment_id))["payment"] == "confirmed"
    assert till.order_status("o1") is OrderStatus.PAID


def test_the_books_cannot_be_closed_while_anything_is_open(till: Till) -> None:
    assert is_settled(till.counter)
    till.schedule("ring")
    assert not is_settled(till.counter), "a drop is still to come"
    till.close("ring")
    payment_id = started(till)
    assert not is_settled(till.counter), "a unit is held"
    expire(till)
    assert not is_settled(till.counter), "the provider owes an answer"
    till.decline(payment_id)
    assert is_settled(till.counter)
