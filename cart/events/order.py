"""What happens to an order, as facts. Owns their words; refuses to know
payments beyond their id.
"""

from __future__ import annotations

from cart.fact import Fact
from cart.money import Currency
from cart.order import OrderLine
from cart.refund import RefundLine


class OrderPlaced(Fact, frozen=True, tag="order.placed"):
    """All holds of the viewer's cart became one order, which waits for its payment until
    `expires_at_ms`; in a presale for `deposit_minor`. It holds one redemption of `coupon`, if there
    is one. `command_id` is the viewer's own id of the command.
    """

    order_id: str
    checkout_id: str
    viewer: str
    channel: str
    lines: list[OrderLine]
    total_minor: int
    currency: Currency
    expires_at_ms: int
    #: sku -> option -> text.
    personalisation: dict[str, dict[str, str]]
    coupon: str = ""
    deposit_minor: int = 0
    slot_id: str = ""
    command_id: str = ""


class OrderPaid(Fact, frozen=True, gc=False, tag="order.paid"):
    """A payment was confirmed and the units are sold. `late` means: the hold had expired, units
    were free.
    """

    order_id: str
    payment_id: str
    paid_seq: int
    late: bool = False


class OrderExpired(Fact, frozen=True, gc=False, tag="order.expired"):
    """The payment deadline passed; its units went back."""

    order_id: str
    viewer: str


class OrderRefunded(Fact, frozen=True, gc=False, tag="order.refunded"):
    """The host gave all that was left back, `amount_minor`; `restocked` says whether the units that
    were left returned to the shelf. `request_id` and `asked` are the host's own words, if any were
    given.
    """

    order_id: str
    payment_id: str
    amount_minor: int
    restocked: bool
    refund_id: str
    request_id: str = ""
    asked: str = ""


class OrderRefundedPartly(Fact, frozen=True, gc=False, tag="order.refunded_partly"):
    """The host gave a part back: of each line so many units, or none, and so much money, which adds
    up to `amount_minor`. The order stays paid. `restocked` says whether the units returned to the
    shelf.
    """

    order_id: str
    payment_id: str
    refund_id: str
    amount_minor: int
    lines: list[RefundLine]
    restocked: bool
    request_id: str
    asked: str
