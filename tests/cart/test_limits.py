"""Limits: of a drop, of the room, holds and orders together; carts of one product."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cart import limits
from cart.outcome import ErrorCode, Refusal
from tests.cart.till import HOLD_TTL_MS, PAY_TTL_MS, SANTOS, Till, ok, refusal
from tests.properties import PROPERTY


@pytest.fixture
def till() -> Till:
    """Two drops of which everybody may have three, in a room where everybody may have four."""
    till = Till()
    till.sell(supply=20, limit=3)
    till.sell("ring", supply=20, limit=3)
    ok(till.rules(limit_per_viewer=4))
    return till


def test_the_limit_of_a_room_counts_all_its_drops(till: Till) -> None:
    ok(till.add("wang", SANTOS, 3))
    assert refusal(till.add("wang", "ring", 2)) is ErrorCode.LIMIT_REACHED
    ok(till.add("wang", "ring", 1))
    assert refusal(till.add("wang", "ring", 1)) is ErrorCode.LIMIT_REACHED


def test_the_limit_of_a_drop_still_holds(till: Till) -> None:
    assert refusal(till.add("wang", SANTOS, 4)) is ErrorCode.LIMIT_REACHED


def test_the_limit_of_a_room_counts_holds_and_orders_together(till: Till) -> None:
    till.buy("wang", SANTOS, 2)
    till.place("wang", "ring", 1)
    ok(till.add("wang", "ring", 1))
    assert refusal(till.add("wang", SANTOS, 1)) is ErrorCode.LIMIT_REACHED


def test_what_goes_back_is_counted_no_more(till: Till) -> None:
    order_id = till.buy("wang", SANTOS, 2)
    till.place("wang", "ring", 2)
    assert refusal(till.add("wang")) is ErrorCode.LIMIT_REACHED
    till.wait(PAY_TTL_MS)  # the second order expires
    ok(till.add("wang", "ring", 2))
    till.wait(HOLD_TTL_MS)
    till.refund(order_id)
    ok(till.add("wang", SANTOS, 3))
    ok(till.remove("wang", SANTOS, 2))
    ok(till.add("wang", "ring", 3))


def test_a_late_payment_does_not_go_around_the_limit_of_the_room(till: Till) -> None:
    order_id = till.place("wang", SANTOS, 3)
    ok(till.pay("wang", order_id))
    till.wait(PAY_TTL_MS)
    ok(till.add("wang", "ring", 2))
    assert ok(till.approve(f"{order_id}-p1"))["payment"] == "refunding"
    other_id = till.place("li", SANTOS, 2)
    ok(till.pay("li", other_id))
    till.wait(PAY_TTL_MS)
    ok(till.add("li", "ring", 2))
    assert ok(till.approve(f"{other_id}-p1"))["payment"] == "confirmed"


def test_a_lower_limit_binds_what_is_asked_from_then_on(till: Till) -> None:
    ok(till.add("wang", SANTOS, 3))
    ok(till.rules(limit_per_viewer=2))
    assert refusal(till.add("wang", "ring", 1)) is ErrorCode.LIMIT_REACHED
    ok(till.check_out("wang"))
    ok(till.rules())
    ok(till.add("wang", "ring", 3))


def test_a_cart_of_one_product_takes_no_second_one(till: Till) -> None:
    ok(till.rules(one_product_per_order=True))
    ok(till.add("wang", SANTOS))
    ok(till.add("wang", SANTOS))
    assert refusal(till.add("wang", "ring")) is ErrorCode.CONFLICT
    ok(till.check_out("wang"))
    ok(till.add("wang", "ring"))
    ok(till.check_out("wang"))


def test_a_cart_filled_before_the_rule_came_is_sorted_out_by_its_owner(till: Till) -> None:
    ok(till.add("wang", SANTOS))
    ok(till.add("wang", "ring"))
    ok(till.rules(one_product_per_order=True))
    assert refusal(till.check_out("wang")) is ErrorCode.CONFLICT
    ok(till.remove("wang", "ring"))
    ok(till.check_out("wang"))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "check_out", "pay", "remove", "refund", "wait"]),
        st.sampled_from(["wang", "li"]),
        st.sampled_from([SANTOS, "ring", "tank"]),
        st.integers(1, 3),
    ),
    max_size=40,
)


@PROPERTY
@given(st.none() | st.integers(1, 6), STEPS)
def test_nobody_ever_has_more_than_the_room_allows(
    limit: int | None, steps: list[tuple[str, str, str, int]]
) -> None:
    """Whatever is done in whatever order; and a refusal means that the limit really was reached."""
    till = Till()
    for drop_id in (SANTOS, "ring", "tank"):
        till.sell(drop_id, supply=1_000, limit=3)
    ok(till.rules(limit_per_viewer=limit))
    books = till.counter.books
    for step, viewer, sku, units in steps:
        mine = [order for order in books.orders.values() if order.viewer == viewer]
        match step:
            case "add":
                had = limits.has(books, viewer)
                answer = till.add(viewer, sku, units)
                if isinstance(answer, Refusal):
                    assert answer.code is ErrorCode.LIMIT_REACHED
                    of_drop = till.of(sku).taken.get(viewer, 0) + units > 3
                    assert of_drop or (limit is not None and had + units > limit)
            case "check_out":
                till.check_out(viewer)
            case "pay" if mine:
                ok_or_not = till.pay(viewer, mine[-1].order_id)
                if not isinstance(ok_or_not, Refusal):
                    till.wait(PAY_TTL_MS * (units - 1))
                    till.approve(mine[-1].payment_ids[-1])
            case "remove":
                till.remove(viewer, sku, units)
            case "refund" if mine:
                till.refund(mine[-1].order_id, restock=units > 1)
            case "wait":
                till.wait(HOLD_TTL_MS * units)
        if limit is not None:
            assert max(limits.has(books, name) for name in ("wang", "li")) <= limit
