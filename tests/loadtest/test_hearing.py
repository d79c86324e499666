"""What one viewer heard and another did not is a gap, and nothing else is."""

from loadtest.hearing import Hearing


def test_a_missing_announcement_between_two_heard_ones_is_a_gap() -> None:
    hearing = Hearing()
    whole, broken = hearing.begin(10), hearing.begin(10)
    assert all(hearing.heard(whole, seq) for seq in (12, 15, 19))
    assert all(hearing.heard(broken, seq) for seq in (12, 19))
    assert list(hearing.gaps()) == [1]


def test_numbers_that_nobody_heard_are_no_gap() -> None:
    hearing = Hearing()
    assert hearing.heard(hearing.begin(1), 1_000)
    assert list(hearing.gaps()) == []


def test_what_was_announced_before_coming_and_after_leaving_is_not_missed() -> None:
    hearing = Hearing()
    host, guest = hearing.begin(0), hearing.begin(2)
    assert all(hearing.heard(host, seq) for seq in (1, 3, 5))
    assert hearing.heard(guest, 3)
    assert list(hearing.gaps()) == []


def test_who_stayed_to_the_end_must_have_heard_the_end() -> None:
    hearing = Hearing()
    one, other = hearing.begin(0), hearing.begin(0)
    for seq in (1, 2):
        assert hearing.heard(one, seq)
    assert hearing.heard(other, 1)
    hearing.ended(2)
    other.stayed = True
    assert list(hearing.gaps()) == [1]


def test_a_resume_that_repeats_an_announcement_counts_it_once() -> None:
    hearing = Hearing()
    span = hearing.begin(0)
    assert hearing.heard(span, 4)
    assert not hearing.heard(span, 4)
    assert (span.heard, span.last) == (1, 4)
    assert list(hearing.gaps()) == []
