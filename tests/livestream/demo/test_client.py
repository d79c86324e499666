"""A viewer's client against a server of our own making that loses lines and answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from livestream.demo.client import Client, NoAnswerError
from livestream.demo.witness import Witness
from livestream.messages import SUBPROTOCOL, CartAdd

TEST_S_MAX = 20

Frame = dict[str, Any]
Visit = Callable[["Stage", ServerConnection, Frame], Awaitable[None]]


class Stage:
    """A gateway of one room for one viewer: `visit` says what happens on each connection."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.queries: list[dict[str, list[str]]] = []
        self.heard: list[Frame] = []
        self.refusals: list[int] = []
        self.server: Server | None = None

    @property
    def address(self) -> str:
        assert self.server is not None
        host, port = next(iter(self.server.sockets)).getsockname()[:2]
        return f"ws://{host}:{port}/live/room"

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.queries.append(parse_qs(urlsplit(request.path).query))
        if self.refusals:
            return connection.respond(self.refusals.pop(0), "no\n")
        return None

    async def handle(self, connection: ServerConnection) -> None:
        await self.visit(self, connection, welcome(resumed="since" in self.queries[-1]))

    async def hear(self, connection: ServerConnection) -> Frame:
        frame: Frame = orjson.loads(await connection.recv())
        self.heard.append(frame)
        return frame


@asynccontextmanager
async def playing(visit: Visit) -> AsyncIterator[tuple[Stage, Client, Witness]]:
    """The stage and a client that lives on it."""
    stage, witness = Stage(visit), Witness()
    async with (
        asyncio.timeout(TEST_S_MAX),
        serve(
            stage.handle,
            "127.0.0.1",
            0,
            subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]
            process_request=stage.admit,
            close_timeout=0.2,
        ) as stage.server,
    ):
        client = Client("anna", stage.address, "a-ticket", witness)
        life = asyncio.create_task(client.live())
        try:
            yield stage, client, witness
        finally:
            await client.leave()
            life.cancel()
            await asyncio.gather(life, return_exceptions=True)


def welcome(resumed: bool = False, seq: int = 10) -> Frame:
    frame: Frame = {
        "type": "welcome",
        "room": "room",
        "viewer": "anna",
        "role": "viewer",
        "epoch": 1,
        "seq": seq,
        "server_time_ms": 0,
        "resumed": resumed,
    }
    if not resumed:
        frame["snapshot"] = {"title": "Room", "status": "live", "cards": [], "drops": []}
    return frame


def announcement(seq: int) -> Frame:
    return {"type": "announcement", "seq": seq, "at_ms": 0, "text": "Hello"}


async def tell(connection: ServerConnection, *frames: Frame) -> None:
    for frame in frames:
        await connection.send(orjson.dumps(frame).decode())


async def answer(stage: Stage, connection: ServerConnection) -> None:
    """Say yes to whatever is asked."""
    while True:
        asked = await stage.hear(connection)
        await tell(connection, {"type": "reply", "to": asked["id"], "ok": True, "result": {}})


async def test_the_first_connection_asks_for_everything() -> None:
    async def visit(stage: Stage, connection: ServerConnection, first: Frame) -> None:
        await tell(connection, first)
        await answer(stage, connection)

    async with playing(visit) as (stage, client, _):
        assert (await client.ask(CartAdd("1", "sku")))["ok"]
        assert stage.queries == [{"ticket": ["a-ticket"]}]
        assert stage.heard == [{"type": "cart.add", "id": "1", "sku": "sku", "quantity": 1}]
        assert client.status == "live"


async def test_a_lost_line_is_resumed_from_what_was_seen() -> None:
    async def visit(stage: Stage, connection: ServerConnection, first: Frame) -> None:
        if len(stage.queries) == 1:
            epoch = {"type": "epoch.started", "seq": 11, "at_ms": 0, "epoch": 2}
            await tell(connection, first, epoch, announcement(13))
            connection.transport.abort()
            return
        await tell(connection, {**first, "seq": 15}, announcement(14), announcement(15))
        await answer(stage, connection)

    async with playing(visit) as (stage, client, witness):
        assert await client.until(lambda: 15 in witness.frames, 5, about_me=False)
        assert stage.queries[1] == {"ticket": ["a-ticket"], "epoch": ["2"], "since": ["13"]}
        (_, span), *others = witness.spans
        assert others == []
        assert (span.start, span.last, span.count) == (10, 15, 4)
        assert (witness.resumed, witness.started_anew) == (1, 0)


async def test_a_server_that_begins_anew_starts_a_new_span() -> None:
    async def visit(stage: Stage, connection: ServerConnection, first: Frame) -> None:
        if len(stage.queries) == 1:
            await tell(connection, first, announcement(11))
            connection.transport.abort()
            return
        await tell(connection, welcome(seq=40), announcement(41))
        await answer(stage, connection)

    async with playing(visit) as (_, client, witness):
        assert await client.until(lambda: 41 in witness.frames, 5, about_me=False)
        assert [(span.start, span.count) for _, span in witness.spans] == [(10, 1), (40, 1)]
        assert witness.started_anew == 1


