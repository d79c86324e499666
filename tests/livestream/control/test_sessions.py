"""Sessions: who has signed in is known by a cookie, and nobody else can use it for a change."""

import asyncio
from http.cookies import SimpleCookie
from typing import Any

import aiohttp
import pytest
from redis import asyncio as aioredis

from livestream import keys
from livestream.clock import now_ms
from livestream.control import sessions, sign_in
from livestream.control.auth import RANK
from livestream.control.routes import ROUTES, Route
from livestream.control.sign_in import REFUSED_BURST, SignIns
from livestream.tickets import DeskRole, DeskSession, HostToken, issue_session
from tests.livestream.control.desks import SECRET, Answered, Desk, assert_problem, host_token

SESSION = "/api/v1/session"
#: A change that everybody who may make it is told 404 for: there is no such room.
CHANGE = "/api/v1/rooms/nowhere/start"
A_DAY_MS = 86_400_000
CSRF = sessions.CSRF_HEADER


class Tab:
    """A browser's tab after signing in: what it sends by itself, and what our page adds."""

    def __init__(self, desk: Desk, cookie: str, csrf: str) -> None:
        self._desk = desk.as_(None)
        self.cookie = cookie
        self.headers = {
            "Cookie": f"{sessions.COOKIE}={cookie}",
            "Origin": desk.base,
            "Sec-Fetch-Site": "same-origin",
            CSRF: csrf,
        }

    async def call(self, method: str, path: str, **others: str | None) -> Answered:
        """`others`: headers by their names with `_`, in the place of the usual; None: not sent."""
        headers: dict[str, str] = dict(self.headers)
        for name, value in others.items():
            headers.pop(name.replace("_", "-"), None)
            if value is not None:
                headers[name.replace("_", "-")] = value
        return await self._desk.call(method, path, headers=headers)

    def feed(self, http: aiohttp.ClientSession, room: str, origin: str) -> Any:
        """The desk's websocket, as a page at `origin` opens it."""
        url = f"{self._desk.base}/api/v1/rooms/{room}/desk"
        headers = {"Cookie": self.headers["Cookie"], "Origin": origin}
        return http.ws_connect(url, protocols=("livestream.desk.v1",), headers=headers)


async def signed_in(desk: Desk, role: DeskRole = "host", ttl_ms: int = 60_000) -> Tab:
    answered = await desk.as_(host_token(role, ttl_ms)).call("POST", SESSION)
    assert answered.status == 201, answered
    return Tab(desk, cookie_in(answered)[sessions.COOKIE].value, answered.body["csrf"])


def cookie_in(answered: Answered) -> SimpleCookie:
    return SimpleCookie(answered.headers["Set-Cookie"])


# -- signing in


async def test_a_host_token_begins_a_session_that_lasts_as_long(desk: Desk) -> None:
    expires_at_ms = now_ms() + 60_000
    answered = await desk.call("POST", SESSION)
    assert answered.status == 201
    assert (answered.body["name"], answered.body["role"]) == ("lin", "host")
    assert abs(answered.body["expires_at_ms"] - expires_at_ms) < 5_000
    cookie = cookie_in(answered)[sessions.COOKIE]
    assert 50 <= int(cookie["max-age"]) <= 60
    assert (cookie["path"], cookie["samesite"]) == ("/", "Strict")
    assert cookie["httponly"]
    assert not cookie["secure"], "the page came by http"
    assert cookie["domain"] == ""


async def test_no_session_lasts_longer_than_a_day(desk: Desk) -> None:
    answered = await desk.as_(host_token(ttl_ms=30 * A_DAY_MS)).call("POST", SESSION)
    assert answered.body["expires_at_ms"] <= now_ms() + A_DAY_MS


async def test_behind_a_proxy_that_ends_tls_the_cookie_goes_by_https_only(desk: Desk) -> None:
    answered = await desk.call("POST", SESSION, headers={"X-Forwarded-Proto": "https"})
    assert cookie_in(answered)[sessions.COOKIE]["secure"]


async def test_whoever_signs_in_twice_has_two_sessions(desk: Desk) -> None:
    first, second = await signed_in(desk), await signed_in(desk)
    assert first.headers[CSRF] != second.headers[CSRF]
    mixed = await second.call("POST", CHANGE, **{CSRF: first.headers[CSRF]})
    assert_problem(mixed, 403, "forbidden")


async def test_a_page_that_is_loaded_again_learns_who_it_is(desk: Desk) -> None:
    tab = await signed_in(desk, "moderator")
    told = await tab.call("GET", SESSION)
    assert (told.body["name"], told.body["role"]) == ("lin", "moderator")
    assert told.body["csrf"] == tab.headers[CSRF]
    assert (await tab.call("GET", "/api/v1/whoami")).body["role"] == "moderator"


async def test_a_session_does_not_begin_another_one(desk: Desk) -> None:
    tab = await signed_in(desk)
    assert_problem(await tab.call("POST", SESSION), 401, "forbidden")


# -- what is refused


