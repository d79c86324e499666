"""The waiting line while channels have shelves of their own: each shelf has its own order."""

from typing import Any

from cart.counter import Counter
from cart.drop import DropStatus
from cart.events import HoldPlaced, LineLeft
from cart.order import OrderStatus
from cart.outcome import ErrorCode
from tests.cart.till import HOLD_TTL_MS, PAY_TTL_MS, SANTOS, Till, ok, refusal

MERGES_IN_MS = 1_000_000


def shop(*, merges: bool = True, supply: int = 2, **terms: Any) -> Till:
    """tmall 1, wechat 1, and nothing for others unless the supply is more; tmall's is held."""
    till = Till()
    till.sell(
        supply=supply,
        limit=2,
        allocations={"tmall": 1, "wechat": 1},
        merge_at_ms=till.now_ms + MERGES_IN_MS if merges else None,
        **terms,
    )
    ok(till.add("tara", channel="tmall"))
    return till


def offered(till: Till) -> list[tuple[str, str]]:
    """Who was offered a unit of which shelf by the last decision."""
    return [(f.viewer, f.shelf) for f in till.last if isinstance(f, HoldPlaced) and f.offered]


def test_who_finds_the_own_shelf_empty_waits_while_others_buy() -> None:
    till = shop()
    place = ok(till.join("wang", channel="tmall"))
    assert (place["number"], place["ahead"], place["held"]) == (1, 0, 1)
    assert till.status() is DropStatus.OPEN, "another channel still sells"
    till.buy("li", channel="wechat")
    assert till.in_line() == ["wang"]


def test_a_unit_that_falls_free_goes_to_the_first_who_waits_for_its_shelf() -> None:
    till = shop()
    ok(till.add("willa", channel="wechat"))
    for viewer, channel in (("wang", "wechat"), ("li", "tmall"), ("zhao", "tmall")):
        ok(till.join(viewer, channel=channel))
    till.remove("tara")
    assert offered(till) == [("li", "tmall")], "wang is first of all, and waits for another shelf"
    till.remove("willa")
    assert offered(till) == [("wang", "wechat")]
    till.wait(HOLD_TTL_MS)
    assert offered(till) == [("zhao", "tmall")]


def test_a_place_is_told_by_what_is_ahead_on_the_own_shelf() -> None:
    till = shop()
    ok(till.add("willa", channel="wechat"))
    for viewer in ("a", "b"):
        ok(till.join(viewer, channel="wechat"))
    ok(till.join("c", channel="tmall"))
    last = ok(till.join("d", channel="tmall"))
    assert (last["number"], last["ahead"], last["held"]) == (4, 1, 1)
    (shown,) = till.show("d")["waiting"]
    assert (shown["ahead"], shown["held"]) == (1, 1)


def test_nobody_overtakes_on_the_own_shelf_and_everybody_may_on_another() -> None:
    till = shop()
    ok(till.join("wang", channel="tmall"))
    assert refusal(till.add("wang", channel="tmall")) is ErrorCode.IN_LINE
    assert refusal(till.add("li", channel="tmall")) is ErrorCode.ALL_HELD
    ok(till.add("zhao", channel="wechat"))


def test_whoever_has_no_shelf_waits_for_what_is_for_all() -> None:
    till = shop(supply=3)
    ok(till.add("dora", channel="dewu"))
    ok(till.join("wang", channel="dewu"))
    till.remove("tara")
    assert offered(till) == []
    till.remove("dora")
    assert offered(till) == [("wang", "")]


