"""The audience's figures, each by its definition."""

import pytest

from livestream.attendance import ChannelCounts, GatewayCounts, Moment
from livestream.report import Report, Surroundings
from livestream.report.audience import audience_of, chat_of, fairness_of, wilson
from tests.livestream.stage import START_MS


def test_it_tells_how_many_came_and_from_where(whole: Report) -> None:
    audience = whole.audience
    assert audience is not None
    assert (audience.joined, audience.left, audience.guests_joined) == (100, 10, 10)
    assert [(one.channel, one.joined, one.orders_paid) for one in audience.by_channel] == [
        ("guest", 10, 0),
        ("tmall", 60, 2),
        ("wechat", 30, 2),
    ]
    assert audience.unique == whole.funnel.saw == 72
    assert audience.likes == 99


def test_the_peak_is_what_an_owner_saw_between_two_moments_too(whole: Report) -> None:
    assert whole.audience is not None
    assert whole.audience.peak == 105
    assert whole.audience.peak_at_ms == START_MS + 60_000, "of the moments, the highest"


def test_average_watch_time_is_of_viewers_with_a_ticket(whole: Report) -> None:
    audience = whole.audience
    assert audience is not None
    assert audience.watched_ms == 3_700_000
    assert audience.watched_ms_per_viewer == 3_600_000 // 72
    tmall = audience.by_channel[1]
    assert tmall.watched_ms_per_join == 3_000_000 // 60


def test_chat_is_told_by_what_was_sent_shown_and_left_out(whole: Report) -> None:
    assert whole.chat is not None
    assert (whole.chat.accepted, whole.chat.shown, whole.chat.skipped) == (15, 8, 1)


def test_the_ledger_knows_what_came_after_the_last_moment() -> None:
    last = Moment(START_MS, 5, 40, 9, 4, 0, 0, 0, 10, 2, 0, 0)
    later = {"chat": {"shown": 17, "skipped": 3}, "audience": {"peak": 41}}
    beside = Surroundings(moments=[last], ledger=later)
    chat, audience = chat_of(beside), audience_of(beside, {})
    assert chat is not None
    assert audience is not None
    assert (chat.shown, chat.skipped, audience.peak) == (17, 3, 41)


def test_a_ledger_of_another_version_is_no_matter() -> None:
    beside = Surroundings(counts={"g": GatewayCounts(0, 0)}, ledger={"chat": "lots"})
    chat = chat_of(beside)
    assert chat is not None
    assert chat.shown == 0


def test_fairness_is_told_by_gateway_and_by_channel(whole: Report) -> None:
    fairness = whole.fairness
    assert fairness is not None
    by_gateway = [(one.name, one.attempts, one.wins) for one in fairness.by_gateway]
    by_channel = [(one.name, one.attempts, one.wins) for one in fairness.by_channel]
    assert by_gateway == [("g-1", 80, 3), ("g-2", 20, 2)]
    assert by_channel == [("tmall", 80, 3), ("wechat", 20, 2)], "guests did not try"


def test_wilsons_interval_is_that_of_the_books() -> None:
    # Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29; without correction.
    for wins, attempts, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        bounds = wilson(ChannelCounts(attempts=attempts, wins=wins))
        assert bounds == pytest.approx((low, high), abs=5e-5)


def test_nobody_tried_so_that_nobody_was_treated_unfairly() -> None:
    watched = {"tmall": ChannelCounts(joined=5, watched_ms=5)}
    beside = Surroundings(counts={"g-1": GatewayCounts(0, 5, 5, channels=watched)})
    assert fairness_of(beside) is None
    assert wilson(ChannelCounts()) == (0.0, 1.0)


def test_where_nobody_counted_nothing_is_said(report: Report) -> None:
    assert (report.audience, report.chat, report.fairness) == (None, None, None)
    assert report.funnel.saw is None
