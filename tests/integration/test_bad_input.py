"""What is wrong gets a clear answer from a closed list, at both doors of a running house, and the
log does not change by a single fact.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

from cart.outcome import ErrorCode
from livestream import keys
from livestream.clock import now_ms
from livestream.messages import CloseCode
from livestream.tickets import HostToken, issue_host_token
from tests.integration.api import Answered, Api
from tests.integration.house import SECRET, Served
from tests.integration.world import World

CODES = {code.value for code in ErrorCode}
RETRYABLE = {code.value for code in ErrorCode if code.retryable}
ANSWER_S = 5.0


@asynccontextmanager
async def nothing_changes(evening: World) -> AsyncIterator[None]:
    """A room with a drop, in which whatever is done inside leaves no trace in the log."""
    async with evening.desk() as desk:
        await desk.opens_drop("bag", 5, 2_880_000)
        before = await evening.redis.xinfo_stream(keys.log(evening.room))
        yield
        after = await evening.redis.xinfo_stream(keys.log(evening.room))
        assert after["last-generated-id"] == before["last-generated-id"]


def address(evening: World, query: str) -> str:
    return f"{evening.house.gateway_urls()[0]}/live/{evening.room}{query}"


@asynccontextmanager
async def seat(evening: World, viewer: str = "ann") -> AsyncIterator[ClientConnection]:
    """A welcomed viewer, on a plain socket."""
    async with websockets.connect(
        address(evening, f"?ticket={evening.ticket(viewer)}"), compression=None
    ) as socket:
        assert orjson.loads(await socket.recv())["type"] == "welcome"
        yield socket


async def reply_on(socket: ClientConnection) -> dict[str, Any]:
    """The next reply; announcements, chat and pulse go by."""
    async with asyncio.timeout(ANSWER_S):
        while True:
            frame: dict[str, Any] = orjson.loads(await socket.recv())
            if frame["type"] == "reply":
                return frame


async def closed_with(socket: ClientConnection) -> int | None:
    """The code with which the server ends the connection."""
    async with asyncio.timeout(ANSWER_S):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code


def assert_is_error(reply: dict[str, Any], code: str) -> None:
    """A refusal as the protocol's page has it."""
    error = reply["error"]
    assert (reply["ok"], error["code"]) == (False, code), reply
    assert error["message"]
    assert error["retryable"] is (code in RETRYABLE)
    assert error.keys() <= {"code", "message", "retryable", "retry_after_ms"}


# -- what a viewer says ------------------------------------------------------------------------

ADD = '{"id":"a1","type":"cart.add","sku":"bag"'

UNREADABLE = [
    "",
    "null",
    "[]",
    "bag",
    "{",
    "{}",
    '{"type":"cart.add","sku":"bag"}',
    '{"id":"a1"}',
    '{"id":"a1","type":"cart.steal","sku":"bag"}',
    '{"id":"a1","type":"room.end"}',
    '{"id":"a1","type":"payment.approved","payment_id":"o1-p1"}',
    '{"id":7,"type":"cart.add","sku":"bag"}',
    '{"id":"","type":"cart.add","sku":"bag"}',
    '{"id":"%s","type":"cart.show"}' % ("x" * 65),
    '{"id":"a1","type":"cart.add"}',
    '{"id":"a1","type":"cart.add","sku":"a bag"}',
    '{"id":"a1","type":"cart.add","sku":"bag\\n"}',
    ADD + ',"quantity":0}',
    ADD + ',"quantity":-1}',
    ADD + ',"quantity":101}',
    ADD + ',"quantity":1.5}',
    ADD + ',"quantity":"1"}',
    ADD + ',"quantity":true}',
    ADD + ',"quantity":99999999999999999999999999}',
    '{"id":"a1","type":"checkout"}',
    '{"id":"a1","type":"checkout","checkout_id":"c1","personalisation":{"bag":{"e":7}}}',
    '{"id":"a1","type":"checkout","checkout_id":"c1","personalisation":{"e":"flat"}}',
    '{"id":"a1","type":"checkout","checkout_id":"c1","personalisation":{"bag":{"e":"%s"}}}'
    % ("é" * 201),
    '{"id":"a1","type":"order.pay","order_id":"o1"}',
    '{"id":"a1","type":"chat.send","text":""}',
    '{"id":"a1","type":"chat.send","text":"%s"}' % ("好" * 201),
    '{"id":"a1","type":"chat.send","text":"\\ud800"}',
    '{"id":"a1","type":"like","count":51}',
    '{"id":"a1","type":"attention","level":"none"}',
    "[" * 4_000,
]

REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("not_found", {"type": "cart.add", "sku": "nothing"}),
    ("limit_reached", {"type": "cart.add", "sku": "bag", "quantity": 2}),
    ("empty_cart", {"type": "cart.remove", "sku": "bag"}),
    ("empty_cart", {"type": "checkout", "checkout_id": "c1"}),
    ("not_found", {"type": "order.pay", "order_id": "o1", "payment_token": "tok_approve"}),
]


async def test_a_frame_that_cannot_be_read_is_told_so_and_who_sent_it_may_go_on(
    evening: World,
) -> None:
    async with nothing_changes(evening):
        for start in range(0, len(UNREADABLE), 10):  # more at once would be flooding
            async with seat(evening, f"v{start}") as socket:
                for text in UNREADABLE[start : start + 10]:
                    await socket.send(text)
                    reply = await reply_on(socket)
                    assert_is_error(reply, "invalid")
                    assert reply["to"] in (None, "a1", "", "x" * 64), text
                await socket.send('{"id":"s1","type":"cart.show"}')
                assert (await reply_on(socket))["ok"]


async def test_what_the_books_do_not_allow_is_refused_by_its_code(evening: World) -> None:
    async with nothing_changes(evening), seat(evening) as socket:
        for number, (code, command) in enumerate(REFUSED):
            await socket.send(orjson.dumps({"id": f"n{number}", **command}), text=True)
            reply = await reply_on(socket)
            assert reply["to"] == f"n{number}"
            assert_is_error(reply, code)


async def test_another_viewers_order_does_not_exist(evening: World) -> None:
    async with evening.desk() as desk, evening.line("ann") as ann, evening.line("eve") as eve:
        await desk.opens_drop("bag", 5, 2_880_000)
        await ann.ask("cart.add", sku="bag")
        order = (await ann.ask("checkout", checkout_id="c1"))["result"]
        pay = {"order_id": order["order_id"], "payment_token": "tok_approve"}
        assert_is_error(await eve.ask("order.pay", **pay), "not_found")
        assert_is_error(await eve.ask("checkout", checkout_id="c1"), "empty_cart")
        cart = (await eve.ask("cart.show"))["result"]
        assert cart == {"holds": [], "orders": [], "waiting": []}


BREACHES = {
    CloseCode.MESSAGE_TOO_BIG: [(True, Opcode.TEXT, b"x" * 9_000)],
    CloseCode.UNSUPPORTED_DATA: [(True, Opcode.BINARY, b"{}")],
    CloseCode.INVALID_TEXT: [(True, Opcode.TEXT, b"\xff\xfe")],
    CloseCode.PROTOCOL_ERROR: [(True, Opcode.CONT, b"of nothing")],
}


@pytest.mark.parametrize("code", BREACHES, ids=lambda code: code.name.lower())
async def test_who_breaks_the_websocket_protocol_is_closed_with_its_code(
    evening: World, code: CloseCode
) -> None:
    async with nothing_changes(evening), seat(evening) as socket:
        for fin, opcode, data in BREACHES[code]:
            frame = Frame(opcode, data, fin).serialize(mask=True)
            socket.transport.write(frame)
        assert await closed_with(socket) == code


async def test_who_floods_is_closed_and_nobody_else_notices(evening: World) -> None:
    async with nothing_changes(evening), seat(evening, "eve") as eve, seat(evening) as ann:
        for _ in range(500):
            eve.transport.write(Frame(Opcode.TEXT, b"{}").serialize(mask=True))
        assert await closed_with(eve) == CloseCode.FLOODING
        await ann.send('{"id":"s1","type":"cart.show"}')
        assert (await reply_on(ann))["ok"]


async def test_noise_gets_an_error_or_a_close_and_nothing_else(
    evening: World, rng: random.Random
) -> None:
    """Messages with random damage, some in frames that are cut short and go on as noise."""
    messages = [text.replace("bag", "nix").encode() for text in UNREADABLE if text[:1] == "{"]
    codes: set[int | None] = set()
    async with nothing_changes(evening):
        for number in range(25):
            async with seat(evening, f"eve{number}") as socket:
                for _ in range(8):
                    message = bytearray(rng.choice(messages))
                    for _ in range(rng.randint(1, 6)):
                        message[rng.randrange(len(message))] = rng.randrange(256)
                    frame = Frame(Opcode.TEXT, bytes(message)).serialize(mask=True)
                    if rng.random() < 0.2:
                        frame = frame[: rng.randrange(1, len(frame))] + rng.randbytes(20)
                    socket.transport.write(frame)
                socket.transport.write(Frame(Opcode.CLOSE, b"\x03\xe8").serialize(mask=True))
                socket.transport.write_eof()
                codes.add(await closed_with(socket))
        async with seat(evening) as socket:
            await socket.send('{"id":"s1","type":"cart.show"}')
            assert (await reply_on(socket))["ok"]
    assert codes <= {
        CloseCode.NORMAL,
        CloseCode.PROTOCOL_ERROR,
        CloseCode.UNSUPPORTED_DATA,
        CloseCode.INVALID_TEXT,
        CloseCode.MESSAGE_TOO_BIG,
        CloseCode.FLOODING,
        1005,  # noise that was a close without a code
        1006,  # noise that announced more than came
    }


