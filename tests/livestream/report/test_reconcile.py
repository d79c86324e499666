"""Orders = books = payments = metrics, and what it takes for them to differ."""

from typing import Any

import msgspec
import pytest
from msgspec import structs

from cart.order import PaymentStatus
from livestream import commands
from livestream.engine.ledger import ChatCounts, EngineCounts, ledger_of
from livestream.engine.pulse import total
from livestream.flight import Watch
from livestream.payments.statement import Amount, Statement
from livestream.report import Report, Surroundings, csv_of, html_of, report_of, text_of
from livestream.report.figures import Comparison, Reconciliation
from livestream.report.reconcile import OUTSIDE, reconcile
from livestream.report.words import figure_name, sources
from tests.livestream.presales import DEPOSIT_MINOR, HOUR_MS, deposit, presale_stage
from tests.livestream.stage import PRICE_MINOR, SANTOS, Stage, ok


def told_by_engine(stage: Stage) -> dict[str, Any]:
    """The ledger as the engine would tell it now, over the wire."""
    room = stage.room
    engine: EngineCounts = {
        "decisions": 0,
        "records": 0,
        "append_ms_last": 0.0,
        "append_ms_worst": 0.0,
        "inbox_wait_ms_worst": 0,
        "since_ms": stage.now_ms,
    }
    chat: ChatCounts = {"shown": 0, "skipped": 0, "blocked": 0}
    ledger = ledger_of(room, "e", stage.now_ms, total({}, 0, 0, 0), chat, {}, engine, Watch())
    read: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(ledger))
    return read


GIVEN_BACK = (PaymentStatus.REFUNDING, PaymentStatus.REFUNDED)


def told_by_provider(stage: Stage) -> Statement:
    """The provider's account of all that it was asked."""
    statement = Statement({}, {})
    for payment_id, payment in stage.room.state.books.payments.items():
        amount = Amount(payment.amount_minor, payment.currency)
        if payment.status in (*GIVEN_BACK, PaymentStatus.CONFIRMED):
            statement.captured[payment_id] = amount
    for refund in stage.room.state.books.refunds.values():
        if refund.settled:
            statement.returned[refund.refund_id] = Amount(refund.amount_minor, refund.currency)
    return statement


def settle_refunds(stage: Stage) -> None:
    for refund in list(stage.room.state.books.refunds.values()):
        if not refund.settled:
            ok(stage.provider(commands.RefundSettled(refund.payment_id, refund.refund_id)))


def report_with(
    stage: Stage, ledger: dict[str, Any] | None, statement: Statement | None = None
) -> Report:
    beside = Surroundings(ledger=ledger, statement=statement or Statement({}, {}))
    return report_of("evening", stage.log, beside)


def differing(told: Reconciliation) -> set[str]:
    return {line.figure for line in told.figures if not line.agrees}


def line_of(told: Reconciliation, figure: str) -> Comparison:
    return next(line for line in told.figures if line.figure == figure)


@pytest.fixture
def settled() -> Stage:
    """An evening with a decline, a refund and a return, about which nothing is under way."""
    stage = Stage()
    stage.begin()
    stage.sell(supply=3)
    stage.sell("ring", supply=2, price_minor=500_000)
    late = stage.pay("anna", stage.place("anna", "ring"))
    stage.wait(400_000)
    stage.buy("bob", "ring")
    stage.buy("eve", "ring")
    ok(stage.approve(late))
    order_id = stage.place("eve")
    ok(stage.provider(commands.PaymentDeclined(stage.pay("eve", order_id), "no cover")))
    ok(stage.approve(stage.pay("eve", order_id)))
    ok(stage.desk(commands.OrderRefund(stage.buy("wang"), restock=True)))
    settle_refunds(stage)
    return stage


def test_all_five_sources_agree_to_the_fen(settled: Stage) -> None:
    told = report_with(settled, told_by_engine(settled), told_by_provider(settled)).reconciliation
    gross, back = 2 * PRICE_MINOR + 1_000_000, PRICE_MINOR
    assert told.agrees
    for figure, value in (("gross", gross), ("refunded", back), ("net", gross - back)):
        line = line_of(told, figure)
        assert line.currency == "CNY"
        assert set(sources(line).values()) == {value}
    assert sources(line_of(told, "orders paid")) == {
        "orders": 4,
        "books": 4,
        "payments": 4,
        "provider": None,
        "metrics": 4,
    }
    assert line_of(told, "units sold").metrics == 4
    assert told.not_compared == [OUTSIDE], "and the rest is said plainly"


