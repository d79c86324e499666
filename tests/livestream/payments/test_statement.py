"""The provider's account beside the books: what differs is named, payment by payment."""

import pytest

from cart.books import Books
from cart.order import Payment, PaymentStatus
from cart.refund import Refund, RefundLine, refund_id_of
from livestream.payments.statement import Amount, Statement, differences

PRICE = Amount(28_800, "CNY")


GIVEN_BACK = (PaymentStatus.REFUNDING, PaymentStatus.REFUNDED)


def books_with(status: PaymentStatus) -> Books:
    books = Books(payments={"p1": Payment("p1", "o1", "tok", 28_800, "CNY", status)})
    if status in GIVEN_BACK:
        refund(books, 28_800, settled=status is PaymentStatus.REFUNDED)
    return books


def refund(books: Books, amount_minor: int, settled: bool) -> None:
    payment = books.payments["p1"]
    payment.refunds += 1
    name = refund_id_of("p1", payment.refunds)
    lines = [RefundLine("h1", 0, amount_minor)]
    books.refunds[name] = Refund(name, "p1", "o1", amount_minor, "CNY", lines, settled=settled)


def statement(captured: Amount | None, *returned: Amount) -> Statement:
    return Statement(
        {} if captured is None else {"p1": captured},
        {refund_id_of("p1", number): amount for number, amount in enumerate(returned, 1)},
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
        (PaymentStatus.CONFIRMED, statement(PRICE, PRICE), "refund that is not in the books"),
        (PaymentStatus.REFUNDED, statement(PRICE), "returned nothing"),
        (PaymentStatus.DECLINED, statement(PRICE), "captured CNY 288.00"),
    ],
)
def test_what_differs_is_named(status: PaymentStatus, account: Statement, said: str) -> None:
    (difference,) = differences(books_with(status), account)
    assert difference.startswith(("p1: ", "p1-r1: "))
    assert said in difference


def test_parts_are_compared_by_their_own_names() -> None:
    books = books_with(PaymentStatus.CONFIRMED)
    refund(books, 800, settled=True)
    refund(books, 1_000, settled=False)
    back = Amount(800, "CNY")
    assert list(differences(books, statement(PRICE, back))) == []
    assert list(differences(books, statement(PRICE, back, Amount(1_000, "CNY")))) == []
    (difference,) = differences(books, statement(PRICE, Amount(801, "CNY")))
    assert "p1-r1: returned CNY 8.01" in difference


def test_money_that_came_wrong_was_captured_and_given_back_as_it_came() -> None:
    books = Books(payments={"p1": Payment("p1", "o1", "tok", 1, "CNY", PaymentStatus.REFUNDED, 1)})
    books.refunds["p1-r1"] = Refund("p1-r1", "p1", "o1", 28_800, "CNY", settled=True)
    assert list(differences(books, statement(PRICE, PRICE))) == []


def test_money_that_the_books_do_not_know_of_is_named() -> None:
    (difference,) = differences(Books(), statement(PRICE))
    assert "not in the books" in difference


def test_net_is_told_by_currency() -> None:
    account = Statement({"a": PRICE, "b": Amount(5, "HKD")}, {"c": Amount(800, "CNY")})
    assert (account.net_minor("CNY"), account.net_minor("HKD")) == (28_000, 5)
