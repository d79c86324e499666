"""What the API says to callers who get it wrong; nothing of it reaches an engine."""

import asyncio
from urllib.parse import urlsplit

import orjson
import pytest
from redis import asyncio as aioredis
from structlog.testing import capture_logs

from cart.outcome import ErrorCode
from livestream import keys
from livestream.control.problems import STATUS_OF
from tests.livestream.control.desks import Desk, assert_problem, host_token

JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def room(room: str, redis: aioredis.Redis) -> str:
    """A room that exists and has no engine: what gets through to it would be seen in its inbox."""
    await redis.sadd(keys.ROOMS, room)
    return room


@pytest.fixture(autouse=True)
async def _nothing_reaches_an_engine(room: str, redis: aioredis.Redis) -> object:
    yield
    assert await redis.xlen(keys.inbox(room)) == 0


# -- who asks


async def test_who_hangs_up_while_asking_is_no_fault_of_the_servers(desk: Desk, room: str) -> None:
    url = urlsplit(desk.base)
    with capture_logs() as lines:
        _, asker = await asyncio.open_connection(url.hostname, url.port)
        asker.write(
            f"POST /api/v1/rooms/{room}/tickets HTTP/1.1\r\nHost: {url.netloc}\r\n"
            f"Authorization: Bearer {desk.token}\r\nContent-Type: application/json\r\n"
            "Content-Length: 100\r\n\r\n{".encode()
        )
        await asyncio.sleep(0.1)
        asker.transport.abort()
        await asyncio.sleep(0.1)
    assert [line["event"] for line in lines if line["log_level"] == "error"] == []


async def test_a_stranger_is_asked_for_a_token(desk: Desk, room: str) -> None:
    answered = await desk.as_(None).post(f"/rooms/{room}/start")
    assert_problem(answered, 401, "forbidden")
    assert answered.headers["WWW-Authenticate"] == 'Bearer realm="livestream"'


@pytest.mark.parametrize("token", ["x", "a.b.c", host_token()[:-2] + "xx", "Bearer"])
async def test_a_bad_token_is_told_so(desk: Desk, room: str, token: str) -> None:
    answered = await desk.as_(token).get(f"/rooms/{room}")
    assert_problem(answered, 401, "forbidden")
    assert 'error="invalid_token"' in answered.headers["WWW-Authenticate"]


async def test_an_expired_token_is_told_so(desk: Desk, room: str) -> None:
    answered = await desk.as_(host_token(ttl_ms=-1)).get("/whoami")
    assert_problem(answered, 401, "forbidden")
    assert "expired" in answered.body["detail"]


async def test_a_viewers_ticket_is_no_host_token(desk: Desk, room: str) -> None:
    asked = {"viewer": "v1", "channel": "tmall", "name": "Mei"}
    ticket = (await desk.post(f"/rooms/{room}/tickets", asked)).body["ticket"]
    assert_problem(await desk.as_(ticket).get("/whoami"), 401, "forbidden")


async def test_one_learns_who_one_is(desk: Desk) -> None:
    moderator = await desk.as_(host_token("moderator")).get("/whoami")
    assert (moderator.status, moderator.body["name"], moderator.body["role"]) == (
        200,
        "lin",
        "moderator",
    )
    assert moderator.body["gateway_url"] == "ws://127.0.0.1:8081"


# -- what is asked about


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/rooms/nowhere"),
        ("GET", "/rooms/nowhere/orders"),
        ("POST", "/rooms/nowhere/start"),
        ("POST", "/rooms/nowhere/tickets"),
        ("GET", "/rooms/no%20where"),
        ("GET", "/rooms/%7Bx%7D"),
        ("POST", "/rooms/nowhere/walk-in"),
    ],
)
async def test_an_unknown_room_is_not_found(desk: Desk, method: str, path: str) -> None:
    assert_problem(await desk.call(method, f"/api/v1{path}"), 404, "not_found")


@pytest.mark.parametrize("path", ["/nothing", "/api/v1/nothing", "/api/v2/rooms", "/static/x.js"])
async def test_an_unknown_address_is_not_found(desk: Desk, path: str) -> None:
    assert_problem(await desk.call("GET", path), 404, "not_found")


async def test_another_method_is_told_which_there_are(desk: Desk, room: str) -> None:
    answered = await desk.call("PATCH", f"/api/v1/rooms/{room}")
    assert_problem(answered, 405, "invalid")
    assert answered.headers["Allow"] == "DELETE, GET"


async def test_a_name_out_of_bounds_in_the_path_is_told(desk: Desk, room: str) -> None:
    answered = await desk.post(f"/rooms/{room}/drops/{'d' * 65}/open")
    assert_problem(answered, 422, "invalid")
    assert answered.body["detail"].startswith("drop_id: ")


async def test_a_host_header_that_is_none_is_refused(desk: Desk) -> None:
    answered = await desk.call("GET", "/watch/x", headers={"Host": "a; script-src *"})
    assert_problem(answered, 400, "invalid")


# -- bodies


@pytest.mark.parametrize(
    "data", [b"{", b"\xff", b'{"a":1e999}', b"[" * 5_000, b'{"a":"\xed\xa0\x80"}']
)
async def test_a_body_that_is_not_json_is_told(desk: Desk, room: str, data: bytes) -> None:
    answered = await desk.call("POST", f"/api/v1/rooms/{room}/announcements", None, data, JSON)
    assert_problem(answered, 400, "invalid")


