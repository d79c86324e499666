"""A viewer's line: a real websocket that comes back by itself, resumes, and repeats by id.

What any client of the protocol has to do, and no more: after a lost connection connect again with
the `epoch` and the seq of the last frame seen; after `busy` or no answer say the same command again
with the same id.

Owns the connection and the record of everything heard. Refuses to know what is bought.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self
from urllib.parse import urlencode

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    WebSocketException,
)

from livestream.messages import SUBPROTOCOL

Frame = dict[str, Any]

#: After this long without an answer a client asks again.
ANSWER_S = 2.0
#: And this is the longest a test waits for the final answer to one command.
FINAL_ANSWER_S = 60.0


class Line:
    """One viewer's connection. `async with` it; then `ask`, and look at what was heard."""

    def __init__(
        self,
        gateways: Callable[[], list[str]],
        room: str,
        ticket: str,
        viewer: str,
        rng: random.Random,
    ) -> None:
        self._gateways = gateways
        self._room = room
        self._ticket = ticket
        self._rng = rng
        self.viewer = viewer
        #: Welcomes and announcements, in the order in which they came.
        self.story: list[Frame] = []
        self.private: list[Frame] = []
        self.chat: list[Frame] = []
        self.pulses: list[Frame] = []
        self.connections = 0
        self.close_codes: list[int | None] = []
        self.place: tuple[int, int] | None = None
        self._socket: ClientConnection | None = None
        self._welcomed = asyncio.Event()
        self._waiting: dict[str, asyncio.Future[Frame]] = {}
        self._news = asyncio.Event()
        self._ids = itertools.count(1)
        self._living: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._living = asyncio.create_task(self._live())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._living is not None
        self._living.cancel()
        with suppress(asyncio.CancelledError):
            await self._living

    # -- asking --------------------------------------------------------------------------------

    def new_id(self) -> str:
        return f"{self.viewer}-{next(self._ids)}"

    async def ask(self, type_: str, *, id: str | None = None, **fields: Any) -> Frame:
        """The final reply: never `busy` or `rate_limited`, those are asked again."""
        command = {"id": id or self.new_id(), "type": type_, **fields}
        async with asyncio.timeout(FINAL_ANSWER_S):
            while True:
                reply = await self._ask_once(command)
                if reply is None:
                    # A socket that is gone says so without waiting: let others find that out too.
                    await asyncio.sleep(self._rng.uniform(0.01, 0.05))
                    continue
                if reply["ok"] or reply["error"]["code"] not in ("busy", "rate_limited"):
                    return reply
                await asyncio.sleep(self._rng.uniform(0.02, 0.2))

    async def _ask_once(self, command: Frame) -> Frame | None:
        """The reply, or None when the connection or the time is gone."""
        self._check()
        await self._welcomed.wait()
        socket = self._socket
        if socket is None:
            return None
        waiting: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._waiting[command["id"]] = waiting
        try:
            async with asyncio.timeout(ANSWER_S):
                await socket.send(orjson.dumps(command), text=True)
                return await waiting
        except (TimeoutError, ConnectionError, WebSocketException):
            return None
        finally:
            self._waiting.pop(command["id"], None)

    async def hears(self, condition: Callable[[], bool], within_s: float) -> bool:
        """Whether what was heard makes the condition true in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not condition():
                    self._check()
                    self._news.clear()
                    await self._news.wait()
        return condition()

    async def hears_more(self, within_s: float) -> bool:
        """Whether anything for this viewer alone comes in time."""
        heard = len(self.private)
        return await self.hears(lambda: len(self.private) > heard, within_s)

    def hang_up(self) -> None:
        """Lose the connection, as a phone in a tunnel: no goodbye."""
        if self._socket is not None:
            self._socket.transport.abort()

    # -- living --------------------------------------------------------------------------------

    async def _live(self) -> None:
        while True:
            try:
                async with connect(
                    self._address(),
                    subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]  # a NewType of str
                    compression=None,
                    ping_interval=None,
                    close_timeout=0.5,
                ) as socket:
                    self.connections += 1
                    with suppress(ConnectionClosed):
                        async for frame in socket:
                            self._hear(orjson.loads(frame), socket)
                    self.close_codes.append(socket.close_code)
                    self._news.set()
            except InvalidStatus as refused:
                if refused.response.status_code != 503:
                    raise
            except (OSError, InvalidHandshake, WebSocketException, IndexError):
                pass  # nobody listens there just now
            finally:
                self._socket = None
                self._welcomed.clear()
                for waiting in self._waiting.values():
                    if not waiting.done():
                        waiting.set_exception(ConnectionError("the connection is gone"))
            await asyncio.sleep(self._rng.uniform(0.01, 0.2))

    def _address(self) -> str:
        query: dict[str, object] = {"ticket": self._ticket}
        if self.place is not None:
            query["epoch"], query["since"] = self.place
        return f"{self._rng.choice(self._gateways())}/live/{self._room}?{urlencode(query)}"

    def _hear(self, frame: Frame, socket: ClientConnection) -> None:
        match frame["type"]:
            case "reply":
                waiting = self._waiting.get(frame["to"])
                if waiting is not None and not waiting.done():
                    waiting.set_result(frame)
            case "welcome":
                self.story.append(frame)
                if not frame["resumed"]:
                    self.place = (frame["epoch"], frame["seq"])
                self._socket = socket
                self._welcomed.set()
            case "chat":
                self.chat.append(frame)
            case "pulse":
                self.pulses.append(frame)
            case _ if "seq" in frame:
                self.story.append(frame)
                assert self.place is not None, "the first frame is the welcome"
                epoch = frame["epoch"] if frame["type"] == "epoch.started" else self.place[0]
                self.place = (epoch, frame["seq"])
            case _:
                self.private.append(frame)
        self._news.set()

    def _check(self) -> None:
        """What ended the line ends whoever waits for it."""
        if self._living is not None and self._living.done():
            self._living.result()
