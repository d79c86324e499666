"""Clients of other families, and clients that do not keep to the protocol."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import orjson
import pytest
import websocket

from livestream import commands
from tests.livestream.gateway.stage import Person, Stage


async def test_aiohttp_s_client_buys_a_watch(stage: Stage) -> None:
    await stage.open_drop()
    address = stage.person(ticket=stage.ticket("anna")).address
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(address, protocols=["livestream.v1"]) as line,
    ):

        async def frame(kind: str) -> Any:
            async with asyncio.timeout(5):
                while (read := await line.receive_json(loads=orjson.loads))["type"] != kind:
                    pass
            return read

        async def ask(**message: Any) -> Any:
            await line.send_json({"id": "m1", **message})
            reply = await frame("reply")
            assert reply["ok"], reply
            return reply["result"]

        assert (await frame("welcome"))["viewer"] == "anna"
        await ask(type="cart.add", sku="santos")
        order = await ask(type="checkout", checkout_id="c1")
        await ask(type="order.pay", order_id=order["order_id"], payment_token="tok_approve")
        assert (await frame("order.paid"))["order_id"] == order["order_id"]


async def test_websocket_client_watches_and_chats(stage: Stage) -> None:
    address = stage.person(ticket=stage.ticket("anna")).address

    def visit() -> tuple[Any, Any]:
        line = websocket.create_connection(address, timeout=5, subprotocols=["livestream.v1"])
        try:
            welcome = orjson.loads(line.recv())
            line.send('{"id":"m1","type":"chat.send","text":"hello"}')
            while (frame := orjson.loads(line.recv()))["type"] != "reply":
                pass
            return welcome, frame
        finally:
            line.close()

    welcome, reply = await asyncio.to_thread(visit)
    assert welcome["viewer"] == "anna"
    assert reply["ok"]


@pytest.mark.parametrize(
    ("text", "to"),
    [
        ("", None),
        ("{", None),
        ("[]", None),
        ("null", None),
        ("42", None),
        ('{"id":"m1"}', "m1"),
        ('{"id":"m1","type":"no.such"}', "m1"),
        ('{"id":"m1","type":"room.end"}', "m1"),
        ('{"id":"m1","type":"payment.approved","payment_id":"p","amount_minor":1}', "m1"),
        ('{"type":"cart.show"}', None),
        ('{"id":7,"type":"cart.show"}', None),
        ('{"id":"' + "x" * 65 + '","type":"cart.show"}', "x" * 64),
        ('{"id":"m1","type":"cart.add"}', "m1"),
        ('{"id":"m1","type":"cart.add","sku":"santos","quantity":0}', "m1"),
        ('{"id":"m1","type":"cart.add","sku":"santos","quantity":-1}', "m1"),
        ('{"id":"m1","type":"cart.add","sku":"santos","quantity":1.5}', "m1"),
        ('{"id":"m1","type":"cart.add","sku":"santos","quantity":"1"}', "m1"),
        ('{"id":"m1","type":"cart.add","sku":"santos","quantity":1e99}', "m1"),
        ('{"id":"m1","type":"cart.add","sku":["santos"]}', "m1"),
        ('{"id":"m1","type":"checkout","checkout_id":"c","personalisation":{"a b":"c"}}', "m1"),
        ('{"id":"m1","type":"chat.send","text":""}', "m1"),
        ('{"id":"m1","type":"chat.send","text":"\\ud800"}', None),
        ('{"id":"m1","type":"chat.send","text":"' + "x" * 201 + '"}', "m1"),
        ('{"id":"m1","type":"like","count":51}', "m1"),
        ('{"id":"m1","type":"attention","level":"none"}', "m1"),
        ("[" * 4_000, None),
        ('{"id":"m1","type":"' + "x" * 4_000 + '"}', "m1"),
    ],
)
async def test_what_cannot_be_read_is_invalid_and_changes_nothing(
    stage: Stage, text: str, to: str | None
) -> None:
    await stage.open_drop()
    anna = await stage.join("anna")
    await anna.line.send(text)
    reply = await anna.frame("reply")
    assert (reply["to"], reply["ok"], reply["error"]["code"]) == (to, False, "invalid")
    assert 0 < len(reply["error"]["message"]) <= 200
    assert await anna.result("cart.show") == {"holds": [], "orders": [], "waiting": []}


async def ends_with(person: Person, *data: str | bytes) -> int:
    for piece in data:
        await person.line.send(piece)
    return (await person.closing()).code


async def test_what_is_too_large_or_not_text_ends_the_connection(stage: Stage) -> None:
    assert await ends_with(await stage.join("anna"), "x" * 8_193) == 1009
    assert await ends_with(await stage.join("anna"), b"\x00\x01") == 1003
    largest = await stage.join("anna")
    await largest.line.send("x" * 8_192)
    assert (await largest.frame("reply"))["error"]["code"] == "invalid"


async def test_who_only_talks_nonsense_is_closed(stage: Stage) -> None:
    anna, bob = await stage.join("anna"), await stage.join("bob")
    assert await ends_with(anna, *["nonsense"] * 30) == 4029
    await bob.result("cart.show")


async def test_nobody_can_say_what_is_the_desk_s_to_say(stage: Stage) -> None:
    anna, bob = await stage.join("anna"), await stage.join("bob")
    for kind in ("room.end", "drop.close", "viewer.ban", "order.refund", "announce"):
        assert (await anna.error(kind, viewer="bob", drop_id="drop"))["code"] == "invalid"
    await stage.command(commands.Announce("still here"))
    await bob.frame("announcement")
    assert [frame["type"] for frame in bob.public()] == ["announcement"]
