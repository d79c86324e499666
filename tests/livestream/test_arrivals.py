"""How far an announcement got: one gateway's counts, and their sum over gateways."""

import math
import random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from livestream.arrivals import (
    ARRIVALS_KEPT,
    BOUNDS_MS,
    Arrival,
    ArrivalCounts,
    added_up,
    bucket_of,
    line_of,
    percentile_ms,
)
from tests.properties import PROPERTY

BORN_MS = 1_700_000_000_000
#: What viewers of one gateway waited.
WAITS = st.lists(st.integers(-5, 120_000), max_size=60)


def arrived(waits_ms: list[int]) -> Arrival:
    arrival = Arrival("drop.opened", 7, BORN_MS)
    arrival.addressed = len(waits_ms)
    for wait_ms in waits_ms:
        arrival.reach(1, BORN_MS + wait_ms)
    return arrival


def over_the_wire(arrival: Arrival) -> ArrivalCounts:
    return msgspec.json.decode(msgspec.json.encode(arrival.told()), type=ArrivalCounts)


@PROPERTY
@given(st.lists(WAITS, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_gateways_added_up_in_any_order_are_one_gateway_with_all_their_viewers(
    gateways: list[list[int]], chance: random.Random
) -> None:
    parts = [over_the_wire(arrived(waits)) for waits in gateways]
    together = arrived([wait for waits in gateways for wait in waits]).told()
    assert added_up(parts) == together
    chance.shuffle(parts)
    half = len(parts) // 2
    assert added_up([added_up(some) for some in (parts[:half], parts[half:]) if some]) == together


@PROPERTY
@given(st.lists(st.integers(-5, 100_000), min_size=1, max_size=200), st.sampled_from([50, 99]))
def test_a_percentile_is_never_too_short_and_at_most_three_tenths_too_long(
    waits: list[int], percent: int
) -> None:
    exact_ms = max(0, sorted(waits)[math.ceil(len(waits) * percent / 100) - 1])
    told_ms = percentile_ms(arrived(waits).told(), percent)
    assert told_ms is not None
    assert exact_ms <= told_ms <= max(exact_ms + 1, exact_ms * 1.3)


def test_the_bounds_rise_and_what_took_longer_than_the_last_is_in_the_last() -> None:
    assert list(BOUNDS_MS) == sorted(set(BOUNDS_MS))
    assert 1_000 in BOUNDS_MS, "the line between fast and slow is a bound, and so told exactly"
    assert bucket_of(10**9) == len(BOUNDS_MS) - 1


def test_what_nobody_has_took_no_time() -> None:
    line = line_of(arrived([]).told())
    assert (line["addressed"], line["reached"], line["p50_ms"], line["p99_ms"]) == (
        0,
        0,
        None,
        None,
    )


def test_viewers_of_a_gateway_that_has_not_heard_of_it_wait_for_it_too() -> None:
    line = line_of(arrived([5, 5, 80]).told(), unheard=40)
    assert (line["addressed"], line["reached"]) == (43, 3)
    assert (line["p50_ms"], line["p99_ms"]) == (5, 80)


def test_one_who_was_behind_counts_from_the_fact_to_the_moment_of_catching_up() -> None:
    arrival = arrived([5] * 9)
    arrival.addressed, arrival.behind = 10, 1
    arrival.catch_up(BORN_MS + 4_000)
    line = line_of(arrival.told())
    assert (line["reached"], line["behind"], line["p99_ms"]) == (10, 0, 4_000)


def test_what_a_gateway_tells_stays_below_its_bound() -> None:
    arrival = Arrival("allocations.merged", 10**9, BORN_MS)
    arrival.addressed = arrival.reached = arrival.behind = 20_000
    arrival.counts = [20_000] * len(BOUNDS_MS)
    assert ARRIVALS_KEPT * len(msgspec.json.encode(arrival.told())) <= 2_900
