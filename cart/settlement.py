"""What the payment provider says, and what it means for an order.

Callbacks come in any order, any number of times, hours late. The rule that decides every case:
money that was captured ends either as a paid order or as a refund, never as neither and never as
both.

Owns that rule. Refuses to know the provider itself; what a paid order wins is in `cart.awards`.
"""

from __future__ import annotations

from typing import Literal

from cart import deposits, limits, reserving
from cart.awards import won
from cart.counter import Counter
from cart.events import (
    OrderPaid,
    PaymentDeclined,
    PaymentReturned,
    RefundSettled,
)
from cart.money import Currency
from cart.order import Order, OrderStatus, Payment, PaymentStatus
from cart.outcome import Decision, ErrorCode, refuse
from cart.redemption import is_free_again
from cart.refund import refund_id_of

#: Its units went back: money that comes after all needs others.
_LET_GO = (OrderStatus.EXPIRED, OrderStatus.DEFAULTED)
_CAPTURED = (PaymentStatus.CONFIRMED, PaymentStatus.REFUNDING, PaymentStatus.REFUNDED)


def approved(
    counter: Counter, payment_id: str, amount_minor: int, currency: Currency, now_ms: int
) -> Decision:
    """The provider captured the money."""
    payment = counter.books.payments.get(payment_id)
    if payment is None:
        return refuse(ErrorCode.NOT_FOUND, f"no payment {payment_id} was started here")
    order = counter.books.orders[payment.order_id]
    if payment.status in _CAPTURED:
        return Decision((), {"order_id": order.order_id, "payment": payment.status.value})
    reason = _reason_to_return(counter, order, payment, amount_minor, currency, now_ms)
    if reason is not None:
        refund_id = refund_id_of(payment_id, payment.refunds + 1)
        returned = PaymentReturned(
            payment_id, order.order_id, amount_minor, currency, reason, refund_id
        )
        return Decision((returned,), {"order_id": order.order_id, "payment": "refunding"})
    if payment.part == "deposit":
        deposited = deposits.deposited(counter, order, payment_id)
        return Decision((deposited,), {"order_id": order.order_id, "payment": "confirmed"})
    paid = OrderPaid(
        order_id=order.order_id,
        payment_id=payment_id,
        paid_seq=counter.books.orders_paid + 1,
        late=order.status in _LET_GO,
    )
    facts = [paid, *won(counter, order)]
    return Decision(facts, {"order_id": order.order_id, "payment": "confirmed"})


def _reason_to_return(
    counter: Counter,
    order: Order,
    payment: Payment,
    amount_minor: int,
    currency: Currency,
    now_ms: int,
) -> Literal["too_late", "already_paid", "order_refunded", "wrong_amount", "sold_out"] | None:
    if (amount_minor, currency) != (payment.amount_minor, payment.currency):
        return "wrong_amount"
    if payment.part != "whole":
        free = order.status in _LET_GO and _units_still_free(counter, order)
        return deposits.reason_to_return(counter, order, payment, free, now_ms)
    match order.status:
        case OrderStatus.PLACED:
            if (
                order.reserved
                or reserving.refusal_to_pay(counter.books, order.lines, now_ms) is None
            ):
                return None
            return "sold_out"
        case OrderStatus.PAID | OrderStatus.DEPOSITED | OrderStatus.DEFAULTED:
            return "already_paid"
        case OrderStatus.REFUNDED | OrderStatus.CANCELLED:
            return "order_refunded"
        case OrderStatus.EXPIRED:
            return None if _units_still_free(counter, order) else "too_late"


def _units_still_free(counter: Counter, order: Order) -> bool:
    """Whether an expired order could be placed again now: units free for which nobody waits in
    line, its coupon free, and the viewer's limits respected.
    """
    if order.coupon and not is_free_again(counter.books, order):
        return False
    units = reserving.units_by_drop(order.lines)
    for drop_id, wanted in units.items():
        drop = counter.books.drops[drop_id]
        if wanted > drop.stock.available or (drop.line.places and not drop.is_apart):
            return False
        if drop.shelves is not None and reserving.lacking_for(drop, order.lines) is not None:
            return False
    return limits.allow(counter.books, order.viewer, units)


def declined(counter: Counter, payment_id: str, reason: str) -> Decision:
    """The provider refused. A decline that comes after an approval is old news."""
    payment = counter.books.payments.get(payment_id)
    if payment is None:
        return refuse(ErrorCode.NOT_FOUND, f"no payment {payment_id} was started here")
    answer = {"order_id": payment.order_id, "payment": payment.status.value}
    if payment.status not in (PaymentStatus.STARTED, PaymentStatus.EXPIRED):
        return Decision((), answer)
    answer["payment"] = "declined"
    return Decision((PaymentDeclined(payment_id, payment.order_id, reason),), answer)


def refund_settled(counter: Counter, payment_id: str, refund_id: str = "") -> Decision:
    """The provider gave the money of one refund back: without a name the oldest that is owed of
    this payment. News of a refund that we never asked for changes nothing.
    """
    payment = counter.books.payments.get(payment_id)
    if payment is None:
        return refuse(ErrorCode.NOT_FOUND, f"no payment {payment_id} was started here")
    answer = {"order_id": payment.order_id, "payment": payment.status.value}
    owed = [refund for refund in counter.books.refunds_of(payment) if not refund.settled]
    settled = next((refund for refund in owed if refund_id in ("", refund.refund_id)), None)
    if settled is None:
        return Decision((), answer)
    if payment.status is PaymentStatus.REFUNDING and len(owed) == 1:
        answer["payment"] = PaymentStatus.REFUNDED.value
    return Decision((RefundSettled(payment_id, settled.refund_id),), answer)
