"""Refunds in part: units take their share of what is left, an amount is spread over the lines, and
whatever a host gives back in whatever pieces, it is what was paid, to the fen and once.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cart import events
from cart.bounds import REFUNDS_PER_ORDER_MAX
from cart.clock import is_settled
from cart.drop import DropStatus
from cart.folds import evolve
from cart.order import OrderStatus, PaymentStatus
from cart.outcome import ErrorCode
from cart.refund import RefundLine, Units, share_of, spread
from cart.refunding import Asked
from cart.stock import BrokenBooksError
from tests.cart.till import SANTOS, Answer, Till, ok, refusal
from tests.properties import PROPERTY

PRICE_MINOR = 1_000


@pytest.fixture
def till() -> Till:
    """Ten santos at 1,000 and ten rings at 333; o1 is paid: 3 santos and 1 ring, 3,333 in all."""
    till = Till()
    till.sell(supply=10, limit=10, price_minor=PRICE_MINOR)
    till.sell("ring", supply=10, limit=10, price_minor=333)
    ok(till.add("wang", quantity=3))
    till.buy("wang", "ring")
    return till


def give_back(till: Till, request_id: str = "r1", *, restock: bool = True, **units: int) -> Answer:
    named = [Units(sku, quantity) for sku, quantity in units.items()]
    return till.refund_part("o1", Asked(named, None, restock, request_id))


def goodwill(till: Till, amount_minor: int, request_id: str = "g1") -> Answer:
    return till.refund_part("o1", Asked((), amount_minor, True, request_id))


def row(till: Till, sku: str = SANTOS) -> tuple[int, int]:
    """Money and units that went back of a product."""
    takings = till.counter.takings_of("CNY", sku, "tmall")
    return takings.refunded_minor, takings.units_refunded


# -- units -------------------------------------------------------------------------------------


def test_a_unit_takes_its_share_and_goes_back_on_the_shelf(till: Till) -> None:
    assert ok(give_back(till, santos=1)) == {
        "order_id": "o1",
        "status": "paid",
        "refund_id": "o1-p1-r1",
        "amount_minor": PRICE_MINOR,
    }
    assert till.names() == ["order.refunded_partly"]
    assert till.stock() == (8, 0, 2, 0)
    assert row(till) == (PRICE_MINOR, 1)
    assert till.order_status("o1") is OrderStatus.PAID
    assert till.order("o1").refunded_minor == PRICE_MINOR
    assert till.of().taken == {"wang": 2}


def test_without_restock_the_units_leave_the_sale(till: Till) -> None:
    ok(give_back(till, restock=False, santos=2, ring=1))
    assert till.stock() == (7, 0, 1, 2)
    assert till.stock("ring") == (9, 0, 0, 1)


def test_more_than_is_left_cannot_go_back(till: Till) -> None:
    ok(give_back(till, "r1", santos=2))
    assert refusal(give_back(till, "r2", santos=2)) is ErrorCode.CONFLICT
    assert refusal(give_back(till, "r3", watch=1)) is ErrorCode.CONFLICT
    assert till.last == []


def test_units_of_one_product_come_from_all_its_lines() -> None:
    till = Till()
    till.sell(supply=10, limit=10, price_minor=PRICE_MINOR)
    ok(till.add("wang", quantity=2))
    till.buy("wang", quantity=2)
    ok(give_back(till, santos=3))
    (fact,) = till.last
    assert isinstance(fact, events.OrderRefundedPartly)
    assert fact.lines == [RefundLine("h1", 2, 2 * PRICE_MINOR), RefundLine("h2", 1, PRICE_MINOR)]


def test_a_restocked_unit_opens_a_sold_out_drop_again() -> None:
    till = Till()
    till.sell(supply=2, limit=2)
    till.buy("wang", quantity=2)
    assert till.status() is DropStatus.SOLD_OUT
    ok(give_back(till, restock=False, santos=1))
    assert till.status() is DropStatus.SOLD_OUT
    ok(till.refund("o1"))
    assert till.status() is DropStatus.OPEN
    assert till.stock() == (1, 0, 0, 1)


def test_units_written_off_before_open_nothing_when_the_rest_goes_back(till: Till) -> None:
    till = Till()
    till.sell(supply=1)
    till.sell("ring", supply=1)
    ok(till.add("wang"))
    till.buy("wang", "ring")
    ok(give_back(till, restock=False, santos=1))
    ok(till.refund("o1"))
    assert till.status() is DropStatus.SOLD_OUT
    assert till.status("ring") is DropStatus.OPEN


# -- amounts -----------------------------------------------------------------------------------


def test_an_amount_is_spread_over_the_lines_and_moves_no_unit(till: Till) -> None:
    assert ok(goodwill(till, 100))["amount_minor"] == 100
    assert till.stock() == (7, 0, 3, 0)
    assert (row(till), row(till, "ring")) == ((90, 0), (10, 0))


def test_a_unit_takes_its_share_of_what_is_left(till: Till) -> None:
    ok(goodwill(till, 100))  # 2,910 left of three santos
    assert ok(give_back(till, "r1", santos=1))["amount_minor"] == 970
    assert ok(give_back(till, "r2", santos=2))["amount_minor"] == 1_940


def test_the_last_unit_takes_the_fen_that_rounding_left(till: Till) -> None:
    ok(goodwill(till, 1))  # 2,999 left of three santos
    given = [ok(give_back(till, f"r{n}", santos=1))["amount_minor"] for n in range(3)]
    assert given == [999, 1_000, 1_000]


def test_no_more_than_was_paid_goes_back(till: Till) -> None:
    assert refusal(goodwill(till, 3_334)) is ErrorCode.CONFLICT
    ok(goodwill(till, 3_333))
    assert till.order_status("o1") is OrderStatus.PAID, "the buyer keeps the goods"
    assert refusal(goodwill(till, 1, "g2")) is ErrorCode.CONFLICT
    assert ok(till.refund("o1"))["amount_minor"] == 0
    assert till.order_status("o1") is OrderStatus.REFUNDED
    assert till.stock() == (10, 0, 0, 0)


@PROPERTY
@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=16), st.data())
def test_a_spread_adds_up_and_takes_from_no_line_more_than_it_has(
    left: list[int], data: st.DataObject
) -> None:
    left[0] += 1
    amount = data.draw(st.integers(1, sum(left)))
    parts = spread(amount, left)
    assert sum(parts) == amount
    assert all(0 <= part <= of for part, of in zip(parts, left, strict=True))
    assert all(
        abs(part * sum(left) - amount * of) < sum(left)
        for part, of in zip(parts, left, strict=True)
    ), "each part is within a fen of its exact share"


@PROPERTY
@given(st.integers(0, 10**14), st.lists(st.integers(1, 20), min_size=1, max_size=10))
def test_units_in_any_pieces_add_up_to_the_line(total: int, pieces: list[int]) -> None:
    left_minor, left = total, sum(pieces)
    for quantity in pieces:
        share = share_of(quantity, left, left_minor)
        assert 0 <= share <= left_minor
        left_minor, left = left_minor - share, left - quantity
    assert left_minor == 0


# -- the whole, in the end ---------------------------------------------------------------------


def test_the_rest_goes_back_whole(till: Till) -> None:
    ok(give_back(till, santos=1))
    assert ok(till.refund("o1")) == {
        "order_id": "o1",
        "status": "refunded",
        "refund_id": "o1-p1-r2",
        "amount_minor": 2_333,
    }
    assert till.names() == ["order.refunded"]
    assert (row(till), row(till, "ring")) == ((3_000, 3), (333, 1))
    assert till.counter.books.orders_refunded == 1


def test_a_part_that_is_all_that_is_left_is_the_whole(till: Till) -> None:
    ok(give_back(till, "r1", santos=3))
    answer = ok(give_back(till, "r2", ring=1))
    assert till.names() == ["order.refunded"]
    assert answer["status"] == "refunded"
    assert ok(give_back(till, "r2", ring=1)) == answer
    assert refusal(give_back(till, "r3", ring=1)) is ErrorCode.CONFLICT


def test_each_refund_is_owed_and_settled_by_its_own_name(till: Till) -> None:
    ok(give_back(till, santos=1))
    ok(till.refund("o1"))
    assert list(till.counter.books.unsettled) == ["o1-p1-r1", "o1-p1-r2"]
    assert ok(till.settle_refund("o1-p1", "o1-p1-r2"))["payment"] == "refunding"
    assert ok(till.settle_refund("o1-p1", "o1-p1-r2"))["payment"] == "refunding"
    assert till.last == []
    assert ok(till.settle_refund("o1-p1", "o1-p1-r9"))["payment"] == "refunding"
    assert till.last == [], "news of a refund that was never asked for"
    assert ok(till.settle_refund("o1-p1"))["payment"] == "refunded"
    assert till.counter.books.payments["o1-p1"].status is PaymentStatus.REFUNDED
    assert is_settled(till.counter)


# -- once --------------------------------------------------------------------------------------


def test_the_same_request_gives_back_once(till: Till) -> None:
    first = ok(give_back(till, santos=1, ring=1))
    assert ok(give_back(till, ring=1, santos=1)) == first
    assert till.last == []
    assert till.stock() == (8, 0, 2, 0)


@pytest.mark.parametrize("other", ["quantity", "restock", "amount", "everything"])
def test_other_content_under_the_same_name_is_a_conflict(till: Till, other: str) -> None:
    ok(give_back(till, santos=1))
    match other:
        case "quantity":
            answer = give_back(till, santos=2)
        case "restock":
            answer = give_back(till, restock=False, santos=1)
        case "amount":
            answer = goodwill(till, PRICE_MINOR, "r1")
        case _:
            answer = till.refund_part("o1", Asked(request_id="r1"))
    assert refusal(answer) is ErrorCode.CONFLICT
    assert till.last == []


def test_a_part_needs_a_name(till: Till) -> None:
    assert refusal(give_back(till, "", santos=1)) is ErrorCode.INVALID
    assert refusal(goodwill(till, 1, "")) is ErrorCode.INVALID


def test_units_and_an_amount_cannot_be_asked_for_together(till: Till) -> None:
    both = Asked([Units(SANTOS, 1)], 5, True, "r1")
    assert refusal(till.refund_part("o1", both)) is ErrorCode.INVALID


def test_an_order_goes_back_in_so_many_parts_and_then_whole(till: Till) -> None:
    for number in range(REFUNDS_PER_ORDER_MAX):
        ok(goodwill(till, 1, f"g{number}"))
    assert refusal(goodwill(till, 1, "one more")) is ErrorCode.LIMIT_REACHED
    assert ok(till.refund("o1"))["amount_minor"] == 3_333 - REFUNDS_PER_ORDER_MAX


def test_only_a_paid_order_has_something_to_give_back(till: Till) -> None:
    order_id = till.place("li")
    asked = Asked((), 1, True, "r1")
    assert refusal(till.refund_part(order_id, asked)) is ErrorCode.CONFLICT
    assert refusal(till.refund_part("o99", asked)) is ErrorCode.NOT_FOUND


def test_the_buyer_sees_what_went_back(till: Till) -> None:
    ok(goodwill(till, 100))
    assert till.show("wang")["orders"][0]["refunded_minor"] == 100


# -- broken books ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        [RefundLine("h1", 1, 999)],
        [RefundLine("h7", 1, 1_000)],
        [RefundLine("h1", 4, 1_000)],
    ],
)
def test_a_refund_that_cannot_be_true_is_not_folded(till: Till, lines: list[RefundLine]) -> None:
    fact = events.OrderRefundedPartly("o1", "o1-p1", "o1-p1-r1", 1_000, lines, True, "r", "x")
    with pytest.raises(BrokenBooksError):
        evolve(till.counter, fact, till.now_ms)
