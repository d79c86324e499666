"""An external provider pushes what became of payments: signed, in any order, any number of times,
hours late; and nobody else can.
"""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import orjson
import pytest
from redis import asyncio as aioredis

from livestream.clock import now_ms
from livestream.config import Settings
from livestream.webhooks import Signer
from tests.livestream.control.conftest import serving
from tests.livestream.control.desks import Answered, Desk, assert_problem, host_token
from tests.livestream.control.shoppers import shoppers_of
from tests.livestream.control.test_orders import TERMS, order_when

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
PRICE_MINOR = 5_150_000

pytestmark = pytest.mark.usefixtures("engine")


@pytest.fixture
def settings(redis_url: str, settings: Settings) -> Settings:
    return msgspec.structs.replace(
        settings, payment_provider="external", payment_webhook_secret=SECRET
    )


class Provider:
    """The other side: signs what it pushes."""

    def __init__(self, desk: Desk, room: str, secret: str = SECRET) -> None:
        self._desk = desk.as_(None)
        self._room = room
        self._signer = Signer(secret)

    async def push(
        self, message_id: str, kind: str, name: str, *, age_ms: int = 0, **data: Any
    ) -> Answered:
        body = {"type": kind, "data": {"reference": f"{self._room}:{name}", **data}}
        return await self.send(message_id, orjson.dumps(body), age_ms)

    async def send(self, message_id: str, body: bytes, age_ms: int = 0) -> Answered:
        headers = self._signer.headers(message_id, now_ms() - age_ms, body)
        headers["Content-Type"] = "application/json"
        return await self._desk.call("POST", "/api/v1/payments/webhook", data=body, headers=headers)

    async def approve(
        self, message_id: str, name: str, amount_minor: int = PRICE_MINOR
    ) -> Answered:
        return await self.push(
            message_id, "payment.approved", name, amount_minor=amount_minor, currency="CNY"
        )


@pytest.fixture
async def asked(desk: Desk, redis: aioredis.Redis, room: str) -> str:
    """A room with an order whose payment waits for the provider; the payment's name."""
    await desk.opened_room(room, TERMS)
    async with shoppers_of(redis, room) as shoppers:
        order_id = await shoppers.order("v1", "santos")
        await shoppers.pay("v1", order_id)
    return f"{order_id}-p1"


@pytest.fixture
def provider(desk: Desk, room: str) -> Provider:
    return Provider(desk, room)


async def test_an_approval_pays_the_order_once_however_often_it_comes(
    desk: Desk, room: str, asked: str, provider: Provider
) -> None:
    answers = [await provider.approve("evt_1", asked) for _ in range(3)]
    answers.append(await provider.approve("evt_2", asked))
    assert [a.status for a in answers] == [200] * 4
    assert all(a.body == {"order_id": "o1", "payment": "confirmed"} for a in answers)
    order = await order_when(desk, room, "o1", "paid")
    assert (order["paid_seq"], len(order["payments"])) == (1, 1)


async def test_all_at_once_is_once(desk: Desk, room: str, asked: str, provider: Provider) -> None:
    answers = await asyncio.gather(*(provider.approve(f"evt_{n % 3}", asked) for n in range(12)))
    assert {a.status for a in answers} == {200}
    assert (await order_when(desk, room, "o1", "paid"))["paid_seq"] == 1


async def test_a_decline_overtaken_by_the_approval_changes_nothing(
    desk: Desk, room: str, asked: str, provider: Provider
) -> None:
    await provider.approve("evt_2", asked)
    late = await provider.push("evt_1", "payment.declined", asked, reason="no cover")
    assert late.body["payment"] == "confirmed"
    assert (await order_when(desk, room, "o1", "paid"))["status"] == "paid"


async def test_a_decline_is_taken_and_the_next_attempt_pays(
    desk: Desk, redis: aioredis.Redis, room: str, asked: str, provider: Provider
) -> None:
    assert (await provider.push("e1", "payment.declined", asked)).body["payment"] == "declined"
    async with shoppers_of(redis, room) as shoppers:
        await shoppers.ask_to_pay("v1", "o1", "again")
    await provider.approve("e2", "o1-p2")
    assert (await order_when(desk, room, "o1", "paid"))["payments"][1]["status"] == "confirmed"


