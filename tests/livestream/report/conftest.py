"""An evening to report on: two drops, one sold out; two channels; a decline, a refund, a hold that
ran out.
"""

import pytest

from cart.perk import PerkTerms
from livestream import commands
from livestream.attendance import ChannelCounts, GatewayCounts, Moment
from livestream.report import Report, Surroundings, report_of
from tests.livestream.stage import SANTOS, START_MS, Stage, ok


@pytest.fixture(scope="module")
def stage() -> Stage:
    """The evening, from its start to its end."""
    stage = Stage("evening")
    stage.begin("An evening in Paris")
    stage.schedule(
        SANTOS,
        supply=3,
        opens_at_ms=START_MS + 5_000,
        perks=[PerkTerms("bellboy", "Bellboy", 2, "pass")],
    )
    stage.sell("ring", supply=5, limit=5, price_minor=500_000)
    stage.wait(5_000)
    for viewer, channel in (("wang", "tmall"), ("li", "wechat"), ("zhao", "tmall")):
        stage.wait(1_000)
        stage.buy(viewer, channel=channel)
    stage.desk(commands.OrderRefund("o1", restock=False))
    stage.add("wu", "ring")
    declined = stage.pay("sun", stage.place("sun", "ring", 2, channel="wechat"))
    stage.provider(commands.PaymentDeclined(declined, "no cover"))
    stage.wait(120_000)
    ok(stage.approve(declined))
    stage.desk(commands.RoomEnd())
    return stage


@pytest.fixture(scope="module")
def report(stage: Stage) -> Report:
    return report_of("evening", stage.log)


@pytest.fixture(scope="module")
def surroundings() -> Surroundings:
    """Two gateways, one of which is gone; a moment every five seconds for a minute."""
    here = {
        "tmall": ChannelCounts(joined=60, watched_ms=3_000_000, attempts=80, wins=3),
        "guest": ChannelCounts(joined=10, watched_ms=100_000),
    }
    gone = {"wechat": ChannelCounts(joined=30, watched_ms=600_000, attempts=20, wins=2)}
    return Surroundings(
        moments=[
            Moment(
                START_MS + ms,
                40 + ms // 1_000,
                105,
                ms // 1_000,
                0,
                ms * 40,
                ms // 500,
                9,
                8,
                1,
                5,
                1,
            )
            for ms in range(5_000, 65_000, 5_000)
        ],
        counts={
            "g-1": GatewayCounts(START_MS + 60_000, 60, 70, 10, 90, 11, {"tmall": 60}, 0, here),
            "g-2": GatewayCounts(START_MS + 20_000, 30, 30, 0, 9, 4, {"wechat": 30}, 0, gone),
        },
        unique=72,
    )


@pytest.fixture(scope="module")
def whole(stage: Stage, surroundings: Surroundings) -> Report:
    """The report with an audience."""
    return report_of("evening", stage.log, surroundings)
