"""The merchant's side, for tests: a real HTTP server that checks signatures and behaves as told,
and logs of rooms for the courier to read.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiohttp import web
from redis import asyncio as aioredis

from livestream import keys, wire
from livestream.config import Settings
from livestream.courier.outbox import Retry
from livestream.courier.process import Courier
from livestream.webhooks import Signer, Unsigned
from tests.livestream.stage import Log, Stage
from tests.processes import eventually

SECRET = "whsec_" + base64.b64encode(bytes(range(40, 72))).decode()
#: Quick, so that a test sees many attempts.
QUICK = Retry(first_ms=20, longest_ms=80, attempts_max=4)

#: What the receiver answers to an event of so many arrivals: a status.
Behaviour = Callable[[dict[str, Any], int], Awaitable[int]]


async def polite(event: dict[str, Any], arrival: int) -> int:
    return 204


class Receiver:
    """Keeps every event that arrived and was believed, in the order of arrival."""

    def __init__(self) -> None:
        self.behave: Behaviour = polite
        self.url = ""
        self.arrived: list[tuple[str, dict[str, Any]]] = []
        #: Those that were answered with 2xx.
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.unsigned: list[str] = []
        self.under_way = 0
        self.under_way_max = 0

    async def serve(self, request: web.Request) -> web.Response:
        body = await request.read()
        checked = Signer(SECRET).check(request.headers, body)
        if isinstance(checked, Unsigned):
            self.unsigned.append(checked.message)
            return web.Response(status=403)
        event = orjson.loads(body)
        arrival = sum(checked == event_id for event_id, _ in self.arrived) + 1
        self.arrived.append((checked, event))
        self.under_way += 1
        self.under_way_max = max(self.under_way_max, self.under_way)
        try:
            status = await self.behave(event, arrival)
        finally:
            self.under_way -= 1
        if 200 <= status < 300:
            self.taken.append((checked, event))
        return web.Response(status=status)

    def told(self) -> list[tuple[str, str]]:
        """(order, type) of what was taken, each event once, in the order of its first time."""
        first: dict[str, tuple[str, str]] = {}
        for event_id, event in self.taken:
            first.setdefault(event_id, (event["data"]["order"]["order_id"], event["type"]))
        return list(first.values())

    def of(self, order_id: str) -> list[str]:
        """Types of one order's events, as `told`."""
        return [kind for order, kind in self.told() if order == order_id]

    async def has(self, events: int, timeout_s: float = 20) -> None:
        """Wait until so many different events were taken."""

        async def so_many() -> bool:
            return len(self.told()) >= events

        assert await eventually(timeout_s, so_many), f"{len(self.told())} of {events} taken"


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a port that the kernel chose."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/events", receiver.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        receiver.url = f"http://{host}:{port}/events"
        yield receiver
    finally:
        await runner.cleanup()


@asynccontextmanager
async def carrying(
    redis: aioredis.Redis, url: str, retry: Retry = QUICK, lease_ms: int = 1_000
) -> AsyncIterator[Courier]:
    """A courier at work."""
    settings = Settings(merchant_webhook_url=url, merchant_webhook_secret=SECRET, lease_ms=lease_ms)
    stopping = asyncio.Event()
    courier = Courier(redis, settings, retry)
    running = asyncio.create_task(courier.run(stopping))
    try:
        yield courier
    finally:
        stopping.set()
        await asyncio.wait_for(running, 10)


async def write_log(redis: aioredis.Redis, room: str, log: Log) -> None:
    """The records of a stage, in Redis; those that are there already stay."""
    await redis.sadd(keys.ROOMS, room)
    tail: Any = await redis.xrevrange(keys.log(room), count=1)
    last = int(tail[0][0].split(b"-")[0]) if tail else 0
    for seq, record in log:
        if seq > last:
            await redis.xadd(keys.log(room), {b"r": wire.encode_record(record)}, id=f"{seq}-0")


def selling(room: str, supply: int = 50) -> Stage:
    """A room with a drop that is open."""
    stage = Stage(room)
    stage.begin()
    stage.sell(supply=supply, limit=10)
    return stage


BOUGHT = ["order.placed", "payment.started", "order.paid"]
