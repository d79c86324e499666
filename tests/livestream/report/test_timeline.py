"""Steps of a show: what was paid, who watched; nothing lost, nothing invented."""

from hypothesis import given
from hypothesis import strategies as st

from livestream.attendance import Moment
from livestream.report.figures import Report, Timeline
from livestream.report.timeline import (
    MINUTE_MS,
    SHORT_SHOW_MS,
    SLOT_MS,
    STEPS_MAX,
    Run,
    step_of,
    timeline_of,
)
from tests.livestream.stage import PRICE_MINOR, START_MS


def moment(at_s: float, viewers: int = 0, joined: int = 0) -> Moment:
    return Moment(START_MS + round(at_s * 1_000), viewers, viewers, joined, 0, 0, 0, 0, 0, 0, 0, 0)


def timeline(until_s: float, *moments: Moment, paid: tuple[float, ...] = ()) -> Timeline:
    run = Run()
    run.begin(START_MS)
    for at_s in paid:
        run.pay("CNY", 100, START_MS + round(at_s * 1_000))
    made = timeline_of(run, START_MS + round(until_s * 1_000), moments)
    assert made is not None
    return made


def test_what_was_paid_stands_in_the_step_in_which_it_was_paid(report: Report) -> None:
    told = report.timeline
    assert told is not None
    assert (told.from_ms, told.step_ms) == (START_MS, SLOT_MS)
    assert told.steps == 128_000 // SLOT_MS + 1
    paid = {step: gross for step, gross in enumerate(told.gross_minor["CNY"]) if gross}
    assert paid == {1: 3 * PRICE_MINOR, 25: 1_000_000}
    assert sum(told.orders_paid) == 4


def test_a_short_show_has_steps_of_five_seconds_and_a_long_one_of_minutes() -> None:
    assert step_of(0) == step_of(SHORT_SHOW_MS) == SLOT_MS
    assert step_of(SHORT_SHOW_MS + 1) == MINUTE_MS
    assert step_of(12 * 60 * MINUTE_MS) == MINUTE_MS
    assert step_of(12 * 60 * MINUTE_MS + 1) == 2 * MINUTE_MS


@given(st.integers(0, 10 * 365 * 86_400_000))
def test_there_are_never_more_steps_than_a_plot_has_room_for(span_ms: int) -> None:
    assert span_ms // step_of(span_ms) + 1 <= STEPS_MAX + 1


@given(st.lists(st.floats(0, 100_000), max_size=30), st.floats(0, 100_000))
def test_steps_of_any_length_add_up_to_the_whole(paid: list[float], extra: float) -> None:
    told = timeline(max([*paid, extra]), paid=tuple(paid))
    assert sum(told.orders_paid) == len(paid)
    assert sum(told.gross_minor.get("CNY", [])) == 100 * len(paid)
    assert len(told.orders_paid) == told.steps


def test_viewers_are_the_most_in_each_step() -> None:
    told = timeline(14, moment(1, 10), moment(4, 30), moment(6, 20), moment(12, 5))
    assert told.viewers == [30, 20, 5]


def test_a_moment_that_came_a_little_late_leaves_no_hole() -> None:
    assert timeline(19, moment(4.9, 10), moment(10.1, 20), moment(15, 7)).viewers == [10, 10, 20, 7]


def test_where_nobody_counted_for_long_there_is_a_hole() -> None:
    assert timeline(34, moment(1, 10), moment(31, 20)).viewers[2:6] == [None, None, None, None]


def test_nobody_counted_at_all() -> None:
    told = timeline(60)
    assert (told.viewers, told.joined, told.chat, told.likes) == ([], [], [], [])


def test_what_only_grows_is_told_by_its_growth() -> None:
    told = timeline(14, moment(0, 0, 0), moment(5, 0, 100), moment(10, 0, 100), moment(15, 0, 150))
    assert told.joined == [100, 0, 50]


def test_growth_between_two_moments_is_spread_evenly() -> None:
    assert timeline(19, moment(0, 0, 0), moment(20, 0, 100)).joined == [25, 25, 25, 25]


def test_a_late_word_of_an_engine_that_lost_the_room_takes_nothing_back() -> None:
    told = timeline(14, moment(0, 0, 0), moment(5, 0, 80), moment(9, 0, 60), moment(15, 0, 90))
    assert min(told.joined) >= 0
    assert sum(told.joined) == 90


@given(st.lists(st.tuples(st.floats(0, 500), st.integers(0, 1_000)), min_size=1, max_size=40))
def test_growth_never_adds_up_to_more_than_there_was(points: list[tuple[float, int]]) -> None:
    moments = [moment(at_s, 0, joined) for at_s, joined in sorted(points)]
    told = timeline(600, *moments)
    assert min(told.joined) >= 0
    assert sum(told.joined) <= max(joined for _, joined in points)


def test_a_show_that_has_not_begun_has_no_run() -> None:
    assert timeline_of(Run(), START_MS, []) is None
