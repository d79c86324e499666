"""Checkout and the order: one checkout_id, one order, until it is paid or its time runs out."""

from collections.abc import Callable

import pytest

from cart.bounds import PAYMENT_ATTEMPTS_MAX
from cart.order import OrderStatus
from cart.outcome import ErrorCode
from cart.personalisation import OptionTerms
from tests.cart.till import HOLD_TTL_MS, PAY_TTL_MS, PRICE_MINOR, SANTOS, Till, ok, refusal

ENGRAVED = {SANTOS: {"engraving": "W"}}


@pytest.fixture
def till() -> Till:
    till = Till()
    till.sell(supply=3, limit=2, options=[OptionTerms("engraving", "engraving", 3)])
    return till


def test_everything_held_becomes_one_order(till: Till) -> None:
    till.sell("ring", price_minor=500_000, limit=3)
    till.add("wang")
    till.add("wang", "ring", 2)
    order = ok(till.check_out("wang", "co-1"))
    assert order == {
        "order_id": "o1",
        "checkout_id": "co-1",
        "status": OrderStatus.PLACED,
        "lines": [
            {"sku": SANTOS, "quantity": 1, "price_minor": PRICE_MINOR},
            {"sku": "ring", "quantity": 2, "price_minor": 500_000},
        ],
        "total_minor": PRICE_MINOR + 2 * 500_000,
        "currency": "CNY",
        "expires_at_ms": till.now_ms + PAY_TTL_MS,
    }
    assert till.show("wang") == {"holds": [], "orders": [order], "waiting": []}
    assert till.stock() == (2, 1, 0, 0)


def test_the_order_waits_as_long_as_its_most_impatient_drop(till: Till) -> None:
    till.sell("ring", pay_ttl_ms=60_000)
    till.add("wang")
    till.add("wang", "ring")
    assert ok(till.check_out("wang"))["expires_at_ms"] == till.now_ms + 60_000


def test_an_empty_cart_cannot_be_checked_out(till: Till) -> None:
    assert refusal(till.check_out("wang")) is ErrorCode.EMPTY_CART
    till.add("wang")
    till.remove("wang")
    assert refusal(till.check_out("wang")) is ErrorCode.EMPTY_CART


def test_a_hold_that_ran_out_is_told_as_such(till: Till) -> None:
    till.add("wang")
    till.wait(HOLD_TTL_MS)
    assert refusal(till.check_out("wang")) is ErrorCode.HOLD_EXPIRED


def test_a_new_hold_makes_the_old_one_that_ran_out_forgotten(till: Till) -> None:
    till.add("wang")
    till.wait(HOLD_TTL_MS)
    till.add("wang")
    till.remove("wang")
    assert refusal(till.check_out("wang")) is ErrorCode.EMPTY_CART


def test_the_same_checkout_id_answers_with_the_same_order(till: Till) -> None:
    till.add("wang")
    first = ok(till.check_out("wang", "co-1", ENGRAVED))
    till.add("wang")
    assert ok(till.check_out("wang", "co-1", ENGRAVED)) == first
    assert till.last == []
    assert len(till.show("wang")["holds"]) == 1, "what was added since stays in the cart"


def test_a_retried_checkout_tells_how_the_order_stands_now(till: Till) -> None:
    till.add("wang")
    order_id = ok(till.check_out("wang", "co-1"))["order_id"]
    till.pay("wang", order_id)
    till.approve("o1-p1")
    again = ok(till.check_out("wang", "co-1"))
    assert (again["status"], again["paid_seq"], again["payment"]) == ("paid", 1, "confirmed")


def test_the_same_checkout_id_with_other_content_is_a_conflict(till: Till) -> None:
    till.add("wang")
    till.check_out("wang", "co-1", ENGRAVED)
    assert (
        refusal(till.check_out("wang", "co-1", {SANTOS: {"engraving": "X"}})) is ErrorCode.CONFLICT
    )
    assert refusal(till.check_out("wang", "co-1")) is ErrorCode.CONFLICT


@pytest.mark.parametrize(
    "fill",
    [
        lambda till: till.add("wang", "ring"),
        lambda till: till.add("wang", quantity=2),
        lambda till: (till.add("wang"), till.add("wang", "ring")),
    ],
    ids=["another product", "more of it", "something beside it"],
)
def test_a_used_checkout_id_is_a_conflict_for_another_cart(
    till: Till, fill: Callable[[Till], object]
) -> None:
    till.sell("ring", limit=3)
    till.add("wang")
    till.check_out("wang", "co-1")
    till.pay("wang", "o1")
    till.approve("o1-p1")
    till.wait(1)
    till.refund("o1")  # so that the limit lets two more in
    fill(till)
    held = till.show("wang")["holds"]
    assert refusal(till.check_out("wang", "co-1")) is ErrorCode.CONFLICT
    assert till.show("wang")["holds"] == held, "the cart waits for an id of its own"
    assert ok(till.check_out("wang", "co-2"))["order_id"] == "o2"


