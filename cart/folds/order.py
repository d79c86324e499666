"""Folds of what happens to an order."""

from __future__ import annotations

from heapq import heappush

from cart.counter import Counter
from cart.events import OrderExpired, OrderPaid, OrderPlaced, OrderRefunded, OrderRefundedPartly
from cart.folds.coupon import give_coupon_back, hold_coupon, redeem_coupon
from cart.folds.payment import lapse, owe
from cart.folds.presale import deposit_applied, rest_is_owed
from cart.folds.shape import Folds
from cart.folds.stock import give_back, reserve, sell, set_aside, take_back, write_off
from cart.order import Order, OrderStatus, PaymentStatus
from cart.refund import Refund, RefundLine, left_of
from cart.stock import BrokenBooksError


def _order_placed(counter: Counter, event: OrderPlaced, at_ms: int) -> None:
    books = counter.books
    order = books.orders[event.order_id] = Order(
        order_id=event.order_id,
        checkout_id=event.checkout_id,
        viewer=event.viewer,
        channel=event.channel,
        lines=event.lines,
        total_minor=event.total_minor,
        currency=event.currency,
        placed_at_ms=at_ms,
        expires_at_ms=event.expires_at_ms,
        personalisation=event.personalisation,
        coupon=event.coupon,
        deposit_minor=event.deposit_minor,
        slot_id=event.slot_id,
        command_id=event.command_id,
    )
    if order.coupon:
        hold_coupon(books, order)
    for line in event.lines:
        hold = books.holds[line.hold_id]
        hold.order_id = event.order_id
        hold.expires_at_ms = event.expires_at_ms
        if not line.reserved:
            order.reserved = False
        elif not hold.reserved:
            set_aside(counter, books.drops[line.drop_id], line.quantity, line.shelf)
            hold.reserved, hold.price_minor = True, line.price_minor
    books.baskets[event.viewer].hold_ids.clear()
    mine = books.checkouts.get(event.viewer)
    if mine is None:
        mine = books.checkouts[event.viewer] = {}
    mine[event.checkout_id] = event.order_id
    books.orders_placed += 1
    heappush(counter.agenda, (event.expires_at_ms, "order", event.order_id))


def _order_paid(counter: Counter, event: OrderPaid, at_ms: int) -> None:
    books = counter.books
    order = books.orders[event.order_id]
    for line in order.lines:
        drop = books.drops[line.drop_id]
        if event.late:
            reserve(counter, drop, order.viewer, line.quantity, line.shelf)
        else:
            del books.holds[line.hold_id]
            if not line.reserved:
                set_aside(counter, drop, line.quantity, line.shelf)
        sell(counter, drop, line.quantity, line.shelf)
        if not drop.paid_orders or drop.paid_orders[-1] != order.order_id:
            drop.paid_orders.append(order.order_id)
        row = counter.takings_of(order.currency, line.sku, order.channel)
        row.gross_minor += line.total_minor
        row.units_sold += line.quantity
    if books.perks:
        books.paid_orders.append(order.order_id)
    if order.coupon:
        redeem_coupon(books, order, event.late)
    if order.deposit_minor:
        deposit_applied(counter, order)
    if event.late:
        if order.status is OrderStatus.DEFAULTED:
            books.orders_defaulted -= 1
        else:
            books.orders_expired -= 1
    order.status = OrderStatus.PAID
    order.paid_seq = event.paid_seq
    books.orders_paid = event.paid_seq
    books.payments[event.payment_id].status = PaymentStatus.CONFIRMED
    books.unsettled.pop(event.payment_id, None)


def _order_expired(counter: Counter, event: OrderExpired, at_ms: int) -> None:
    books = counter.books
    order = books.orders[event.order_id]
    for line in order.lines:
        hold = books.holds.pop(line.hold_id)
        give_back(counter, books.drops[hold.drop_id], hold, hold.quantity)
    if order.coupon:
        give_coupon_back(books, order)
    order.status = OrderStatus.EXPIRED
    books.orders_expired += 1
    lapse(books, order)


def _order_refunded(counter: Counter, event: OrderRefunded, at_ms: int) -> None:
    books = counter.books
    order = books.orders[event.order_id]
    left = left_of(order, books.refunds_of_order(order))
    _give_back(counter, order, event, [line.whole() for line in left])
    order.status = OrderStatus.REFUNDED
    books.orders_refunded += 1
    if order.deposited_by:
        rest_is_owed(books, order)


def _order_refunded_partly(counter: Counter, event: OrderRefundedPartly, at_ms: int) -> None:
    _give_back(counter, counter.books.orders[event.order_id], event, event.lines)


def _give_back(
    counter: Counter,
    order: Order,
    event: OrderRefunded | OrderRefundedPartly,
    lines: list[RefundLine],
) -> None:
    """Units and money of `lines` leave the order; the refund is owed."""
    if event.amount_minor != sum(back.amount_minor for back in lines):
        raise BrokenBooksError(f"refund {event.refund_id} is not the sum of its lines")
    books = counter.books
    line_of = {line.hold_id: line for line in order.lines}
    move = take_back if event.restocked else write_off
    for back in lines:
        line = line_of[back.hold_id]
        if back.quantity:
            move(counter, books.drops[line.drop_id], order.viewer, back.quantity, line.shelf)
        row = counter.takings_of(order.currency, line.sku, order.channel)
        row.refunded_minor += back.amount_minor
        row.units_refunded += back.quantity
    order.refunded_minor += event.amount_minor
    refund = Refund(
        event.refund_id,
        event.payment_id,
        event.order_id,
        event.amount_minor,
        order.currency,
        lines,
        event.restocked,
        event.request_id,
        event.asked,
    )
    owe(books, refund, whole=type(event) is OrderRefunded)


FOLDS: Folds = {
    OrderPlaced: _order_placed,
    OrderPaid: _order_paid,
    OrderExpired: _order_expired,
    OrderRefunded: _order_refunded,
    OrderRefundedPartly: _order_refunded_partly,
}
