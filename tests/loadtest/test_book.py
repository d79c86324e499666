"""Many processes tell, and the sum says who is here, who missed what, and how long things took."""

from collections.abc import Sequence
from typing import Any, cast

from loadtest.book import Book, Library, percentile, summary


def book(announcements: Sequence[int] = (), **told: Any) -> Book:
    empty = Book(
        here_by_second={},
        rows={},
        frames={},
        bytes=0,
        landmarks={},
        joined=0,
        lost=0,
        announcements=list(announcements),
        spans=1,
        gaps=[],
        failed="",
        final=False,
    )
    return cast(Book, {**empty, **told})


def test_a_later_book_stands_for_the_earlier_one() -> None:
    library = Library()
    library.keep("a", book(joined=3))
    library.keep("a", book(joined=5))
    library.keep("b", book(joined=10))
    assert library.count("joined") == 15


def test_nothing_is_told_after_the_last_book() -> None:
    library = Library()
    library.keep("a", book(joined=5, final=True))
    library.keep("a", book(joined=4))
    assert (library.count("joined"), library.finals()) == (5, 1)


def test_what_one_process_heard_and_another_did_not_is_a_gap_for_all_of_its_viewers() -> None:
    library = Library()
    library.keep("a", book([3, 4, 7, 9], spans=100))
    library.keep("b", book([3, 7, 9], spans=40))
    assert library.gaps() == [1] * 40
    assert library.announcements() == 4


def test_who_came_later_or_left_earlier_missed_nothing() -> None:
    library = Library()
    library.keep("a", book([3, 4, 7, 9]))
    library.keep("b", book([4, 7]))
    assert library.gaps() == []


def test_a_process_that_is_silent_for_a_second_is_where_it_was() -> None:
    library = Library()
    library.keep("a", book(here_by_second={"10": 5, "11": 6, "12": 7}))
    library.keep("b", book(here_by_second={"10": 1, "12": 3}))
    assert library.timeline() == [(10, 6), (11, 7), (12, 10)]
    assert library.here() == 10


def test_rows_of_all_processes_are_one_row() -> None:
    library = Library()
    library.keep("a", book(rows={"JOIN enter": {"1": 49, "10": 1}}))
    library.keep("b", book(rows={"JOIN enter": {"1": 49, "20": 1}}))
    row = library.rows()["JOIN enter"]
    assert (percentile(row, 50), percentile(row, 99), percentile(row, 100)) == (1, 10, 20)
    assert summary(row)["spread_ms"] == 19
    assert summary({}) == {"count": 0}
