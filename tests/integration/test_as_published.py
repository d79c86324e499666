"""Every frame that really comes, to a viewer and to a panel, is what /asyncapi.json says of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
import pytest
import websockets

from livestream.clock import now_ms
from livestream.tickets import HostToken, issue_host_token
from tests.integration.api import Api
from tests.integration.house import SECRET, Served
from tests.integration.world import World
from tests.livestream.control.conformity import Contract

PATIENCE_S = 20
TERMS: dict[str, Any] = {
    "drop_id": "d1",
    "sku": "santos",
    "title": "Santos",
    "supply": 1,
    "price_minor": 5_150_000,
    "currency": "CNY",
    "perks": [{"perk_id": "bellboy", "name": "Bellboy", "first_n": 1}],
    "options": [{"option_id": "engraving", "kind": "engraving", "characters_max": 3}],
    "flash": [{"from_ms": 0, "until_ms": 1, "price_minor": 1}],
}


class Seen:
    """Frames as they come, each checked at once."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._some = asyncio.Condition()
        self.frames: list[dict[str, Any]] = []

    async def take(self, payload: str | bytes) -> None:
        frame = orjson.loads(payload)
        self._contract.check(frame)
        async with self._some:
            self.frames.append(frame)
            self._some.notify_all()

    async def until(self, *kinds: str) -> dict[str, Any]:
        """Wait until a frame of each kind has come; the last one of the last kind."""
        async with asyncio.timeout(PATIENCE_S), self._some:
            await self._some.wait_for(lambda: self.types().issuperset(kinds))
        return [frame for frame in self.frames if frame["type"] == kinds[-1]][-1]

    async def reply(self, to: str | None) -> dict[str, Any]:
        """Wait for the answer to a command."""
        async with asyncio.timeout(PATIENCE_S), self._some:
            await self._some.wait_for(lambda: self._reply(to) is not None)
        reply = self._reply(to)
        assert reply is not None
        return reply

    def _reply(self, to: str | None) -> dict[str, Any] | None:
        replies = [frame for frame in self.frames if frame["type"] == "reply"]
        return next((frame for frame in replies if frame["to"] == to), None)

    def types(self) -> set[str]:
        return {frame["type"] for frame in self.frames}


@asynccontextmanager
async def viewer(seen: Seen, world: World) -> AsyncIterator[websockets.ClientConnection]:
    (base,) = world.house.gateway_urls()
    url = f"{base}/live/{world.room}?ticket={world.ticket('v1')}"
    async with await _let_in(url) as socket:

        async def read() -> None:
            async for payload in socket:
                await seen.take(payload)

        async with kept_up(read()):
            yield socket


async def _let_in(url: str) -> websockets.connect:
    """Knock until the gateway is ready."""
    while True:
        try:
            async with websockets.connect(url):
                return websockets.connect(url)
        except websockets.InvalidStatus as refused:
            if refused.response.status_code != 503:
                raise
        await asyncio.sleep(0.1)


@asynccontextmanager
async def panel(seen: Seen, served: Served, room: str) -> AsyncIterator[None]:
    token = issue_host_token(SECRET, HostToken("lin", "analyst", now_ms() + 60_000))
    url = f"{served.control_url}/api/v1/rooms/{room}/desk"
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(url, protocols=("livestream.desk.v1", f"bearer.{token}")) as socket,
    ):

        async def read() -> None:
            async for message in socket:
                await seen.take(message.data)

        async with kept_up(read()):
            yield


@asynccontextmanager
async def kept_up(reading: Any) -> AsyncIterator[None]:
    """Read beside the block; what reading found wrong is raised when it ends."""
    task = asyncio.create_task(reading)
    try:
        yield
    finally:
        if not task.done():
            task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()


async def say(socket: websockets.ClientConnection, kind: str, **fields: Any) -> None:
    await socket.send(orjson.dumps({"id": kind, "type": kind, **fields}).decode())


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract()


