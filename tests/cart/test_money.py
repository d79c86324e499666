"""Money is whole numbers of minor units, with its currency, and small enough to count exactly."""

import pytest

from cart.bounds import LINES_MAX, OPTIONS_MAX, QUANTITY_MAX
from cart.money import (
    AMOUNT_MINOR_MAX,
    CURRENCIES,
    MINOR_DIGITS,
    OPTION_PRICE_MINOR_MAX,
    PRICE_MINOR_MAX,
    Currency,
    format_minor,
)


@pytest.mark.parametrize(
    ("amount_minor", "currency", "written"),
    [
        (2_880_000, "CNY", "CNY 28,800.00"),
        (5, "EUR", "EUR 0.05"),
        (0, "USD", "USD 0.00"),
        (-199, "GBP", "GBP -1.99"),
        (-100_000, "HKD", "HKD -1,000.00"),
        (450_000, "JPY", "JPY 450,000"),
        (-450_000, "KRW", "KRW -450,000"),
        (12_345_678, "KWD", "KWD 12,345.678"),
        (-5, "BHD", "BHD -0.005"),
    ],
)
def test_an_amount_is_written_as_people_read_it(
    amount_minor: int, currency: Currency, written: str
) -> None:
    assert format_minor(amount_minor, currency) == written


def test_every_currency_says_how_many_digits_its_minor_unit_has() -> None:
    assert set(MINOR_DIGITS) == set(CURRENCIES)


def test_fifty_of_the_largest_orders_still_add_up_exactly_in_a_javascript_client() -> None:
    dearest_piece = PRICE_MINOR_MAX + OPTIONS_MAX * OPTION_PRICE_MINOR_MAX
    largest_order = dearest_piece * QUANTITY_MAX * LINES_MAX
    assert 50 * largest_order <= AMOUNT_MINOR_MAX
    assert float(AMOUNT_MINOR_MAX) == AMOUNT_MINOR_MAX
    assert float(AMOUNT_MINOR_MAX + 2) != AMOUNT_MINOR_MAX + 2
