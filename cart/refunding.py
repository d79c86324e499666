"""Whether money of an order may go back, how much of it, and under which name.

Of a paid order all that is left, or a part. Of one that waits for its balance the deposit, whole:
the order is then cancelled, since without its deposit nothing would hold its units.

A part is named by the host (`request_id`), so that the same request sent twice gives back once.
What is remembered of it is the refund itself, which stays on the books: a repeat gets the first
answer for as long as the room's log is kept, and other content under the same name is a conflict.

Owns the rules of a refund. Refuses to know what else follows from it: that drops open again and
perks pass on is for `cart.desk`.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from cart.books import Books
from cart.bounds import REFUNDS_PER_ORDER_MAX
from cart.events import OrderCancelled, OrderRefunded, OrderRefundedPartly
from cart.order import Order, OrderStatus, Payment, PaymentStatus
from cart.outcome import Decision, ErrorCode, refuse
from cart.refund import (
    Left,
    RefundLine,
    Units,
    deposit_lines,
    left_of,
    refund_id_of,
    share_of,
    spread,
)

_ALL_WENT_BACK = (OrderStatus.REFUNDED, OrderStatus.CANCELLED)
#: What is asked for when nothing is named.
_EVERYTHING = "everything"


class Asked(Struct, frozen=True):
    """What the host wants back: these units, or an amount and no units; neither is everything that
    is left.
    """

    units: Sequence[Units] = ()
    amount_minor: int | None = None
    restock: bool = True
    request_id: str = ""

    @property
    def is_part(self) -> bool:
        """Whether it names a part, and not everything."""
        return bool(self.units) or self.amount_minor is not None

    def content(self) -> str:
        """What is asked for, as one word: equal for equal requests."""
        if self.amount_minor is not None:
            return f"amount={self.amount_minor}"
        by_sku: dict[str, int] = {}
        for units in self.units:
            by_sku[units.sku] = by_sku.get(units.sku, 0) + units.quantity
        named = ",".join(f"{sku}={quantity}" for sku, quantity in sorted(by_sku.items()))
        return f"{named or _EVERYTHING};{'restock' if self.restock else 'write-off'}"


def paying(books: Books, order: Order) -> list[Payment]:
    """The payments that paid the order and still have something of it, newest first: one; of a
    presale the balance and the deposit.
    """
    payments = [books.payments[payment_id] for payment_id in reversed(order.payment_ids)]
    confirmed = [p for p in payments if p.status is PaymentStatus.CONFIRMED]
    return [p for p in confirmed if _left_minor(books, p)] or confirmed[:1]


def _left_minor(books: Books, payment: Payment) -> int:
    """What has not gone back of a payment."""
    return payment.amount_minor - sum(r.amount_minor for r in books.refunds_of(payment))


class Given(Struct, frozen=True, gc=False):
    """The fact that gives back what was asked for, and what goes back of which line. All of a
    presale goes back by both of its payments: `before` is what goes by the other one.
    """

    fact: OrderRefunded | OrderRefundedPartly | OrderCancelled
    lines: list[RefundLine]
    before: Sequence[OrderRefundedPartly] = ()

    @property
    def amount_minor(self) -> int:
        """All that goes back."""
        return self.fact.amount_minor + sum(part.amount_minor for part in self.before)


def refund(books: Books, order_id: str, asked: Asked) -> Given | Decision:
    """What goes back; or the decision that answers without a fact. A part that takes the last unit
    and the last fen is the whole.
    """
    order = books.orders.get(order_id)
    if order is None:
        return refuse(ErrorCode.NOT_FOUND, f"no order {order_id}")
    answered = _answered_before(books, order, asked)
    if answered is not None:
        return answered
    wrong = _wrongly_asked(asked)
    if wrong:
        return refuse(ErrorCode.INVALID, wrong)
    if order.status is OrderStatus.DEPOSITED:
        return _deposit(books, order, asked)
    payments = paying(books, order) if order.status is OrderStatus.PAID else []
    if not payments:
        if order.status in _ALL_WENT_BACK and not asked.is_part:
            return _refunded_before(books, order)
        return refuse(ErrorCode.CONFLICT, f"order {order_id} is {order.status.value}, not paid")
    left = left_of(order, books.refunds_of_order(order))
    lines = _lines(left, asked)
    if isinstance(lines, Decision):
        return lines
    amount_minor = sum(line.amount_minor for line in lines)
    everything = sum(one.units for one in left), sum(one.amount_minor for one in left)
    if (sum(line.quantity for line in lines), amount_minor) == everything:
        *others, payment = payments
        before = [_all_of(books, order, other, left, asked) for other in others]
        whole = OrderRefunded(
            order_id,
            payment.payment_id,
            amount_minor - sum(part.amount_minor for part in before),
            asked.restock,
            refund_id_of(payment.payment_id, payment.refunds + 1),
            asked.request_id,
            asked.content() if asked.request_id else "",
        )
        return Given(whole, lines, before)
    enough = [p for p in payments if _left_minor(books, p) >= amount_minor]
    if not enough:
        most = max(_left_minor(books, p) for p in payments)
        return refuse(ErrorCode.CONFLICT, f"at most {most} at once: it was paid in two parts")
    payment = enough[0]
    if payment.refunds >= REFUNDS_PER_ORDER_MAX:
        return refuse(
            ErrorCode.LIMIT_REACHED,
            f"at most {REFUNDS_PER_ORDER_MAX} refunds in part; the rest goes back whole",
        )
    part = OrderRefundedPartly(
        order_id,
        payment.payment_id,
        refund_id_of(payment.payment_id, payment.refunds + 1),
        amount_minor,
        lines,
        asked.restock,
        asked.request_id,
        asked.content(),
    )
    return Given(part, lines)


def _deposit(books: Books, order: Order, asked: Asked) -> Given | Decision:
    """The deposit of an order that waits for its balance goes back."""
    if asked.is_part:
        return refuse(ErrorCode.CONFLICT, "of a deposit no part goes back: it is whole, or stays")
    payment = books.payments[order.deposited_by]
    cancelled = OrderCancelled(
        order.order_id,
        order.viewer,
        order.deposited_by,
        order.deposit_minor,
        asked.restock,
        refund_id_of(order.deposited_by, payment.refunds + 1),
        asked.request_id,
        asked.content() if asked.request_id else "",
    )
    return Given(cancelled, deposit_lines(order))


def _all_of(
    books: Books, order: Order, payment: Payment, left: list[Left], asked: Asked
) -> OrderRefundedPartly:
    """All that is left of one of a presale's two payments, while the units go with the other."""
    amount_minor = _left_minor(books, payment)
    lines = _spread_over(left, amount_minor)
    return OrderRefundedPartly(
        order.order_id,
        payment.payment_id,
        refund_id_of(payment.payment_id, payment.refunds + 1),
        amount_minor,
        lines,
        asked.restock,
        asked.request_id,
        asked.content(),
    )


