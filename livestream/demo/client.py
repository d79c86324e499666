"""A viewer's client: one session over as many websocket connections as it takes.

    live()         connects, listens, reconnects with what was seen, until `leave`
    ask(command)   sends it, and again under the same id until there is an answer
    until(seen)    waits for something to be heard

Owns the connection and what this viewer knows. Refuses to know why anything is done. It is an
ordinary client: the published protocol, the plain `websockets` library, nothing of the server.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from livestream import wire
from livestream.demo.purse import Purse
from livestream.demo.witness import Span, Witness
from livestream.messages import SUBPROTOCOL, CartShow, CloseCode, ViewerMessage

OPEN_TIMEOUT_S = 10.0
REPLY_TIMEOUT_S = 4.0
#: An engine that was killed is replaced within 5 s; this gives it four times that.
GIVE_UP_S = 20.0
#: Something private may have been said while we were away, so silence is asked about.
SILENCE_S = 1.5
#: A gateway hears of a room that was just created within half a second.
ROOM_IS_NEW_S = 3.0
BACK_OFF_FIRST_S = 0.1
BACK_OFF_MAX_S = 2.0

Frame = dict[str, Any]


class NoAnswerError(Exception):
    """The server did not answer for GIVE_UP_S, or will never let this viewer in."""


class Client:
    """One viewer. `address` is the room's `ws://…/live/<room>`."""

    def __init__(self, viewer: str, address: str, ticket: str, witness: Witness) -> None:
        self.viewer = viewer
        self.purse = Purse(viewer, witness)
        #: drop_id -> the drop as last heard of.
        self.drops: dict[str, Frame] = {}
        self.status = "created"
        self._address = address
        self._ticket = ticket
        self._witness = witness
        self._span: Span | None = None
        self._epoch = 0
        self._live_after = 0
        self._connection: ClientConnection | None = None
        self._lost: asyncio.Future[None] | None = None
        self._there = asyncio.Event()
        self._awaited: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._connected = 0
        self._asked = 0
        self._waiting: dict[str, asyncio.Future[Frame]] = {}
        self._away_until_s = 0.0
        self._leaving = False

    # -- the connection ------------------------------------------------------------------------

    async def live(self) -> None:
        """Be in the room until `leave`.

        Raises:
            NoAnswerError: the server refuses this viewer.
        """
        started_s, back_off_s = time.monotonic(), BACK_OFF_FIRST_S
        while not self._leaving:
            await asyncio.sleep(max(0.0, self._away_until_s - time.monotonic()))
            try:
                await self._visit()
                back_off_s = BACK_OFF_FIRST_S
            except InvalidStatus as refusal:
                status = refusal.response.status_code
                new = time.monotonic() - started_s < ROOM_IS_NEW_S
                if status in (401, 403) or (status == 404 and not new):
                    raise NoAnswerError(f"{self.viewer}: refused with {status}") from refusal
                await asyncio.sleep(back_off_s)
            except (OSError, InvalidHandshake, TimeoutError):
                await asyncio.sleep(back_off_s)
            back_off_s = min(2 * back_off_s, BACK_OFF_MAX_S)

    async def _visit(self) -> None:
        query = {"ticket": self._ticket}
        if self._span is not None:
            query |= {"epoch": str(self._epoch), "since": str(self._span.last)}
        async with connect(
            f"{self._address}?{urlencode(query)}",
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            ping_interval=None,
            open_timeout=OPEN_TIMEOUT_S,
            proxy=None,
        ) as connection:
            self._lost = asyncio.get_running_loop().create_future()
            here = False
            try:
                self._welcome(wire.decode_frame(await connection.recv(decode=False)))
                here = True
                self._witness.arrive()
                self._connection = connection
                self._there.set()
                while True:
                    self._hear(await connection.recv(decode=False))
            except ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else 1006
                self._witness.closed[code] += 1
                if code in (CloseCode.BANNED, CloseCode.TICKET_EXPIRED, CloseCode.MISUSE):
                    raise NoAnswerError(f"{self.viewer}: closed with {code}") from closed
            finally:
                self._witness.here -= here
                self._there.clear()
                self._connection = None
                self._lost.set_result(None)

    def cut(self, away_s: float) -> None:
        """Lose the connection, as in a tunnel: no closing handshake."""
        self._away_until_s = time.monotonic() + away_s
        if self._connection is not None:
            self._there.clear()
            self._connection.transport.abort()

    async def leave(self) -> None:
        """Hang up for good."""
        self._leaving = True
        if self._connection is not None:
            await self._connection.close()

    # -- what is heard -------------------------------------------------------------------------

    def _welcome(self, frame: Frame) -> None:
        self._connected += 1
        self._witness.told["welcome"] += 1
        self._live_after = frame["seq"]
        if frame["resumed"]:
            self._witness.resumed += 1
            return
        self._witness.started_anew += self._span is not None
        self._epoch = frame["epoch"]
        self._span = Span(start=frame["seq"], last=frame["seq"])
        self._witness.spans.append((self.viewer, self._span))
        snapshot = frame["snapshot"]
        self.status = snapshot["status"]
        self.drops = {drop["drop_id"]: drop for drop in snapshot["drops"]}
        self._stir()

    def _hear(self, payload: bytes) -> None:
        frame = wire.decode_frame(payload)
        kind = frame["type"]
        self._witness.told[kind] += 1
        self._witness.bytes += len(payload)
        if kind in ("chat", "chat.not_shown", "pulse"):
            return
        if kind == "reply":
            waiting = self._waiting.get(frame["to"])
            if waiting is not None and not waiting.done():
                waiting.set_result(frame)
            return
        if "seq" in frame:
            assert self._span is not None, "the welcome came first"
            self._witness.saw(self.viewer, self._span, frame["seq"], payload)
            self._look(kind, frame)
        else:
            self.purse.told(kind, frame)
        self._stir()

    def _look(self, kind: str, frame: Frame) -> None:
        match kind:
            case "epoch.started":
                self._epoch = frame["epoch"]
            case "room.started":
                self.status = "live"
            case "room.ended":
                self.status = "ended"
            case "drop.scheduled":
                self.drops[frame["drop"]["drop_id"]] = dict(frame["drop"])
            case "drop.opened":
                self.drops[frame["drop_id"]]["status"] = "open"
                if frame["seq"] > self._live_after:  # not one that waited for our return
                    self._witness.arrival_ms.append(time.time() * 1_000 - frame["at_ms"])
            case "drop.paused" | "drop.sold_out" | "drop.closed":
                self.drops[frame["drop_id"]]["status"] = kind.removeprefix("drop.")
            case "drop.restocked":
                self.drops[frame["drop_id"]]["supply"] += frame["quantity"]
            case "stock.changed":
                self._see_stock(frame)
            case _:
                return

    def _see_stock(self, frame: Frame) -> None:
        drop = self.drops[frame["drop_id"]]
        levels = {name: frame[name] for name in ("available", "held", "sold")}
        if sum(levels.values()) > drop["supply"] or min(levels.values()) < 0:
            self._witness.find(f"{self.viewer} saw {levels} of a supply of {drop['supply']}")
        drop.update(levels)

    def _stir(self) -> None:
        for seen, heard in self._awaited:
            if not heard.done() and seen():
                heard.set_result(None)

    # -- what is asked -------------------------------------------------------------------------

    def new_id(self) -> str:
        """An id for a command, never used before by this viewer."""
        self._asked += 1
        return f"{self.viewer}.{self._asked}"

    async def say(self, command: ViewerMessage) -> None:
        """Send without waiting for the answer; lost if there is no connection."""
        if self._connection is not None:
            with suppress(ConnectionClosed):
                await self._connection.send(_text(command))

    async def ask(self, command: ViewerMessage, lose_reply: bool = False) -> Frame:
        """The reply. The command is sent again, unchanged, after a lost connection, a silence, or
        an answer that says nothing was done. With `lose_reply` the connection breaks right after
        the command was sent for the first time.

        Raises:
            NoAnswerError: see there.
        """
        give_up_at_s = time.monotonic() + GIVE_UP_S
        text = _text(command)
        reply: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._waiting[command.id] = reply
        try:
            while time.monotonic() < give_up_at_s:
                if not await self._send(text, give_up_at_s - time.monotonic()):
                    continue
                if lose_reply:
                    lose_reply = False
                    self.cut(0.1)
                lost = self._lost
                assert lost is not None, "there is a connection"
                either: set[asyncio.Future[Any]] = {reply, lost}
                await asyncio.wait(
                    either, timeout=REPLY_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED
                )
                if not reply.done():
                    self._witness.repeated += 1
                    continue
                answer = reply.result()
                wait_ms = _nothing_done(answer)
                if wait_ms is None:
                    return answer
                self._witness.refused[answer["error"]["code"]] += 1
                reply = self._waiting[command.id] = asyncio.get_running_loop().create_future()
                await asyncio.sleep(wait_ms / 1_000)
            raise NoAnswerError(f"{self.viewer}: no answer to {text}")
        finally:
            del self._waiting[command.id]

    async def _send(self, text: str, within_s: float) -> bool:
        try:
            await asyncio.wait_for(self._there.wait(), within_s)
        except TimeoutError:
            return False
        if self._connection is None:
            return False
        try:
            await self._connection.send(text)
        except ConnectionClosed:
            await asyncio.sleep(0)  # let `live` notice it too
            return False
        return True

    async def until(self, seen: Callable[[], bool], within_s: float, about_me: bool = True) -> bool:
        """Whether it comes true in time. After a lost connection, or a silence, the server is asked
        how things stand if they are `about_me`: pushes are not sent a second time.
        """
        give_up_at_s = time.monotonic() + within_s
        connected = self._connected
        while not seen():
            left_s = give_up_at_s - time.monotonic()
            if left_s <= 0:
                return False
            heard = await self._hear_of(seen, min(left_s, SILENCE_S) if about_me else left_s)
            if about_me and (not heard or connected != self._connected) and not seen():
                connected = self._connected
                await self.look_up()
        return True

    async def _hear_of(self, seen: Callable[[], bool], within_s: float) -> bool:
        """Whether `seen` came true at a frame. It is asked at each one, and only then is anybody
        woken: hundreds of viewers wait here for hundreds of frames.
        """
        heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = (seen, heard)
        self._awaited.append(waiting)
        try:
            async with asyncio.timeout(within_s):
                await heard
        except TimeoutError:
            return False
        finally:
            self._awaited.remove(waiting)
        return True

    async def look_up(self) -> Frame:
        """Ask for the cart and the orders, and remember what is said."""
        known = self.purse.statuses()
        reply = await self.ask(CartShow(id=self.new_id()))
        if reply["ok"]:
            self.purse.shown(reply["result"], known)
        self._stir()
        return reply


def _text(command: ViewerMessage) -> str:
    return wire.encode(msgspec.to_builtins(command)).decode()


def _nothing_done(answer: Frame) -> int | None:
    """How long to wait before the same command is sent again; None if that was an answer."""
    if answer["ok"] or answer["error"]["code"] not in ("busy", "rate_limited"):
        return None
    return int(answer["error"].get("retry_after_ms", 200))
