"""The auditor on a line: an honest one is clean, and whoever overtakes is found."""

import pytest

from cart import events
from livestream.audit import audit_log
from tests.livestream.stage import HOLD_TTL_MS, PRICE_MINOR, SANTOS, START_MS, Log, Stage, ok
from tests.livestream.test_audit import Forge, change, place_of, put_in, take_out, with_facts


def evening() -> Stage:
    """Wang holds two units. Li (who wants two) and zhao wait and are served, sun leaves."""
    stage = Stage()
    stage.begin()
    stage.sell(supply=2, limit=2)
    ok(stage.add("wang", quantity=2))  # h1
    ok(stage.join("li", quantity=2))
    ok(stage.join("zhao"))
    ok(stage.join("sun"))
    ok(stage.leave("sun"))
    stage.wait(HOLD_TTL_MS)  # h2: li gets both
    stage.wait(HOLD_TTL_MS)  # h3: zhao
    stage.wait(HOLD_TTL_MS)
    return stage


HONEST = evening().log


def test_an_honest_line_is_clean() -> None:
    verdict = audit_log(HONEST, "evening")
    assert verdict.findings == []
    assert [
        (fact.viewer, fact.quantity)
        for _, record in HONEST
        for fact in record.facts
        if isinstance(fact, events.HoldPlaced) and fact.offered
    ] == [("li", 2), ("zhao", 1)]


def hold(hold_id: str, viewer: str, units: int, offered: bool = False) -> events.HoldPlaced:
    return events.HoldPlaced(
        hold_id,
        viewer,
        SANTOS,
        SANTOS,
        units,
        PRICE_MINOR,
        "CNY",
        START_MS + 10 * HOLD_TTL_MS,
        "",
        offered=offered,
    )


def the_first_two_swap(log: Log) -> Log:
    """Zhao is served before li."""
    return change(events.HoldPlaced, 1, viewer="zhao", quantity=1)(log)


def nobody_is_offered_anything(log: Log) -> Log:
    """The unit comes back and lies there."""
    r, _ = place_of(log, events.HoldExpired, 0)
    kept = [fact for fact in log[r][1].facts if not isinstance(fact, events.HoldPlaced)]
    return with_facts(log, r, list(kept))


PLANTED: list[tuple[str, int, Forge]] = [
    ("the second is served first", 21, the_first_two_swap),
    ("a unit is free and two wait", 21, nobody_is_offered_anything),
    ("somebody else takes the unit", 21, change(events.HoldPlaced, 1, offered=False)),
    ("who does not wait is offered it", 21, change(events.HoldPlaced, 1, viewer="qian")),
    ("less is offered than is free", 21, change(events.HoldPlaced, 1, quantity=1)),
    ("more is offered than was wanted", 21, change(events.HoldPlaced, 2, quantity=2)),
    ("who left is served", 21, put_in(hold("h9", "sun", 1, True), after=events.LineLeft)),
    (
        "one is passed over in the middle",
        21,
        put_in(events.LineLeft(SANTOS, "zhao", 2, "limit"), after=events.LineJoined, number=2),
    ),
    (
        "one waits for a closed drop",
        21,
        put_in(
            events.LineJoined(SANTOS, SANTOS, "wu", 1, 4, 0, 2, "c", START_MS),
            after=events.DropOpened,
            number=-1,
        ),
    ),
    ("a line that nobody told of", 11, change(events.StockShown, 0, waiting=0, next=0)),
    ("another number is shown as next", 11, change(events.StockShown, 0, next=2)),
    ("the fold knows who waits", 12, change(events.LineJoined, 2, viewer="wu")),
    ("one who never joined leaves", 21, take_out(events.LineJoined, 2)),
]


@pytest.mark.parametrize(("rule", "forge"), [p[1:] for p in PLANTED], ids=[p[0] for p in PLANTED])
def test_a_planted_violation_is_found_and_named(rule: int, forge: Forge) -> None:
    verdict = audit_log(forge(HONEST))
    assert rule in verdict.broken(), verdict.findings


def test_a_line_that_an_engine_left_in_the_middle_is_gone_on_with() -> None:
    stage = Stage()
    stage.begin()
    stage.sell(supply=1)
    stage.add("wang")
    stage.join("li")
    stage.restart()
    stage.wait(HOLD_TTL_MS)
    assert audit_log(stage.log).findings == []
    assert stage.replayed() == stage.room.state
