"""The auditor and lotteries: an honest draw is clean, a crooked one is found and named."""

import pytest

from cart import events
from cart.lottery import LotteryTerms, commitment_to
from livestream import commands
from livestream.audit import Auditor, audit_log
from tests.livestream.stage import HOLD_TTL_MS, PRICE_MINOR, SANTOS, START_MS, Log, Stage, ok
from tests.livestream.test_audit import Forge, change, put_in, repeat, take_out

SEED, OTHER_SEED = "5eed" * 16, "0bad" * 16
TERMS = LotteryTerms(START_MS, START_MS + 60_000, commitment_to(SEED))


def lottery() -> Stage:
    """Five enter for two units; of those who are drawn two buy, one of them after another did not.
    What is given back then goes to the next, and, when nobody is left, to somebody else.
    """
    stage = Stage()
    stage.begin()
    ok(stage.schedule(supply=2, lottery=TERMS, seed=SEED))
    for viewer in ("wang", "li", "zhao", "wu", "sun"):
        ok(stage.enter(viewer))
        stage.wait(1_000)
    stage.restart()
    stage.wait(60_000)
    first = next(f for f in stage.facts() if isinstance(f, events.HoldPlaced)).viewer
    buys(stage, first)
    stage.wait(HOLD_TTL_MS)
    (hold,) = stage.room.state.books.holds.values()
    ok(stage.desk(commands.OrderRefund(buys(stage, hold.viewer))))
    stage.wait(2 * HOLD_TTL_MS)
    ok(stage.desk(commands.DropOpenRest(SANTOS)))
    stage.buy("late")
    return stage


def buys(stage: Stage, viewer: str) -> str:
    """Of the offer that the viewer has; the order's id."""
    order_id = str(ok(stage.check_out(viewer))["order_id"])
    ok(stage.approve(stage.pay(viewer, order_id)))
    return order_id


HONEST = lottery().log


@pytest.fixture
def honest() -> Log:
    return HONEST


def test_an_honest_draw_is_clean(honest: Log) -> None:
    verdict = audit_log(honest)
    assert verdict.findings == []
    assert next(line for line in verdict.rules if line.number == 24).note == "1 drawn"


def hold(viewer: str, offered: bool) -> events.HoldPlaced:
    return events.HoldPlaced(
        "h99", viewer, SANTOS, SANTOS, 1, PRICE_MINOR, "CNY", 2**41, "c", offered=offered
    )


REST = events.DropOpened(SANTOS, "rest")
PLANTED: list[tuple[str, int, Forge]] = [
    ("a seed that was not promised", 24, change(events.LotteryDrawn, seed=OTHER_SEED)),
    ("a seed that is none", 24, change(events.LotteryDrawn, seed="lucky")),
    ("a promise that nobody can keep", 24, change(events.DropScheduled, seed=OTHER_SEED)),
    ("an entry that was taken out", 24, take_out(events.LotteryEntered, 2)),
    ("an entry that came twice", 24, repeat(events.LotteryEntered)),
    ("an entry of one who has entered", 24, change(events.LotteryEntered, 1, viewer="wang")),
    ("an entry with another number", 24, change(events.LotteryEntered, 3, number=9)),
    (
        "an entry after the draw",
        24,
        put_in(events.LotteryEntered(SANTOS, "late", 6), after=events.LotteryDrawn),
    ),
    ("a draw of fewer", 24, change(events.LotteryDrawn, entered=4)),
    ("a draw twice", 24, repeat(events.LotteryDrawn)),
    ("no draw", 24, take_out(events.LotteryDrawn)),
    ("a draw before its time", 24, put_in(
        events.LotteryDrawn(SANTOS, SEED, 1), after=events.LotteryEntered
    )),
    ("an opening by the host", 24, change(events.DropOpened, 0, reason="host")),
    ("a unit for one who did not enter", 24, put_in(hold("x", True), after=events.DropOpened)),
    ("a unit beside the draw", 24, put_in(hold("li", False), after=events.DropOpened)),
    ("a rest while somebody waits", 24, put_in(REST, after=events.OrderPaid)),
    ("a rest before the draw", 24, put_in(REST, after=events.LotteryEntered)),
    ("a rest that nobody opened", 24, take_out(events.DropOpened, -1)),
    ("what comes back is on sale beside the draw", 21, change(events.HoldPlaced, -2, viewer="x")),
    ("a winner who was not next", 21, change(events.HoldPlaced, 0, viewer="x")),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "forge"), [p[1:] for p in PLANTED], ids=[p[0] for p in PLANTED])
def test_a_planted_violation_is_found_and_named(honest: Log, rule: int, forge: Forge) -> None:
    verdict = audit_log(forge(honest))
    assert rule in verdict.broken(), verdict.findings


def test_winners_in_another_order_are_found(honest: Log) -> None:
    """The seed is right, the sums are not: the second of the draw is served before the first."""
    holds = [f for _, record in honest for f in record.facts if isinstance(f, events.HoldPlaced)]
    swapped = change(events.HoldPlaced, 0, viewer=holds[1].viewer)(honest)
    swapped = change(events.HoldPlaced, 1, viewer=holds[0].viewer)(swapped)
    assert 21 in audit_log(swapped).broken()


def test_a_draw_that_never_comes_is_found() -> None:
    stage = Stage()
    stage.begin()
    ok(stage.schedule(supply=2, lottery=TERMS, seed=SEED))
    auditor = Auditor()
    for seq, record in stage.log:
        auditor.feed(seq, record)
    stage.now_ms += 120_000
    known = len(stage.log)
    stage.put_card()  # nobody ticked
    for seq, record in stage.log[known:]:
        auditor.feed(seq, record)
    assert 24 in auditor.verdict().broken()