def test_parts_that_went_back_are_in_all_five(settled: Stage) -> None:
    order_id = settled.buy("sun")
    for number, part in enumerate((1, 80_000)):
        asked = commands.OrderRefund(order_id, amount_minor=part, request_id=f"r{number}")
        ok(settled.desk(asked))
    settle_refunds(settled)
    told = report_with(settled, told_by_engine(settled), told_by_provider(settled)).reconciliation
    assert told.agrees
    assert set(sources(line_of(told, "refunded")).values()) == {PRICE_MINOR + 80_001}
    assert line_of(told, "orders refunded").payments == 1, "an order of which a part is back stays"


@pytest.fixture
def presales() -> Stage:
    """Of four deposits one is in a paid order, one forfeited, one refunded, one still waits."""
    stage, terms = presale_stage()
    stage.sell("ring", price_minor=900_000, presale=structs.replace(terms, on_default="refund"))
    later = structs.replace(terms, balance_until_ms=terms.balance_until_ms + HOUR_MS)
    stage.sell("clutch", price_minor=900_000, presale=later)
    for viewer, sku in (("wang", SANTOS), ("li", SANTOS), ("li", "ring"), ("li", "clutch")):
        deposit(stage, viewer, sku)
    stage.wait(terms.balance_from_ms - stage.now_ms)
    ok(stage.approve(stage.pay("wang", "o1")))
    stage.wait(HOUR_MS)
    settle_refunds(stage)
    return stage


def test_deposits_that_are_kept_are_no_gmv_and_agree_everywhere(presales: Stage) -> None:
    report = report_with(presales, told_by_engine(presales), told_by_provider(presales))
    told = report.reconciliation
    assert told.agrees, told
    assert set(sources(line_of(told, "gross")).values()) == {PRICE_MINOR}
    assert set(sources(line_of(told, "deposits")).values()) == {2 * DEPOSIT_MINOR}
    assert line_of(told, "orders paid").payments == 1
    assert report.orders["deposited"] == report.orders["paid"] == 1
    assert report.orders["defaulted"] == 2
    assert figure_name(line_of(told, "deposits")) == "deposits kept, CNY"
    (row,) = report.gmv
    assert row.deposits_minor == 4 * DEPOSIT_MINOR
    assert row.deposits_applied_minor == DEPOSIT_MINOR
    assert row.deposits_forfeited_minor == DEPOSIT_MINOR
    assert row.deposits_refunded_minor == DEPOSIT_MINOR
    assert "deposits: CNY 20,000.00 received" in text_of(report)
    assert "deposits_forfeited_minor" in csv_of(report)
    assert "In paid orders" in html_of(report)


def test_a_deposit_that_the_provider_gave_back_is_found(presales: Stage) -> None:
    statement = told_by_provider(presales)
    statement.returned["o2-p1-r1"] = statement.captured["o2-p1"]
    told = report_with(presales, told_by_engine(presales), statement).reconciliation
    assert not told.agrees


def test_a_refund_of_both_payments_is_one_refunded_order(presales: Stage) -> None:
    ok(presales.desk(commands.OrderRefund("o1")))
    settle_refunds(presales)
    told = report_with(presales, told_by_engine(presales), told_by_provider(presales))
    assert told.reconciliation.agrees, told.reconciliation
    assert line_of(told.reconciliation, "orders refunded").payments == 1


def test_a_fen_that_the_provider_took_too_much_is_found(settled: Stage) -> None:
    statement = told_by_provider(settled)
    payment_id, amount = next(iter(statement.captured.items()))
    statement.captured[payment_id] = Amount(amount.amount_minor + 1, amount.currency)
    told = report_with(settled, told_by_engine(settled), statement).reconciliation
    assert "net" in differing(told)


def test_money_that_the_provider_never_gave_back_is_found(settled: Stage) -> None:
    statement = told_by_provider(settled)
    statement.returned.clear()
    told = report_with(settled, told_by_engine(settled), statement).reconciliation
    assert differing(told) == {"refunded", "net"}


