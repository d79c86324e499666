"""Stock: no sequence of moves, however silly, makes the five numbers disagree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cart.stock import BrokenBooksError, Stock
from tests.properties import PROPERTY

MOVES = ("hold", "release", "sell", "take_back", "write_off", "withdraw", "restock")


@PROPERTY
@given(
    supply=st.integers(1, 20),
    moves=st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 25)), max_size=60),
)
def test_any_moves_leave_the_equation_true_or_are_refused(
    supply: int, moves: list[tuple[str, int]]
) -> None:
    stock = Stock(supplied=supply, available=supply)
    for move, units in moves:
        before = (stock.supplied, stock.available, stock.held, stock.sold, stock.withdrawn)
        try:
            getattr(stock, move)(units)
        except BrokenBooksError:
            after = (stock.supplied, stock.available, stock.held, stock.sold, stock.withdrawn)
            assert after == before, "a refused move changes nothing"
        assert stock.balanced


@pytest.mark.parametrize(
    ("move", "columns"),
    [
        ("hold", (10, 1, 4, 3, 2)),
        ("release", (10, 3, 2, 3, 2)),
        ("sell", (10, 2, 2, 4, 2)),
        ("take_back", (10, 3, 3, 2, 2)),
        ("write_off", (10, 2, 3, 2, 3)),
        ("withdraw", (10, 1, 3, 3, 3)),
        ("restock", (11, 3, 3, 3, 2)),
    ],
)
def test_each_move_takes_one_unit_from_its_column_to_its_column(
    move: str, columns: tuple[int, int, int, int, int]
) -> None:
    stock = Stock(supplied=10, available=2, held=3, sold=3, withdrawn=2)
    getattr(stock, move)(1)
    left = (stock.supplied, stock.available, stock.held, stock.sold, stock.withdrawn)
    assert left == columns


@pytest.mark.parametrize("move", [m for m in MOVES if m != "restock"])
def test_a_unit_that_is_not_there_cannot_be_moved(move: str) -> None:
    stock = Stock(supplied=0, available=0)
    with pytest.raises(BrokenBooksError):
        getattr(stock, move)(1)


def test_a_column_below_zero_is_not_balanced_even_if_the_sum_is_right() -> None:
    assert not Stock(supplied=1, available=-1, held=1, sold=1).balanced


@pytest.mark.parametrize(
    ("stock", "exhausted"),
    [
        (Stock(supplied=1, available=1), False),
        (Stock(supplied=1, available=0, held=1), False),
        (Stock(supplied=1, available=0, sold=1), True),
        (Stock(supplied=1, available=0, withdrawn=1), True),
    ],
)
def test_stock_is_exhausted_when_nothing_is_free_and_nothing_may_come_back(
    stock: Stock, exhausted: bool
) -> None:
    assert stock.exhausted is exhausted
