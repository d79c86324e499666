"""Playing a show against a control API that is sometimes away: a small real one, over HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from cart.coupon import CouponTerms
from cart.drop import DropTerms
from cart.rules import RoomRules
from cart.slot import SlotTerms
from livestream import commands
from livestream.messages import Card
from livestream.show import Cue, Show
from livestream.show.runner import Desk, Played, ShowStoppedError, call_of, run_show

TOKEN = "a-token"


class ControlApi:
    """Records what is asked, and answers as it is told to."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[tuple[str, str, Any]] = []
        self.failures: list[int] = []
        self.silences_s: list[float] = []
        self.clock_ahead_ms = 0
        self.refused: dict[str, str] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"detail": "no token"}, status=401)
        body = await request.json() if request.can_read_body else None
        path = request.path.removeprefix("/api/v1")
        self.asked.append((request.method, path, body))
        if self.silences_s:
            await asyncio.sleep(self.silences_s.pop(0))
        if self.failures:
            return web.json_response({"detail": "no answer"}, status=self.failures.pop(0))
        if path in self.refused:
            return web.json_response({"detail": self.refused[path]}, status=409)
        return web.json_response({})

    async def desk(self, request: web.Request) -> web.StreamResponse:
        feed = web.WebSocketResponse(protocols=("livestream.desk.v1",))
        await feed.prepare(request)
        server_ms = time.time_ns() // 1_000_000 + self.clock_ahead_ms
        await feed.send_json({"type": "desk", "server_time_ms": server_ms})
        await feed.receive()
        return feed


@pytest.fixture
async def api() -> AsyncIterator[ControlApi]:
    api = ControlApi()
    app = web.Application()
    app.router.add_get("/api/v1/rooms/{room}/desk", api.desk)
    app.router.add_route("*", "/api/v1/{rest:.*}", api.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    api.url = f"http://{host}:{port}"
    yield api
    await runner.cleanup()


def show(*cues: tuple[int, commands.HostCommand]) -> Show:
    return Show("A show", "CNY", [Cue(at_ms, 1, "do", command) for at_ms, command in cues])


HELLO = commands.Announce("Hello")
PIN = commands.CardPin("watch")
RESTOCK = commands.DropRestock("drop", 5)


async def test_a_show_creates_and_starts_its_room_and_plays_its_cues_in_order(
    api: ControlApi,
) -> None:
    card = Card("watch", "Watch", price_minor=100, currency="CNY")
    played = await run_show(
        show((0, commands.CardPut(card)), (50, PIN), (100, HELLO), (100, commands.RoomEnd())),
        api.url,
        TOKEN,
        "r",
    )
    assert [step.problem for step in played] == [None] * 4
    assert api.asked == [
        ("POST", "/rooms", {"room": "r", "title": "A show"}),
        ("POST", "/rooms/r/start", None),
        ("PUT", "/rooms/r/cards/watch", {"title": "Watch", "price_minor": 100, "currency": "CNY"}),
        ("PUT", "/rooms/r/pin", {"card_id": "watch"}),
        ("POST", "/rooms/r/announcements", {"text": "Hello"}),
        ("POST", "/rooms/r/end", None),
    ]


async def test_what_is_declared_beforehand_is_asked_before_the_start_by_the_servers_clock(
    api: ControlApi,
) -> None:
    api.clock_ahead_ms = 3_600_000
    coupon = CouponTerms("C", 1, percent_bp=100, from_ms=0, until_ms=60_000)
    rules = Cue(0, 1, "rules", commands.RulesSet(RoomRules(limit_per_viewer=2)))
    prepared = [rules, Cue(0, 2, "coupon", commands.CouponPut(coupon))]
    script = Show("A show", "CNY", [Cue(0, 3, "pin", PIN)], prepared)
    before_ms = time.time_ns() // 1_000_000
    played = await run_show(script, api.url, TOKEN, "r")
    assert [step.cue.verb for step in played] == ["rules", "coupon", "pin"]
    asked = [path.removeprefix("/rooms") for _, path, _ in api.asked]
    assert asked == ["", "/r/rules", "/r/coupons/C", "/r/start", "/r/pin"]
    put = api.asked[2][2]
    assert put["from_ms"] >= before_ms + 3_600_000
    assert put["until_ms"] - put["from_ms"] == 60_000


@pytest.mark.parametrize("ahead_ms", [-3_600_000, 3_600_000], ids=["an hour behind", "ahead"])
async def test_cues_are_played_by_the_servers_clock(api: ControlApi, ahead_ms: int) -> None:
    api.clock_ahead_ms = ahead_ms
    heard: list[Played] = []
    started_s = time.monotonic()
    await run_show(show((0, PIN), (400, HELLO)), api.url, TOKEN, "r", on_cue=heard.append)
    assert 0.4 <= time.monotonic() - started_s < 5
    assert all(-50 <= step.late_ms < 3_000 for step in heard)


async def test_speed_shortens_the_waits(api: ControlApi) -> None:
    started_s = time.monotonic()
    await run_show(show((0, PIN), (20_000, HELLO)), api.url, TOKEN, "r", speed=100)
    assert time.monotonic() - started_s < 10


async def test_a_cue_that_the_room_refuses_does_not_stop_the_show(api: ControlApi) -> None:
    api.refused["/rooms/r/drops/drop/pause"] = "drop drop is sold_out"
    played = await run_show(show((0, commands.DropPause("drop")), (0, HELLO)), api.url, TOKEN, "r")
    assert [step.problem for step in played] == ["drop drop is sold_out", None]
    assert str(played[0]).endswith("(not done: drop drop is sold_out)")


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_brief_outage_is_outlived_with_the_same_call(api: ControlApi, status: int) -> None:
    api.failures = [status, status]
    async with Desk(api.url, TOKEN) as desk:
        answer = await desk.call(call_of("r", PIN))
    assert answer.problem is None
    assert api.asked == [("PUT", "/rooms/r/pin", {"card_id": "watch"})] * 3


async def test_a_restock_whose_answer_was_lost_is_not_repeated(api: ControlApi) -> None:
    """Twice five units would be ten; that somebody has to look is said instead."""
    api.failures = [503]
    async with Desk(api.url, TOKEN) as desk:
        answer = await desk.call(call_of("r", RESTOCK))
    assert answer.problem == "not known whether it was done: no answer"
    assert len(api.asked) == 1


async def test_a_restock_that_was_surely_not_done_is_repeated(api: ControlApi) -> None:
    api.failures = [429]
    async with Desk(api.url, TOKEN) as desk:
        answer = await desk.call(call_of("r", RESTOCK))
    assert answer.problem is None
    assert len(api.asked) == 2


@pytest.fixture
async def nobody() -> str:
    """An address at which nobody listens: bound by us, and never listening."""
    reader = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0, start_serving=False)
    host, port = reader.sockets[0].getsockname()
    reader.close()
    return f"http://{host}:{port}"


