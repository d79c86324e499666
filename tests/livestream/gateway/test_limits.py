"""The rate limit: one int that admits what a token bucket admits."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from livestream.gateway.limits import AudienceLimits
from livestream.peers import Rate
from tests.properties import PROPERTY


class TokenBucket:
    """The bucket as the books have it, with exact arithmetic."""

    def __init__(self, interval_us: int, burst: int) -> None:
        self._interval_us = interval_us
        self._burst = burst
        self._tokens = Fraction(burst)
        self._at_us = 0

    def take(self, now_us: int, tokens: int) -> bool:
        refill = Fraction(now_us - self._at_us, self._interval_us)
        self._tokens = min(Fraction(self._burst), self._tokens + refill)
        self._at_us = now_us
        if self._tokens < tokens:
            return False
        self._tokens -= tokens
        return True


@PROPERTY
@given(
    per_second=st.integers(1, 1_000),
    burst=st.integers(1, 100),
    steps=st.lists(st.tuples(st.integers(0, 3_000_000), st.integers(1, 5)), max_size=50),
)
def test_one_int_admits_exactly_what_a_token_bucket_admits(
    per_second: int, burst: int, steps: list[tuple[int, int]]
) -> None:
    rate = Rate(per_second, burst)
    bucket = TokenBucket(1_000_000 // per_second, burst)
    state, now_us = 0, 1
    for pause_us, tokens in steps:
        now_us += pause_us
        after = rate.take(state, now_us, tokens)
        assert (after >= 0) == bucket.take(now_us, tokens)
        if after >= 0:
            state = after


def test_a_burst_then_the_rate() -> None:
    rate = Rate(per_second=10, burst=3)
    state = 0
    for _ in range(3):
        state = rate.take(state, 1_000_000)
        assert state > 0
    assert rate.take(state, 1_000_000) == -1
    assert rate.take(state, 1_099_999) == -1
    assert rate.take(state, 1_100_000) > 0


def test_a_full_house_of_slow_viewers_fits_its_sum() -> None:
    limits = AudienceLimits()
    assert 20_000 * limits.backlog_bytes_max <= 320 * 2**20
    assert limits.newcomers_max * limits.request_bytes_max <= 32 * 2**20
