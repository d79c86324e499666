"""A rehearsal as the panel asks for one: a process of its own, real sockets, at 20 times the speed;
and nothing of it is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
from redis import asyncio as aioredis
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from livestream import keys
from livestream.clock import now_ms
from livestream.messages import CloseCode
from livestream.redis_client import open_redis
from livestream.tickets import HostToken, Ticket, issue_host_token, issue_ticket
from tests.integration.house import SECRET, Served
from tests.processes import eventually

#: Two minutes of show in six seconds.
SHOW = """\
version: 1
title: Santos, the rehearsal
currency: CNY
cards:
  - {card_id: santos, title: Santos, sku: santos}
drops:
  - drop_id: santos
    sku: santos
    title: Santos
    supply: 12
    price_minor: 5150000
    hold: 20s
    pay_within: 20s
    numbered: true
    perks: [{perk_id: bellboy, name: Bellboy, first_n: 5}]
coupons:
  - {code: MAISON, supply: 3, percent_bp: 1000}
cues:
  - {at: 0s, announce: Good evening.}
  - {at: 2s, push: santos}
  - {at: 4s, schedule: {drop: santos, opens: 20s}}
  - {at: 30s, pin: santos}
  - {at: 110s, announce: Good night.}
  - {at: 120s, end: show}
"""
ENDLESS = SHOW.replace("at: 120s", "at: 3h")


class Desk:
    """A host at the control server."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._base = f"{url}/api/v1"

    async def call(self, method: str, path: str, json: object = None) -> tuple[int, Any]:
        async with self._http.request(method, self._base + path, json=json) as answer:
            return answer.status, await answer.json()

    async def rehearsal(self, room: str) -> dict[str, Any]:
        _, told = await self.call("GET", "/rehearsals")
        (found,) = [view for view in told["rehearsals"] if view["room"] == room]
        return dict(found)

    async def comes_to(self, room: str, *states: str, phase: str | None = None) -> dict[str, Any]:
        """Wait until the rehearsal is in one of these states, or in this phase."""
        view: dict[str, Any] = {}

        async def there() -> bool:
            view.update(await self.rehearsal(room))
            return view["state"] in states or view["phase"] == phase

        assert await eventually(60, there), view
        return view


@pytest.fixture
async def desk(served: Served) -> AsyncIterator[Desk]:
    token = issue_host_token(SECRET, HostToken("lin", "host", now_ms() + 600_000))
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        yield Desk(http, served.control_url)


@pytest.fixture
async def store(served: Served) -> AsyncIterator[aioredis.Redis]:
    redis = open_redis(served.redis_url)
    yield redis
    await redis.aclose()


async def keys_of(redis: aioredis.Redis, room: str) -> set[str]:
    """Every key in Redis that has to do with the room."""
    return {key.decode() async for key in redis.scan_iter(count=1_000) if room in key.decode()}


async def bystander(served: Served, room: str) -> int:
    """Somebody who looks on until the connection is closed: with which code."""
    ticket = issue_ticket(SECRET, Ticket("ann", room, "tmall", "Ann", now_ms() + 600_000))
    (gateway,) = served.gateway_urls()
    async with connect(f"{gateway}/live/{room}?ticket={ticket}") as line:
        with suppress(ConnectionClosed):
            while True:
                await line.recv()
        assert line.close_code is not None, "it is closed"
        return line.close_code


@pytest.mark.long
async def test_a_show_is_rehearsed_at_20_times_its_speed_and_leaves_nothing(
    served: Served, desk: Desk, store: aioredis.Redis
) -> None:
    before = {key async for key in store.scan_iter(count=1_000)}
    asked = {"show": SHOW, "viewers": 30, "buyers": 25, "speed": 20}
    status, view = await desk.call("POST", "/rehearsals", asked)
    assert (status, view["state"], view["duration_ms"]) == (202, "running", 6_000)
    room = view["room"]
    # One at a time.
    assert (await desk.call("POST", "/rehearsals", asked))[0] == 409

    await desk.comes_to(room, "done", "failed", phase="playing")
    looking = asyncio.create_task(bystander(served, room))
    assert keys.log(room) in await keys_of(store, room)
    _, rooms = await desk.call("GET", "/rooms")
    assert [line["sandbox"] for line in rooms["rooms"] if line["room"] == room] == [True]

    view = await desk.comes_to(room, "done", "failed")
    assert (view["state"], view["reason"], view["wiped"]) == ("done", None, True)
    outcome = view["outcome"]
    assert outcome["clean"], outcome["audit"]
    assert outcome["not_done"] == []
    figures = {figure["name"]: figure["value"] for figure in outcome["figures"]}
    assert figures["Santos"].startswith("12 of 12, gone in ")
    assert figures["Santos: Bellboy"] == "5 of 5"
    assert figures["GMV net"] == "CNY 618,000.00, 12 units"
    assert any(cue.endswith("end") for cue in view["cues"])

    assert await asyncio.wait_for(looking, 20) == CloseCode.ROOM_GONE

    async def nothing_left() -> bool:
        return await keys_of(store, room) == {keys.wiped(room)}

    assert await eventually(20, nothing_left), await keys_of(store, room)
    after = {key async for key in store.scan_iter(count=1_000)}
    assert after - before <= {keys.WIPED.encode(), keys.wiped(room).encode()}


async def test_a_rehearsal_that_is_stopped_wipes_its_room_and_its_process_is_gone(
    desk: Desk, store: aioredis.Redis
) -> None:
    asked = {"show": ENDLESS, "viewers": 10, "speed": 5}
    _, view = await desk.call("POST", "/rehearsals", asked)
    room = view["room"]
    assert (await desk.call("POST", "/rehearsals", asked))[0] == 409, "one at a time"
    await desk.comes_to(room, "done", "failed", phase="playing")
    assert (await desk.call("DELETE", f"/rehearsals/{room}"))[0] == 202
    view = await desk.comes_to(room, "done", "failed")
    assert (view["state"], view["reason"], view["wiped"]) == ("failed", "it was stopped", True)

    async def nothing_left() -> bool:
        return await keys_of(store, room) == {keys.wiped(room)}

    assert await eventually(20, nothing_left), await keys_of(store, room)
