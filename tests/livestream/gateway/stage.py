"""A stage for tests: a real gateway and a real engine on a real Redis, a desk, and people watching.

The people use the `websockets` client as any app would; nothing of the gateway's own is on their
side.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import count
from types import TracebackType
from typing import Any, Self, cast

import orjson
import pytest
from redis import asyncio as aioredis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close
from websockets.typing import Subprotocol

from cart.drop import DropTerms
from cart.perk import PerkTerms
from livestream import clock, commands, keys
from livestream.commands import HostCommand
from livestream.config import Limits, Settings
from livestream.engine.process import EngineProcess
from livestream.gateway.air import AirReader
from livestream.gateway.rooms import RoomView
from livestream.gateway.server import Gateway
from livestream.inbox import Asker, EngineSilentError
from livestream.messages import SUBPROTOCOL
from livestream.redis_client import open_redis
from livestream.tickets import Ticket, issue_ticket

SECONDS_MAX = 10.0
SECRET = "a secret of at least 32 characters, for tests"
HOUR_MS = 3_600_000

Frame = dict[str, Any]
_ids = count(1)


async def eventually(condition: Callable[[], object], seconds_max: float = SECONDS_MAX) -> None:
    """Wait until something holds, as it must soon."""
    async with asyncio.timeout(seconds_max):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.005)


def terms(drop_id: str = "drop", sku: str = "santos", supply: int = 3, **more: Any) -> DropTerms:
    """A drop of `supply` watches, one for each viewer, with a perk for the first."""
    return DropTerms(
        **{
            "drop_id": drop_id,
            "sku": sku,
            "title": "Santos-Dumont",
            "supply": supply,
            "price_minor": 2_880_000,
            "currency": "CNY",
            "perks": [PerkTerms("bellboy", "Bellboy", 1)],
            **more,
        }
    )


class Stage:
    """One room on its own gateways."""

    def __init__(self, redis_url: str, room: str) -> None:
        self.redis_url = redis_url
        self.room = room
        self.redis: aioredis.Redis = open_redis(redis_url)
        self.desk = Asker(self.redis, f"c-{room}")
        self.gateways: list[Gateway] = []
        self.stack = AsyncExitStack()
        self._engine: asyncio.Task[None] | None = None
        self._engine_stops = asyncio.Event()
        self._patches = pytest.MonkeyPatch()

    def settings(self, **more: Any) -> Settings:
        return Settings(redis_url=self.redis_url, gateway_port=0, secret=SECRET, **more)

    # -- the processes -------------------------------------------------------------------------

    async def start_engine(self) -> None:
        self._engine_stops.clear()
        engine = EngineProcess(self.redis, self.settings())
        self._engine = asyncio.create_task(engine.run(self._engine_stops))

    async def stop_engine(self) -> None:
        if self._engine is not None:
            self._engine_stops.set()
            engine, self._engine = self._engine, None
            await engine

    def new_gateway(self, **limits: Any) -> Gateway:
        gateway = Gateway(self.settings(limits=Limits(**limits)))
        self.gateways.append(gateway)
        return gateway

    async def open_gateway(self, **limits: Any) -> Gateway:
        gateway = self.new_gateway(**limits)
        await gateway.start()
        await self.is_ready(gateway)
        return gateway

    async def is_ready(self, gateway: Gateway) -> None:
        """The room is shown as it stands, and answers are heard."""
        await eventually(lambda: gateway._replies_heard and self._is_live(gateway))

    def _is_live(self, gateway: Gateway) -> bool:
        view = gateway.directory.find(self.room)
        return isinstance(view, RoomView) and view.storefront.status == "live"

    async def close(self) -> None:
        self._patches.undo()
        await self.stack.aclose()
        for gateway in self.gateways:
            await gateway.stop()
        await self.stop_engine()
        await self.desk.close()
        await self.redis.aclose()

    def view(self, gateway: Gateway | None = None) -> RoomView:
        """The room as the gateway knows it."""
        view = (gateway or self.gateways[0]).directory.find(self.room)
        assert isinstance(view, RoomView), view
        return view

    async def hold_up_air(self, gateway: Gateway) -> asyncio.Event:
        """Have a gateway read the room's air no further, until the event is set."""
        go_on, view, read = asyncio.Event(), self.view(gateway), AirReader._read

        async def read_later(reader: AirReader) -> None:
            if reader._view is view:
                await go_on.wait()
            await read(reader)

        await asyncio.sleep(0.1)  # nothing is said meanwhile, so the reader waits for more
        self._patches.setattr(AirReader, "_read", read_later)
        # The read that is under way brings this one, and no other.
        seq = view.storefront.seq
        await self.command(commands.Announce("one last thing"))
        await eventually(lambda: view.storefront.seq > seq)
        return go_on

    # -- the desk ------------------------------------------------------------------------------

    async def create_room(self) -> None:
        """As control does: known first, then created by the engine."""
        await self.desk.start()
        await self.redis.sadd(keys.ROOMS, self.room)
        await self.redis.publish(keys.ROOMS_CHANGED, self.room)
        await self.command(commands.RoomCreate("Salon"))
        await self.command(commands.RoomStart())

    async def command(self, command: HostCommand) -> Frame:
        """What the engine answers the desk; it must agree."""
        reply = await self.desk.ask(self.room, "desk:tester", command, SECONDS_MAX)
        assert reply["ok"], reply
        return cast(Frame, reply["result"])

    async def open_drop(self, **more: Any) -> None:
        drop = terms(**more)
        await self.command(commands.DropSchedule(drop))
        await self.command(commands.DropOpen(drop.drop_id))

    async def engine_is_silent(self) -> bool:
        try:
            await self.desk.ask(self.room, "desk:tester", commands.RoomStart(), 0.2)
        except EngineSilentError:
            return True
        return False

    # -- people --------------------------------------------------------------------------------

    def ticket(self, viewer: str, **more: Any) -> str:
        claims = {
            "viewer": viewer,
            "room": self.room,
            "channel": "tmall",
            "name": viewer.title(),
            "expires_at_ms": clock.now_ms() + HOUR_MS,
            **more,
        }
        return issue_ticket(SECRET, Ticket(**claims))

    def person(
        self, gateway: Gateway | None = None, room: str | None = None, **query: Any
    ) -> Person:
        """Somebody who has not connected yet."""
        port = (gateway or self.gateways[0]).port
        pairs = "&".join(f"{name}={value}" for name, value in query.items())
        return Person(f"ws://127.0.0.1:{port}/live/{room or self.room}?{pairs}")

    async def join(
        self, viewer: str | None, gateway: Gateway | None = None, **query: Any
    ) -> Person:
        """Somebody connects, with a ticket unless `viewer` is None, and has read the welcome."""
        if viewer is not None:
            query.setdefault("ticket", self.ticket(viewer))
        person = await self.stack.enter_async_context(self.person(gateway, **query))
        person.welcome = await person.frame("welcome")
        return person

    async def resume(
        self, viewer: str, place: tuple[int, int], gateway: Gateway | None = None
    ) -> Person:
        """Somebody comes back who has seen `place`, (epoch, since)."""
        return await self.join(viewer, gateway, epoch=place[0], since=place[1])