def test_who_waits_when_they_merge_keeps_the_place() -> None:
    till = Till()
    till.sell(
        supply=3,
        limit=3,
        allocations={"tmall": 1, "wechat": 1},
        merge_at_ms=till.now_ms + HOLD_TTL_MS // 2,
    )
    ok(till.add("tara", channel="tmall"))
    ok(till.add("willa", channel="wechat"))
    ok(till.join("wang", channel="wechat"))
    ok(till.join("li", channel="tmall"))
    till.wait(HOLD_TTL_MS // 2)
    assert "allocations.merged" in till.names()
    assert offered(till) == [("wang", "")], "what was for others is for the first in line now"
    till.remove("tara")
    assert offered(till) == [("li", "")]


def test_a_restock_of_a_channel_goes_to_its_own_queue() -> None:
    till = shop()
    ok(till.add("willa", channel="wechat"))
    ok(till.join("wang", channel="tmall"))
    ok(till.restock(1, channel="wechat"))
    assert till.names() == ["drop.restocked", "drop.opened"]
    assert till.status() is DropStatus.OPEN
    ok(till.restock(1, channel="tmall"))
    assert offered(till) == [("wang", "tmall")]


def test_a_refund_opens_the_drop_for_those_who_do_not_wait() -> None:
    till = shop()
    order_id = till.buy("willa", channel="wechat")
    assert till.status() is DropStatus.ALL_HELD
    ok(till.join("wang", channel="tmall"))
    ok(till.refund(order_id))
    assert till.names() == ["order.refunded", "drop.opened"]
    ok(till.add("li", channel="wechat"))


def test_who_waits_for_a_shelf_that_is_sold_for_good_is_told_so() -> None:
    till = shop(merges=False)
    ok(till.join("wang", channel="tmall"))
    order_id = str(ok(till.check_out("tara", channel="tmall"))["order_id"])
    ok(till.pay("tara", order_id))
    ok(till.approve(f"{order_id}-p1"))
    assert till.last[-1] == LineLeft(SANTOS, "wang", 1, "sold_out")
    assert refusal(till.join("li", channel="tmall")) is ErrorCode.SOLD_OUT
    assert till.status() is DropStatus.OPEN


def test_with_a_merge_ahead_one_may_wait_for_it() -> None:
    till = shop()
    order_id = str(ok(till.check_out("tara", channel="tmall"))["order_id"])
    ok(till.pay("tara", order_id))
    ok(till.approve(f"{order_id}-p1"))
    ok(till.join("wang", channel="tmall"))
    till.wait(MERGES_IN_MS)
    assert offered(till) == [("wang", "")]


def test_late_money_does_not_overtake_on_its_shelf() -> None:
    till = shop()
    order_id = str(ok(till.check_out("tara", channel="tmall"))["order_id"])
    ok(till.pay("tara", order_id))
    till.wait(PAY_TTL_MS - 1)
    ok(till.pause())
    till.wait(1)
    assert till.order_status(order_id) is OrderStatus.EXPIRED
    ok(till.open())
    ok(till.add("x", channel="tmall"))
    ok(till.join("wang", channel="tmall"))
    ok(till.pause())
    ok(till.remove("x"))
    assert till.of().shelves is not None
    ok(till.approve(f"{order_id}-p1"))
    assert till.names() == ["payment.returned"], "the unit that is free is wang's"
    ok(till.open())
    assert offered(till) == [("wang", "tmall")]


def test_a_checkout_that_reserves_does_not_overtake_on_its_shelf() -> None:
    till = Till()
    till.sell(
        supply=2,
        limit=2,
        allocations={"tmall": 1, "wechat": 1},
        reserve_on="checkout",
        pay_ttl_ms=1_000,
    )
    for viewer in ("tara", "li"):
        ok(till.add(viewer, channel="tmall"))
    ok(till.check_out("tara", channel="tmall"))
    ok(till.join("wang", channel="tmall"))
    till.wait(1_000)
    assert offered(till) == [("wang", "tmall")]
    assert refusal(till.check_out("li", channel="tmall")) is ErrorCode.ALL_HELD


def test_a_counter_from_a_snapshot_serves_the_same_queues() -> None:
    till = shop()
    ok(till.join("wang", channel="tmall"))
    till.counter = Counter(till.counter.books)
    till.remove("tara")
    assert offered(till) == [("wang", "tmall")]


def test_a_drop_that_reserves_on_payment_has_no_line() -> None:
    till = Till()
    till.sell(supply=1, limit=2, reserve_on="payment")
    ok(till.join("wang"))
    assert till.show("wang")["holds"], "a unit is free: a wish, as by cart.add"
    answer = till.join("li", quantity=2)
    assert refusal(answer) is ErrorCode.ALL_HELD
    assert "no line" in str(answer)
    assert not till.of().line.places