async def test_a_change_from_our_page_gets_through(desk: Desk) -> None:
    tab = await signed_in(desk)
    assert_problem(await tab.call("POST", CHANGE), 404, "not_found")
    assert_problem(await tab.call("POST", CHANGE, Sec_Fetch_Site=None), 404, "not_found")
    assert_problem(await tab.call("POST", CHANGE, Origin=None), 404, "not_found")


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ({CSRF: None}, "X-CSRF-Token"),
        ({CSRF: ""}, "X-CSRF-Token"),
        ({CSRF: "0" * 64}, "X-CSRF-Token"),
        ({CSRF: "é"}, "X-CSRF-Token"),
        ({"Origin": "https://evil.example"}, "page of this server"),
        ({"Origin": "null"}, "page of this server"),
        ({"Origin": "http://127.0.0.1:1"}, "page of this server"),
        ({"Origin": "http://[", "Sec_Fetch_Site": None}, "page of this server"),
        ({"Sec_Fetch_Site": "cross-site"}, "page of this server"),
        ({"Sec_Fetch_Site": "same-site"}, "page of this server"),
        ({"Sec_Fetch_Site": "none"}, "page of this server"),
        ({"Origin": None, "Sec_Fetch_Site": None}, "page of this server"),
    ],
)
async def test_a_change_from_elsewhere_is_refused(
    desk: Desk, others: dict[str, str | None], told: str
) -> None:
    tab = await signed_in(desk)
    answered = await tab.call("POST", CHANGE, **others)
    assert_problem(answered, 403, "forbidden")
    assert told in answered.body["detail"]


def forged(**changes: object) -> str:
    """A cookie that is right but for this."""
    session = {"session_id": "s" * 22, "name": "lin", "role": "host", "expires_at_ms": now_ms()}
    return issue_session(SECRET, DeskSession(**{**session, **changes}))  # type: ignore[arg-type]


async def test_a_cookie_that_ran_out_is_told_so(desk: Desk) -> None:
    tab = Tab(desk, forged(expires_at_ms=now_ms() - 1), "")
    answered = await tab.call("GET", SESSION)
    assert_problem(answered, 401, "forbidden")
    assert "sign in again" in answered.body["detail"]


async def test_only_our_own_cookies_are_sessions(desk: Desk) -> None:
    good = (await signed_in(desk)).cookie
    other_key = issue_session("x" * 32, DeskSession("s" * 22, "lin", "host", now_ms() + 60_000))
    head, body, signature = good.split(".")
    tampered = (good[:-2] + "xx", f"{head}.{body}", f"{head}.{body[:-3]}abc.{signature}", "x")
    for cookie in (other_key, host_token(), *tampered):
        assert_problem(await Tab(desk, cookie, "").call("GET", SESSION), 401, "forbidden")


async def test_a_cookie_is_no_bearer_token(desk: Desk) -> None:
    tab = await signed_in(desk)
    assert_problem(await desk.as_(tab.cookie).get("/whoami"), 401, "forbidden")
    assert_problem(await desk.as_(tab.cookie).call("POST", SESSION), 401, "forbidden")


async def test_tools_with_a_token_need_nothing_of_this(desk: Desk) -> None:
    for headers in ({}, {"Origin": "https://tool.example", "Sec-Fetch-Site": "cross-site"}):
        answered = await desk.call("POST", CHANGE, headers=headers)
        assert_problem(answered, 404, "not_found")
    with_both = {"Cookie": f"{sessions.COOKIE}=nonsense"}
    assert (await desk.call("GET", SESSION, headers=with_both)).body["csrf"] == ""
    wrong = await desk.as_("x").call("GET", SESSION, headers=(await signed_in(desk)).headers)
    assert_problem(wrong, 401, "forbidden")


# -- signing out


async def test_who_signed_out_is_refused_with_the_cookie_that_was_good(
    desk: Desk, redis: aioredis.Redis
) -> None:
    tab, other = await signed_in(desk), await signed_in(desk)
    assert (await tab.call("DELETE", SESSION, **{CSRF: None})).status == 403
    answered = await tab.call("DELETE", SESSION)
    assert (answered.status, answered.body) == (200, {"signed_out": True})
    assert cookie_in(answered)[sessions.COOKIE]["max-age"] == "0"
    refused = await tab.call("GET", SESSION)
    assert_problem(refused, 401, "forbidden")
    assert "ended" in refused.body["detail"]
    assert (await other.call("GET", SESSION)).status == 200
    ended = [key async for key in redis.scan_iter(match=keys.signed_out("*"))]
    assert 0 < min([await redis.pttl(key) for key in ended]) <= 60_000, "forgotten by itself"


async def test_a_token_has_no_session_to_end(desk: Desk) -> None:
    assert (await desk.call("DELETE", SESSION)).body == {"signed_out": False}
    assert (await desk.call("GET", SESSION)).status == 200


# -- the feed


