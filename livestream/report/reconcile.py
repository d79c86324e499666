"""Whether it adds up: every figure of money and orders from five sources, side by side.

    orders     added up order by order, from the log
    books      the running sums that the engine keeps while it sells
    payments   added up payment by payment, as the log heard of them
    provider   what the payment provider's own account says of the same payments
    metrics    the ledger that the engine told last; /metrics is made from it

Owns the comparison. Pure. Refuses to explain a difference: that is the auditor's business.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping
from typing import Any, NamedTuple

from cart.books import Books, Takings
from cart.money import CURRENCIES, Currency
from cart.order import Order, OrderStatus, PaymentStatus
from livestream.payments.statement import Statement
from livestream.report.figures import Comparison, Reconciliation
from livestream.report.surroundings import Surroundings

#: What no report can compare: it is not where the report looks.
OUTSIDE = "what a Prometheus server has stored: compared is what it is given to scrape"
MONEY = ("gross", "refunded", "net")
#: Deposits of presales that are with the merchant and in no paid order: no part of GMV.
DEPOSITS = "deposits"
COUNTS = ("orders placed", "orders paid", "orders refunded", "units sold")
_SOLD = (OrderStatus.PAID, OrderStatus.REFUNDED)
_GIVEN_BACK = (PaymentStatus.REFUNDING, PaymentStatus.REFUNDED)


class _Sums(NamedTuple):
    """One source: money by (figure, currency), and plain counts by figure."""

    money: Tally[tuple[str, Currency]]
    counts: dict[str, int]


def reconcile(books: Books, seq: int, paying: set[str], beside: Surroundings) -> Reconciliation:
    """Compare. `paying` are the payments that paid orders; `seq` is where the log ends."""
    provider, provider_missing = _by_statement(books, paying, beside.statement)
    metrics, metrics_missing = _by_ledger(beside.ledger, seq)
    sources = {
        "orders": _by_order(books),
        "books": _by_books(books),
        "payments": _by_payment(books, paying),
        "provider": provider,
        "metrics": metrics,
    }
    figures = [
        _compare(figure, currency, sources)
        for currency in CURRENCIES
        if any(currency == used for source in sources.values() for _, used in _money(source))
        for figure in (*MONEY, DEPOSITS)
        if figure in MONEY or any(_money(s)[figure, currency] for s in sources.values())
    ]
    figures += [_compare(figure, None, sources) for figure in COUNTS]
    return Reconciliation(
        agrees=all(line.agrees for line in figures),
        figures=figures,
        not_compared=[why for why in (provider_missing, metrics_missing, OUTSIDE) if why],
    )


def _money(source: _Sums | None) -> Tally[tuple[str, Currency]]:
    return Tally() if source is None else source.money


def _compare(
    figure: str, currency: Currency | None, sources: Mapping[str, _Sums | None]
) -> Comparison:
    told = {name: _told(figure, currency, source) for name, source in sources.items()}
    known = {value for value in told.values() if value is not None}
    return Comparison(figure=figure, currency=currency, **told, agrees=len(known) == 1)


def _told(figure: str, currency: Currency | None, source: _Sums | None) -> int | None:
    if source is None:
        return None
    return source.counts.get(figure) if currency is None else source.money[figure, currency]


# -- the sources -------------------------------------------------------------------------------


def _by_order(books: Books) -> _Sums:
    money: Tally[tuple[str, Currency]] = Tally()
    statuses: Tally[OrderStatus] = Tally()
    units = 0
    for order in books.orders.values():
        statuses[order.status] += 1
        if order.status not in _SOLD:
            if _keeps_deposit(books, order):
                money[DEPOSITS, order.currency] += order.deposit_minor
            continue
        units += sum(line.quantity for line in order.lines)
        money["gross", order.currency] += order.total_minor
        money["refunded", order.currency] += order.refunded_minor
        money["net", order.currency] += order.total_minor - order.refunded_minor
    return _Sums(
        money,
        {
            "orders placed": len(books.orders),
            "orders paid": sum(statuses[status] for status in _SOLD),
            "orders refunded": statuses[OrderStatus.REFUNDED],
            "units sold": units,
        },
    )


def _keeps_deposit(books: Books, order: Order) -> bool:
    if order.status is OrderStatus.DEFAULTED:
        presale = books.drops[order.lines[0].drop_id].terms.presale
        return presale is not None and presale.on_default == "forfeit"
    return order.status is OrderStatus.DEPOSITED


def _by_books(books: Books) -> _Sums:
    money: Tally[tuple[str, Currency]] = Tally()
    units = 0
    for currency in CURRENCIES:
        for row in _rows(books, currency):
            money["gross", currency] += row.gross_minor
            money["refunded", currency] += row.refunded_minor
            money["net", currency] += row.net_minor
            money[DEPOSITS, currency] += row.deposits_kept_minor
            units += row.units_sold
    return _Sums(
        money,
        {
            "orders placed": books.orders_placed,
            "orders paid": books.orders_paid,
            "orders refunded": books.orders_refunded,
            "units sold": units,
        },
    )


def _rows(books: Books, currency: Currency) -> list[Takings]:
    by_sku = books.takings.get(currency, {})
    return [row for by_channel in by_sku.values() for row in by_channel.values()]


def _by_payment(books: Books, paying: set[str]) -> _Sums:
    """A payment that was confirmed and returned without having paid anything is in none of the
    sums; what stays of a confirmed one is in `net`, whether it paid an order or not: money that
    belongs to nothing would show. Only a deposit may stay without an order that is paid.
    """
    money: Tally[tuple[str, Currency]] = Tally()
    refunded: set[str] = set()
    for payment_id, payment in books.payments.items():
        back = sum(refund.amount_minor for refund in books.refunds_of(payment))
        if payment_id in paying:
            money["gross", payment.currency] += payment.amount_minor
            money["refunded", payment.currency] += back
            if payment.status in _GIVEN_BACK:
                refunded.add(payment.order_id)
        if payment.status is PaymentStatus.CONFIRMED:
            kept_as = _kept_as(books, paying, payment_id)
            money[kept_as, payment.currency] += payment.amount_minor - back
    paid = {books.payments[payment_id].order_id for payment_id in paying}
    return _Sums(money, {"orders paid": len(paid), "orders refunded": len(refunded)})


def _kept_as(books: Books, paying: set[str], payment_id: str) -> str:
    """The figure in which money of a payment is that was captured and did not go back."""
    payment = books.payments.get(payment_id)
    is_deposit = payment is not None and payment.part == "deposit"
    return DEPOSITS if is_deposit and payment_id not in paying else "net"


def _by_statement(books: Books, paying: set[str], statement: Statement) -> tuple[_Sums | None, str]:
    """The provider's account, once nothing is under way between it and the room."""
    if books.unsettled:
        return None, f"the provider's account: of {len(books.unsettled):,} payments news is due"
    if books.payments and not statement.captured:
        return None, "the provider's account: it keeps none here"
    money: Tally[tuple[str, Currency]] = Tally()
    for payment_id, amount in statement.captured.items():
        money[_kept_as(books, paying, payment_id), amount.currency] += amount.amount_minor
        if payment_id in paying:
            money["gross", amount.currency] += amount.amount_minor
    for refund_id, amount in statement.returned.items():
        refund = books.refunds.get(refund_id)
        payment_id = "" if refund is None else refund.payment_id
        money[_kept_as(books, paying, payment_id), amount.currency] -= amount.amount_minor
        if payment_id in paying:
            money["refunded", amount.currency] += amount.amount_minor
    return _Sums(money, {}), ""


