"""The closed list of refusals."""

import pytest

from cart import outcome
from cart.outcome import ErrorCode

RETRYABLE = {"all_held", "not_open", "payment_declined", "rate_limited", "busy"}


@pytest.mark.parametrize("code", list(ErrorCode))
def test_only_what_may_change_by_itself_is_worth_a_retry(code: ErrorCode) -> None:
    assert code.retryable is (code.value in RETRYABLE)


def test_the_table_at_the_top_lists_every_code_and_nothing_else() -> None:
    table = outcome.__doc__ or ""
    rows = [line.split() for line in table.splitlines() if line.startswith("    ")]
    listed = {row[0]: row[1] == "yes" for row in rows if row[1:2] and row[1] in ("yes", "no")}
    assert listed == {code.value: code.retryable for code in ErrorCode}