# -- the gateway's door ------------------------------------------------------------------------


async def test_the_door_says_why_it_stays_shut(evening: World) -> None:
    host = issue_host_token(SECRET, HostToken("moira", "host", now_ms() + 60_000))
    elsewhere = World(evening.house, "elsewhere")
    async with nothing_changes(evening):
        good = evening.ticket("ann")
        shut = {
            address(evening, "?ticket=nonsense"): 401,
            address(evening, f"?ticket={good[:-4]}AAAA"): 401,
            address(evening, f"?ticket={evening.ticket('ann', expires_in_ms=-1)}"): 401,
            address(evening, f"?ticket={host}"): 401,
            address(evening, f"?ticket={elsewhere.ticket('ann')}"): 403,
            address(evening, "-not").replace("?", "/?") + f"?ticket={good}": 404,
            f"{evening.house.gateway_urls()[0]}/elsewhere?ticket={good}": 404,
            address(evening, f"?ticket={'x' * 20_000}"): 414,
        }
        for url, status in shut.items():
            with pytest.raises(InvalidStatus) as refused:
                await websockets.connect(url)
            assert refused.value.response.status_code == status, url[:100]
    await elsewhere.close()


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"GET /live/x HTTP/1.1\r\nHost: x\r\n\r\n", b"426"),
        (b"POST /live/x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", b"4"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 9_000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", b"400"),
    ],
    ids=["no upgrade", "post", "tls", "huge header", "smuggled space"],
)
async def test_the_gateway_answers_other_bytes_in_http(
    served: Served, said: bytes, status: bytes
) -> None:
    where = urlsplit(served.gateway_urls()[0])
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(said)
    async with asyncio.timeout(ANSWER_S):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 " + status), answer[:100]
    writer.close()
    await writer.wait_closed()


# -- the control API ---------------------------------------------------------------------------

TERMS: dict[str, Any] = {
    "drop_id": "d2",
    "sku": "box",
    "title": "A box",
    "supply": 10,
    "price_minor": 28_800,
    "currency": "CNY",
}
WRONG_TERMS: list[dict[str, Any]] = [
    {"price_minor": "28800"},
    {"price_minor": 28_800.5},
    {"price_minor": -1},
    {"price_minor": 10**12},
    {"price_minor": True},
    {"price_minor": None},
    {"currency": "RMB"},
    {"currency": "cny"},
    {"supply": 0},
    {"supply": 10**7},
    {"title": ""},
    {"title": "x" * 121},
    {"sku": "a box"},
    {"drop_id": "../d2"},
    {"opens_at_ms": "tomorrow"},
    {"opens_at_ms": -5},
    {"limit_per_viewer": 0},
    {"hold_ttl_ms": 10},
    {"perks": [{"perk_id": "bellboy", "name": "Bellboy"}]},
    {"perks": [{"perk_id": "bellboy", "name": "Bellboy", "first_n": 0}]},
    {"price": 28_800},
    # One more than a drop may have.
    {"limit_per_viewer": 101},
    {"hold_ttl_ms": 86_400_001},
    {"pay_ttl_ms": 86_400_001},
    {"guarantee_days": 36_501},
    {"perks": [{"perk_id": f"p{n}", "name": "Bellboy", "first_n": 1} for n in range(9)]},
    {"options": [{"option_id": f"o{n}", "kind": "gift_wrap"} for n in range(9)]},
    {"flash": [{"from_ms": n, "until_ms": n + 1, "price_minor": 1} for n in range(1, 10)]},
    {"allocations": {f"channel-{n}": 1 for n in range(17)}},
]


def assert_is_problem(answered: Answered, status: int, code: str | None = None) -> None:
    """RFC 9457, with a code of the closed list."""
    assert (answered.status, answered.content_type) == (status, "application/problem+json")
    assert answered.body["status"] == status
    assert answered.body["detail"]
    assert answered.body["code"] in CODES
    assert code is None or answered.body["code"] == code
    assert answered.body["retryable"] is (answered.body["code"] in RETRYABLE)


