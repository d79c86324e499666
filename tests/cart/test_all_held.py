"""A drop whose last free unit is held: open for business, with nothing to take just now."""

import pytest

from cart.drop import DropStatus
from cart.outcome import ErrorCode
from tests.cart.till import HOLD_TTL_MS, SANTOS, Till, ok, refusal


@pytest.fixture
def till() -> Till:
    till = Till()
    till.sell(supply=2, limit=2)
    return till


def reason(till: Till) -> str:
    """Why the drop opened, by the last decision."""
    return str(getattr(till.last[-1], "reason", ""))


def test_it_follows_the_last_free_unit_in_the_same_record(till: Till) -> None:
    till.add("wang")
    assert till.names() == ["hold.placed"]
    till.add("li")
    assert till.names() == ["hold.placed", "drop.all_held"]
    assert till.status() is DropStatus.ALL_HELD
    assert refusal(till.add("zhao")) is ErrorCode.ALL_HELD


@pytest.mark.parametrize("how", ["removed", "hold expired", "order expired"])
def test_a_unit_that_comes_back_opens_it_again(till: Till, how: str) -> None:
    till.add("wang", quantity=2)
    match how:
        case "removed":
            till.remove("wang", quantity=1)
        case "hold expired":
            till.wait(HOLD_TTL_MS)
        case "order expired":
            till.check_out("wang")
            till.wait(300_000)
    assert till.names()[-1] == "drop.opened"
    assert reason(till) == "released"
    assert till.status() is DropStatus.OPEN
    ok(till.add("zhao"))


def test_new_units_open_it_again(till: Till) -> None:
    till.add("wang", quantity=2)
    assert ok(till.restock(1))["status"] == "open"
    assert till.names() == ["drop.restocked", "drop.opened"]
    assert reason(till) == "restock"


def test_a_refunded_unit_opens_it_again(till: Till) -> None:
    order_id = till.buy("wang")
    till.add("li")
    assert till.status() is DropStatus.ALL_HELD
    till.refund(order_id)
    assert till.names() == ["order.refunded", "drop.opened"]
    assert reason(till) == "refund"


def test_a_refund_without_units_leaves_it_as_it_is(till: Till) -> None:
    order_id = till.buy("wang")
    till.add("li")
    till.refund(order_id, restock=False)
    assert till.status() is DropStatus.ALL_HELD


def test_it_sells_out_when_the_last_unit_is_paid(till: Till) -> None:
    till.buy("wang", quantity=2)
    assert till.status() is DropStatus.SOLD_OUT


def test_it_may_be_paused_and_is_all_held_again_when_it_is_resumed(till: Till) -> None:
    till.add("wang", quantity=2)
    ok(till.pause())
    assert till.status() is DropStatus.PAUSED
    ok(till.open())
    assert till.names() == ["drop.opened", "drop.all_held"]


def test_opening_it_changes_nothing(till: Till) -> None:
    till.add("wang", quantity=2)
    assert ok(till.open()) == {"drop_id": SANTOS, "status": "all_held"}
    assert till.last == []


def test_it_may_be_closed(till: Till) -> None:
    till.add("wang", quantity=2)
    ok(till.close())
    till.wait(HOLD_TTL_MS)
    assert till.status() is DropStatus.CLOSED
    assert till.stock() == (0, 0, 0, 2)
