"""What one viewer was told about its own holds, orders and perks.

Pushes, replies and `cart.show` may come in any order over several connections, so an order only
ever moves forward here: placed, expired, paid, refunded.

Owns that knowledge. Refuses to know how it was heard.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from cart.money import Currency
from livestream.demo.witness import OrderTold, Witness

_FORWARD = ("placed", "deposited", "expired", "defaulted", "paid", "refunded")
_PAYMENT_ENDED = ("declined", "refunding", "refunded")


class OrderSeen(Struct):
    """An order of this viewer. `payment` is how its last payment stands, as far as was heard."""

    order_id: str
    checkout_id: str
    total_minor: int
    currency: Currency
    expires_at_ms: int
    units: dict[str, int]
    status: str = "placed"
    payment: str = ""

    @property
    def paid(self) -> bool:
        """Bought."""
        return self.status == "paid"

    @property
    def secured(self) -> bool:
        """Bought, or its deposit paid: the units are this viewer's."""
        return self.status in ("deposited", "paid")

    def decided(self, waits_for_late_money: bool) -> bool:
        """Whether the last attempt to pay came to an end."""
        if self.secured or self.payment in _PAYMENT_ENDED:
            return True
        return self.status == "expired" and not waits_for_late_money


class Purse:
    """One viewer's holds and orders."""

    def __init__(self, viewer: str, witness: Witness) -> None:
        self.viewer = viewer
        self.orders: dict[str, OrderSeen] = {}
        self.expired_holds: set[str] = set()
        self.looked = 0
        self._held: set[str] = set()
        self._offered: dict[str, str] = {}
        self._witness = witness

    def told(self, kind: str, frame: dict[str, Any]) -> None:
        """A push."""
        if kind == "hold.expired":
            self.expired_holds.add(frame["hold_id"])
            return
        if kind == "hold.offered":
            self._offered[frame["sku"]] = frame["hold_id"]
            return
        if "order_id" not in frame:
            return
        if kind == "perk.awarded":
            self._witness.heard_rank(frame["order_id"], frame)
            return
        order = self.orders.get(frame["order_id"])
        if order is None:  # the reply to the checkout was lost, its outcome was not
            return
        match kind:
            case "payment.declined":
                order.payment = "declined"
            case "payment.returned":
                order.payment = "refunding"
            case "order.paid" | "order.expired" | "order.refunded":
                self._move(order, kind.removeprefix("order."), frame["total_minor"])
            case "deposit.paid":
                self._move(order, "deposited", order.total_minor)

    def offered_of(self, sku: str) -> str | None:
        """The hold that this viewer was offered of a SKU, in its turn or by a draw."""
        return self._offered.get(sku)

    def placed(self, result: dict[str, Any]) -> OrderSeen:
        """An order in a reply or in the cart."""
        order = self.orders.get(result["order_id"])
        if order is None:
            order = self.orders[result["order_id"]] = OrderSeen(
                order_id=result["order_id"],
                checkout_id=result["checkout_id"],
                total_minor=result["total_minor"],
                currency=result["currency"],
                expires_at_ms=result["expires_at_ms"],
                units={line["sku"]: line["quantity"] for line in result["lines"]},
            )
        if "payment" in result:
            order.payment = result["payment"]
        for perk in result.get("perks", ()):
            self._witness.heard_rank(order.order_id, perk)
        self._move(order, result["status"], result["total_minor"])
        return order

    def statuses(self) -> dict[str, str]:
        """What is known of each order now."""
        return {order_id: order.status for order_id, order in self.orders.items()}

    def shown(self, cart: dict[str, Any], asked_with: dict[str, str]) -> None:
        """The answer to `cart.show`. `asked_with` is what was known when it was asked: the answer
        may know more, never less.
        """
        self.looked += 1
        self._held = {hold["hold_id"] for hold in cart["holds"]}
        for result in cart["orders"]:
            known = asked_with.pop(result["order_id"], "placed")
            if _FORWARD.index(result["status"]) < _FORWARD.index(known):
                self._witness.find(f"{result['order_id']} was {known}, is {result['status']} again")
            self.placed(result)
        for order_id in asked_with:
            self._witness.find(f"{self.viewer}'s order {order_id} is not shown any more")

    def hold_ended(self, hold_id: str, looked: int) -> bool:
        """Whether a hold is gone, as was told or as a look after the `looked`-th shows."""
        return hold_id in self.expired_holds or (self.looked > looked and hold_id not in self._held)

    def _move(self, order: OrderSeen, status: str, total_minor: int) -> None:
        if total_minor != order.total_minor:
            self._witness.find(
                f"order {order.order_id} was {order.total_minor}, then {total_minor}"
            )
        if _FORWARD.index(status) > _FORWARD.index(order.status):
            order.status = status
        if order.paid:
            self._witness.heard_paid(order.order_id, self.as_told(order))

    def as_told(self, order: OrderSeen) -> OrderTold:
        """The order for the common memory."""
        return OrderTold(self.viewer, order.checkout_id, order.total_minor, order.currency)
