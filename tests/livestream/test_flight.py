"""The light over the desk: what turns it, and that it says why."""

import re
from typing import Any

import pytest

from livestream import flight
from livestream.arrivals import ArrivalLine
from livestream.flight import (
    ADVICE,
    Concern,
    Engine,
    Flight,
    GatewayLine,
    RedisLine,
    Watch,
    flight_of,
)
from livestream.gateway.limits import AudienceLimits
from tests.metrics.dashboards import OPERATIONS, alerts

NOW_MS = 1_000_000


def gateway(**more: Any) -> GatewayLine:
    line: GatewayLine = {
        "id": "g-1",
        "viewers": 1_000,
        "behind": 0,
        "slow_evictions": 0,
        "age_ms": 400,
        "seq": 9,
        "cpu": 0.3,
        "lag_ms": 2,
        "frames_per_s": 900,
        "turned_away": 0,
        "viewers_in_all": 1_000,
        "seats": 20_000,
    }
    line.update(more)  # type: ignore[typeddict-item]
    return line


def arrival(age_ms: int = 20_000, **more: Any) -> ArrivalLine:
    line: ArrivalLine = {
        "type": "drop.opened",
        "seq": 9,
        "at_ms": NOW_MS - age_ms,
        "addressed": 1_000,
        "reached": 1_000,
        "behind": 0,
        "p50_ms": 80,
        "p99_ms": 160,
    }
    line.update(more)  # type: ignore[typeddict-item]
    return line


def redis(**more: Any) -> RedisLine:
    line: RedisLine = {"at_ms": NOW_MS, "used_bytes": 1, "limit_bytes": 100, "writes_ok": True}
    line.update(more)  # type: ignore[typeddict-item]
    return line


def seen(
    *gateways: GatewayLine,
    append_ms: float = 0.6,
    inbox_wait_ms: int = 3,
    unbalanced: tuple[str, ...] = (),
    live: bool = True,
    **watched: Any,
) -> Flight:
    engine = Engine(append_ms, inbox_wait_ms)
    return flight_of(Watch(NOW_MS, **watched), gateways or [gateway()], engine, unbalanced, live)


def codes(deck: Flight) -> list[tuple[str, str]]:
    return [(reason["light"], reason["code"]) for reason in deck["reasons"]]


def test_on_a_good_evening_the_light_is_green_and_has_nothing_to_say() -> None:
    deck = seen(gateway(), gateway(id="g-2"), arrivals=[arrival()], redis=redis())
    assert (deck["light"], deck["reasons"]) == ("green", [])


@pytest.mark.parametrize(
    ("deck", "found", "words"),
    [
        (seen(unbalanced=("Santos",)), ("red", "stock_wrong"), "Santos does not add up"),
        (seen(append_ms=240), ("amber", "append_slow"), "240 ms"),
        (seen(append_ms=1_200), ("red", "append_slow"), "1.2 s"),
        (seen(inbox_wait_ms=1_500), ("red", "inbox_behind"), "1.5 s"),
        (seen(redis=redis(used_bytes=85)), ("amber", "redis_memory"), "85%"),
        (seen(redis=redis(used_bytes=96)), ("red", "redis_memory"), "96%"),
        (seen(redis=redis(writes_ok=False)), ("red", "redis_disk"), "cannot write"),
        (seen(gateway(turned_away=7)), ("red", "gateway_full"), "Gateway g-1 is full: 7 viewers"),
        (seen(gateway(lag_ms=140)), ("amber", "gateway_late"), "140 ms late"),
        (seen(gateway(age_ms=4_000)), ("amber", "gateway_silent"), "said nothing for 4.0 s"),
        (
            seen(silent=[{"id": "g-2", "viewers": 12_000, "silent_ms": 20_000}]),
            ("amber", "gateway_silent"),
            "g-2 fell silent 20.0 s ago with 12,000 viewers",
        ),
        (seen(gateway(behind=201)), ("amber", "viewers_behind"), "201 of 1,000 viewers"),
        (seen(evicted_last_minute=11), ("amber", "viewers_evicted"), "11 viewers were too slow"),
        (seen(arrivals=[arrival(p99_ms=1_250)]), ("amber", "arrival_slow"), "needed 1.2 s"),
        (seen(arrivals=[arrival(p99_ms=12_500)]), ("red", "arrival_slow"), "needed 12.5 s"),
        (
            seen(arrivals=[arrival(reached=980)]),
            ("amber", "arrival_incomplete"),
            "“drop.opened” has not reached 20 of 1,000 viewers",
        ),
        (seen(arrivals=[arrival(reached=700)]), ("red", "arrival_incomplete"), "300 of 1,000"),
    ],
)
def test_what_is_wrong_turns_the_light_and_is_told_in_words(
    deck: Flight, found: tuple[str, str], words: str
) -> None:
    assert codes(deck) == [found]
    assert deck["light"] == found[0]
    (reason,) = deck["reasons"]
    assert words in reason["text"]
    assert reason["advice"] == ADVICE[reason["code"]]


