"""Flash prices: at every moment one price, and a hold keeps the one of its moment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cart.outcome import ErrorCode
from cart.price import FlashPrice, flaw_in_flash, price_at
from tests.cart.till import PRICE_MINOR, SANTOS, Till, ok, refusal
from tests.properties import PROPERTY

HAPPY_HOUR = FlashPrice(2_000, 3_000, 100)
LAST_CALL = FlashPrice(3_000, 4_000, 300)


@pytest.mark.parametrize(
    ("now_ms", "price_minor"),
    [(1_999, 500), (2_000, 100), (2_999, 100), (3_000, 300), (3_999, 300), (4_000, 500)],
)
def test_a_window_holds_from_its_first_moment_and_no_longer_at_its_last(
    now_ms: int, price_minor: int
) -> None:
    assert price_at(500, [LAST_CALL, HAPPY_HOUR], now_ms) == price_minor


@pytest.mark.parametrize(
    ("windows", "flaw"),
    [
        ([], ""),
        ([LAST_CALL, HAPPY_HOUR], ""),
        ([FlashPrice(5, 5, 1)], "ends before it begins"),
        ([FlashPrice(5, 4, 1)], "ends before it begins"),
        ([LAST_CALL, FlashPrice(3_999, 5_000, 1)], "overlap at 3999"),
        ([HAPPY_HOUR, HAPPY_HOUR], "overlap at 2000"),
    ],
)
def test_windows_that_leave_two_prices_or_none_are_told_apart(
    windows: list[FlashPrice], flaw: str
) -> None:
    found = flaw_in_flash(windows)
    assert flaw in (found or "")
    assert (found is not None) is bool(flaw)


WINDOWS = st.lists(
    st.builds(FlashPrice, st.integers(0, 30), st.integers(0, 30), st.integers(0, 9)), max_size=8
)


@PROPERTY
@given(windows=WINDOWS, now_ms=st.integers(0, 31))
def test_windows_without_a_flaw_give_one_price_in_whatever_order(
    windows: list[FlashPrice], now_ms: int
) -> None:
    holding = [window for window in windows if window.from_ms <= now_ms < window.until_ms]
    if not flaw_in_flash(windows):
        assert len(holding) <= 1
        assert price_at(500, windows, now_ms) == price_at(500, windows[::-1], now_ms)


def test_a_hold_keeps_the_price_of_its_moment() -> None:
    till = Till()
    flash = [FlashPrice(till.now_ms + 1_000, till.now_ms + 2_000, 1_000_000)]
    till.sell(supply=3, limit=3, flash=flash)
    till.add("wang")
    till.wait(1_000)
    assert ok(till.add("wang"))["price_minor"] == 1_000_000
    till.wait(1_000)
    till.add("wang")
    order = ok(till.check_out("wang"))
    prices = [line["price_minor"] for line in order["lines"]]
    assert prices == [PRICE_MINOR, 1_000_000, PRICE_MINOR]
    assert order["total_minor"] == 2 * PRICE_MINOR + 1_000_000


def test_a_retry_after_the_window_gets_the_first_answer() -> None:
    till = Till()
    till.sell(flash=[FlashPrice(till.now_ms, till.now_ms + 1_000, 1)])
    first = ok(till.add("wang", command_id="again"))
    till.wait(1_000)
    assert ok(till.add("wang", command_id="again")) == first
    assert first["price_minor"] == 1


def test_a_drop_with_overlapping_prices_is_not_scheduled() -> None:
    till = Till()
    assert refusal(till.schedule(flash=[HAPPY_HOUR, HAPPY_HOUR])) is ErrorCode.INVALID
    assert SANTOS not in till.counter.books.drops
