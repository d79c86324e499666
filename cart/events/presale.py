"""What happens to an order of a presale, as facts. Owns their words; refuses to know the rest of an
order's life.
"""

from __future__ import annotations

from cart.fact import Fact


class DepositPaid(Fact, frozen=True, gc=False, tag="deposit.paid"):
    """The deposit of an order was captured: its units stay held until `expires_at_ms`, when the
    balance is due. `late` means: the order had expired, units were free and are held again.
    """

    order_id: str
    payment_id: str
    amount_minor: int
    expires_at_ms: int
    late: bool = False


class OrderDefaulted(Fact, frozen=True, gc=False, tag="order.defaulted"):
    """The balance was not paid in time: the units went back. `amount_minor` is the deposit, paid by
    `payment_id`: it is kept if `forfeited`, else it goes back to the buyer by the name `refund_id`.
    """

    order_id: str
    viewer: str
    payment_id: str
    amount_minor: int
    forfeited: bool
    refund_id: str = ""


class OrderCancelled(Fact, frozen=True, gc=False, tag="order.cancelled"):
    """The host gave the deposit of an order back that waited for its balance: `amount_minor`, paid
    by `payment_id`. `restocked` says whether the units returned to the shelf. `request_id` and
    `asked` are the host's own words, if any were given.
    """

    order_id: str
    viewer: str
    payment_id: str
    amount_minor: int
    restocked: bool
    refund_id: str
    request_id: str = ""
    asked: str = ""
