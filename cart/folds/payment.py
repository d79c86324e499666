"""Folds of what happens to a payment."""

from __future__ import annotations

from cart.books import Books
from cart.counter import Counter
from cart.events import PaymentDeclined, PaymentReturned, PaymentStarted, RefundSettled
from cart.folds.shape import Folds
from cart.order import Payment, PaymentStatus


def _payment_started(counter: Counter, event: PaymentStarted, at_ms: int) -> None:
    books = counter.books
    books.payments[event.payment_id] = Payment(
        event.payment_id, event.order_id, event.token, event.amount_minor, event.currency
    )
    books.unsettled[event.payment_id] = None
    books.orders[event.order_id].payment_ids.append(event.payment_id)


def _payment_declined(counter: Counter, event: PaymentDeclined, at_ms: int) -> None:
    counter.books.payments[event.payment_id].status = PaymentStatus.DECLINED
    counter.books.unsettled.pop(event.payment_id, None)


def _payment_returned(counter: Counter, event: PaymentReturned, at_ms: int) -> None:
    owe_refund(counter.books, event.payment_id)


def owe_refund(books: Books, payment_id: str) -> None:
    books.payments[payment_id].status = PaymentStatus.REFUNDING
    books.unsettled[payment_id] = None


def _refund_settled(counter: Counter, event: RefundSettled, at_ms: int) -> None:
    counter.books.payments[event.payment_id].status = PaymentStatus.REFUNDED
    counter.books.unsettled.pop(event.payment_id, None)


FOLDS: Folds = {
    PaymentStarted: _payment_started,
    PaymentDeclined: _payment_declined,
    PaymentReturned: _payment_returned,
    RefundSettled: _refund_settled,
}
