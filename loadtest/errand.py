"""An errand: one attempt of a seat in the crowd to get a unit of a drop.

    cart.add -> checkout -> order.pay -> order.paid

Pure: what was heard goes in, what to say next comes out. Everything is said under an id of its own
and said again, unchanged, while it is not answered.

Owns that order and its times. Refuses to know sockets; a person's whole behaviour is `shopper`'s.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from livestream import wire
from livestream.messages import CartAdd, CartShow, Checkout, OrderPay, ViewerMessage
from loadtest.figures import Figures

#: What was not answered by then is said again.
REPLY_S: Final = 8.0
#: Who found everything held looks again, so often and after this time; some holds run out.
LOOK_AGAIN_S: Final = 2.0
LOOKS_MAX: Final = 4
_NOTHING_DONE: Final = frozenset({"busy", "rate_limited"})


class Errand:
    """Of one seat, for one drop: its commands carry the drop's name, for a viewer uses no id twice
    in an evening.
    """

    __slots__ = (
        *("_asked", "_began_s", "_drop_id", "_looks", "_order_id", "_said", "_said_s", "_sku"),
        "due_s",
    )

    def __init__(self, drop_id: str, sku: str, now_s: float) -> None:
        self._drop_id = drop_id
        self._sku = sku
        self._asked = 0
        self._looks = 0
        self._order_id = ""
        self._began_s = now_s
        self._said_s = now_s
        self._said: ViewerMessage | None = None
        #: When to call `again`, by `time.perf_counter`; infinity once it is done.
        self.due_s = now_s
        self._say(CartAdd(id=self._new_id(), sku=sku), now_s)

    @property
    def over(self) -> bool:
        """Got it, or was told that there is none."""
        return self._said is None

    def words(self) -> bytes:
        """What is to be said now."""
        return wire.encode(msgspec.to_builtins(self._said))

    def again(self, now_s: float) -> bytes:
        """Nothing came in time, or the time to look again has come."""
        if isinstance(self._said, OrderPay):
            # Whether it was paid may have been told while the line was down; the cart knows.
            self._said = CartShow(id=self._new_id())
        self.due_s = now_s + REPLY_S
        return self.words()

    def reply(self, frame: dict[str, Any], figures: Figures, now_s: float) -> bytes | None:
        """An answer came; None if there is nothing to say to it now."""
        said = self._said
        if said is None or frame["to"] != said.id:
            return None
        name = str(type(said).__struct_config__.tag)
        refusal = None if frame["ok"] else str(frame["error"]["code"])
        if refusal in _NOTHING_DONE:
            self.due_s = now_s + frame["error"].get("retry_after_ms", 200) / 1_000
            return None
        figures.answer(name, (now_s - self._said_s) * 1_000, refusal)
        if refusal is not None:
            self._refused(refusal, now_s)
            return None
        return self._next(said, frame["result"], figures, now_s)

    def order(self, kind: str, order_id: str, figures: Figures, now_s: float) -> None:
        """What became of an order was told."""
        if order_id == self._order_id and kind == "order.paid":
            figures.answer("cart.add to paid", (now_s - self._began_s) * 1_000, None)
            self._end()

    def _next(
        self, said: ViewerMessage, result: dict[str, Any], figures: Figures, now_s: float
    ) -> bytes | None:
        match said:
            case CartAdd():
                return self._say(Checkout(id=self._new_id(), checkout_id=self._new_id()), now_s)
            case Checkout():
                self._order_id = result["order_id"]
                return self._say(self._pay(), now_s)
            case CartShow():
                for order in result["orders"]:
                    if order["order_id"] == self._order_id and order["status"] == "paid":
                        self.order("order.paid", self._order_id, figures, now_s)
                if not self.over:
                    self.due_s = now_s + LOOK_AGAIN_S
                    self._said = CartShow(id=self._new_id())
        return None

    def _refused(self, code: str, now_s: float) -> None:
        if code == "all_held" and self._looks < LOOKS_MAX:
            self._looks += 1
            self._said_s = self.due_s = now_s + LOOK_AGAIN_S
            self._said = CartAdd(id=self._new_id(), sku=self._sku)
        else:
            self._end()

    def _pay(self) -> OrderPay:
        return OrderPay(id=self._new_id(), order_id=self._order_id, payment_token="tok_approve")

    def _say(self, command: ViewerMessage, now_s: float) -> bytes:
        self._said, self._said_s, self.due_s = command, now_s, now_s + REPLY_S
        return self.words()

    def _end(self) -> None:
        self._said, self.due_s = None, float("inf")

    def _new_id(self) -> str:
        self._asked += 1
        return f"{self._drop_id}.{self._asked}"
