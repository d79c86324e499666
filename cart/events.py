"""Every fact that the counter writes into the log.

An event says what happened, completely: to fold it needs no clock, no price list and no second
look. Owns the vocabulary. Refuses to know how facts are decided, stored or shown. Times are
milliseconds since the Unix epoch, money is minor units, quantities are units.
"""

from __future__ import annotations

from typing import Literal

from cart.drop import DropTerms
from cart.fact import Fact
from cart.money import Currency
from cart.order import OrderLine

# -- the drop ----------------------------------------------------------------------------------


class DropScheduled(Fact, frozen=True, tag="drop.scheduled"):
    """The host declared a drop; its supply is on the books from here on."""

    terms: DropTerms


class DropOpened(Fact, frozen=True, gc=False, tag="drop.opened"):
    """Units may be taken from now on."""

    drop_id: str
    reason: Literal["clock", "host", "resumed", "restock", "refund"]


class DropPaused(Fact, frozen=True, gc=False, tag="drop.paused"):
    """No new holds; what is held may still be paid. It is paused again by `restock` and `refund`
    when it sold out while it was paused.
    """

    drop_id: str
    reason: Literal["host", "restock", "refund"] = "host"


class DropRestocked(Fact, frozen=True, gc=False, tag="drop.restocked"):
    """New units arrived."""

    drop_id: str
    quantity: int


class DropSoldOut(Fact, frozen=True, gc=False, tag="drop.sold_out"):
    """The last unit was paid for."""

    drop_id: str


class DropClosed(Fact, frozen=True, gc=False, tag="drop.closed"):
    """The drop ended; `withdrawn` units that were free left the shelf."""

    drop_id: str
    withdrawn: int


class StockShown(Fact, frozen=True, gc=False, tag="stock.changed"):
    """Viewers were told these levels. They are those of the books at this very point of the log."""

    drop_id: str
    sku: str
    available: int
    held: int
    sold: int


# -- the cart ----------------------------------------------------------------------------------


class HoldPlaced(Fact, frozen=True, gc=False, tag="hold.placed"):
    """Units reserved at a frozen price. `command_id` is the viewer's own id of the command."""

    hold_id: str
    viewer: str
    drop_id: str
    sku: str
    quantity: int
    price_minor: int
    currency: Currency
    expires_at_ms: int
    command_id: str


class HoldReleased(Fact, frozen=True, gc=False, tag="hold.released"):
    """The viewer put `quantity` units back; at zero left the hold has ended."""

    hold_id: str
    quantity: int
    command_id: str


class HoldExpired(Fact, frozen=True, gc=False, tag="hold.expired"):
    """The deadline of a hold that lay in a cart passed; its units went back."""

    hold_id: str
    viewer: str
    sku: str
    quantity: int


# -- the order ---------------------------------------------------------------------------------


class OrderPlaced(Fact, frozen=True, tag="order.placed"):
    """All holds of the viewer's cart became one order, which waits for its payment until
    `expires_at_ms`.
    """

    order_id: str
    checkout_id: str
    viewer: str
    channel: str
    lines: list[OrderLine]
    total_minor: int
    currency: Currency
    expires_at_ms: int
    personalisation: dict[str, str]


class PaymentStarted(Fact, frozen=True, gc=False, tag="payment.started"):
    """The viewer asked to pay; from here on the provider is asked until it answers."""

    payment_id: str
    order_id: str
    token: str
    amount_minor: int
    currency: Currency


class PaymentDeclined(Fact, frozen=True, gc=False, tag="payment.declined"):
    """The provider said no. The order still stands."""

    payment_id: str
    order_id: str
    reason: str


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
    """The host gave the whole amount back; `restocked` says whether the units returned to the
    shelf.
    """

    order_id: str
    payment_id: str
    amount_minor: int
    restocked: bool


class PaymentReturned(Fact, frozen=True, gc=False, tag="payment.returned"):
    """Money came for which there is nothing to give; all of it goes back, as it came."""

    payment_id: str
    order_id: str
    amount_minor: int
    currency: Currency
    reason: Literal["too_late", "already_paid", "order_refunded", "wrong_amount"]


class RefundSettled(Fact, frozen=True, gc=False, tag="refund.settled"):
    """The provider confirmed that the money is back with the buyer."""

    payment_id: str


# -- the perk ----------------------------------------------------------------------------------


class PerkAwarded(Fact, frozen=True, gc=False, tag="perk.awarded"):
    """A paid order won a rank."""

    drop_id: str
    order_id: str
    viewer: str
    name: str
    rank: int


class PerkRevoked(Fact, frozen=True, gc=False, tag="perk.revoked"):
    """A refunded order lost its rank, by the policy `pass`."""

    drop_id: str
    order_id: str
    rank: int


CounterEvent = (
    DropScheduled
    | DropOpened
    | DropPaused
    | DropRestocked
    | DropSoldOut
    | DropClosed
    | StockShown
    | HoldPlaced
    | HoldReleased
    | HoldExpired
    | OrderPlaced
    | PaymentStarted
    | PaymentDeclined
    | OrderPaid
    | OrderExpired
    | OrderRefunded
    | PaymentReturned
    | RefundSettled
    | PerkAwarded
    | PerkRevoked
)
