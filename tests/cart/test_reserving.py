"""When a unit is reserved: in the cart, at the checkout, or by the payment."""

from typing import Any

import pytest

from cart.drop import DropStatus
from cart.events import PaymentReturned
from cart.outcome import ErrorCode
from cart.price import FlashPrice
from tests.cart.till import HOLD_TTL_MS, PAY_TTL_MS, PRICE_MINOR, SANTOS, Till, ok, refusal


def till_with(reserve_on: str, **terms: Any) -> Till:
    till = Till()
    till.sell(reserve_on=reserve_on, **{"supply": 1, **terms})
    return till


def order_of(till: Till, viewer: str, **how: Any) -> str:
    return str(ok(till.check_out(viewer, **how))["order_id"])


def test_as_a_rule_the_cart_reserves() -> None:
    till = Till()
    till.sell(supply=1)
    assert "reserved" not in ok(till.add("wang"))
    assert till.stock() == (0, 1, 0, 0)


@pytest.mark.parametrize("reserve_on", ["checkout", "payment"])
def test_a_wish_sets_nothing_aside_and_counts_against_the_limit(reserve_on: str) -> None:
    till = till_with(reserve_on)
    wish = ok(till.add("wang", command_id="c-1"))
    assert wish["reserved"] is False
    assert till.stock() == (1, 0, 0, 0)
    assert ok(till.add("wang", command_id="c-1")) == wish
    assert till.show("wang")["holds"] == [wish]
    assert refusal(till.add("wang")) is ErrorCode.LIMIT_REACHED
    ok(till.add("li"))


@pytest.mark.parametrize("reserve_on", ["checkout", "payment"])
@pytest.mark.parametrize("how", ["removed", "expired"])
def test_a_wish_ends_like_a_hold_and_moves_nothing(reserve_on: str, how: str) -> None:
    till = till_with(reserve_on)
    till.add("wang")
    if how == "removed":
        till.remove("wang")
    else:
        till.wait(HOLD_TTL_MS)
    assert till.stock() == (1, 0, 0, 0)
    ok(till.add("wang"))


# -- at the checkout ---------------------------------------------------------------------------


def test_the_first_checkout_reserves_and_the_second_finds_all_held() -> None:
    till = till_with("checkout")
    till.add("wang")
    till.add("li")
    order_of(till, "wang")
    assert till.names() == ["order.placed", "drop.all_held"]
    assert till.stock() == (0, 1, 0, 0)
    assert refusal(till.check_out("li")) is ErrorCode.ALL_HELD
    assert len(till.show("li")["holds"]) == 1, "the wish is still there"
    assert refusal(till.add("zhao")) is ErrorCode.ALL_HELD


def test_what_the_checkout_reserved_comes_back_when_the_order_expires() -> None:
    till = till_with("checkout")
    till.add("wang")
    order_of(till, "wang")
    till.wait(PAY_TTL_MS)
    assert till.stock() == (1, 0, 0, 0)
    assert till.status() is DropStatus.OPEN


def test_what_the_checkout_reserved_is_paid_as_ever() -> None:
    till = till_with("checkout")
    till.buy("wang")
    assert till.stock() == (0, 0, 1, 0)
    assert till.status() is DropStatus.SOLD_OUT


def test_the_price_is_that_of_the_checkout() -> None:
    till = till_with("checkout", flash=[FlashPrice(2_000_000, 3_000_000, 1_000)])
    assert ok(till.add("wang"))["price_minor"] == PRICE_MINOR
    till.now_ms = 2_000_000
    order = ok(till.check_out("wang"))
    assert (order["total_minor"], order["lines"][0]["price_minor"]) == (1_000, 1_000)


def test_a_checkout_reserves_all_or_nothing() -> None:
    till = till_with("checkout")
    till.sell("ring", reserve_on="checkout")
    till.add("li")
    till.add("wang")
    till.add("wang", "ring")
    order_of(till, "li")
    assert refusal(till.check_out("wang")) is ErrorCode.ALL_HELD
    assert till.stock("ring") == (3, 0, 0, 0)


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("paused", ErrorCode.NOT_OPEN),
        ("closed", ErrorCode.CLOSED),
        ("sold out", ErrorCode.SOLD_OUT),
        ("waited for", ErrorCode.ALL_HELD),
    ],
)
def test_a_checkout_does_not_reserve_what_could_not_be_added(what: str, code: ErrorCode) -> None:
    till = till_with("checkout")
    till.add("wang")
    match what:
        case "paused":
            till.pause()
        case "closed":
            till.close()
        case "sold out":
            till.buy("li")
        case "waited for":
            till.place("li")
            ok(till.join("zhao"))
    assert refusal(till.check_out("wang")) is code


