"""When a room may be put to rest: never while anybody or anything still needs its owner."""

import pytest

from livestream.commands import RefundSettled, RoomEnd
from livestream.engine.rest import COMPANY_KEPT_S, REST_AFTER_S, REST_AFTER_S_PER_FACT, Quiet
from tests.livestream.stage import HOLD_TTL_MS, PAY_TTL_MS, SANTOS, Stage, ok

LONG_S = 10 * COMPANY_KEPT_S


class Watch:
    """Asks for a room's rest as its owner does, again and again."""

    def __init__(self, stage: Stage) -> None:
        self._quiet = Quiet(stage.room)
        self.now_s = 1_000.0

    def rests_after(
        self, seconds: float, *, decisions: int = 0, lines: int = 0, viewers: int = 0, full: bool
    ) -> bool:
        """Whether the room may rest when nothing new has come for so long."""
        self._quiet.may_rest(self.now_s, decisions, lines, viewers, full)
        self.now_s += seconds
        return self._quiet.may_rest(self.now_s, decisions, lines, viewers, full)


@pytest.fixture
def stage() -> Stage:
    """A live show with a drop."""
    stage = Stage()
    stage.begin()
    stage.sell(SANTOS, supply=3)
    stage.wait(1_000)
    return stage


def ended(stage: Stage) -> Watch:
    ok(stage.desk(RoomEnd()))
    stage.wait(1_000)
    return Watch(stage)


def test_an_ended_room_rests_after_a_moment_of_quiet(stage: Stage) -> None:
    watch = ended(stage)
    assert not watch.rests_after(REST_AFTER_S - 0.1, full=False)
    assert watch.rests_after(0.2, full=False)


@pytest.mark.parametrize("full", [False, True])
def test_a_room_that_is_live_never_rests(stage: Stage, full: bool) -> None:
    assert not Watch(stage).rests_after(LONG_S, full=full)


def test_whatever_is_asked_or_said_begins_the_quiet_anew(stage: Stage) -> None:
    watch = ended(stage)
    assert not watch.rests_after(REST_AFTER_S - 0.1, full=False)
    assert not watch.rests_after(REST_AFTER_S - 0.1, decisions=1, full=False)
    assert not watch.rests_after(REST_AFTER_S - 0.1, decisions=1, lines=1, full=False)
    assert watch.rests_after(0.2, decisions=1, lines=1, full=False)


def test_people_who_stay_keep_their_room_for_a_while_and_less_where_others_need_the_place(
    stage: Stage,
) -> None:
    watch = ended(stage)
    assert not watch.rests_after(COMPANY_KEPT_S - 1, viewers=1, full=False)
    assert watch.rests_after(2, viewers=1, full=False)
    watch = Watch(stage)
    assert watch.rests_after(REST_AFTER_S + 0.1, viewers=1, full=True)


def test_a_long_log_rests_later_in_proportion_to_what_waking_it_costs(stage: Stage) -> None:
    watch = ended(stage)
    stage.room.state.seq = 1_000_000
    assert not watch.rests_after(1_000_000 * REST_AFTER_S_PER_FACT, full=True)
    assert watch.rests_after(REST_AFTER_S + 0.1, full=True)


def test_a_hold_keeps_its_room_awake_until_it_is_gone(stage: Stage) -> None:
    ok(stage.add("ann"))
    watch = ended(stage)
    assert not watch.rests_after(LONG_S, full=True)
    stage.wait(HOLD_TTL_MS)
    assert watch.rests_after(LONG_S, full=True)


def test_an_order_that_waits_for_its_payment_keeps_its_room_awake(stage: Stage) -> None:
    stage.place("ann")
    watch = ended(stage)
    assert not watch.rests_after(LONG_S, full=True)
    stage.wait(PAY_TTL_MS)
    assert watch.rests_after(LONG_S, full=True)


def test_a_payment_that_nobody_has_answered_keeps_its_room_awake_for_ever(stage: Stage) -> None:
    payment_id = stage.pay("ann", stage.place("ann"))
    watch = ended(stage)
    stage.wait(10 * PAY_TTL_MS)
    assert not watch.rests_after(LONG_S, full=True)
    ok(stage.approve(payment_id))
    assert not watch.rests_after(LONG_S, full=True), "it came too late: the money goes back"
    ok(stage.provider(RefundSettled(payment_id)))
    stage.wait(1_000)
    assert watch.rests_after(LONG_S, full=True)
