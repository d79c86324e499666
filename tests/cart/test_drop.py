"""The life of a drop: scheduled, open, paused, sold out, open again, closed."""

import pytest

from cart.bounds import DROPS_MAX, SUPPLY_MAX
from cart.drop import DropStatus
from cart.outcome import ErrorCode
from tests.cart.till import PRICE_MINOR, SANTOS, Till, ok, refusal


@pytest.fixture
def till() -> Till:
    return Till()


def test_a_scheduled_drop_has_its_whole_supply_on_the_shelf(till: Till) -> None:
    assert ok(till.schedule(supply=288)) == {"drop_id": SANTOS, "status": "scheduled"}
    assert till.stock() == (288, 0, 0, 0)
    assert till.status() is DropStatus.SCHEDULED


def test_the_same_terms_again_change_nothing(till: Till) -> None:
    till.schedule()
    assert ok(till.schedule())["status"] == "scheduled"
    assert till.last == []


def test_other_terms_under_the_same_id_are_a_conflict(till: Till) -> None:
    till.schedule()
    assert refusal(till.schedule(price_minor=PRICE_MINOR + 1)) is ErrorCode.CONFLICT


def test_a_sku_is_sold_by_one_drop_at_a_time(till: Till) -> None:
    till.schedule("first", sku="santos")
    assert refusal(till.schedule("second", sku="santos")) is ErrorCode.CONFLICT
    ok(till.close("first"))
    ok(till.schedule("second", sku="santos"))
    ok(till.open("second"))
    assert ok(till.add("wang", "santos"))["drop_id"] == "second"


def test_a_room_has_so_many_drops_and_no_more(till: Till) -> None:
    for number in range(DROPS_MAX):
        ok(till.schedule(f"drop-{number}"))
    assert refusal(till.schedule("one-more")) is ErrorCode.LIMIT_REACHED


def test_the_host_opens_a_scheduled_drop_before_its_time(till: Till) -> None:
    till.schedule(opens_at_ms=till.now_ms + 60_000)
    assert ok(till.open())["status"] == "open"
    assert till.status() is DropStatus.OPEN
    assert till.wait(60_000) == [], "the clock does not open it a second time"


def test_opening_an_open_drop_changes_nothing(till: Till) -> None:
    till.sell()
    assert ok(till.open())["status"] == "open"
    assert till.last == []


def test_a_paused_drop_takes_no_new_holds_until_it_is_resumed(till: Till) -> None:
    till.sell()
    ok(till.pause())
    assert till.status() is DropStatus.PAUSED
    assert refusal(till.add("wang")) is ErrorCode.NOT_OPEN
    ok(till.open())
    ok(till.add("wang"))


def test_what_is_held_may_be_paid_while_the_drop_is_paused(till: Till) -> None:
    till.sell(supply=1)
    order_id = till.place("wang")
    till.pause()
    till.pay("wang", order_id)
    ok(till.approve(f"{order_id}-p1"))
    assert till.status() is DropStatus.SOLD_OUT


def test_pausing_twice_changes_nothing(till: Till) -> None:
    till.sell()
    till.pause()
    assert ok(till.pause())["status"] == "paused"
    assert till.last == []


def test_only_an_open_drop_can_be_paused(till: Till) -> None:
    till.schedule()
    assert refusal(till.pause()) is ErrorCode.CONFLICT
    till.close()
    assert refusal(till.pause()) is ErrorCode.CONFLICT


def test_the_last_payment_makes_it_sold_out_and_not_the_last_hold(till: Till) -> None:
    till.sell(supply=2)
    till.buy("wang")
    order_id = till.place("li")
    assert till.status() is DropStatus.ALL_HELD
    till.pay("li", order_id)
    till.approve(f"{order_id}-p1")
    assert till.status() is DropStatus.SOLD_OUT
    assert till.names() == ["order.paid", "drop.sold_out"]


def test_a_sold_out_drop_is_not_opened_by_hand(till: Till) -> None:
    till.sell(supply=1)
    till.buy("wang")
    assert refusal(till.open()) is ErrorCode.CONFLICT
    assert refusal(till.pause()) is ErrorCode.CONFLICT