async def test_refunds_are_settled_by_their_own_names(
    desk: Desk, room: str, asked: str, provider: Provider
) -> None:
    await provider.approve("e1", asked)
    refund = f"/rooms/{room}/orders/o1/refund"
    part = (await desk.post(refund, {"amount_minor": 100, "request_id": "r"})).body["refund_id"]
    rest = (await desk.post(refund)).body["refund_id"]
    assert (await provider.push("e2", "payment.refunded", rest)).body["payment"] == "refunding"
    assert (await provider.push("e3", "payment.refunded", part)).body["payment"] == "refunded"
    assert (await provider.push("e4", "payment.refunded", part)).body["payment"] == "refunded"


async def test_money_in_another_amount_goes_back(
    asked: str, provider: Provider, desk: Desk, room: str
) -> None:
    answer = await provider.approve("e1", asked, PRICE_MINOR - 1)
    assert answer.body == {"order_id": "o1", "payment": "refunding"}
    shown = (await desk.get(f"/rooms/{room}/orders/o1")).body
    assert [(r["refund_id"], r["amount_minor"]) for r in shown["refunds"]] == [
        (f"{asked}-r1", PRICE_MINOR - 1)
    ]


async def test_the_same_id_with_other_content_is_a_conflict(asked: str, provider: Provider) -> None:
    await provider.push("e1", "payment.declined", asked)
    assert_problem(await provider.approve("e1", asked), 409, "conflict")


async def test_a_message_that_met_no_room_is_not_taken_for_done(
    asked: str, provider: Provider, desk: Desk
) -> None:
    elsewhere = Provider(desk, "nowhere")
    assert_problem(await elsewhere.approve("e1", asked), 404, "not_found")
    assert_problem(await provider.approve("e1", "o9-p1"), 404, "not_found")
    assert (await provider.approve("e1", asked)).body["payment"] == "confirmed"


async def test_nobody_else_can(desk: Desk, room: str, asked: str, provider: Provider) -> None:
    stranger = Provider(desk, room, "whsec_" + base64.b64encode(b"x" * 32).decode())
    assert_problem(await stranger.approve("e1", asked), 403, "forbidden")
    replayed = await provider.push(
        "e2",
        "payment.approved",
        asked,
        age_ms=301_000,
        amount_minor=PRICE_MINOR,
        currency="CNY",
    )
    assert_problem(replayed, 403, "forbidden")
    unsigned = await desk.post("/payments/webhook", {"type": "payment.approved"})
    assert_problem(unsigned, 403, "forbidden")
    order = (await desk.get(f"/rooms/{room}/orders/o1")).body
    assert order["status"] == "placed"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 422),
        (b'{"type":"payment.approved"}', 422),
        (b'{"type":"order.paid","data":{"reference":"r:o1-p1"}}', 422),
        (b'{"type":"payment.refunded","data":{"reference":"o1-p1"}}', 422),
        (b'{"type":"payment.refunded","data":{"reference":"r:../x"}}', 422),
        (b"[" * 5_000, 422),
    ],
)
async def test_bad_news_is_told_as_such_even_when_signed(
    provider: Provider, body: bytes, status: int
) -> None:
    assert_problem(await provider.send("e1", body), status, "invalid")


async def test_where_no_provider_pushes_the_door_is_closed(
    settings: Settings, redis: aioredis.Redis, http: aiohttp.ClientSession, room: str
) -> None:
    sandbox = msgspec.structs.replace(settings, payment_provider="sandbox")
    server: AsyncIterator[Any] = serving(sandbox, redis)
    async for base, _ in server:
        provider = Provider(Desk(http, base, host_token()), room)
        assert_problem(await provider.approve("e1", "o1-p1"), 404, "not_found")
