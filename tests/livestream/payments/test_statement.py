"""The provider's account beside the books: what differs is named, payment by payment."""

import pytest

from cart.books import Books
from cart.order import Payment, PaymentStatus
from livestream.payments.statement import Amount, Statement, differences

PRICE = Amount(28_800, "CNY")


def books_with(status: PaymentStatus) -> Books:
    return Books(payments={"p1": Payment("p1", "o1", "tok", 28_800, "CNY", status)})


def statement(captured: Amount | None, returned: Amount | None = None) -> Statement:
    return Statement(
        {} if captured is None else {"p1": captured}, {} if returned is None else {"p1": returned}
    )


@pytest.mark.parametrize(
    ("status", "account"),
    [
        (PaymentStatus.CONFIRMED, statement(PRICE)),
        (PaymentStatus.REFUNDED, statement(PRICE, PRICE)),
        (PaymentStatus.DECLINED, statement(None)),
        # The provider owes an answer, and may have acted already or not.
        (PaymentStatus.STARTED, statement(None)),
        (PaymentStatus.STARTED, statement(PRICE)),
        (PaymentStatus.REFUNDING, statement(PRICE)),
        (PaymentStatus.REFUNDING, statement(PRICE, PRICE)),
    ],
)
def test_nothing_differs(status: PaymentStatus, account: Statement) -> None:
    assert list(differences(books_with(status), account)) == []


@pytest.mark.parametrize(
    ("status", "account", "said"),
    [
        (PaymentStatus.CONFIRMED, statement(None), "captured nothing by the provider's account"),
        (PaymentStatus.CONFIRMED, statement(Amount(28_801, "CNY")), "captured CNY 288.01"),
        (PaymentStatus.CONFIRMED, statement(Amount(28_800, "HKD")), "captured HKD 288.00"),
        (PaymentStatus.CONFIRMED, statement(PRICE, PRICE), "returned CNY 288.00"),
        (PaymentStatus.REFUNDED, statement(PRICE), "returned nothing"),
        (PaymentStatus.DECLINED, statement(PRICE), "captured CNY 288.00"),
    ],
)
def test_what_differs_is_named(status: PaymentStatus, account: Statement, said: str) -> None:
    (difference,) = differences(books_with(status), account)
    assert difference.startswith("p1: ")
    assert said in difference


def test_money_that_the_books_do_not_know_of_is_named() -> None:
    (difference,) = differences(Books(), statement(PRICE))
    assert "not in the books" in difference


def test_net_is_told_by_currency() -> None:
    account = Statement({"a": PRICE, "b": Amount(5, "HKD")}, {"c": Amount(800, "CNY")})
    assert (account.net_minor("CNY"), account.net_minor("HKD")) == (28_000, 5)