async def test_a_panel_is_opened_by_a_page_of_this_server_only(
    desk: Desk, http: aiohttp.ClientSession, redis: aioredis.Redis, room: str
) -> None:
    await redis.sadd(keys.ROOMS, room)
    tab = await signed_in(desk, "analyst")
    for origin in ("https://evil.example", "null", desk.base + "0"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await tab.feed(http, room, origin)
        assert refusal.value.status == 403
    async with tab.feed(http, room, desk.base) as feed:
        assert (await feed.receive_json(timeout=5))["type"] == "desk"


async def test_signing_out_closes_the_panels_of_that_session_and_no_others(
    desk: Desk, http: aiohttp.ClientSession, redis: aioredis.Redis, room: str
) -> None:
    await redis.sadd(keys.ROOMS, room)
    tab, other = await signed_in(desk), await signed_in(desk)
    async with (
        tab.feed(http, room, desk.base) as feed,
        other.feed(http, room, desk.base) as stays,
        desk.feed(room) as tool,
    ):
        for each in (feed, stays, tool):
            assert (await each.receive_json(timeout=5))["type"] == "desk"
        await tab.call("DELETE", SESSION)
        message = await feed.receive(timeout=5)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 4001)
        assert message.extra == "signed out"
        await redis.publish(keys.chat(room), b'{"type":"chat","messages":[],"skipped":0}')
        for each in (stays, tool):
            assert (await each.receive_json(timeout=5))["type"] == "chat"


async def test_a_panel_of_a_session_that_just_ended_does_not_open(
    desk: Desk, http: aiohttp.ClientSession, redis: aioredis.Redis, room: str
) -> None:
    """Ended between the look at the cookie and the subscription."""
    await redis.sadd(keys.ROOMS, room)
    tab = await signed_in(desk)
    looked_at = asyncio.Event()
    has_ended = sessions.has_ended

    async def once_later(store: aioredis.Redis, session_id: str) -> bool:
        if not looked_at.is_set():
            looked_at.set()
            answer = await has_ended(store, session_id)
            await sessions.end(store, DeskSession(session_id, "lin", "host", now_ms() + 9_000), 0)
            return answer
        return await has_ended(store, session_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sessions, "has_ended", once_later)
        async with tab.feed(http, room, desk.base) as feed:
            message = await feed.receive(timeout=5)
    assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 4001)


# -- how often


async def test_whoever_tries_tokens_is_told_to_wait_and_others_are_not(desk: Desk) -> None:
    stranger = {"X-Forwarded-For": "203.0.113.7"}
    for _ in range(REFUSED_BURST):
        assert (await desk.as_("x").call("POST", SESSION, headers=stranger)).status == 401
    for token in ("x", desk.token):
        answered = await desk.as_(token).call("POST", SESSION, headers=stranger)
        assert_problem(answered, 429, "rate_limited")
        assert int(answered.headers["Retry-After"]) == 6
    neighbour = await desk.call("POST", SESSION, headers={"X-Forwarded-For": "203.0.113.8"})
    assert neighbour.status == 201


class FakeRequest:
    """As much of a request as its budget looks at."""

    def __init__(self, remote: str) -> None:
        self.remote = remote
        self.headers: dict[str, str] = {}


def test_only_so_many_addresses_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "ADDRESSES_MAX", 3)
    budget = SignIns((), lambda: 0)
    for number in range(10):
        budget.count_refused(FakeRequest(f"203.0.113.{number}"))  # type: ignore[arg-type]
    assert len(budget) == 3


def test_one_server_gives_a_burst_of_sessions_and_then_one_a_second() -> None:
    clock_us = 1_000_000
    budget = SignIns((), lambda: clock_us)
    assert sum(budget.may_give() for _ in range(1_000)) == sign_in.GIVEN_BURST
    clock_us += 5_000_000
    assert sum(budget.may_give() for _ in range(1_000)) == 5


# -- roles


def _desk_routes() -> list[Route]:
    return [route for route in ROUTES if route.access in RANK]


@pytest.mark.parametrize("role", RANK)
async def test_the_server_refuses_whatever_a_role_may_not_do(desk: Desk, role: DeskRole) -> None:
    """Every route of the table, as this role, in a session and by token. `nowhere` is no room, so
    what is allowed is told so; nothing is done.
    """
    tab = await signed_in(desk, role)
    tool = desk.as_(host_token(role))
    refused = 0
    for route in _desk_routes():
        if route.name == "sign_out":
            continue
        path = route.path.replace("{room}", "nowhere").replace("{", "").replace("}", "")
        for answered in (await tab.call(route.method, path), await tool.call(route.method, path)):
            may = RANK[role] >= RANK[route.access]  # type: ignore[index]
            assert (answered.status == 403) == (not may), (route.name, role, answered)
            assert answered.status != 401, route.name
            refused += not may
    assert (refused > 0) == (role != "host")


def test_reading_is_for_everybody_at_the_desk_and_changing_for_no_analyst() -> None:
    for route in _desk_routes():
        if route.name != "sign_out":
            assert (route.access == "analyst") == (route.method == "GET"), route.name


def test_a_token_of_a_name_and_role_makes_a_session_of_the_same() -> None:
    token = HostToken("lin", "moderator", 10_000)
    session = sessions.begin(token, 1_000)
    assert (session.name, session.role, session.expires_at_ms) == ("lin", "moderator", 10_000)
    assert sessions.begin(token, 1_000).session_id != session.session_id
