"""Viewers who buy, for tests: their commands go into the inbox as a gateway puts them there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from redis import asyncio as aioredis

from livestream import keys, wire
from livestream.commands import Envelope
from livestream.inbox import Inbox, subscribe
from livestream.messages import CartAdd, Checkout, OrderPay, ShoppingMessage

SENDER = "g-test"


class Shoppers:
    """Any number of viewers of one room. Every answer must be ok."""

    def __init__(self, redis: aioredis.Redis, room: str) -> None:
        self._inbox = Inbox(redis, SENDER)
        self._room = room
        self._answers: dict[int, asyncio.Future[Any]] = {}

    async def ask(self, viewer: str, channel: str, command: ShoppingMessage) -> dict[str, Any]:
        """The result of one command."""
        conn = len(self._answers) + 1
        self._answers[conn] = asyncio.get_running_loop().create_future()
        await self._inbox.put(self._room, [Envelope(conn, viewer, channel, command)])
        reply = await asyncio.wait_for(self._answers[conn], 10)
        assert reply["ok"], reply
        return dict(reply["result"])

    async def order(
        self,
        viewer: str,
        sku: str,
        channel: str = "tmall",
        personalisation: dict[str, dict[str, str]] | None = None,
    ) -> str:
        """Hold one unit and check out; the order's id."""
        await self.ask(viewer, channel, CartAdd(id=f"{viewer}-a", sku=sku))
        checkout = Checkout(
            id=f"{viewer}-c", checkout_id=f"{viewer}-co", personalisation=personalisation or {}
        )
        return str((await self.ask(viewer, channel, checkout))["order_id"])

    async def pay(self, viewer: str, order_id: str, token: str = "tok_approve") -> None:
        """Ask to pay."""
        await self.ask(
            viewer, "tmall", OrderPay(id=f"{viewer}-p", order_id=order_id, payment_token=token)
        )

    async def ask_to_pay(self, viewer: str, order_id: str, command_id: str) -> None:
        """Another attempt."""
        pay = OrderPay(id=command_id, order_id=order_id, payment_token="tok_approve")
        await self.ask(viewer, "tmall", pay)

    async def listen(self, subscribed: asyncio.Event, redis: aioredis.Redis) -> None:
        """Hand answers to those who asked, for ever."""
        async for heard in subscribe(redis, keys.replies(SENDER)):
            if heard is None:
                subscribed.set()
                continue
            for conn, frame in wire.decode_replies(heard[1]):
                self._answers[conn].set_result(wire.decode_frame(frame))


@asynccontextmanager
async def shoppers_of(redis: aioredis.Redis, room: str) -> AsyncIterator[Shoppers]:
    """Viewers of `room`, for as long as the block runs."""
    shoppers, subscribed = Shoppers(redis, room), asyncio.Event()
    listening = asyncio.create_task(shoppers.listen(subscribed, redis))
    await subscribed.wait()
    try:
        yield shoppers
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
