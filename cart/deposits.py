"""The two payments of a presale's order: what is due when, and what money that comes is for.

The windows are those of `cart.presale`. Both payments follow the one rule of `cart.settlement`:
what was captured ends as part of the order or goes back. Money that comes late takes units if some
are free: a deposit while the balance can still be paid, a balance (which was asked for in time)
while the deposit was not given back.

Owns these rules. Refuses to know what else there is in an order's life.
"""

from __future__ import annotations

from typing import Literal

from msgspec import structs

from cart.books import Books
from cart.counter import Counter
from cart.events import DepositPaid, OrderDefaulted, OrderPlaced
from cart.order import Order, OrderStatus, Part, Payment
from cart.outcome import Decision, ErrorCode, PresaleResult, refuse
from cart.presale import PresaleTerms
from cart.refund import refund_id_of


def terms_of(books: Books, order: Order) -> PresaleTerms:
    """The presale that the order is of: it has one drop."""
    terms = books.drops[order.lines[0].drop_id].terms.presale
    assert terms is not None, "an order with a deposit is of a presale"
    return terms


def closed(terms: PresaleTerms, title: str, now_ms: int) -> Decision | None:
    """Why no unit can be held any more, if so it is."""
    if now_ms < terms.deposit_until_ms:
        return None
    return refuse(ErrorCode.CLOSED, f"deposits for {title} are not taken any more")


def with_deposit(placed: OrderPlaced, terms: PresaleTerms) -> OrderPlaced:
    """The order as one that waits for its deposit, within the window for it."""
    units = sum(line.quantity for line in placed.lines)
    return structs.replace(
        placed,
        deposit_minor=units * terms.deposit_minor,
        expires_at_ms=min(placed.expires_at_ms, terms.deposit_until_ms),
    )


def due(counter: Counter, order: Order, now_ms: int) -> tuple[Part, int] | Decision:
    """Which payment is due at `now_ms` and how much it is, or why none is."""
    if order.status is OrderStatus.PLACED:
        return "deposit", order.deposit_minor
    terms = terms_of(counter.books, order)
    if now_ms < terms.balance_from_ms:
        wait_ms = terms.balance_from_ms - now_ms
        return refuse(ErrorCode.NOT_OPEN, "the balance cannot be paid yet", wait_ms)
    if now_ms >= terms.balance_until_ms:
        return refuse(ErrorCode.HOLD_EXPIRED, "the time to pay the balance has passed")
    return "balance", order.total_minor - order.deposit_minor


def reason_to_return(
    counter: Counter, order: Order, payment: Payment, still_free: bool, now_ms: int
) -> Literal["too_late", "already_paid", "order_refunded"] | None:
    """Why money for a deposit or a balance cannot be kept, if so it is. `still_free` says whether
    the order's units could be taken anew.
    """
    match order.status:
        case OrderStatus.PAID:
            return "already_paid"
        case OrderStatus.REFUNDED | OrderStatus.CANCELLED:
            return "order_refunded"
        case OrderStatus.PLACED:
            return None
        case OrderStatus.DEPOSITED:
            return "already_paid" if payment.part == "deposit" else None
        case OrderStatus.EXPIRED:
            in_time = now_ms < terms_of(counter.books, order).balance_until_ms
            return None if still_free and in_time else "too_late"
        case OrderStatus.DEFAULTED:
            forfeited = terms_of(counter.books, order).on_default == "forfeit"
            is_balance = payment.part == "balance"
            return None if is_balance and forfeited and still_free else "too_late"


def deposited(counter: Counter, order: Order, payment_id: str) -> DepositPaid:
    """The deposit of `order` is paid."""
    return DepositPaid(
        order_id=order.order_id,
        payment_id=payment_id,
        amount_minor=order.deposit_minor,
        expires_at_ms=terms_of(counter.books, order).balance_until_ms,
        late=order.status is OrderStatus.EXPIRED,
    )


def defaulted(counter: Counter, order: Order) -> OrderDefaulted:
    """The balance of `order` was not paid in time."""
    forfeited = terms_of(counter.books, order).on_default == "forfeit"
    payment = counter.books.payments[order.deposited_by]
    return OrderDefaulted(
        order_id=order.order_id,
        viewer=order.viewer,
        payment_id=order.deposited_by,
        amount_minor=order.deposit_minor,
        forfeited=forfeited,
        refund_id="" if forfeited else refund_id_of(order.deposited_by, payment.refunds + 1),
    )


def presale_result(terms: PresaleTerms, deposit_minor: int, total_minor: int) -> PresaleResult:
    """What a buyer is told of the two payments."""
    return {
        "deposit_minor": deposit_minor,
        "balance_minor": total_minor - deposit_minor,
        "balance_from_ms": terms.balance_from_ms,
        "balance_until_ms": terms.balance_until_ms,
        "on_default": terms.on_default,
    }
