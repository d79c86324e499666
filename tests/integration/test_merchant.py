"""`livestream serve` with a payment provider that is not here: what is due goes out as webhooks,
what became of it is pushed back; and the courier is killed in between.
"""

from __future__ import annotations

import asyncio
import base64
import os
import random
import signal
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from livestream.audit import audit_room
from livestream.clock import now_ms
from livestream.commands import OrderRefund, RoomEnd
from livestream.webhooks import Signer
from tests.integration.house import Served
from tests.integration.scraper import Scraper
from tests.integration.world import World
from tests.livestream.courier.receiver import SECRET, Receiver, receiving

PUSH_SECRET = "whsec_" + base64.b64encode(b"the provider's own secret, 32 b.").decode()
PRICE_MINOR = 2_880_000
BUYERS = 4
TOLD = ["order.placed", "payment.started", "order.paid"]
BACK = ["order.refunded_partly", "refund.settled"]


class Merchant:
    """Hears what is due, has it done by a provider, who pushes what became of it: twice."""

    def __init__(self, receiver: Receiver, http: aiohttp.ClientSession) -> None:
        self._http = http
        self._signer = Signer(PUSH_SECRET)
        self.control_url = ""
        self.pushes: list[asyncio.Task[None]] = []
        receiver.behave = self.hears

    async def hears(self, event: dict[str, Any], arrival: int) -> int:
        data = event["data"]
        match event["type"]:
            case "payment.started":
                said = {"amount_minor": data["amount_minor"], "currency": data["currency"]}
                self._push("payment.approved", data["reference"], said)
            case "order.refunded_partly":
                self._push("payment.refunded", data["reference"], {})
        return 200

    def _push(self, kind: str, reference: str, said: dict[str, Any]) -> None:
        body = orjson.dumps({"type": kind, "data": {"reference": reference, **said}})
        self.pushes.append(asyncio.create_task(self._until_heard(f"{kind}-{reference}", body)))

    async def _until_heard(self, message_id: str, body: bytes) -> None:
        url = f"{self.control_url}/api/v1/payments/webhook"
        heard = 0
        while heard < 2:
            headers = self._signer.headers(message_id, now_ms(), body)
            headers["Content-Type"] = "application/json"
            async with self._http.post(url, data=body, headers=headers) as answer:
                assert answer.status in (200, 503), await answer.text()
                heard += answer.status == 200


async def test_payments_are_pushed_and_events_arrive_though_the_courier_is_killed(
    free_dir: Path, room: str
) -> None:
    async with receiving() as receiver, aiohttp.ClientSession() as http:
        merchant = Merchant(receiver, http)
        served = await asyncio.to_thread(
            Served,
            free_dir,
            payment_provider="external",
            payment_webhook_secret=PUSH_SECRET,
            merchant_webhook_url=receiver.url,
            merchant_webhook_secret=SECRET,
        )
        merchant.control_url = served.control_url
        world = World(served, room)
        try:
            async with world.desk() as desk:
                await desk.opens_drop("santos", BUYERS, PRICE_MINOR)
                await asyncio.gather(*(buy(world, n, receiver) for n in range(BUYERS)))
                os.kill(served.pid_of("courier"), signal.SIGKILL)
                for number in range(1, BUYERS + 1):
                    await desk.asks(
                        OrderRefund(f"o{number}", amount_minor=100, request_id="goodwill")
                    )
                await receiver.has(BUYERS * 5, timeout_s=40)
                await asyncio.gather(*merchant.pushes)
                async with Scraper(served.control_url) as scraper:
                    assert await scraper.sees("livestream_payment_news_total", len(merchant.pushes))
                await desk.asks(RoomEnd())
            verdict = await audit_room(world.redis, room)
        finally:
            await world.close()
            await asyncio.to_thread(served.close)
    assert all(receiver.of(f"o{n}") == TOLD + BACK for n in range(1, BUYERS + 1))
    assert receiver.unsigned == []
    assert verdict.findings == []
    (money,) = verdict.books.money
    assert (money.gross_minor, money.refunded_minor) == (BUYERS * PRICE_MINOR, BUYERS * 100)
    assert verdict.books.payments == {"kept": BUYERS}


async def buy(world: World, number: int, receiver: Receiver) -> None:
    """One buyer, who pays with what the provider's page gave."""
    line = world.line(f"buyer-{number}", random.Random(number))
    async with line:
        await line.ask("cart.add", sku="santos", quantity=1)
        order = (await line.ask("checkout", checkout_id=f"co-{number}"))["result"]
        await line.ask("order.pay", order_id=order["order_id"], payment_token="pm_card_1")
        while not any(frame["type"] == "order.paid" for frame in line.private):
            assert await line.hears_more(20), "nobody pushed the payment"
