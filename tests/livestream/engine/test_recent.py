"""What the engine remembers of the last seconds."""

from hypothesis import given
from hypothesis import strategies as st

from livestream.engine.recent import MINUTE_MS, WINDOW_MS, Growth, Worst
from tests.properties import PROPERTY


@PROPERTY
@given(st.lists(st.tuples(st.integers(0, 4_000), st.integers(0, 1_000)), min_size=1, max_size=40))
def test_the_worst_of_the_last_five_seconds_is_known_and_nothing_older_than_ten(
    steps: list[tuple[int, int]],
) -> None:
    worst = Worst()
    at_ms, noted = 1_000_000, []
    for pause_ms, number in steps:
        at_ms += pause_ms
        worst.note(number, at_ms)
        noted.append((at_ms, number))
        told = worst.of(at_ms)
        assert told >= max(n for ms, n in noted if ms > at_ms - WINDOW_MS)
        assert told in [n for ms, n in noted if ms > at_ms - 2 * WINDOW_MS]


def test_the_worst_is_forgotten_where_nothing_comes_after_it() -> None:
    worst = Worst()
    worst.note(900, 1_000_000)
    assert worst.of(1_000_000 + 2 * WINDOW_MS) == 0


def test_what_grew_in_the_last_minute_is_told_from_the_second_look_on() -> None:
    growth = Growth()
    assert growth.note(500, 0) == 0, "what was there before is no growth"
    assert growth.note(530, 1_000) == 30
    assert growth.note(530, MINUTE_MS) == 30
    assert growth.note(540, MINUTE_MS + 1_000) == 10
    assert growth.note(540, 5 * MINUTE_MS) == 0