def test_a_cart_of_another_drop_of_the_same_sku_is_another_cart(till: Till) -> None:
    till.place("wang")
    till.close()
    till.sell("santos-2", sku=SANTOS)
    order = till.order("o1")
    till.add("wang")
    assert refusal(till.check_out("wang", order.checkout_id)) is ErrorCode.CONFLICT


def test_a_retry_with_an_empty_cart_is_the_same_checkout(till: Till) -> None:
    till.add("wang")
    first = ok(till.check_out("wang", "co-1", command_id="c-1"))
    assert ok(till.check_out("wang", "co-1", command_id="c-2")) == first
    assert till.last == []


def test_the_very_same_message_is_answered_whatever_was_added_since(till: Till) -> None:
    till.sell("ring")
    till.add("wang")
    first = ok(till.check_out("wang", "co-1", command_id="c-1"))
    till.add("wang", "ring")
    assert ok(till.check_out("wang", "co-1", command_id="c-1")) == first
    assert len(till.show("wang")["holds"]) == 1, "and stays in the cart"
    assert refusal(till.check_out("wang", "co-1", command_id="c-2")) is ErrorCode.CONFLICT


def test_the_id_of_a_command_does_not_excuse_other_words(till: Till) -> None:
    till.add("wang")
    till.check_out("wang", "co-1", ENGRAVED, command_id="c-1")
    assert refusal(till.check_out("wang", "co-1", command_id="c-1")) is ErrorCode.CONFLICT


def test_two_viewers_may_use_the_same_checkout_id(till: Till) -> None:
    till.add("wang")
    till.add("li")
    assert ok(till.check_out("wang", "co-1"))["order_id"] == "o1"
    assert ok(till.check_out("li", "co-1"))["order_id"] == "o2"


def test_the_price_is_the_one_frozen_at_the_hold(till: Till) -> None:
    """A later drop of the same SKU at another price does not touch what is held."""
    till.add("wang")
    till.close()
    till.sell("santos-2", sku=SANTOS, price_minor=9_900_000)
    till.add("wang")
    lines = ok(till.check_out("wang"))["lines"]
    assert [line["price_minor"] for line in lines] == [PRICE_MINOR, 9_900_000]


def test_an_order_that_is_not_paid_in_time_gives_its_units_back(till: Till) -> None:
    order_id = till.place("wang")
    assert till.wait(PAY_TTL_MS - 1) == []
    till.wait(1)
    assert till.names() == ["order.expired"]
    assert till.order_status(order_id) is OrderStatus.EXPIRED
    assert till.stock() == (3, 0, 0, 0)


def test_an_order_has_left_the_cart_so_the_carts_deadline_no_longer_counts(till: Till) -> None:
    till.place("wang")
    assert till.wait(HOLD_TTL_MS) == []


# -- asking to pay -----------------------------------------------------------------------------


def test_paying_starts_a_payment_of_the_whole_amount(till: Till) -> None:
    order_id = till.place("wang", quantity=2)
    answer = ok(till.pay("wang", order_id, "tok_approve"))
    assert (answer["status"], answer["payment"]) == ("placed", "processing")
    payment = till.counter.books.payments["o1-p1"]
    assert (payment.amount_minor, payment.currency) == (2 * PRICE_MINOR, "CNY")


def test_while_a_payment_is_in_flight_a_repeat_starts_no_other(till: Till) -> None:
    order_id = till.place("wang")
    first = ok(till.pay("wang", order_id))
    assert ok(till.pay("wang", order_id, "tok_other")) == first
    assert till.last == []


def test_a_paid_order_is_not_paid_again(till: Till) -> None:
    order_id = till.buy("wang")
    answer = ok(till.pay("wang", order_id))
    assert (answer["status"], answer["payment"]) == ("paid", "confirmed")
    assert till.last == []


def test_after_a_decline_another_attempt_may_be_made_up_to_a_bound(till: Till) -> None:
    order_id = till.place("wang")
    for attempt in range(1, PAYMENT_ATTEMPTS_MAX + 1):
        ok(till.pay("wang", order_id))
        ok(till.decline(f"{order_id}-p{attempt}"))
    assert refusal(till.pay("wang", order_id)) is ErrorCode.LIMIT_REACHED


def test_nobody_pays_anothers_order_or_one_that_is_not_there(till: Till) -> None:
    order_id = till.place("wang")
    assert refusal(till.pay("li", order_id)) is ErrorCode.NOT_FOUND
    assert refusal(till.pay("wang", "o99")) is ErrorCode.NOT_FOUND


def test_an_expired_order_cannot_be_paid_and_a_refunded_one_neither(till: Till) -> None:
    expired = till.place("wang")
    till.wait(PAY_TTL_MS)
    assert refusal(till.pay("wang", expired)) is ErrorCode.HOLD_EXPIRED
    refunded = till.buy("wang")
    till.refund(refunded)
    assert refusal(till.pay("wang", refunded)) is ErrorCode.CONFLICT