async def test_an_evening_is_told_as_published(
    evening: World, served: Served, contract: Contract
) -> None:
    room, viewers, desks = evening.room, Seen(contract), Seen(contract)
    async with (
        Api(served) as api,
        evening.desk(),
        viewer(viewers, evening) as socket,
        panel(desks, served, room),
    ):
        base = f"/rooms/{room}"
        await api.does("PUT", f"{base}/cards/c1", {"title": "Santos", "sku": "santos"})
        await api.does("PUT", f"{base}/pin", {"card_id": "c1"})
        await api.does("POST", f"{base}/drops", TERMS)
        await api.does("POST", f"{base}/drops/d1/open")
        await api.does("POST", f"{base}/announcements", {"text": "Now!"})
        await say(socket, "chat.send", text="hello")
        await say(socket, "like", count=3)
        await say(socket, "attention", level="full")
        await say(socket, "cart.add", sku="santos")
        await say(
            socket, "checkout", checkout_id="co1", personalisation={"santos": {"engraving": "M"}}
        )
        order = (await viewers.reply("checkout"))["result"]
        await say(socket, "order.pay", order_id=order["order_id"], payment_token="tok_approve")
        await viewers.until("order.paid", "perk.awarded", "drop.sold_out", "stock.changed")
        await say(socket, "cart.show")
        await say(socket, "cart.remove", sku="santos")
        await say(socket, "nonsense")
        await socket.send("{")
        for to in ("chat.send", "like", "attention", "cart.show", "cart.remove", "nonsense", None):
            await viewers.reply(to)
        await viewers.until("welcome", "chat", "pulse")
        await api.does("POST", f"{base}/orders/{order['order_id']}/refund")
        await viewers.until("order.refunded")
        await api.does("POST", f"{base}/viewers/v9/mute")
        await desks.until("desk", "ledger", "chat", "pulse", "viewer.muted", "drop.sold_out")
        assert not viewers.types() & {"viewer.muted", "ledger", "desk"}


async def test_what_the_api_answers_is_as_published(evening: World, served: Served) -> None:
    """Bodies against the schemas of /openapi.json."""
    contract = Contract.of_openapi()
    room = f"/rooms/{evening.room}"
    async with Api(served) as api, evening.desk():
        await api.does("PUT", f"{room}/cards/c1", {"title": "Santos", "sku": "santos"})
        await api.does("POST", f"{room}/drops", TERMS)
        answers = {
            "WhoAmI": await api.gets("/whoami"),
            "RoomList": await api.gets("/rooms"),
            "RoomView": await api.gets(room),
            "OrderList": await api.gets(f"{room}/orders"),
            "RoomState": await api.does("POST", f"{room}/start"),
            "CardId": await api.does("PUT", f"{room}/pin", {"card_id": "c1"}),
            "DropState": await api.does("POST", f"{room}/drops/d1/open"),
            "Said": await api.does("POST", f"{room}/announcements", {"text": "Now!"}),
            "Mute": await api.does("POST", f"{room}/viewers/v1/mute"),
            "Ban": await api.does("POST", f"{room}/viewers/v1/ban"),
            "StreamState": await api.does("PUT", f"{room}/stream", {"poster_url": "/still.webp"}),
            "SlowMode": await api.does("PUT", f"{room}/chat/slow-mode", {"interval_ms": 0}),
            "Deleted": await api.does("DELETE", f"{room}/chat/m1"),
            "Pinned": await api.does("PUT", f"{room}/chat/pin", {"text": "Doors at eight"}),
            "WordCount": await api.does("PUT", f"{room}/chat/words", {"words": ["rude"]}),
            "BlockedWords": await api.gets(f"{room}/chat/words"),
            "ActionList": await api.gets(f"{room}/actions"),
            "ProblemDetails": (await api.call("POST", f"{room}/drops/d9/open")).body,
            "IssuedTicket": await api.does(
                "POST", f"{room}/tickets", {"viewer": "v1", "channel": "tmall", "name": "Mei"}
            ),
        }
        ledger = (await api.call("GET", f"{room}/ledger")).body
    for name, answer in {**answers, "Ledger": ledger}.items():
        contract.check_as(name, answer)