@pytest.mark.parametrize("body", [[], "text", 1, None])
async def test_a_body_that_is_not_an_object_is_told(desk: Desk, room: str, body: object) -> None:
    path = f"/api/v1/rooms/{room}/announcements"
    answered = await desk.call("POST", path, None, orjson.dumps(body), JSON)
    assert_problem(answered, 422, "invalid")


async def test_a_form_is_no_json(desk: Desk, room: str) -> None:
    answered = await desk.call(
        "POST",
        f"/api/v1/rooms/{room}/announcements",
        data=b"text=hello",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert_problem(answered, 415, "invalid")


async def test_a_body_that_is_too_large_is_told(desk: Desk, room: str) -> None:
    body = orjson.dumps({"text": "x" * 20_000})
    path = f"/api/v1/rooms/{room}/announcements"
    assert_problem(await desk.call("POST", path, None, body, JSON), 413, "invalid")


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("announcements", {}, "text"),
        ("announcements", {"text": ""}, "text"),
        ("announcements", {"text": "x" * 501}, "text"),
        ("announcements", {"text": 5}, "text"),
        ("announcements", {"text": "hi", "txet": "hi"}, "txet"),
        ("announcements", {"text": "hi", "type": "announce"}, "type"),
        ("drops", {}, "drop_id"),
        ("drops", {"drop_id": "d", "sku": "s", "title": "t", "supply": 0}, "supply"),
        ("drops/d1/restock", {"quantity": 0}, "quantity"),
        ("drops/d1/restock", {"quantity": 1.5}, "int"),
        ("drops/d1/restock", {"quantity": "12"}, "quantity"),
        ("drops/d1/restock", {"quantity": True}, "quantity"),
        ("drops/d1/restock", {"quantity": 10**30}, "quantity"),
        ("drops/d1/restock", {"drop_id": "d2", "quantity": 1}, "path"),
        ("drops/d1/open", {"force": True}, "force"),
        ("orders/o1/refund", {"restock": "yes"}, "restock"),
        ("viewers/v1/mute", {"muted": 1}, "muted"),
        ("tickets", {"viewer": "v 1", "channel": "tmall", "name": "Mei"}, "viewer"),
        ("tickets", {"viewer": "v1", "channel": "TMALL", "name": "Mei"}, "channel"),
        ("tickets", {"viewer": "v1", "channel": "tmall", "name": ""}, "name"),
        ("tickets", {"viewer": "v1", "channel": "tmall", "name": "M", "ttl_ms": 5}, "ttl_ms"),
    ],
)
async def test_a_field_that_cannot_be_is_named(
    desk: Desk, room: str, path: str, body: object, told: str
) -> None:
    answered = await desk.post(f"/rooms/{room}/{path}", body)
    assert_problem(answered, 422, "invalid")
    assert told in answered.body["detail"]


@pytest.mark.parametrize(
    "terms",
    [
        {"price_minor": -1},
        {"price_minor": 28_000.5},
        {"price_minor": 10**12},
        {"currency": "XXX"},
        {"currency": None},
        {"supply": 10**7},
        {"limit_per_viewer": 0},
        {"hold_ttl_ms": 999},
        {"perks": [{"perk_id": "bellboy", "name": "Bellboy", "first_n": 0}]},
        {"perks": [{"perk_id": "bellboy", "name": "Bellboy"}]},
        {"perks": [{"perk_id": "not a word", "name": "Bellboy", "first_n": 1}]},
        {"perks": [{"perk_id": "bellboy", "name": "Bellboy", "first_n": 88, "last_n": 1}]},
        {"opens_at_ms": "soon"},
    ],
)
async def test_terms_with_wrong_money_or_numbers_are_refused(
    desk: Desk, room: str, terms: dict[str, object]
) -> None:
    good = {
        "drop_id": "d1",
        "sku": "s",
        "title": "t",
        "supply": 288,
        "price_minor": 2_800_000,
        "currency": "CNY",
    }
    assert_problem(await desk.post(f"/rooms/{room}/drops", {**good, **terms}), 422, "invalid")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "status=lost", "viewer=a%20b", "colour=red"]
)
async def test_a_query_that_cannot_be_is_told(desk: Desk, room: str, query: str) -> None:
    assert_problem(await desk.get(f"/rooms/{room}/orders?{query}"), 422, "invalid")


async def test_a_room_needs_a_name_that_can_be_a_key(desk: Desk) -> None:
    for name in ("", "{x}", "a b", "a/b", "x" * 65):
        answered = await desk.post("/rooms", {"room": name, "title": "Tank"})
        assert_problem(answered, 422, "invalid")
    assert (await desk.get("/rooms")).body["rooms"][1:] == []


# -- the table


def test_every_code_of_the_closed_list_has_a_status() -> None:
    assert set(STATUS_OF) == set(ErrorCode)
    assert all(400 <= status < 600 for status in STATUS_OF.values())


async def test_many_wrong_requests_at_once_are_each_answered(desk: Desk, room: str) -> None:
    path = f"/api/v1/rooms/{room}/announcements"
    answers = await asyncio.gather(
        *(desk.call("POST", path, None, b"{" * number, JSON) for number in range(1, 51))
    )
    assert {answered.status for answered in answers} == {400}