async def test_a_command_whose_reply_was_lost_is_sent_again_as_it_was() -> None:
    async def visit(stage: Stage, connection: ServerConnection, first: Frame) -> None:
        await tell(connection, first)
        await answer(stage, connection)

    async with playing(visit) as (stage, client, witness):
        reply = await client.ask(CartAdd("1", "sku", 2), lose_reply=True)
        assert reply["to"] == "1"
        assert len(stage.queries) == 2
        assert all(asked == stage.heard[0] for asked in stage.heard)
        assert witness.repeated == 1


async def test_a_silent_server_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livestream.demo.client.REPLY_TIMEOUT_S", 0.1)

    async def visit(stage: Stage, connection: ServerConnection, first: Frame) -> None:
        await tell(connection, first)
        await stage.hear(connection)
        await answer(stage, connection)

    async with playing(visit) as (stage, client, _):
        assert (await client.ask(CartAdd("1", "sku")))["ok"]
        assert [asked["id"] for asked in stage.heard] == ["1", "1"]


async def test_busy_is_waited_out_and_a_refusal_is_an_answer() -> None:
    async def visit(stage: Stage, connection: ServerConnection, first: Frame) -> None:
        await tell(connection, first)
        for code in ("busy", "rate_limited", "sold_out"):
            asked = await stage.hear(connection)
            error = {"code": code, "message": "", "retryable": True, "retry_after_ms": 10}
            await tell(
                connection, {"type": "reply", "to": asked["id"], "ok": False, "error": error}
            )
        await stage.hear(connection)

    async with playing(visit) as (stage, client, _):
        reply = await client.ask(CartAdd("1", "sku"))
        assert reply["error"]["code"] == "sold_out"
        assert len(stage.heard) == 3


async def test_what_was_pushed_while_away_is_asked_for() -> None:
    """The push that ends the wait went to a connection that was already dead."""

    async def visit(stage: Stage, connection: ServerConnection, first: Frame) -> None:
        await tell(connection, first)
        if len(stage.queries) == 1:
            connection.transport.abort()
            return
        asked = await stage.hear(connection)
        cart: Frame = {"holds": [], "orders": []}
        await tell(connection, {"type": "reply", "to": asked["id"], "ok": True, "result": cart})
        await connection.wait_closed()

    async with playing(visit) as (stage, client, _):
        assert await client.until(lambda: client.purse.looked > 0, 10)
        assert stage.heard[0]["type"] == "cart.show"


async def test_until_gives_up_in_time() -> None:
    async def visit(stage: Stage, connection: ServerConnection, first: Frame) -> None:
        await tell(connection, first)
        await connection.wait_closed()

    async with playing(visit) as (_, client, _witness):
        assert not await client.until(lambda: False, 0.1, about_me=False)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_ticket_is_no_reason_to_try_again(status: int) -> None:
    async def visit(stage: Stage, connection: ServerConnection, first: Frame) -> None: ...

    stage = Stage(visit)
    stage.refusals = [status]
    async with serve(stage.handle, "127.0.0.1", 0, process_request=stage.admit) as stage.server:
        client = Client("anna", stage.address, "a-ticket", Witness())
        with pytest.raises(NoAnswerError, match=f"anna: refused with {status}"):
            await client.live()
    assert len(stage.queries) == 1


async def test_a_full_house_and_a_room_that_is_just_being_made_are_tried_again() -> None:
    async def visit(stage: Stage, connection: ServerConnection, first: Frame) -> None:
        await tell(connection, first)
        await answer(stage, connection)

    async with playing(visit) as (stage, client, _):
        stage.refusals = [503, 404]
        assert (await client.ask(CartAdd("1", "sku")))["ok"]
        assert len(stage.queries) == 3


async def test_stock_beyond_the_supply_is_a_finding() -> None:
    drop = {"drop_id": "d", "sku": "s", "status": "open", "supply": 3}
    levels = {"available": 2, "held": 1, "sold": 1}

    async def visit(stage: Stage, connection: ServerConnection, first: Frame) -> None:
        scheduled = {"type": "drop.scheduled", "seq": 11, "at_ms": 0, "drop": drop}
        stock = {"type": "stock.changed", "seq": 12, "at_ms": 0, "drop_id": "d", "sku": "s"}
        await tell(connection, first, scheduled, {**stock, **levels})
        await connection.wait_closed()

    async with playing(visit) as (_, client, witness):
        assert await client.until(lambda: 12 in witness.frames, 5, about_me=False)
        assert witness.findings == [f"anna saw {levels} of a supply of 3"]
