"""The rest of a presale and of a lottery: what their own terms can sell to nobody any more."""

import pytest

from cart.counter import Counter
from cart.drop import DropStatus
from cart.events import DropOpened
from cart.lottery import LotteryTerms, commitment_to
from cart.order import OrderStatus
from cart.outcome import ErrorCode
from cart.presale import PresaleTerms
from tests.cart.till import HOLD_TTL_MS, PRICE_MINOR, SANTOS, Till, ok, refusal

HOUR_MS = 3_600_000
DEPOSIT_MINOR = 500_000
SEED = "5eed" * 16


@pytest.fixture
def presale() -> Till:
    """Two units, one of which was deposited and is forfeited by now: both are free again."""
    till = Till()
    at_ms = till.now_ms
    terms = PresaleTerms(DEPOSIT_MINOR, at_ms + HOUR_MS, at_ms + 2 * HOUR_MS, at_ms + 3 * HOUR_MS)
    till.sell(supply=2, limit=2, presale=terms)
    order_id = till.place("wang")
    ok(till.pay("wang", order_id))
    ok(till.approve(f"{order_id}-p1"))
    till.wait(3 * HOUR_MS)
    assert till.order_status(order_id) is OrderStatus.DEFAULTED
    return till


def drawn(*viewers: str, supply: int = 1) -> Till:
    """A lottery in which these have entered, after its draw."""
    till = Till()
    terms = LotteryTerms(till.now_ms, till.now_ms + HOUR_MS, commitment_to(SEED))
    ok(till.schedule(supply=supply, lottery=terms, seed=SEED))
    for viewer in viewers:
        ok(till.enter(viewer))
    till.wait(HOUR_MS)
    return till


def buys_the_offer(till: Till) -> tuple[str, str]:
    """Whoever was offered a unit buys it; the viewer and the order."""
    (hold,) = till.counter.books.holds.values()
    viewer = hold.viewer
    order_id = str(ok(till.check_out(viewer))["order_id"])
    ok(till.pay(viewer, order_id))
    ok(till.approve(f"{order_id}-p1"))
    return viewer, order_id


# -- a presale ---------------------------------------------------------------------------------


def test_the_rest_of_a_presale_is_sold_at_the_full_price_in_one_payment(presale: Till) -> None:
    assert refusal(presale.add("li")) is ErrorCode.CLOSED
    assert ok(presale.open_rest()) == {"drop_id": SANTOS, "status": "open"}
    assert presale.last == [DropOpened(SANTOS, "rest")]
    ok(presale.add("li"))
    assert "presale" not in ok(presale.check_out("li", "co"))
    payment_id = "o2-p1"
    ok(presale.pay("li", "o2"))
    assert presale.counter.books.payments[payment_id].amount_minor == PRICE_MINOR
    assert presale.counter.books.payments[payment_id].part == "whole"
    ok(presale.approve(payment_id))
    assert presale.order_status("o2") is OrderStatus.PAID
    row = presale.counter.takings_of("CNY", SANTOS, "tmall")
    assert (row.gross_minor, row.deposits_forfeited_minor) == (PRICE_MINOR, DEPOSIT_MINOR)


def test_the_rest_has_a_cart_with_others_coupons_and_a_line(presale: Till) -> None:
    presale.sell("ring", price_minor=100)
    ok(presale.put_coupon(supply=5, percent_bp=1_000))
    ok(presale.open_rest())
    ok(presale.add("li", "ring"))
    ok(presale.add("li", quantity=2))
    assert refusal(presale.add("wu")) is ErrorCode.ALL_HELD
    ok(presale.join("wu"))
    assert presale.in_line() == ["wu"], "nobody sends those home who wait for the rest"
    assert len(ok(presale.check_out("li", coupon="MAISON"))["lines"]) == 2


def test_pressed_twice_it_is_open_once(presale: Till) -> None:
    first = ok(presale.open_rest())
    assert ok(presale.open_rest()) == first
    assert presale.last == []


def test_open_alone_never_opens_the_rest(presale: Till) -> None:
    ok(presale.pause())
    for _ in range(2):
        ok(presale.open())
    assert refusal(presale.add("li")) is ErrorCode.CLOSED


def test_what_is_refunded_or_restocked_later_is_on_sale_by_itself(presale: Till) -> None:
    ok(presale.open_rest())
    order_id = presale.buy("li", quantity=2)
    assert presale.status() is DropStatus.SOLD_OUT
    ok(presale.refund(order_id))
    ok(presale.restock(1))
    ok(presale.add("wu"))
    assert presale.stock() == (2, 1, 0, 0)


