"""One room in a house: its viewers' tickets and lines, and the desk's way to it.

Owns who may speak to the room, and how. Refuses to know processes, shoppers and what must hold.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis import asyncio as aioredis

from cart.drop import DropTerms
from cart.personalisation import OptionTerms
from livestream import keys
from livestream.clock import now_ms
from livestream.commands import (
    DropOpen,
    DropSchedule,
    HostCommand,
    ProviderCommand,
    RoomCreate,
    RoomStart,
)
from livestream.inbox import Asker, EngineSilentError
from livestream.redis_client import open_redis
from livestream.tickets import Ticket, issue_ticket
from tests.integration.house import SECRET, House, Served
from tests.integration.line import Line
from tests.integration.programs import PATIENCE_S
from tests.processes import eventually

CHANNELS = ("tmall", "wechat", "xiaohongshu")
AN_HOUR_MS = 3_600_000


class World:
    """The room called `room` in `house`."""

    def __init__(self, house: House | Served, room: str) -> None:
        self.house = house
        self.room = room
        self.redis: aioredis.Redis = open_redis(house.redis_url)

    async def close(self) -> None:
        await self.redis.aclose()

    async def has_an_owner(self) -> None:
        """Wait until an engine owns the room."""

        async def owned() -> bool:
            return self.house.owner_of(self.room) is not None

        assert await eventually(PATIENCE_S, owned), "no engine took the room over"

    # -- people --------------------------------------------------------------------------------

    def ticket(
        self, viewer: str, channel: str = "tmall", *, expires_in_ms: int = AN_HOUR_MS
    ) -> str:
        """A ticket for this room."""
        expires_at_ms = now_ms() + expires_in_ms
        return issue_ticket(SECRET, Ticket(viewer, self.room, channel, viewer, expires_at_ms))

    def line(self, viewer: str, rng: random.Random | None = None, channel: str = "tmall") -> Line:
        """A viewer's line to whichever gateway runs."""
        ticket = self.ticket(viewer, channel)
        rng = rng or random.Random(viewer)
        return Line(self.house.gateway_urls, self.room, ticket, viewer, rng)

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[Desk]:
        """The host, with the room created and live, and every gateway showing it."""
        asker = Asker(self.redis, f"c-{self.room}")
        await asker.start()
        try:
            desk = Desk(asker, self.room)
            await self.redis.sadd(keys.ROOMS, self.room)
            await self.redis.publish(keys.ROOMS_CHANGED, self.room)
            await self.has_an_owner()
            await desk.asks(RoomCreate("An evening in the tests"))
            await desk.asks(RoomStart())
            assert await eventually(PATIENCE_S, self._is_shown), "a gateway does not show the room"
            yield desk
        finally:
            await asker.close()

    async def _is_shown(self) -> bool:
        return self.house.shows(self.room)


class Desk:
    """The host's hand. Repeats what was not answered: an engine may just have been killed."""

    def __init__(self, asker: Asker, room: str) -> None:
        self._asker = asker
        self._room = room

    async def asks(self, command: HostCommand | ProviderCommand) -> dict[str, Any]:
        """The result of a command that must succeed."""
        reply = await self.tries(command)
        assert reply["ok"], reply
        result: dict[str, Any] = reply["result"]
        return result

    async def tries(self, command: HostCommand | ProviderCommand) -> dict[str, Any]:
        """The reply, whatever it is."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    return await self._asker.ask(self._room, "desk:host", command, timeout_s=2.0)
                except EngineSilentError:
                    continue

    async def opens_drop(self, sku: str, supply: int, price_minor: int, **terms: Any) -> None:
        """A drop of `sku` that sells at once."""
        engraving = OptionTerms("engraving", "engraving", 8)
        given = {
            "currency": "CNY",
            "hold_ttl_ms": 60_000,
            "pay_ttl_ms": 60_000,
            "options": [engraving],
            **terms,
        }
        await self.asks(
            DropSchedule(DropTerms(f"drop-{sku}", sku, sku, supply, price_minor, **given))
        )
        await self.asks(DropOpen(f"drop-{sku}"))