def test_while_a_refund_is_under_way_the_provider_is_not_asked(stage: Stage) -> None:
    told = report_with(stage, told_by_engine(stage), told_by_provider(stage)).reconciliation
    assert told.agrees
    assert "of 1 payments news is due" in told.not_compared[0]


def test_a_provider_that_keeps_no_account_here_is_not_compared(settled: Stage) -> None:
    told = report_with(settled, told_by_engine(settled)).reconciliation
    assert told.agrees
    assert told.not_compared[0] == "the provider's account: it keeps none here"


def test_money_that_came_too_late_and_went_back_is_in_no_sum() -> None:
    stage = Stage()
    stage.begin()
    stage.sell(supply=1)
    late = stage.pay("anna", stage.place("anna"))
    stage.wait(400_000)
    stage.buy("bob")
    ok(stage.approve(late))
    told = report_with(stage, told_by_engine(stage)).reconciliation
    assert stage.room.state.books.payments[late].status is PaymentStatus.REFUNDING
    assert told.agrees
    assert line_of(told, "gross").payments == PRICE_MINOR


def test_currencies_are_not_mixed() -> None:
    stage = Stage()
    stage.begin()
    stage.sell(supply=1)
    stage.sell("ring", supply=1, currency="JPY", price_minor=500)
    stage.buy("anna")
    stage.buy("bob", "ring")
    told = report_with(stage, told_by_engine(stage)).reconciliation
    assert told.agrees
    gross = {line.currency: line.orders for line in told.figures if line.figure == "gross"}
    assert gross == {"CNY": PRICE_MINOR, "JPY": 500}


@pytest.mark.parametrize(
    ("ledger", "why"),
    [
        (None, "no engine has told"),
        ({"seq": 3, "totals": [], "orders": {}, "takings": []}, "another version"),
        ({"hello": "world"}, "another version"),
    ],
)
def test_it_is_said_when_the_metrics_were_not_compared(
    stage: Stage, ledger: dict[str, Any] | None, why: str
) -> None:
    told = report_with(stage, ledger).reconciliation
    assert told.agrees, "of what was compared"
    assert all(line.metrics is None for line in told.figures)
    assert why in told.not_compared[1]


def test_a_ledger_of_another_moment_is_not_compared(stage: Stage) -> None:
    earlier = told_by_engine(stage) | {"seq": 7}
    told = report_with(stage, earlier).reconciliation
    assert told.agrees
    assert f"seq 7, the log at {stage.room.state.seq}" in told.not_compared[1]


def test_a_fen_too_much_in_the_metrics_is_found(stage: Stage) -> None:
    ledger = told_by_engine(stage)
    ledger["totals"][0]["gross_minor"] += 1
    told = report_with(stage, ledger).reconciliation
    assert not told.agrees
    assert differing(told) == {"gross"}


def test_an_order_too_few_in_the_metrics_is_found(stage: Stage) -> None:
    ledger = told_by_engine(stage)
    ledger["orders"]["paid"] -= 1
    assert differing(report_with(stage, ledger).reconciliation) == {"orders paid"}


def test_a_currency_that_only_the_metrics_know_is_found(stage: Stage) -> None:
    ledger = told_by_engine(stage)
    extra = {"currency": "JPY", "gross_minor": 5, "refunded_minor": 0, "net_minor": 5}
    ledger["totals"].append(extra)
    assert differing(report_with(stage, ledger).reconciliation) == {"gross", "net"}


def test_running_sums_that_went_wrong_are_found() -> None:
    stage = Stage()
    stage.begin()
    stage.sell(supply=3)
    stage.buy("anna")
    books = stage.room.state.books
    paying = set(books.payments)
    books.takings["CNY"][SANTOS]["tmall"].gross_minor += 1
    told = reconcile(books, 1, paying, Surroundings())
    assert differing(told) == {"gross", "net"}


def test_a_payment_that_belongs_to_nothing_is_found() -> None:
    stage = Stage()
    stage.begin()
    stage.sell(supply=3)
    stage.buy("anna")
    books = stage.room.state.books
    told = reconcile(books, 1, set(), Surroundings())
    assert differing(told) == {"gross", "orders paid"}
    (payment,) = books.payments.values()
    payment.status = PaymentStatus.DECLINED
    assert "net" in differing(reconcile(books, 1, set(books.payments), Surroundings()))