@pytest.mark.parametrize(
    "deck",
    [
        seen(append_ms=100, inbox_wait_ms=1_000),
        seen(arrivals=[arrival(p99_ms=1_000)]),
        seen(arrivals=[arrival(age_ms=61_000, p99_ms=9_000, reached=500)]),
        seen(arrivals=[arrival(age_ms=11_000, reached=500)]),
        seen(arrivals=[arrival(addressed=99, reached=50)]),
        seen(arrivals=[arrival(addressed=0, reached=0, p50_ms=None, p99_ms=None)]),
        seen(gateway(viewers=100, behind=90)),
        seen(gateway(behind=200)),
        seen(gateway(viewers=10), evicted_last_minute=10),
        seen(gateway(viewers=5_000), evicted_last_minute=50),
        seen(redis=redis(limit_bytes=None, used_bytes=10**12)),
    ],
)
def test_at_the_line_itself_and_where_a_figure_says_nothing_it_stays_green(deck: Flight) -> None:
    assert deck["light"] == "green"


def test_the_worst_reason_comes_first_and_gives_the_light() -> None:
    deck = seen(gateway(lag_ms=500, turned_away=1), append_ms=300, arrivals=[arrival(p99_ms=2_000)])
    assert codes(deck) == [
        ("red", "gateway_full"),
        ("amber", "append_slow"),
        ("amber", "arrival_slow"),
        ("amber", "gateway_late"),
    ]
    assert deck["light"] == "red"


def test_without_a_gateway_a_show_is_red_and_a_room_that_is_not_on_is_not() -> None:
    engine = Engine(0.5, 1)
    on = flight_of(Watch(NOW_MS), [], engine, (), needs_gateway=True)
    assert codes(on) == [("red", "no_gateway")]
    assert flight_of(Watch(NOW_MS), [], engine, (), needs_gateway=False)["light"] == "green"
    assert flight_of(Watch(), [], engine, (), needs_gateway=True)["light"] == "green", "not counted"


def test_of_several_announcements_the_worst_is_named() -> None:
    deck = seen(
        arrivals=[
            arrival(type="card.pushed", p99_ms=1_600),
            arrival(p99_ms=2_500),
            arrival(type="drop.sold_out"),
        ]
    )
    assert [reason["text"] for reason in deck["reasons"]] == [
        "“drop.opened” needed 2.5 s to reach 99 viewers in 100."
    ]


@pytest.mark.parametrize(
    ("alert", "threshold"),
    [
        ("LivestreamArrivalSlow", flight.ARRIVAL_SLOW_MS / 1_000),
        ("LivestreamAppendsSlow", flight.APPEND_SLOW_MS / 1_000),
        ("LivestreamAnswersSlow", flight.ANSWER_SLOW_MS / 1_000),
        ("LivestreamInboxBehind", flight.ANSWER_SLOW_MS / 1_000),
        ("LivestreamLoopLate", flight.LOOP_LATE_MS / 1_000),
        ("LivestreamViewersBehind", flight.BEHIND_SHARE),
        ("LivestreamViewersBehind", flight.VIEWERS_MIN),
        ("LivestreamSlowEvictions", flight.EVICTED_MIN),
        ("LivestreamSlowEvictions", flight.EVICTED_SHARE),
        ("LivestreamDescriptorsShort", flight.MEMORY_SHARE),
    ],
)
def test_the_light_and_the_alerts_draw_the_line_at_the_same_place(
    alert: str, threshold: float
) -> None:
    (rule,) = [rule for rule in alerts() if rule["alert"] == alert]
    assert threshold in [float(number) for number in re.findall(r"> ([0-9.]+)", rule["expr"])]


def test_what_is_lost_is_what_a_gateway_gives_up_on() -> None:
    assert AudienceLimits().slow_ms_max == flight.ARRIVAL_LOST_MS


def test_the_handbook_has_every_concern_with_its_advice() -> None:
    explained = re.findall(
        r"^\| `(\w+)` \| (?:amber|red|amber, red) \| .* \| (.*) \|$", OPERATIONS, re.M
    )
    assert explained == [(concern.value, ADVICE[concern]) for concern in Concern]
