"""The audience summed over gateways."""

from typing import Any

from livestream.attendance import ChannelCounts, GatewayCounts
from livestream.engine.pulse import STALE_MS, moment_of, total

NOW_MS = 1_000_000


def counts(viewers: int, age_ms: int = 0, **more: Any) -> GatewayCounts:
    return GatewayCounts(
        at_ms=NOW_MS - age_ms, viewers=viewers, by_channel={"tmall": viewers}, **more
    )


def test_viewers_of_all_living_gateways_are_summed() -> None:
    audience = total({"g-1": counts(300), "g-2": counts(200)}, unique=450, peak=0, now_ms=NOW_MS)
    assert audience["viewers"] == 500
    assert audience["by_channel"] == {"tmall": 500}
    assert audience["unique"] == 450
    assert [gateway["id"] for gateway in audience["gateways"]] == ["g-1", "g-2"]


def test_a_gateway_that_fell_silent_takes_its_viewers_along_but_not_what_it_had_counted() -> None:
    dead = counts(300, age_ms=STALE_MS + 1, joined=310, left=10, likes=99)
    audience = total({"g-1": dead, "g-2": counts(5, joined=5)}, unique=0, peak=0, now_ms=NOW_MS)
    assert audience["viewers"] == 5
    assert audience["joined"] == 315
    assert audience["likes"] == 99


def test_a_gateway_that_said_goodbye_is_gone_from_the_desk_at_once() -> None:
    audience = total({"g-1": counts(0, joined=9, ended=True)}, unique=0, peak=0, now_ms=NOW_MS)
    assert (audience["gateways"], audience["joined"]) == ([], 9)


def test_the_peak_only_rises() -> None:
    assert total({"g": counts(10)}, 0, peak=40, now_ms=NOW_MS)["peak"] == 40
    assert total({"g": counts(50)}, 0, peak=40, now_ms=NOW_MS)["peak"] == 50


def test_a_moment_holds_what_there_was_in_all_and_only_that_grows() -> None:
    gone = counts(
        300, STALE_MS + 1, joined=310, left=10, channels={"tmall": ChannelCounts(310, 9_000, 40, 4)}
    )
    here = counts(5, joined=6, left=1, channels={"wechat": ChannelCounts(6, 1_000, 2, 1)})
    both = {"g-1": gone, "g-2": here}
    moment = moment_of(both, total(both, 7, 300, NOW_MS), 11, 3, NOW_MS)
    assert (moment.viewers, moment.peak, moment.joined, moment.left) == (5, 300, 316, 11)
    assert (moment.watched_ms, moment.attempts, moment.wins) == (10_000, 42, 5)
    assert (moment.chat_shown, moment.chat_skipped, moment.at_ms) == (11, 3, NOW_MS)