class Person:
    """One connection, and everything it has read so far in `frames`."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.frames: list[Frame] = []
        self.welcome: Frame = {}
        self._read = 0

    async def __aenter__(self) -> Self:
        # No pings of its own: what is read is what the gateway sends.
        self.line: ClientConnection = await connect(
            self.address,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            ping_interval=None,
            max_size=None,
            max_queue=None,  # or a goodbye is not read while frames wait for `next`
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.line.close()

    async def next(self) -> Frame:
        async with asyncio.timeout(SECONDS_MAX):
            frame: Frame = orjson.loads(await self.line.recv())
        self.frames.append(frame)
        return frame

    async def frame(self, kind: str, **fields: Any) -> Frame:
        """The next frame of this type with these fields; others are passed over."""
        while True:
            frame = await self.next()
            if frame["type"] == kind and fields.items() <= frame.items():
                return frame

    async def say(self, kind: str, **fields: Any) -> str:
        """Send a message, and return its id."""
        message_id = fields.pop("id", None) or f"m{next(_ids)}"
        await self.line.send(orjson.dumps({"id": message_id, "type": kind, **fields}).decode())
        return cast(str, message_id)

    async def ask(self, kind: str, **fields: Any) -> Frame:
        """Send a message and wait for the reply to it."""
        return await self.frame("reply", to=await self.say(kind, **fields))

    async def result(self, kind: str, **fields: Any) -> Frame:
        """The result of a message that must succeed."""
        reply = await self.ask(kind, **fields)
        assert reply["ok"], reply
        return cast(Frame, reply["result"])

    async def error(self, kind: str, **fields: Any) -> Frame:
        """The error of a message that must be refused."""
        reply = await self.ask(kind, **fields)
        assert not reply["ok"], reply
        return cast(Frame, reply["error"])

    async def closing(self) -> Close:
        """Read to the end, and return how it ended."""
        with suppress(ConnectionClosed):
            while True:
                await self.next()
        assert self.line.protocol.close_rcvd is not None, "the connection broke"
        return self.line.protocol.close_rcvd

    def public(self) -> list[Frame]:
        """The announcements read so far."""
        return [frame for frame in self.frames if "seq" in frame and frame["type"] != "welcome"]

    @property
    def since(self) -> int:
        """The last seq this person knows of."""
        start = self.welcome["seq"] if "snapshot" in self.welcome else 0
        return max([start, *(int(frame["seq"]) for frame in self.public())])


@asynccontextmanager
async def staged(redis_url: str, room: str) -> AsyncIterator[Stage]:
    """A live room with an engine and one gateway."""
    stage = Stage(redis_url, room)
    try:
        await stage.start_engine()
        await stage.create_room()
        await stage.open_gateway()
        yield stage
    finally:
        await stage.close()


async def shop(person: Person, sku: str = "santos", checkout_id: str = "c1") -> Frame:
    """Add, check out and pay; the order.paid frame."""
    await person.result("cart.add", sku=sku)
    order = await person.result("checkout", checkout_id=checkout_id)
    await person.result("order.pay", order_id=order["order_id"], payment_token="tok_approve")
    return await person.frame("order.paid", order_id=order["order_id"])