async def test_a_long_outage_stops_the_show(nobody: str) -> None:
    async with Desk(nobody, TOKEN, retry_for_s=0.3) as desk:
        with pytest.raises(ShowStoppedError, match="not reachable"):
            await desk.call(call_of("r", PIN))


async def test_a_bad_token_stops_the_show_at_once(api: ControlApi) -> None:
    with pytest.raises(ShowStoppedError, match="no token"):
        await run_show(show((0, PIN)), api.url, "another", "r")
    assert api.asked == []


async def test_a_room_of_another_show_stops_the_show(api: ControlApi) -> None:
    api.refused["/rooms"] = "room r exists with another title"
    with pytest.raises(ShowStoppedError, match="another title"):
        await run_show(show((0, PIN)), api.url, TOKEN, "r")


def test_every_command_that_a_show_may_say_has_its_call() -> None:
    terms = DropTerms("drop", "sku", "Watch", 10, 100, "CNY", opens_at_ms=5)
    calls: list[tuple[commands.HostCommand, str, str]] = [
        (commands.CardWithdraw("c"), "DELETE", "/rooms/r/cards/c"),
        (commands.DropSchedule(terms), "POST", "/rooms/r/drops"),
        (commands.DropOpen("drop"), "POST", "/rooms/r/drops/drop/open"),
        (commands.DropPause("drop"), "POST", "/rooms/r/drops/drop/pause"),
        (commands.DropClose("drop"), "POST", "/rooms/r/drops/drop/close"),
        (RESTOCK, "POST", "/rooms/r/drops/drop/restock"),
        (commands.DropDraft(terms), "PUT", "/rooms/r/drafts/drop"),
        (commands.DraftDiscard("drop"), "DELETE", "/rooms/r/drafts/drop"),
        (commands.InvitationPut(["ann"], tier="gold"), "POST", "/rooms/r/invitations"),
        (commands.SlotPut(SlotTerms("s", "p", "Paris", 1, 2, 3)), "PUT", "/rooms/r/slots/s"),
    ]
    for command, method, path in calls:
        assert call_of("r", command)[:2] == (method, path)
    assert call_of("r", commands.DropSchedule(terms)).body["opens_at_ms"] == 5
    with pytest.raises(TypeError, match="OrderRefund"):
        call_of("r", commands.OrderRefund("o1"))


async def test_a_call_that_hangs_is_made_again(
    api: ControlApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reply that never comes is an outage like any other."""
    monkeypatch.setattr("livestream.show.runner.CALL_TIMEOUT_S", 0.2)
    api.silences_s = [1.0]
    async with Desk(api.url, TOKEN) as desk:
        answer = await desk.call(call_of("r", PIN))
    assert answer.problem is None
    assert len(api.asked) == 2
