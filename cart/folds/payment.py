"""Folds of what happens to a payment."""

from __future__ import annotations

from cart.books import Books
from cart.counter import Counter
from cart.events import PaymentDeclined, PaymentReturned, PaymentStarted, RefundSettled
from cart.folds.shape import Folds
from cart.order import Order, Payment, PaymentStatus
from cart.refund import Refund
from cart.stock import BrokenBooksError


def _payment_started(counter: Counter, event: PaymentStarted, at_ms: int) -> None:
    books = counter.books
    books.payments[event.payment_id] = Payment(
        event.payment_id,
        event.order_id,
        event.token,
        event.amount_minor,
        event.currency,
        command_id=event.command_id,
        part=event.part,
    )
    books.unsettled[event.payment_id] = None
    books.orders[event.order_id].payment_ids.append(event.payment_id)


def _payment_declined(counter: Counter, event: PaymentDeclined, at_ms: int) -> None:
    counter.books.payments[event.payment_id].status = PaymentStatus.DECLINED
    counter.books.unsettled.pop(event.payment_id, None)


def _payment_returned(counter: Counter, event: PaymentReturned, at_ms: int) -> None:
    refund = Refund(
        event.refund_id, event.payment_id, event.order_id, event.amount_minor, event.currency
    )
    owe(counter.books, refund, whole=True)


def lapse(books: Books, order: Order) -> None:
    """The time to pay the order has passed: who still waits for the provider is told so."""
    if order.payment_ids:
        payment = books.payments[order.payment_ids[-1]]
        if payment.status is PaymentStatus.STARTED:
            payment.status = PaymentStatus.EXPIRED


def owe(books: Books, refund: Refund, whole: bool) -> None:
    """The money of `refund` goes back; with `whole` nothing of its payment stays."""
    if refund.refund_id in books.refunds:
        raise BrokenBooksError(f"refund {refund.refund_id} is made twice")
    payment = books.payments[refund.payment_id]
    payment.refunds += 1
    books.refunds[refund.refund_id] = refund
    books.unsettled[refund.refund_id] = None
    if whole:
        payment.status = PaymentStatus.REFUNDING
        books.unsettled.pop(refund.payment_id, None)


def _refund_settled(counter: Counter, event: RefundSettled, at_ms: int) -> None:
    books = counter.books
    books.refunds[event.refund_id].settled = True
    books.unsettled.pop(event.refund_id, None)
    payment = books.payments[event.payment_id]
    if payment.status is PaymentStatus.REFUNDING and all(
        refund.settled for refund in books.refunds_of(payment)
    ):
        payment.status = PaymentStatus.REFUNDED


FOLDS: Folds = {
    PaymentStarted: _payment_started,
    PaymentDeclined: _payment_declined,
    PaymentReturned: _payment_returned,
    RefundSettled: _refund_settled,
}
