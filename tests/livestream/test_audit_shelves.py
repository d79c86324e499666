"""The auditor on allocations: each shelf has its own columns, and each lie about one is found."""

import pytest
from msgspec import structs

from cart import events
from livestream import commands
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
