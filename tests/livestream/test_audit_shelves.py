"""The auditor on allocations: each shelf has its own columns, and each lie about one is found."""

import pytest
from msgspec import structs

from cart import events
from livestream import commands, messages
from livestream.audit import Evidence, audit_log
from livestream.storefront import Storefront
from tests.livestream.stage import HOLD_TTL_MS, PAY_TTL_MS, SANTOS, START_MS, Stage, ok
from tests.livestream.test_audit import Forge, change, put_in, take_out

MERGE_AT_MS = START_MS + 700_000


def evening() -> Stage:
    """tmall 3, wechat 2, 1 for all: bought, expired, released, paid late, merged, refunded."""
    stage = Stage()
    stage.begin()
    stage.sell(
        SANTOS, supply=6, limit=6, allocations={"tmall": 3, "wechat": 2}, merge_at_ms=MERGE_AT_MS
    )
    stage.buy("wang", channel="tmall")  # o1
    late = stage.pay("li", stage.place("li", channel="wechat"))  # o2
    stage.wait(PAY_TTL_MS)
    stage.add("zhao", channel="wechat")
    stage.wait(HOLD_TTL_MS)
    ok(stage.desk(commands.DropRestock(SANTOS, 1, "wechat")))
    stage.wait(MERGE_AT_MS - stage.now_ms - 1_000)
    stage.add("wu", quantity=2, channel="tmall")
    stage.wait(HOLD_TTL_MS)
    stage.restart()
    ok(stage.approve(late))
    stage.desk(commands.OrderRefund("o1"))
    stage.buy("sun", channel="wechat")  # o3, from what is for all
    stage.wait(1_000)
    stage.desk(commands.RoomEnd())
    stage.wait(1_000)
    return stage


EVENING = evening()


def test_an_honest_evening_is_clean_and_so_is_its_snapshot() -> None:
    verdict = audit_log(EVENING.log, "evening", Evidence(snapshot=EVENING.room.state))
    assert verdict.findings == []
    assert EVENING.replayed() == EVENING.room.state
    assert "allocations.merged" in [frame["type"] for _, _, frame in EVENING.air]


def test_viewers_follow_what_is_free_for_each_channel() -> None:
    stage = Stage()
    stage.begin()
    stage.sell(SANTOS, supply=3, allocations={"tmall": 2}, merge_at_ms=MERGE_AT_MS)
    assert stage.view.drops[SANTOS]["shelves"] == {"": 1, "tmall": 2}
    stage.add("wang", channel="tmall")
    stage.wait(1_000)
    assert stage.view.drops[SANTOS]["shelves"] == {"": 1, "tmall": 1}
    stage.wait(MERGE_AT_MS - stage.now_ms)
    assert "shelves" not in stage.view.drops[SANTOS]
    assert stage.view.drops == Storefront.of(stage.room).drops


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(change(events.HoldPlaced, 0, shelf="wechat"), id="from another shelf"),
        pytest.param(change(events.HoldPlaced, 0, shelf="dewu"), id="from no shelf"),
        pytest.param(change(events.HoldPlaced, 0, shelf=""), id="from what is for others"),
        pytest.param(change(events.HoldPlaced, 0, channel="wechat"), id="for another channel"),
        pytest.param(change(events.HoldPlaced, -1, shelf="wechat"), id="from one that has merged"),
        pytest.param(change(events.HoldPlaced, 3, quantity=4), id="more than there is"),
        pytest.param(
            change(events.AllocationsMerged, 0, moved={"tmall": 2, "wechat": 2}), id="fewer merge"
        ),
        pytest.param(
            put_in(events.AllocationsMerged(SANTOS, {}), after=events.AllocationsMerged),
            id="twice",
        ),
        pytest.param(
            put_in(
                events.AllocationsMerged(SANTOS, {"tmall": 3, "wechat": 2}), after=events.DropOpened
            ),
            id="before their time",
        ),
        pytest.param(take_out(events.AllocationsMerged), id="never"),
        pytest.param(change(events.DropRestocked, 0, shelf="dewu"), id="a restock for no shelf"),
        pytest.param(change(events.DropRestocked, 0, shelf="tmall"), id="a restock for another"),
        pytest.param(change(events.StockShown, 0, shelves={}), id="nothing is shown of them"),
        pytest.param(
            change(events.StockShown, 0, shelves={"": 1, "tmall": 3, "wechat": 2}),
            id="more is shown",
        ),
        pytest.param(
            change(
                events.OrderPlaced,
                0,
                lines=[
                    structs.replace(EVENING.room.state.books.orders["o1"].lines[0], shelf="wechat")
                ],
            ),
            id="an order from another shelf",
        ),
    ],
)
def test_a_planted_lie_is_found_and_named(forge: Forge) -> None:
    verdict = audit_log(forge(EVENING.log))
    assert 15 in verdict.broken(), verdict.findings


# -- a line for each shelf -----------------------------------------------------------------------


def crowded() -> Stage:
    """tmall 1, wechat 1, and they stay apart: two wait for each, and one shelf sells out."""
    stage = Stage()
    stage.begin()
    stage.sell(SANTOS, supply=2, limit=2, allocations={"tmall": 1, "wechat": 1})
    stage.add("tara", channel="tmall")
    stage.add("willa", channel="wechat")
    for viewer, channel in (("a", "wechat"), ("b", "tmall"), ("c", "tmall"), ("d", "wechat")):
        ok(stage.join(viewer, channel=channel))
    stage.restart()
    ok(stage.ask("tara", messages.CartRemove("r", SANTOS), "tmall"))  # b is offered tmall's
    ok(stage.approve(stage.pay("b", str(ok(stage.check_out("b"))["order_id"]))))  # c is sent home
    stage.wait(HOLD_TTL_MS)  # a is offered wechat's
    stage.wait(1_000)
    return stage


CROWDED = crowded()


def test_an_honest_line_for_each_shelf_is_clean() -> None:
    verdict = audit_log(CROWDED.log, "evening", Evidence(snapshot=CROWDED.room.state))
    assert verdict.findings == []
    assert CROWDED.replayed() == CROWDED.room.state
    left = [fact for fact in CROWDED.facts() if isinstance(fact, events.LineLeft)]
    assert left == [events.LineLeft(SANTOS, "c", 3, "sold_out")]


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(change(events.HoldPlaced, 2, viewer="c"), id="the second is served first"),
        pytest.param(change(events.HoldPlaced, 3, viewer="d"), id="the last is served first"),
        pytest.param(
            change(events.HoldPlaced, 2, viewer="a", shelf="wechat", channel="wechat"),
            id="served from a shelf that has nothing",
        ),
        pytest.param(change(events.HoldPlaced, 2, offered=False), id="it was no offer"),
        pytest.param(change(events.HoldPlaced, 2, channel="wechat"), id="by another channel"),
        pytest.param(take_out(events.HoldPlaced, 2), id="nobody is offered what fell free"),
        pytest.param(change(events.LineJoined, 2, ahead=2), id="told of those of other shelves"),
        pytest.param(change(events.LineJoined, 2, held=2), id="told of what others hold"),
        pytest.param(change(events.LineLeft, 0, reason="limit"), id="sent home for no reason"),
        pytest.param(
            put_in(events.LineLeft(SANTOS, "a", 1, "sold_out"), after=events.LineJoined, number=3),
            id="sent home while something is held",
        ),
    ],
)
def test_a_planted_lie_about_the_line_is_found_and_named(forge: Forge) -> None:
    verdict = audit_log(forge(CROWDED.log))
    assert 21 in verdict.broken(), verdict.findings