def test_new_units_open_a_sold_out_drop_again(till: Till) -> None:
    till.sell(supply=1)
    till.buy("wang")
    assert ok(till.restock(2))["status"] == "open"
    assert till.names() == ["drop.restocked", "drop.opened"]
    assert till.stock() == (2, 0, 1, 0)
    till.buy("li")
    till.buy("zhao")
    assert till.status() is DropStatus.SOLD_OUT


def test_new_units_do_not_open_a_drop_that_waits_or_is_paused(till: Till) -> None:
    till.schedule()
    assert ok(till.restock(2))["status"] == "scheduled"
    till.open()
    till.pause()
    assert ok(till.restock(2))["status"] == "paused"
    assert till.of().stock.supplied == 3 + 2 + 2


@pytest.mark.parametrize("how", ["restock", "refund"])
def test_a_drop_that_sold_out_while_paused_waits_for_the_host_when_it_has_units_again(
    till: Till, how: str
) -> None:
    till.sell(supply=1)
    order_id = till.place("wang")
    till.pay("wang", order_id)
    till.pause()
    ok(till.approve(f"{order_id}-p1"))
    assert till.status() is DropStatus.SOLD_OUT, "which is true, whoever paused it"
    if how == "restock":
        assert ok(till.restock(1))["status"] == "paused"
    else:
        till.refund(order_id)
    assert till.names()[-1] == "drop.paused"
    assert till.status() is DropStatus.PAUSED
    assert refusal(till.add("li")) is ErrorCode.NOT_OPEN
    assert ok(till.open())["status"] == "open"
    till.buy("li")
    ok(till.restock(1))
    assert till.status() is DropStatus.OPEN, "the host had resumed it"


def test_supply_has_a_bound_that_restocking_cannot_pass(till: Till) -> None:
    till.schedule(supply=SUPPLY_MAX - 1)
    ok(till.restock(1))
    assert refusal(till.restock(1)) is ErrorCode.LIMIT_REACHED


def test_closing_withdraws_what_is_free_and_leaves_what_is_held(till: Till) -> None:
    till.sell(supply=3)
    order_id = till.place("wang")
    ok(till.close())
    assert till.stock() == (0, 1, 0, 2)
    till.pay("wang", order_id)
    ok(till.approve(f"{order_id}-p1"))
    assert till.stock() == (0, 0, 1, 2)
    assert till.status() is DropStatus.CLOSED, "a closed drop is never declared sold out"


@pytest.mark.parametrize("how", ["removed", "hold expired", "order expired", "refunded"])
def test_what_comes_back_after_closing_is_withdrawn_too(till: Till, how: str) -> None:
    till.sell(supply=1)
    match how:
        case "removed":
            till.add("wang")
            till.close()
            till.remove("wang")
        case "hold expired":
            till.add("wang")
            till.close()
            till.wait(120_000)
        case "order expired":
            till.place("wang")
            till.close()
            till.wait(300_000)
        case "refunded":
            order_id = till.buy("wang")
            till.close()
            ok(till.refund(order_id))
    assert till.stock() == (0, 0, 0, 1)
    assert refusal(till.add("li")) is ErrorCode.CLOSED


def test_closing_twice_changes_nothing(till: Till) -> None:
    till.sell()
    till.close()
    assert ok(till.close())["status"] == "closed"
    assert till.last == []


def test_a_closed_drop_stays_closed(till: Till) -> None:
    till.sell()
    till.close()
    assert refusal(till.open()) is ErrorCode.CONFLICT
    assert refusal(till.restock(1)) is ErrorCode.CONFLICT


def test_a_drop_that_nobody_declared_is_not_found(till: Till) -> None:
    assert refusal(till.open("ghost")) is ErrorCode.NOT_FOUND
    assert refusal(till.pause("ghost")) is ErrorCode.NOT_FOUND
    assert refusal(till.restock(1, "ghost")) is ErrorCode.NOT_FOUND
    assert refusal(till.close("ghost")) is ErrorCode.NOT_FOUND
