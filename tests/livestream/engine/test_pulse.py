"""The audience summed over gateways."""

from typing import Any

from livestream.arrivals import ARRIVALS_KEPT, Arrival, ArrivalCounts
from livestream.attendance import (
    SILENT_TOLD_MS,
    STALE_MS,
    ChannelCounts,
    GatewayCounts,
    GatewayLoad,
)
from livestream.engine.pulse import arrivals_of, moment_of, silent_gateways, total

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


def test_a_gateway_on_the_desk_says_how_it_does() -> None:
    load = GatewayLoad(
        cpu=0.75, lag_ms=12, frames_per_s=9_000, turned_away=2, viewers=400, seats=500
    )
    here = counts(300, age_ms=700, behind=3, slow_evictions=1, seq=41, load=load)
    (line,) = total({"g-1": here}, unique=0, peak=0, now_ms=NOW_MS)["gateways"]
    assert line == {
        "id": "g-1",
        "viewers": 300,
        "behind": 3,
        "slow_evictions": 1,
        "age_ms": 700,
        "seq": 41,
        "cpu": 0.75,
        "lag_ms": 12,
        "frames_per_s": 9_000,
        "turned_away": 2,
        "viewers_in_all": 400,
        "seats": 500,
    }


def arrived(seq: int, addressed: int, reached: int, behind: int = 0) -> ArrivalCounts:
    arrival = Arrival("drop.opened", seq, NOW_MS - 1_000)
    arrival.addressed, arrival.behind = addressed, behind
    arrival.reach(reached, NOW_MS - 900)
    return arrival.told()


def test_an_announcement_is_added_up_over_gateways_newest_first() -> None:
    lines = arrivals_of(
        {
            "g-1": counts(100, seq=9, arrivals=[arrived(8, 90, 90), arrived(9, 100, 97, 2)]),
            "g-2": counts(50, seq=9, arrivals=[arrived(8, 50, 50), arrived(9, 50, 50)]),
        },
        NOW_MS,
    )
    told = [(line["seq"], line["addressed"], line["reached"], line["behind"]) for line in lines]
    assert told == [(9, 150, 147, 2), (8, 140, 140, 0)]
    assert {line["p99_ms"] for line in lines} == {100}


def test_a_gateway_that_has_not_heard_yet_holds_the_announcement_up() -> None:
    both = {
        "g-1": counts(100, seq=9, arrivals=[arrived(9, 100, 100)]),
        "late": counts(50, seq=8, arrivals=[arrived(8, 50, 50)]),
        "began after it": counts(30, seq=12),
        "of an older version": counts(20),
    }
    newest, before = arrivals_of(both, NOW_MS)
    assert (newest["seq"], newest["addressed"], newest["reached"]) == (9, 150, 100)
    assert (before["seq"], before["addressed"]) == (8, 50)


def test_a_gateway_that_is_gone_holds_nothing_up_and_its_viewers_are_not_asked_for() -> None:
    gone = counts(50, STALE_MS + 1, seq=8, arrivals=[arrived(8, 50, 20)])
    ended = counts(0, ended=True, seq=9, arrivals=[arrived(9, 50, 20)])
    here = counts(100, seq=9, arrivals=[arrived(9, 100, 100)])
    (line,) = arrivals_of({"gone": gone, "ended": ended, "here": here}, NOW_MS)
    assert (line["addressed"], line["reached"]) == (100, 100)


def test_only_so_many_announcements_are_listed() -> None:
    many = [arrived(seq, 1, 1) for seq in range(1, 30)]
    lines = arrivals_of({"g": counts(1, seq=29, arrivals=many)}, NOW_MS)
    assert [line["seq"] for line in lines] == list(range(29, 29 - ARRIVALS_KEPT, -1))


def test_a_gateway_that_fell_silent_with_viewers_is_told_of_for_a_minute() -> None:
    fallen = {
        "quiet": counts(9, STALE_MS),
        "silent": counts(9, STALE_MS + 1),
        "empty": counts(0, STALE_MS + 1),
        "ended": counts(9, STALE_MS + 1, ended=True),
        "forgotten": counts(9, SILENT_TOLD_MS + 1),
    }
    assert silent_gateways(fallen, NOW_MS) == [
        {"id": "silent", "viewers": 9, "silent_ms": STALE_MS + 1}
    ]


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
    assert moment.unique == 7
