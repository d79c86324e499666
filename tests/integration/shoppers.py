"""Shoppers: they add, hesitate, check out, pay, say things twice, and remember every answer.

Owns the behaviour of a buyer and the record of every answer. Refuses to know what the books say:
that is compared afterwards, in `books`.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

from tests.integration.line import Frame, Line

#: How buyers pay: most at once, some with a provider that is slow, repeats itself or says no.
TOKENS = (
    *("tok_approve",) * 6,
    "tok_twice",
    "tok_late_decline",
    "tok_delay_60",
    "tok_delay_250",
    "tok_decline",
)
#: Between two orders of one who does nothing else; a gateway takes ten commands a second from each.
PACE_S = 0.2
SETTLED = ("paid", "expired", "refunded")
NOTHING_LEFT = ("sold_out", "closed")


class Shopper:
    """A buyer with one line. `told_orders` and `told_paid` are what the buyer would swear to."""

    def __init__(self, line: Line, channel: str, rng: random.Random) -> None:
        self.line = line
        self.viewer = line.viewer
        self.channel = channel
        self._rng = rng
        #: checkout_id -> the order as the reply to the checkout told it.
        self.told_orders: dict[str, Frame] = {}
        #: order_id -> what was paid for it, minor units.
        self.told_paid: dict[str, int] = {}
        self.told_expired: set[str] = set()

    async def wants(self, sku: str, quantity: int = 1) -> bool:
        """Try until `quantity` units, or those that are left, are paid for; False if none are left
        for this buyer.
        """
        while True:
            held = await self._hold(sku, quantity)
            if held is None:
                return False
            if self._rng.random() < 0.1:
                await self._dither(held)
            order = await self._check_out(sku)
            if order is not None and await self._pay(order):
                return True

    async def orders_on_and_on(self, sku: str, until: asyncio.Event) -> None:
        """One order after the other, of which none is paid."""
        while not until.is_set():
            if await self._hold(sku, 1) is None:
                return
            await self._check_out(sku)
            await asyncio.sleep(PACE_S)

    # -- the steps -----------------------------------------------------------------------------

    async def _hold(self, sku: str, quantity: int) -> Frame | None:
        """A hold, or None when everything is gone or this buyer has had enough."""
        id_ = self.line.new_id()
        while True:
            reply = await self.line.ask("cart.add", id=id_, sku=sku, quantity=quantity)
            if reply["ok"]:
                result: Frame = reply["result"]
                await self._same_again(result, "cart.add", id=id_, sku=sku, quantity=quantity)
                return result
            code = reply["error"]["code"]
            if code in (*NOTHING_LEFT, "limit_reached"):
                return None
            assert code in ("all_held", "not_open"), reply
            quantity, id_ = 1, self.line.new_id()
            await asyncio.sleep(self._rng.uniform(0.1, 0.4))

    async def _dither(self, held: Frame) -> None:
        """Wait for so long that the hold may run out; sometimes put it back."""
        if self._rng.random() < 0.3:
            await self.line.ask("cart.remove", sku=held["sku"])
        else:
            await asyncio.sleep(self._rng.uniform(0.5, 1.5))

    async def _check_out(self, sku: str) -> Frame | None:
        """The order, or None when nothing is held any more."""
        checkout_id = self.line.new_id()
        said: dict[str, Any] = {
            "checkout_id": checkout_id,
            "personalisation": {sku: {"engraving": self.viewer[:8]}},
        }
        reply = await self.line.ask("checkout", **said)
        if not reply["ok"]:
            assert reply["error"]["code"] in ("hold_expired", "empty_cart"), reply
            return None
        order: Frame = reply["result"]
        self.told_orders[checkout_id] = order
        await self._same_again(order, "checkout", **said)
        return order

    async def _pay(self, order: Frame) -> bool:
        """Whether the order was paid in the end; False if it expired before."""
        order_id = order["order_id"]
        token = self._rng.choice(TOKENS)
        while True:
            reply = await self.line.ask("order.pay", order_id=order_id, payment_token=token)
            if not reply["ok"]:
                assert reply["error"]["code"] == "hold_expired", reply
                self.told_expired.add(order_id)
                return False
            status = await self._settled(order_id)
            if status == "paid":
                self.told_paid[order_id] = order["total_minor"]
                return True
            if status == "expired":
                self.told_expired.add(order_id)
                return False
            token = "tok_approve"  # it was declined: another card

    async def _settled(self, order_id: str) -> str:
        """What became of the payment: told by itself, or found out by asking."""
        while True:
            mine = [f for f in self.line.private if f.get("order_id") == order_id]
            for frame in mine:
                if frame["type"] in ("order.paid", "order.expired"):
                    return str(frame["type"]).removeprefix("order.")
            if await self.line.hears_more(0.4):
                continue
            order = await self._order(order_id)
            if order["status"] in SETTLED:
                return str(order["status"])
            if order["payment"] == "declined":
                return "declined"

    async def _order(self, order_id: str) -> Frame:
        cart = (await self.line.ask("cart.show"))["result"]
        return next(order for order in cart["orders"] if order["order_id"] == order_id)

    async def _same_again(self, first: Frame, type_: str, **fields: Any) -> None:
        """Some say everything twice; the answer is the same."""
        if self._rng.random() > 0.25:
            return
        again = await self.line.ask(type_, **fields)
        assert again["ok"], f"{type_} was done, and its repeat says {again}"
        for name in ("hold_id", "order_id", "total_minor", "quantity"):
            assert again["result"].get(name) == first.get(name), (first, again)