async def test_terms_that_cannot_be_are_refused_field_by_field(
    evening: World, served: Served
) -> None:
    drops = f"/rooms/{evening.room}/drops"
    async with nothing_changes(evening), Api(served) as api:
        for wrong in WRONG_TERMS:
            answered = await api.call("POST", drops, {**TERMS, **wrong})
            assert_is_problem(answered, 422, "invalid")
            [field] = wrong
            assert field in answered.body["detail"], answered.body
        for field in TERMS:
            without = {name: value for name, value in TERMS.items() if name != field}
            answered = await api.call("POST", drops, without)
            assert_is_problem(answered, 422, "invalid")
            assert field in answered.body["detail"], answered.body


async def test_calls_that_cannot_be_are_refused(evening: World, served: Served) -> None:
    room = f"/rooms/{evening.room}"
    other_terms = {**TERMS, "drop_id": "drop-bag"}
    calls: list[tuple[int, str, str, str, Any]] = [
        (404, "not_found", "POST", "/rooms/nowhere/start", {}),
        (404, "not_found", "GET", "/rooms/nowhere", None),
        (404, "not_found", "POST", f"{room}/drops/d9/open", {}),
        (404, "not_found", "POST", f"{room}/orders/o9/refund", {}),
        (404, "not_found", "PUT", f"{room}/pin", {"card_id": "c9"}),
        (409, "conflict", "POST", f"{room}/drops", other_terms),
        (409, "conflict", "POST", "/rooms", {"room": evening.room, "title": "Another"}),
        (422, "invalid", "PUT", f"{room}/cards/c1", {"title": "A", "price_minor": 5}),
        (422, "invalid", "PUT", f"{room}/cards/c1", {"title": "A", "currency": "CNY"}),
        (422, "invalid", "PUT", f"{room}/cards/c1", {"title": "A", "card_id": "c2"}),
        (422, "invalid", "PUT", f"{room}/cards/c1", {"title": "A", "image_url": "javascript:x"}),
        (422, "invalid", "POST", f"{room}/drops/drop-bag/restock", {"quantity": 0}),
        (422, "invalid", "POST", f"{room}/drops/drop-bag/restock", {"quantity": 1_000_001}),
        (422, "invalid", "POST", f"{room}/drops/drop-bag/restock", {}),
        (422, "invalid", "POST", f"{room}/announcements", {"text": ""}),
        (422, "invalid", "POST", f"{room}/announcements", {"text": "x" * 501}),
        (422, "invalid", "POST", f"{room}/announcements", ["Hello"]),
        (422, "invalid", "POST", "/rooms", {"room": "a room", "title": "A"}),
        (422, "invalid", "GET", f"{room}/orders?limit=0", None),
        (422, "invalid", "POST", f"{room}/tickets", {"viewer": "ann"}),
        (403, "forbidden", "POST", f"{room}/walk-in", {}),
    ]
    async with nothing_changes(evening), Api(served) as api:
        for status, code, method, path, body in calls:
            assert_is_problem(await api.call(method, path, body), status, code)


async def test_bodies_that_are_none_are_refused(evening: World, served: Served) -> None:
    path = f"/rooms/{evening.room}/announcements"
    json = {"Content-Type": "application/json"}
    async with nothing_changes(evening), Api(served) as api:
        for data, headers, status in (
            (b"{", json, 400),
            (b'{"text": "\xff"}', json, 400),
            (b"[" * 10_000, json, 400),
            (b'{"text": "' + b"x" * 20_000 + b'"}', json, 413),
            (b"text=Hello", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ):
            answered = await api.call("POST", path, data=data, headers=headers)
            assert_is_problem(answered, status, "invalid")


async def test_who_may_not_is_told_so(evening: World, served: Served) -> None:
    announce = ("POST", f"/rooms/{evening.room}/announcements", {"text": "Hello"})
    expired = issue_host_token(SECRET, HostToken("moira", "host", now_ms() - 1))
    forged = issue_host_token("x" * 40, HostToken("moira", "host", now_ms() + 60_000))
    async with (
        nothing_changes(evening),
        Api(served, "analyst") as analyst,
        Api(served, "moderator") as moderator,
    ):
        for api in (analyst, moderator):
            assert_is_problem(await api.call(*announce), 403, "forbidden")
        for token in (expired, forged, evening.ticket("ann"), "nonsense", ""):
            answered = await analyst.call(*announce, headers={"Authorization": f"Bearer {token}"})
            assert_is_problem(answered, 401, "forbidden")
