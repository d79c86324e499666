"""A refund: money that goes back, whole or in part, and the arithmetic of a part.

    DUE --the provider says so--> SETTLED

What is left of an order line is what it cost less what went back before. Units that go back take
their share of that money, rounded DOWN to the minor unit, so that the last unit takes the rest; an
amount without units is spread over the lines in proportion to what is left of them, by largest
remainder. Either way what all refunds of a line give back adds up to its price, never to more.

Owns the record and the arithmetic. Refuses to decide whether money may go back (`cart.refunding`),
and to know the provider.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypedDict

from msgspec import Struct

from cart.bounds import Quantity, Sku
from cart.money import Currency
from cart.order import Order, OrderLine


class Units(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """So many units of one product of an order, as the host names them."""

    sku: Sku
    quantity: Quantity


class RefundLine(Struct, frozen=True, gc=False):
    """What one refund gives back of one order line: units, which may be none, and money."""

    hold_id: str
    quantity: int
    amount_minor: int


class Refund(Struct, gc=False):
    """Money owed back, and paid back once `settled`. `request_id` is the host's own name for it,
    `asked` what was asked for under that name. A refund of money that paid for nothing has no
    lines.
    """

    refund_id: str
    payment_id: str
    order_id: str
    amount_minor: int
    currency: Currency
    lines: list[RefundLine] = []
    restocked: bool = False
    request_id: str = ""
    asked: str = ""
    settled: bool = False


class UnitsBack(TypedDict):
    """Units of one product that went back."""

    sku: str
    quantity: int


def units_back(lines: Iterable[OrderLine], back: Iterable[RefundLine]) -> list[UnitsBack]:
    """The units of a refund as people are told of them; none of a line that gives back money
    alone.
    """
    sku_of = {line.hold_id: line.sku for line in lines}
    return [{"sku": sku_of[one.hold_id], "quantity": one.quantity} for one in back if one.quantity]


def refund_id_of(payment_id: str, number: int) -> str:
    """The name of the `number`-th refund of a payment, from 1."""
    return f"{payment_id}-r{number}"


def share_of(quantity: int, units_left: int, left_minor: int) -> int:
    """The money of `quantity` out of `units_left` units, rounded down; all of them take all."""
    return left_minor * quantity // units_left


def spread(amount_minor: int, left_minor: Sequence[int]) -> list[int]:
    """`amount_minor` in parts, in proportion to what is left of each line and never above it, by
    largest remainder; of equal remainders the earlier line is served first. The sum of `left_minor`
    is at least the amount, and above 0.
    """
    total = sum(left_minor)
    parts = [amount_minor * left // total for left in left_minor]
    by_remainder = sorted(
        range(len(left_minor)), key=lambda i: (-(amount_minor * left_minor[i] % total), i)
    )
    for i in by_remainder[: amount_minor - sum(parts)]:
        parts[i] += 1
    return parts


class Left(Struct, frozen=True, gc=False):
    """What has not gone back of one order line."""

    line: OrderLine
    units: int
    amount_minor: int

    def whole(self) -> RefundLine:
        """All of it."""
        return RefundLine(self.line.hold_id, self.units, self.amount_minor)


def deposit_lines(order: Order) -> list[RefundLine]:
    """All units of an order with their deposits: each unit's is the same."""
    each_minor = order.deposit_minor // sum(line.quantity for line in order.lines)
    return [
        RefundLine(line.hold_id, line.quantity, each_minor * line.quantity) for line in order.lines
    ]


def lines_back(refunds: Iterable[Refund]) -> dict[str, tuple[int, int]]:
    """Units and money that `refunds` gave back, by the hold of their line."""
    gone: dict[str, tuple[int, int]] = {}
    for refund in refunds:
        for back in refund.lines:
            units, amount_minor = gone.get(back.hold_id, (0, 0))
            gone[back.hold_id] = units + back.quantity, amount_minor + back.amount_minor
    return gone


def left_of(order: Order, refunds: Iterable[Refund]) -> list[Left]:
    """What `refunds` have not given back of the order, line by line."""
    gone = lines_back(refunds)
    left = []
    for line in order.lines:
        units, amount_minor = gone.get(line.hold_id, (0, 0))
        left.append(Left(line, line.quantity - units, line.total_minor - amount_minor))
    return left