def test_while_balances_may_be_paid_there_is_no_rest() -> None:
    till = Till()
    at_ms = till.now_ms
    terms = PresaleTerms(DEPOSIT_MINOR, at_ms + HOUR_MS, at_ms + 2 * HOUR_MS, at_ms + 3 * HOUR_MS)
    till.sell(presale=terms)
    till.wait(3 * HOUR_MS - 1)
    assert refusal(till.open_rest()) is ErrorCode.NOT_OPEN
    till.wait(1)
    ok(till.open_rest())


def test_a_late_balance_still_takes_a_unit_of_the_rest() -> None:
    """It was asked for in its window, and its deposit was not given back."""
    late = Till()
    at_ms = late.now_ms
    terms = PresaleTerms(DEPOSIT_MINOR, at_ms + HOUR_MS, at_ms + 2 * HOUR_MS, at_ms + 3 * HOUR_MS)
    late.sell(supply=1, presale=terms)
    order_id = late.place("wang")
    ok(late.pay("wang", order_id))
    ok(late.approve(f"{order_id}-p1"))
    late.wait(2 * HOUR_MS)
    ok(late.pay("wang", order_id))
    late.wait(HOUR_MS)
    ok(late.open_rest())
    ok(late.approve(f"{order_id}-p2"))
    assert late.order_status(order_id) is OrderStatus.PAID
    assert late.status() is DropStatus.SOLD_OUT


# -- a lottery ---------------------------------------------------------------------------------


def test_a_unit_that_comes_back_to_a_sold_out_lottery_goes_to_the_next_who_was_drawn() -> None:
    till = drawn("wang", "li", "zhao")
    first, order_id = buys_the_offer(till)
    assert till.status() is DropStatus.SOLD_OUT
    waiting = till.in_line()
    assert len(waiting) == 2, "who was drawn still waits: a unit that comes back is theirs"
    ok(till.refund(order_id))
    assert till.names() == ["order.refunded", "drop.opened", "hold.placed", "drop.all_held"]
    (hold,) = till.counter.books.holds.values()
    assert hold.viewer == waiting[0] != first


def test_a_restock_of_a_sold_out_lottery_goes_on_with_the_draw() -> None:
    till = drawn("wang", "li", "zhao")
    buys_the_offer(till)
    waiting = till.in_line()
    ok(till.restock(2))
    assert [hold.viewer for hold in till.counter.books.holds.values()] == waiting


def test_while_somebody_who_was_drawn_waits_there_is_no_rest() -> None:
    till = drawn("wang", "li")
    assert refusal(till.open_rest()) is ErrorCode.CONFLICT
    till.wait(HOLD_TTL_MS)
    assert till.in_line() == []
    till.wait(HOLD_TTL_MS)
    assert till.stock() == (1, 0, 0, 0)
    assert refusal(till.add("wu")) is ErrorCode.CLOSED
    ok(till.open_rest())
    till.buy("wu")


def test_when_the_rest_of_a_lottery_sells_out_its_line_ends_as_any() -> None:
    till = drawn("wang", supply=1)
    till.wait(HOLD_TTL_MS)
    ok(till.open_rest())
    order_id = till.place("li")
    ok(till.join("wu"))
    assert till.in_line() == ["wu"]
    ok(till.pay("li", order_id))
    ok(till.approve(f"{order_id}-p1"))
    assert till.status() is DropStatus.SOLD_OUT
    assert till.in_line() == []


def test_a_counter_from_a_snapshot_still_sells_the_rest(presale: Till) -> None:
    ok(presale.open_rest())
    presale.counter = Counter(presale.counter.books)
    presale.wait(HOUR_MS)
    presale.buy("li")


# -- what has none -----------------------------------------------------------------------------


def test_any_other_drop_has_no_rest() -> None:
    till = Till()
    till.sell()
    assert refusal(till.open_rest()) is ErrorCode.CONFLICT
    assert refusal(till.open_rest("unknown")) is ErrorCode.NOT_FOUND


def test_a_drop_that_is_over_or_has_not_begun_has_no_rest(presale: Till) -> None:
    ok(presale.close())
    assert refusal(presale.open_rest()) is ErrorCode.CONFLICT
    till = drawn("wang")
    buys_the_offer(till)
    assert refusal(till.open_rest()) is ErrorCode.CONFLICT, "it is sold out"
