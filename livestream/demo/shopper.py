"""What a simulated viewer does: chats, likes, runs for a drop, hesitates, pays, loses the line.

Owns behaviour. Refuses to know sockets (`client`) and who is like what (`temper`). A shopper goes
on until it has what it came for or is told that there is nothing left, so with enough demand every
unit finds its buyer.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

from livestream.demo.client import Client, NoAnswerError
from livestream.demo.purse import OrderSeen
from livestream.demo.temper import Errand, Temper
from livestream.demo.witness import Witness
from livestream.messages import Attention, CartAdd, ChatSend, Checkout, Like, OrderPay

GOOD_CARD = "tok_approve"
#: Past its deadline, an order or a hold has this long to be told as ended.
GRACE_S = 5.0
#: Somebody who found everything held looks again after this: the server advises 2 s, and not
#: everybody is as patient.
LOOK_AGAIN_S = (0.5, 2.0)

LINES = (
    *("你好", "太美了", "好想要", "限量吗", "刚刚加入", "红盒子!", "抢到了", "祝大家好运"),
    *("Bonsoir", "Which strap is that?", "The dial!", "In the cart", "How many are left?"),
    *("Got one", "Beautiful", "Is the engraving free?", "Hello from Chengdu", "Magnifique"),
)


class Shopper:
    """One person: a temper and a client."""

    def __init__(self, temper: Temper, client: Client, witness: Witness) -> None:
        self._temper = temper
        self._client = client
        self._witness = witness
        self._rng = random.Random(temper.seed)
        self._hands = asyncio.Lock()
        # Drops at which this viewer was refused or lost a hold, and from then on neither hesitates
        # nor pays with a bad card.
        self._in_earnest: set[str] = set()

    async def attend(self, started_s: float) -> None:
        """The whole visit, from joining to leaving; `started_s` is when the show starts or started,
        by the monotonic clock. Ends when the show is over and everything bought is settled.
        """
        client = self._client
        await _sleep_until(started_s + self._temper.joins_s)
        try:
            async with asyncio.TaskGroup() as doing:
                doing.create_task(client.live())
                pastimes = [
                    doing.create_task(pastime)
                    for pastime in (
                        self._chat(),
                        self._like(),
                        self._quieten(started_s),
                        self._break(started_s),
                    )
                ]
                try:
                    errands = (self._shop(errand) for errand in self._temper.errands)
                    await asyncio.gather(self._stay(started_s), *errands)
                    for pastime in pastimes:
                        pastime.cancel()
                    await self._settle()
                finally:
                    await client.leave()
        except* NoAnswerError as errors:
            for error in errors.exceptions:
                self._witness.find(str(error))

    async def _stay(self, started_s: float) -> None:
        """Until the end of the show, or of this viewer's patience."""
        leaves_s = self._temper.leaves_s
        if leaves_s is not None:
            await _sleep_until(started_s + leaves_s)
        else:
            await self._heard(lambda: self._client.status == "ended")

    async def _settle(self) -> None:
        """Wait for what is still open, then ask once more how everything stands."""
        orders = self._client.purse.orders.values()
        await self._client.until(
            lambda: all(order.status != "placed" for order in orders), 2 * GRACE_S
        )
        await self._client.look_up()

    async def _heard(self, seen: Callable[[], bool]) -> None:
        while not await self._client.until(seen, 3_600, about_me=False):
            pass

    # -- pastimes ------------------------------------------------------------------------------

    async def _chat(self) -> None:
        while (every_s := self._temper.chat_every_s) is not None:
            await asyncio.sleep(self._rng.expovariate(1 / every_s))
            line = self._rng.choice(LINES)
            await self._client.say(ChatSend(id=self._client.new_id(), text=line))

    async def _like(self) -> None:
        while (every_s := self._temper.like_every_s) is not None:
            await asyncio.sleep(self._rng.expovariate(1 / every_s))
            taps = self._rng.randint(1, 12)
            await self._client.say(Like(id=self._client.new_id(), count=taps))

    async def _quieten(self, started_s: float) -> None:
        if self._temper.quiet_s is not None:
            await _sleep_until(started_s + self._temper.quiet_s)
            await self._client.ask(Attention(id=self._client.new_id(), level="commerce"))

    async def _break(self, started_s: float) -> None:
        for at_s, away_s in self._temper.cuts:
            await _sleep_until(started_s + at_s)
            self._client.cut(away_s)

    # -- a drop --------------------------------------------------------------------------------

    async def _shop(self, errand: Errand) -> None:
        """Get the units that are wanted, or be told that there will be none."""
        bought, first = 0, True
        while bought < errand.units:
            await self._heard(lambda: self._sells(errand) or self._is_over(errand))
            if self._is_over(errand):
                return
            if first:
                await asyncio.sleep(errand.reaction_s)
            async with self._hands:  # one cart: who is at one counter is not at another
                order = await self._buy(errand, errand.units - bought, first)
            if order is not None:
                first = False
                bought += sum(order.units.values()) if order.secured else 0

    async def _buy(self, errand: Errand, units: int, first: bool) -> OrderSeen | None:
        """One attempt: the order, paid or not; None if it did not come to one."""
        started_s = time.perf_counter()
        hold = await self._add(errand, units, first)
        if hold is None:
            return None
        dawdles = first and errand.drop_id not in self._in_earnest
        if dawdles and errand.hesitates:
            self._in_earnest.add(errand.drop_id)
            await self._let_expire(errand, hold)
            return None
        order = await self._check_out(errand, first)
        if order is None:
            return None
        token = errand.token if dawdles else GOOD_CARD
        smooth = await self._pay(order, token, first and errand.loses == "order.pay")
        if smooth and order.paid and not (first and errand.loses != "nothing"):
            self._witness.add_to_paid_ms.append((time.perf_counter() - started_s) * 1_000)
        return order

    def _drop(self, errand: Errand) -> dict[str, Any]:
        return self._client.drops.get(errand.drop_id, {})

    def _sells(self, errand: Errand) -> bool:
        return self._drop(errand).get("status") in ("open", "all_held")

    def _is_over(self, errand: Errand) -> bool:
        """Nothing will come any more. "Sold out" is not that: a restock may follow."""
        return self._client.status == "ended" or self._drop(errand).get("status") == "closed"

    async def _add(self, errand: Errand, units: int, first: bool) -> dict[str, Any] | None:
        """The hold, or None after a refusal that was waited out."""
        client, sku = self._client, self._drop(errand)["sku"]
        lose = first and errand.loses == "cart.add"
        reply = await client.ask(CartAdd(id=client.new_id(), sku=sku, quantity=units), lose)
        if reply["ok"]:
            return dict(reply["result"])
        code = self._refused(reply)
        if code == "all_held" and units > 1:
            return await self._add(errand, units - 1, False)
        self._in_earnest.add(errand.drop_id)
        if code in ("all_held", "not_open", "limit_reached"):
            await asyncio.sleep(self._rng.uniform(*LOOK_AGAIN_S) / self._temper.pace)
        elif code in ("sold_out", "closed"):
            # The frame that says so may still be on its way to this screen.
            await client.until(lambda: not self._sells(errand), 2.0, about_me=False)
        else:
            self._unexpected("cart.add", reply)
        return None

    async def _let_expire(self, errand: Errand, hold: dict[str, Any]) -> None:
        purse, looked = self._client.purse, self._client.purse.looked
        within_s = self._drop(errand)["hold_ttl_ms"] / 1_000 + GRACE_S
        hold_id = hold["hold_id"]
        if not await self._client.until(lambda: purse.hold_ended(hold_id, looked), within_s):
            self._witness.find(f"{self._temper.viewer}: hold {hold_id} never expired")

    async def _check_out(self, errand: Errand, first: bool) -> OrderSeen | None:
        client = self._client
        personal = _personal(self._drop(errand), errand.engraving)
        lose = first and errand.loses == "checkout"
        asked_s = time.perf_counter()
        command = Checkout(
            id=client.new_id(), checkout_id=client.new_id(), personalisation=personal
        )
        reply = await client.ask(command, lose)
        if not reply["ok"]:
            if self._refused(reply) not in ("hold_expired", "empty_cart"):
                self._unexpected("checkout", reply)
            return None
        if not lose:
            self._witness.checkout_ms.append((time.perf_counter() - asked_s) * 1_000)
        order = client.purse.placed(reply["result"])
        self._witness.acknowledge(order.order_id, client.purse.as_told(order))
        return order

    async def _pay(self, order: OrderSeen, token: str, lose: bool) -> bool:
        """Pay until it is decided; whether it went as smoothly as it can."""
        smooth = token == GOOD_CARD and not lose
        while await self._pay_once(order, token, lose) and order.payment == "declined":
            token, lose = GOOD_CARD, False
        return smooth

    async def _pay_once(self, order: OrderSeen, token: str, lose: bool) -> bool:
        """Whether the attempt was decided, rather than refused."""
        client = self._client
        late = token.startswith("tok_late_")
        order.payment = ""
        command = OrderPay(id=client.new_id(), order_id=order.order_id, payment_token=token)
        reply = await client.ask(command, lose)
        if not reply["ok"]:
            if self._refused(reply) != "hold_expired":
                self._unexpected("order.pay", reply)
            return False
        if reply["result"]["status"] == "paid":
            client.purse.placed(reply["result"])
        within_s = order.expires_at_ms / 1_000 - time.time() + (2 * GRACE_S if late else GRACE_S)
        if not await client.until(lambda: order.decided(late), within_s):
            self._witness.find(f"{self._temper.viewer}: payment of {order.order_id} never decided")
        return True

    def _refused(self, reply: dict[str, Any]) -> str:
        code = str(reply["error"]["code"])
        self._witness.refused[code] += 1
        return code

    def _unexpected(self, what: str, reply: dict[str, Any]) -> None:
        self._witness.find(f"{self._temper.viewer}: {what} was answered {reply['error']}")


def _personal(drop: dict[str, Any], engraving: str) -> dict[str, dict[str, str]]:
    """What this shopper asks for beside the piece: the engraving, where there is one to be had, and
    whatever must be chosen.
    """
    chosen = {
        option["option_id"]: "" if option["kind"] == "gift_wrap" else engraving or "1904"
        for option in drop.get("options", [])
        if option["required"] or (option["kind"] == "engraving" and engraving)
    }
    return {drop["sku"]: chosen} if chosen else {}


async def _sleep_until(moment_s: float) -> None:
    await asyncio.sleep(max(0.0, moment_s - time.monotonic()))