def test_a_unit_that_falls_free_is_reserved_for_who_waits() -> None:
    till = till_with("checkout")
    till.add("wang")
    till.place("li")
    ok(till.join("zhao"))
    till.wait(PAY_TTL_MS)
    assert till.stock() == (0, 1, 0, 0)
    (hold,) = till.show("zhao")["holds"]
    assert "reserved" not in hold
    ok(till.check_out("zhao"))


def test_one_order_may_have_what_was_reserved_and_what_was_wished_for() -> None:
    till = till_with("checkout")
    till.sell("ring")
    till.add("wang")
    till.add("wang", "ring")
    order_id = order_of(till, "wang")
    assert (till.stock(), till.stock("ring")) == ((0, 1, 0, 0), (2, 1, 0, 0))
    till.pay("wang", order_id)
    ok(till.approve("o1-p1"))
    assert (till.stock(), till.stock("ring")) == ((0, 0, 1, 0), (2, 0, 1, 0))


# -- by the payment ----------------------------------------------------------------------------


def test_the_first_who_pays_gets_it_and_the_money_of_the_next_goes_back() -> None:
    till = till_with("payment")
    for viewer in ("wang", "li"):
        till.add(viewer)
        till.pay(viewer, order_of(till, viewer))
    assert till.stock() == (1, 0, 0, 0)
    ok(till.approve("o2-p1"))
    assert till.names() == ["order.paid", "drop.sold_out"]
    ok(till.approve("o1-p1"))
    (returned,) = till.last
    assert isinstance(returned, PaymentReturned)
    assert returned.reason == "sold_out"
    assert till.stock() == (0, 0, 1, 0)
    till.wait(PAY_TTL_MS)
    assert till.stock() == (0, 0, 1, 0)


def test_nobody_is_asked_for_money_that_would_buy_nothing() -> None:
    till = till_with("payment")
    till.add("wang")
    order_id = order_of(till, "wang")
    till.buy("li")
    assert refusal(till.pay("wang", order_id)) is ErrorCode.SOLD_OUT
    till.restock(1)
    ok(till.pay("wang", order_id))


def test_a_closed_drop_takes_no_money() -> None:
    till = till_with("payment")
    till.add("wang")
    order_id = order_of(till, "wang")
    till.close()
    assert refusal(till.pay("wang", order_id)) is ErrorCode.CLOSED


def test_the_price_is_that_of_the_cart() -> None:
    till = till_with("payment", flash=[FlashPrice(2_000_000, 3_000_000, 1_000)])
    till.add("wang")
    till.now_ms = 2_000_000
    assert ok(till.check_out("wang"))["total_minor"] == PRICE_MINOR


def test_late_money_buys_what_is_free() -> None:
    till = till_with("payment")
    till.add("wang")
    till.pay("wang", order_of(till, "wang"))
    till.wait(PAY_TTL_MS)
    ok(till.approve("o1-p1"))
    assert till.stock() == (0, 0, 1, 0)


def test_nobody_waits_in_line_where_nothing_comes_back() -> None:
    till = till_with("payment", limit=2)
    assert refusal(till.join("wang", quantity=2)) is ErrorCode.ALL_HELD
    assert till.in_line() == []
    assert ok(till.join("wang"))["reserved"] is False


def test_a_refunded_unit_can_be_bought_again() -> None:
    till = till_with("payment")
    till.refund(till.buy("wang"))
    assert till.stock() == (1, 0, 0, 0)
    till.buy("li")
    assert till.status() is DropStatus.SOLD_OUT


def test_few_who_pay_of_many_who_ordered_never_get_too_many() -> None:
    till = till_with("payment", supply=3)
    crowd = [f"v{number}" for number in range(10)]
    for viewer in crowd:
        till.add(viewer)
        till.pay(viewer, order_of(till, viewer))
    for number in range(1, 11):
        ok(till.approve(f"o{number}-p1"))
    assert till.stock() == (0, 0, 3, 0)
    paid = [order for order in till.counter.books.orders.values() if order.paid_seq]
    assert len(paid) == 3
    till.wait(PAY_TTL_MS)
    assert till.of(SANTOS).taken == {order.viewer: 1 for order in paid}