def _by_ledger(ledger: Mapping[str, Any] | None, seq: int) -> tuple[_Sums | None, str]:
    """The ledger's sums if it stands where the log does, or why there are none."""
    if ledger is None:
        return None, "the metrics: no engine has told this room's numbers"
    try:
        stands_at = int(ledger["seq"])
        sums = _Sums(_money_told(ledger), _counts_told(ledger))
    except (KeyError, TypeError, ValueError):
        return None, "the metrics: the room's engine is of another version"
    if stands_at != seq:
        return None, (
            f"the metrics: they stand at seq {stands_at:,}, the log at {seq:,}; "
            "a report made a second later may have both"
        )
    return sums, ""


def _money_told(ledger: Mapping[str, Any]) -> Tally[tuple[str, Currency]]:
    money: Tally[tuple[str, Currency]] = Tally(
        {
            (figure, total["currency"]): total[f"{figure}_minor"]
            for total in ledger["totals"]
            for figure in MONEY
        }
    )
    for row in ledger["takings"]:
        ended = row["deposits_applied_minor"] + row["deposits_refunded_minor"]
        money[DEPOSITS, row["currency"]] += row["deposits_minor"] - ended
    return money


def _counts_told(ledger: Mapping[str, Any]) -> dict[str, int]:
    return {
        "orders placed": ledger["orders"]["placed"],
        "orders paid": ledger["orders"]["paid"],
        "orders refunded": ledger["orders"]["refunded"],
        "units sold": sum(row["units_sold"] for row in ledger["takings"]),
    }