def answer_of(refund_id: str, order_id: str, amount_minor: int, status: str) -> dict[str, object]:
    """What the host is told, at first and again."""
    return {
        "order_id": order_id,
        "status": status,
        "refund_id": refund_id,
        "amount_minor": amount_minor,
    }


def _answered_before(books: Books, order: Order, asked: Asked) -> Decision | None:
    if not asked.request_id:
        return None
    known = [r for r in books.refunds_of_order(order) if r.request_id == asked.request_id]
    if not known:
        return None
    if known[0].asked != asked.content():
        return refuse(
            ErrorCode.CONFLICT, f"the request_id {asked.request_id} was used with other content"
        )
    amount_minor = sum(refund.amount_minor for refund in known)
    status = order.status.value
    return Decision((), answer_of(known[0].refund_id, order.order_id, amount_minor, status))


def _refunded_before(books: Books, order: Order) -> Decision:
    """All went back, and is asked for again without a name; of a presale by both payments."""
    ends = [
        known
        for payment_id in order.payment_ids
        for known in list(books.refunds_of(books.payments[payment_id]))[-1:]
        if known.lines
    ]
    whole = [known for known in ends if not known.asked or known.asked.startswith(_EVERYTHING)]
    last, *others = whole or ends
    amount_minor = last.amount_minor + sum(
        other.amount_minor for other in others if other.request_id == last.request_id
    )
    status = order.status.value
    return Decision((), answer_of(last.refund_id, order.order_id, amount_minor, status))


def _wrongly_asked(asked: Asked) -> str:
    if asked.units and asked.amount_minor is not None:
        return "a refund is of lines or of an amount, not of both"
    if asked.is_part and not asked.request_id:
        return "a refund in part needs a request_id, so that a repeat gives back once"
    return ""


def _lines(left: list[Left], asked: Asked) -> list[RefundLine] | Decision:
    """What goes back of which line, or why it cannot."""
    if asked.amount_minor is not None:
        return _amount_lines(left, asked.amount_minor)
    if asked.units:
        return _unit_lines(left, asked.units)
    return [one.whole() for one in left]


def _amount_lines(left: list[Left], amount_minor: int) -> list[RefundLine] | Decision:
    left_minor = sum(one.amount_minor for one in left)
    if amount_minor > left_minor:
        return refuse(ErrorCode.CONFLICT, f"{left_minor} of the order are left to give back")
    return _spread_over(left, amount_minor)


def _spread_over(left: list[Left], amount_minor: int) -> list[RefundLine]:
    """Money without units, in proportion to what is left of each line."""
    parts = spread(amount_minor, [one.amount_minor for one in left])
    return [
        RefundLine(one.line.hold_id, 0, part) for one, part in zip(left, parts, strict=True) if part
    ]


def _unit_lines(left: list[Left], units: Sequence[Units]) -> list[RefundLine] | Decision:
    wanted: dict[str, int] = {}
    for one in units:
        wanted[one.sku] = wanted.get(one.sku, 0) + one.quantity
    lines = []
    for of in left:
        quantity = min(of.units, wanted.get(of.line.sku, 0))
        if quantity:
            wanted[of.line.sku] -= quantity
            amount_minor = share_of(quantity, of.units, of.amount_minor)
            lines.append(RefundLine(of.line.hold_id, quantity, amount_minor))
    for sku, missing in wanted.items():
        if missing:
            return refuse(
                ErrorCode.CONFLICT, f"{missing} units of {sku} more than the order has left"
            )
    return lines
