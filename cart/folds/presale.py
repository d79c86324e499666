"""Folds of what happens to an order of a presale."""

from __future__ import annotations

from heapq import heappush

from cart.books import Books, Takings
from cart.counter import Counter
from cart.events import DepositPaid, OrderCancelled, OrderDefaulted
from cart.folds.payment import lapse, owe
from cart.folds.shape import Folds
from cart.folds.stock import discard, give_back, reserve
from cart.hold import Hold
from cart.order import Order, OrderStatus, PaymentStatus
from cart.refund import Refund, deposit_lines


def _deposit_paid(counter: Counter, event: DepositPaid, at_ms: int) -> None:
    books = counter.books
    order = books.orders[event.order_id]
    for line in order.lines:
        if event.late:
            reserve(counter, books.drops[line.drop_id], order.viewer, line.quantity, line.shelf)
            books.holds[line.hold_id] = Hold(
                line.hold_id,
                order.viewer,
                line.drop_id,
                line.sku,
                line.quantity,
                line.price_minor,
                order.currency,
                event.expires_at_ms,
                order.order_id,
                shelf=line.shelf,
            )
        else:
            books.holds[line.hold_id].expires_at_ms = event.expires_at_ms
    if event.late:
        books.orders_expired -= 1
    order.status = OrderStatus.DEPOSITED
    order.deposited_by = event.payment_id
    order.expires_at_ms = event.expires_at_ms
    books.orders_deposited += 1
    books.payments[event.payment_id].status = PaymentStatus.CONFIRMED
    books.unsettled.pop(event.payment_id, None)
    _row(counter, order).deposits_minor += event.amount_minor
    heappush(counter.agenda, (event.expires_at_ms, "balance", event.order_id))


def _order_defaulted(counter: Counter, event: OrderDefaulted, at_ms: int) -> None:
    books = counter.books
    order = books.orders[event.order_id]
    for line in order.lines:
        hold = books.holds.pop(line.hold_id)
        give_back(counter, books.drops[hold.drop_id], hold, hold.quantity)
    order.status = OrderStatus.DEFAULTED
    books.orders_defaulted += 1
    lapse(books, order)
    row = _row(counter, order)
    if event.forfeited:
        row.deposits_forfeited_minor += event.amount_minor
    else:
        row.deposits_refunded_minor += event.amount_minor
        refund = Refund(
            event.refund_id, event.payment_id, event.order_id, event.amount_minor, order.currency
        )
        owe(books, refund, whole=True)


def _order_cancelled(counter: Counter, event: OrderCancelled, at_ms: int) -> None:
    books = counter.books
    order = books.orders[event.order_id]
    move = give_back if event.restocked else discard
    for line in order.lines:
        hold = books.holds.pop(line.hold_id)
        move(counter, books.drops[hold.drop_id], hold, hold.quantity)
    order.status = OrderStatus.CANCELLED
    books.orders_cancelled += 1
    lapse(books, order)
    _row(counter, order).deposits_refunded_minor += event.amount_minor
    order.refunded_minor = event.amount_minor
    refund = Refund(
        event.refund_id,
        event.payment_id,
        event.order_id,
        event.amount_minor,
        order.currency,
        deposit_lines(order),
        event.restocked,
        event.request_id,
        event.asked,
    )
    owe(books, refund, whole=True)


def deposit_applied(counter: Counter, order: Order) -> None:
    """The deposit becomes part of what a paid order brings; also one that was forfeited, when the
    balance came late and units were free.
    """
    row = _row(counter, order)
    row.deposits_applied_minor += order.deposit_minor
    if order.status is OrderStatus.DEFAULTED:
        row.deposits_forfeited_minor -= order.deposit_minor


def rest_is_owed(books: Books, order: Order) -> None:
    """Nothing of the order's payments stays: also of the one of them whose money went back in
    parts.
    """
    for payment_id in order.payment_ids:
        payment = books.payments[payment_id]
        if payment.status is PaymentStatus.CONFIRMED:
            settled = all(refund.settled for refund in books.refunds_of(payment))
            payment.status = PaymentStatus.REFUNDED if settled else PaymentStatus.REFUNDING


def _row(counter: Counter, order: Order) -> Takings:
    """An order of a presale has one product."""
    return counter.takings_of(order.currency, order.lines[0].sku, order.channel)


FOLDS: Folds = {
    DepositPaid: _deposit_paid,
    OrderDefaulted: _order_defaulted,
    OrderCancelled: _order_cancelled,
}
