"""The books of one room: everything that the counter knows and a snapshot keeps.

Owns the record. Refuses to move anything: that is for `cart.folds`, one fact at a time.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from cart.basket import Basket
from cart.coupon import Coupon
from cart.drop import Drop, DropTerms
from cart.hold import Hold
from cart.order import Order, Payment
from cart.perk import PerkBook
from cart.refund import Refund, refund_id_of
from cart.rules import RoomRules
from cart.slot import Slot


class Takings(Struct, gc=False):
    """Money and units of paid orders, for one currency, SKU and channel. Net is gross minus
    refunded. Deposits of presales are GMV only when they are applied to a paid order; the rest of
    what was received is forfeited, refunded, or still waits for its balance.
    """

    gross_minor: int = 0
    refunded_minor: int = 0
    units_sold: int = 0
    units_refunded: int = 0
    deposits_minor: int = 0
    deposits_applied_minor: int = 0
    deposits_forfeited_minor: int = 0
    deposits_refunded_minor: int = 0

    @property
    def net_minor(self) -> int:
        """What stays, in minor units."""
        return self.gross_minor - self.refunded_minor

    @property
    def deposits_kept_minor(self) -> int:
        """Deposits that are with the merchant and in no paid order."""
        return self.deposits_minor - self.deposits_applied_minor - self.deposits_refunded_minor


class Books(Struct):
    """Everything the counter knows. Its size grows with shoppers, not with viewers."""

    drops: dict[str, Drop] = {}
    #: What the host prepares, by drop id (`cart.drafts`).
    drafts: dict[str, DropTerms] = {}
    #: sku -> the drop that sells it now, or sold it last.
    drop_of_sku: dict[str, str] = {}
    baskets: dict[str, Basket] = {}
    holds: dict[str, Hold] = {}
    orders: dict[str, Order] = {}
    #: viewer -> checkout_id -> order_id.
    checkouts: dict[str, dict[str, str]] = {}
    payments: dict[str, Payment] = {}
    refunds: dict[str, Refund] = {}
    #: Payments on which the provider owes us an answer, and refunds that we owe. A dict for its
    #: order.
    unsettled: dict[str, None] = {}
    #: currency -> sku -> channel -> takings.
    takings: dict[str, dict[str, dict[str, Takings]]] = {}
    rules: RoomRules = RoomRules()
    #: perk_id -> ranks of a perk of the room.
    perks: dict[str, PerkBook] = {}
    #: In a room with perks: paid orders in the order of payment.
    paid_orders: list[str] = []
    #: drop id ("": the room) -> who is invited -> that viewer's tier ("": none).
    invited: dict[str, dict[str, str]] = {}
    slots: dict[str, Slot] = {}
    #: order_id -> perk_id -> the slot in which the order has a place for that perk.
    slots_of: dict[str, dict[str, str]] = {}
    #: code -> coupon.
    coupons: dict[str, Coupon] = {}
    holds_placed: int = 0
    orders_placed: int = 0
    orders_paid: int = 0
    orders_expired: int = 0
    orders_refunded: int = 0
    orders_deposited: int = 0
    orders_defaulted: int = 0
    orders_cancelled: int = 0

    def refunds_of(self, payment: Payment) -> Iterator[Refund]:
        """The refunds of one payment, oldest first."""
        for number in range(1, payment.refunds + 1):
            yield self.refunds[refund_id_of(payment.payment_id, number)]

    def refunds_of_order(self, order: Order) -> Iterator[Refund]:
        """The refunds of all payments of one order."""
        for payment_id in order.payment_ids:
            yield from self.refunds_of(self.payments[payment_id])
