"""`Shopper`: somebody who came for the drop."""

from __future__ import annotations

import random
import time
from typing import Any

import gevent
from locust import constant, task

from livestream.messages import CartAdd, CartShow, Checkout, OrderPay
from loadtest.person import SILENCE_S, Person

#: From the sight of the opening to the tap.
REACTION_S = (0.1, 0.8)
#: Who found everything held looks again: some holds run out.
LOOK_AGAIN_S = (0.5, 2.0)
#: One command in so many is followed by a broken line, and repeated by its id.
LOSES_ONE_IN = 8
#: What the sandbox provider does with it: at once, in a moment, calling back twice, not at all.
PAYMENT_TOKENS = ("tok_approve",) * 6 + ("tok_delay_300", "tok_twice", "tok_decline")
#: A payment that was neither approved nor declined by then shows as a failure.
DECIDED_WITHIN_S = 10.0


class Shopper(Person):
    """Waits for the drop, adds one unit, checks out, pays; goes on until it has its unit or is told
    that there is none.

    Repeats by id what was not answered. Refuses to believe the stock on the screen: answers count.
    A declined payment is tried once more with a good card.
    """

    channel = "shopper"
    wait_time = constant(0.2)

    def on_start(self) -> None:
        super().on_start()
        self._served: set[str] = set()

    @task
    def run_for_the_drop(self) -> None:
        """One attempt at the drop that is open, or a look at the screen."""
        if not self.until(lambda: self._open() is not None, 1.0):
            return
        drop = self._open()
        if drop is None:
            return
        gevent.sleep(random.uniform(*REACTION_S))
        if self._buy(drop):
            self._served.add(drop["drop_id"])

    def _open(self) -> dict[str, Any] | None:
        for drop in self.drops.values():
            if drop["status"] in ("open", "all_held") and drop["drop_id"] not in self._served:
                return drop
        return None

    def _buy(self, drop: dict[str, Any]) -> bool:
        """Whether this drop is settled for us: bought, or nothing left to buy."""
        started_s = time.perf_counter()
        added = self.ask(CartAdd(id=self.new_id(), sku=drop["sku"]), _loses())
        if not added["ok"]:
            code = added["error"]["code"]
            if code == "all_held":
                gevent.sleep(random.uniform(*LOOK_AGAIN_S))
            return code in ("sold_out", "closed", "limit_reached", "not_invited")
        placed = self.ask(Checkout(id=self.new_id(), checkout_id=self.new_id()), _loses())
        if not placed["ok"]:
            return False  # the hold ran out: look again
        order_id = placed["result"]["order_id"]
        for token in (random.choice(PAYMENT_TOKENS), "tok_approve"):
            status = self._pay(order_id, token)
            if status == "paid":
                took_ms = (time.perf_counter() - started_s) * 1_000
                self.evening.figures.answer("cart.add to paid", took_ms, None)
            if status != "declined":
                return status == "paid"
        return False

    def _pay(self, order_id: str, token: str) -> str:
        """How it ended: `paid`, `declined`, `expired`, or `refused`."""
        self.orders.pop(order_id, None)
        started_s = time.perf_counter()
        reply = self.ask(
            OrderPay(id=self.new_id(), order_id=order_id, payment_token=token), _loses()
        )
        if not reply["ok"]:
            return "refused"
        give_up_at_s = time.perf_counter() + DECIDED_WITHIN_S
        while not self.until(lambda: order_id in self.orders, SILENCE_S):
            # A push that came while the line was down is not sent again; the cart knows.
            self._look_up(order_id)
            if time.perf_counter() > give_up_at_s:
                took_ms = (time.perf_counter() - started_s) * 1_000
                self.evening.figures.no_answer("payment", took_ms, TimeoutError("never decided"))
                return "undecided"
        return self.orders[order_id]

    def _look_up(self, order_id: str) -> None:
        shown = self.ask(CartShow(id=self.new_id()))
        for order in shown["result"]["orders"] if shown["ok"] else ():
            if order["order_id"] == order_id:
                if order["status"] != "placed":
                    self.orders[order_id] = order["status"]
                elif order.get("payment") == "declined":
                    self.orders[order_id] = "declined"


def _loses() -> bool:
    return random.randrange(LOSES_ONE_IN) == 0
