"""What a refund must be by the auditor's own arithmetic: of which line how many units and how much
money, and that all of them together never give back more than was paid.

Worked out with fractions from the order's lines and what went back before, in another way than
`cart.refund` does it. Owns that arithmetic. Refuses to say which rule a mistake breaks.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import floor

from cart.events import OrderRefundedPartly
from cart.order import OrderLine
from livestream.audit.ledger import OrderAccount


def lines_wrong(order: OrderAccount, fact: OrderRefundedPartly) -> Iterator[str]:
    """What is wrong with the lines of a refund in part, looked at before it is booked."""
    name = f"refund {fact.refund_id} of order {fact.order_id}"
    known = {line.hold_id: line for line in order.lines}
    named = [back.hold_id for back in fact.lines]
    if len(set(named)) < len(named):
        yield f"{name} names a line twice"
    for hold_id in named:
        if hold_id not in known:
            yield f"{name} gives back of line {hold_id}, which the order does not have"
    if not fact.lines or fact.amount_minor != sum(back.amount_minor for back in fact.lines):
        yield f"{name} is {fact.amount_minor}, and its lines add up to another sum"
    by_units = any(back.quantity for back in fact.lines)
    due = dict(_by_units(order, known, fact) if by_units else _by_amount(order, fact))
    for back in fact.lines:
        if back.hold_id not in known:
            continue
        left = _units_left(order, known[back.hold_id])
        if not 0 <= back.quantity <= left:
            yield f"{name} takes {back.quantity} units of line {back.hold_id}, {left} are left"
        if back.amount_minor != due.get(back.hold_id, 0):
            yield (
                f"{name} gives back {back.amount_minor} of line {back.hold_id}, "
                f"by the books {due.get(back.hold_id, 0)}"
            )
    if not by_units:
        for hold_id in due.keys() - set(named):
            yield f"{name} gives back nothing of line {hold_id}, by the books {due[hold_id]}"


def _units_left(order: OrderAccount, line: OrderLine) -> int:
    return line.quantity - order.units_back.get(line.hold_id, 0)


def _minor_left(order: OrderAccount, line: OrderLine) -> int:
    return line.total_minor - order.minor_back.get(line.hold_id, 0)


def _by_units(
    order: OrderAccount, known: dict[str, OrderLine], fact: OrderRefundedPartly
) -> Iterator[tuple[str, int]]:
    """Each line's share of the money left of it, a fraction of a fen staying with the merchant."""
    for back in fact.lines:
        line = known.get(back.hold_id)
        if line is not None and (left := _units_left(order, line)) > 0:
            share = Fraction(back.quantity, left) * _minor_left(order, line)
            yield back.hold_id, floor(share)


def _by_amount(order: OrderAccount, fact: OrderRefundedPartly) -> Iterator[tuple[str, int]]:
    """The amount over the lines as what is left of them, the fen that are over to the largest
    fractions, of equal ones to the first.
    """
    left = {line.hold_id: _minor_left(order, line) for line in order.lines}
    total = sum(left.values())
    if total <= 0:
        return
    shares = {hold: Fraction(fact.amount_minor * minor, total) for hold, minor in left.items()}
    over = fact.amount_minor - sum(floor(share) for share in shares.values())
    place = {hold_id: number for number, hold_id in enumerate(shares)}
    ranked = sorted(shares, key=lambda hold: (floor(shares[hold]) - shares[hold], place[hold]))
    for number, hold_id in enumerate(ranked):
        due = floor(shares[hold_id]) + (number < over)
        if due:
            yield hold_id, due
