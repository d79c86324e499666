"""Clients of other families see the same room: each makes a whole purchase, knowing only the
protocol's page.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
import orjson
import pytest
import websocket  # websocket-client
import websockets

from tests.integration import books
from tests.integration.books import Log
from tests.integration.world import World

PRICE_MINOR = 2_880_000
PROTOCOL = "livestream.v1"


class Wire(NamedTuple):
    """What every client library can do: send a text, receive a text."""

    send: Callable[[str], Awaitable[Any]]
    receive: Callable[[], Awaitable[str]]
    subprotocol: str | None


@asynccontextmanager
async def plain_websockets(url: str) -> AsyncIterator[Wire]:
    """websockets as it comes: compression offered, its own pings."""
    async with websockets.connect(url, subprotocols=[PROTOCOL]) as socket:  # type: ignore[list-item]  # a NewType of str

        async def receive() -> str:
            text = await socket.recv()
            assert isinstance(text, str)
            return text

        yield Wire(socket.send, receive, socket.subprotocol)


@asynccontextmanager
async def aiohttp_client(url: str) -> AsyncIterator[Wire]:
    """aiohttp, with its heartbeat."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, protocols=[PROTOCOL], heartbeat=0.2) as socket,
    ):
        yield Wire(socket.send_str, socket.receive_str, socket.protocol)


@asynccontextmanager
async def websocket_client(url: str) -> AsyncIterator[Wire]:
    """websocket-client, which blocks, in threads."""
    socket = await asyncio.to_thread(
        websocket.create_connection, url, timeout=10, subprotocols=[PROTOCOL]
    )

    async def receive() -> str:
        return str(await asyncio.to_thread(socket.recv))

    try:
        yield Wire(
            lambda text: asyncio.to_thread(socket.send, text), receive, socket.getsubprotocol()
        )
    finally:
        await asyncio.to_thread(socket.close)


@pytest.mark.parametrize("connect", [plain_websockets, aiohttp_client, websocket_client])
async def test_a_whole_purchase(
    evening: World, connect: Callable[[str], AbstractAsyncContextManager[Wire]]
) -> None:
    async with evening.desk() as desk, asyncio.timeout(20):
        await desk.opens_drop(
            "bag", 1, PRICE_MINOR, perks=[{"perk_id": "bellboy", "name": "Bellboy", "first_n": 1}]
        )
        [gateway] = evening.house.gateway_urls()
        url = f"{gateway}/live/{evening.room}?ticket={evening.ticket('ann', 'wechat')}"
        async with connect(url) as wire:
            assert wire.subprotocol == PROTOCOL

            async def next_of(*types: str) -> dict[str, Any]:
                while True:
                    frame: dict[str, Any] = orjson.loads(await wire.receive())
                    if frame["type"] in types:
                        return frame

            async def do(type_: str, **fields: Any) -> Any:
                await wire.send(orjson.dumps({"id": type_, "type": type_, **fields}).decode())
                reply = await next_of("reply")
                assert (reply["to"], reply["ok"]) == (type_, True), reply
                return reply["result"]

            welcome = orjson.loads(await wire.receive())
            assert welcome["type"] == "welcome", "the first frame, always"
            known = {drop["sku"] for drop in welcome["snapshot"]["drops"]}
            while "bag" not in known:  # this gateway is a moment behind the desk
                known.add((await next_of("drop.scheduled"))["drop"]["sku"])
            assert (await do("chat.send", text="早上好"))["message_id"]
            assert (await do("like", count=3))["count"] == 3
            held = await do("cart.add", sku="bag")
            order = await do("checkout", checkout_id="c1")
            assert (order["total_minor"], order["currency"]) == (held["price_minor"], "CNY")
            await do("order.pay", order_id=order["order_id"], payment_token="tok_delay_100")
            paid = await next_of("order.paid")
            assert (paid["order_id"], paid["total_minor"]) == (order["order_id"], PRICE_MINOR)
            perk = await next_of("perk.awarded")
            assert (perk["name"], perk["rank"]) == ("Bellboy", 1)
            assert (await do("cart.show"))["orders"][0]["status"] == "paid"
    log = await Log.read(evening.redis, evening.room)
    assert books.gross_by_channel(log) == {("CNY", "wechat"): PRICE_MINOR}
