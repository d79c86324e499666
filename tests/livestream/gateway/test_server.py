"""Who gets in, what a newcomer sees, and what plain HTTP says."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import orjson
import pytest
from redis import asyncio as aioredis
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response

from livestream import clock, commands, keys
from livestream.gateway import addresses
from livestream.messages import Card
from tests.livestream.gateway.house import Peer, request_bytes
from tests.livestream.gateway.stage import Stage, eventually, terms


async def refused(stage: Stage, room: str | None = None, **query: Any) -> Response:
    """The HTTP answer to somebody who is not let in."""
    with pytest.raises(InvalidStatus) as refusal:
        await stage.stack.enter_async_context(stage.person(room=room, **query))
    return refusal.value.response


async def test_a_newcomer_gets_the_room_as_it_stands(stage: Stage) -> None:
    await stage.command(commands.CardPut(Card("santos", "Santos-Dumont", sku="santos")))
    await stage.command(commands.CardPin("santos"))
    await stage.command(commands.DropSchedule(terms(supply=288)))
    host = await stage.join("host")
    await stage.command(commands.Announce("in one minute"))
    await host.frame("announcement")

    anna = await stage.join("anna")

    welcome = anna.welcome
    assert welcome["room"] == stage.room
    assert (welcome["viewer"], welcome["role"]) == ("anna", "viewer")
    assert (welcome["epoch"], welcome["seq"]) == (1, host.since)
    assert welcome["resumed"] is False
    assert abs(welcome["server_time_ms"] - clock.now_ms()) < 5_000
    shown = welcome["snapshot"]
    assert (shown["title"], shown["status"], shown["pinned"]) == ("Salon", "live", "santos")
    assert shown["cards"] == [{"card_id": "santos", "title": "Santos-Dumont", "sku": "santos"}]
    assert [(drop["drop_id"], drop["available"]) for drop in shown["drops"]] == [("drop", 288)]


async def test_a_card_reaches_everybody_once_and_in_order(stage: Stage) -> None:
    people = [await stage.join(f"viewer-{number}") for number in range(5)]
    for number in range(10):
        await stage.command(commands.CardPut(Card(f"card-{number}", "A watch")))
    for person in people:
        while len(person.public()) < 10:
            await person.next()
        cards = [frame["card"]["card_id"] for frame in person.public()]
        assert cards == [f"card-{number}" for number in range(10)]
        seqs = [frame["seq"] for frame in person.public()]
        assert seqs == sorted(set(seqs))


async def test_the_subprotocol_is_echoed(stage: Stage) -> None:
    anna = await stage.join("anna")
    assert anna.line.subprotocol == "livestream.v1"


async def test_a_guest_may_watch(stage: Stage) -> None:
    guest = await stage.join(None)
    assert guest.welcome["role"] == "guest"
    assert guest.welcome["viewer"].startswith("guest-")
    await stage.command(commands.Announce("good evening"))
    assert (await guest.frame("announcement"))["text"] == "good evening"
    assert await guest.result("attention", level="commerce") == {"level": "commerce"}


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("chat.send", {"text": "hello"}),
        ("like", {"count": 3}),
        ("cart.add", {"sku": "santos"}),
        ("cart.show", {}),
        ("checkout", {"checkout_id": "c1"}),
        ("order.pay", {"order_id": "o1", "payment_token": "tok_approve"}),
    ],
)
async def test_a_guest_may_not_take_part(stage: Stage, kind: str, fields: dict[str, Any]) -> None:
    guest = await stage.join(None)
    assert (await guest.error(kind, **fields))["code"] == "forbidden"


async def test_two_guests_are_two_people(stage: Stage) -> None:
    first, second = await stage.join(None), await stage.join(None)
    assert first.welcome["viewer"] != second.welcome["viewer"]


async def test_an_unknown_room_is_not_found(stage: Stage) -> None:
    assert (await refused(stage, room="nowhere", ticket=stage.ticket("anna"))).status_code == 404
    assert (await refused(stage, room="a/b%00c")).status_code == 404


async def test_a_bad_ticket_is_refused(stage: Stage) -> None:
    good = stage.ticket("anna")
    expired = stage.ticket("anna", expires_at_ms=clock.now_ms() - 1)
    for ticket in ("nonsense", good[:-4] + "AAAA", expired, "x" * 5_000):
        assert (await refused(stage, ticket=ticket)).status_code == 401
    elsewhere = stage.ticket("anna", room="elsewhere")
    assert (await refused(stage, ticket=elsewhere)).status_code == 403


async def test_a_ticket_for_any_room_opens_this_one(stage: Stage) -> None:
    anna = await stage.join("anna", ticket=stage.ticket("anna", room="*"))
    assert anna.welcome["role"] == "viewer"


async def test_a_room_without_a_view_yet_asks_to_come_back(stage: Stage) -> None:
    await stage.stop_engine()
    await stage.redis.sadd(keys.ROOMS, "newborn")
    await stage.redis.publish(keys.ROOMS_CHANGED, "newborn")
    await eventually(lambda: stage.gateways[0].directory.find("newborn") == "loading")
    answer = await refused(stage, room="newborn")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"


async def test_a_full_gateway_says_so(stage: Stage) -> None:
    small = await stage.open_gateway(viewers_max=1)
    await stage.join("anna", small)
    answer = await refused(stage, gateway=small)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1


async def test_a_banned_viewer_is_shown_out_and_kept_out(stage: Stage) -> None:
    at_home, on_the_phone = await stage.join("mallory"), await stage.join("mallory")
    anna = await stage.join("anna")
    await stage.command(commands.ViewerBan("mallory"))
    assert (await at_home.closing()).code == 4003
    assert (await on_the_phone.closing()).code == 4003
    assert (await refused(stage, ticket=stage.ticket("mallory"))).status_code == 403

    await stage.command(commands.ViewerBan("mallory", banned=False))
    await stage.command(commands.Announce("welcome back"))
    await anna.frame("announcement")
    await stage.join("mallory")
    assert all("banned" not in frame["type"] for frame in anna.frames), "not for viewers' eyes"


async def test_a_ticket_that_runs_out_ends_the_connection_when_the_viewer_speaks(
    stage: Stage,
) -> None:
    soon_ms = clock.now_ms() + 300
    anna = await stage.join("anna", ticket=stage.ticket("anna", expires_at_ms=soon_ms))
    await asyncio.sleep((soon_ms - clock.now_ms()) / 1_000 + 0.01)
    await anna.say("cart.show")
    assert (await anna.closing()).code == 4001


async def test_a_ticket_that_runs_out_ends_the_connection_of_one_who_is_silent(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livestream.gateway.server.TICKETS_EVERY_S", 0.05)
    gateway = await stage.open_gateway()
    bob = await stage.join("bob", gateway)
    ticket = stage.ticket("anna", expires_at_ms=clock.now_ms() + 300)
    anna = await stage.join("anna", gateway, ticket=ticket)
    assert (await anna.closing()).code == 4001
    assert (await bob.result("cart.show")) == {"holds": [], "orders": [], "waiting": []}


async def test_plain_http_says_how_the_gateway_is(stage: Stage) -> None:
    anna = await stage.join("anna")
    await anna.result("like", count=2)
    base = f"http://127.0.0.1:{stage.gateways[0].port}"
    async with aiohttp.ClientSession() as session:

        async def get(path: str) -> tuple[int, str]:
            async with session.get(base + path) as answer:
                return answer.status, await answer.text()

        assert await get("/livez") == (200, "alive\n")
        assert await get("/readyz") == (200, "ready\n")
        assert (await get("/nothing"))[0] == 404
        assert (await get(f"/live/{stage.room}"))[0] == 426
        async with asyncio.timeout(10):
            status, text = await get("/metrics")
            assert status == 200
            while 'livestream_joins_total{kind="new"}' not in text:
                await asyncio.sleep(0.1)
                status, text = await get("/metrics")
        assert status == 200


async def test_a_gateway_without_redis_is_alive_but_not_ready(
    free_dir: Any, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livestream.gateway.server.ROOMS_WAIT_S", 0.1)
    stage = Stage(f"unix://{free_dir}/nobody.sock", room)
    try:
        gateway = stage.new_gateway()
        await gateway.start()
        async with (
            aiohttp.ClientSession(f"http://127.0.0.1:{gateway.port}") as session,
            session.get("/livez") as alive,
            session.get("/readyz") as ready,
        ):
            assert (alive.status, ready.status) == (200, 503)
        assert (await refused(stage)).status_code == 503
    finally:
        await stage.close()


async def test_the_desk_learns_who_watches(stage: Stage, redis: aioredis.Redis) -> None:
    anna = await stage.join("anna")
    await stage.join("anna")
    await stage.join("bob", ticket=stage.ticket("bob", channel="wechat"))
    await stage.join(None)
    await anna.result("like", count=5)

    pulse = await anna.frame("pulse", viewers=4, likes=5)
    assert abs(pulse["server_time_ms"] - clock.now_ms()) < 5_000
    assert await redis.pfcount(keys.unique(stage.room)) == 2
    [line] = stage.gateways[0].directory.counts().values()
    assert line.by_channel == {"tmall": 2, "wechat": 1, "guest": 1}

    await anna.line.close()
    watcher = await stage.join("carol")
    await watcher.frame("pulse", viewers=4)
    assert watcher.welcome["snapshot"]["likes"] == 5


async def test_a_large_room_does_not_shut_a_slow_newcomer_out(stage: Stage) -> None:
    for number in range(64):
        card = Card(f"card-{number}", "表" * 120, description="表" * 500)
        await stage.command(commands.CardPut(card))
    gateway = stage.gateways[0]
    async with await Peer.connect(gateway, receive_buffer_bytes=4_096) as slow:
        await slow.send(request_bytes(f"/live/{stage.room}"))
        await eventually(lambda: gateway.audience.behind)
        await stage.command(commands.Announce("still here?"))
        assert (await slow.response())[0] == 101
        welcome = orjson.loads(await slow.text())
        assert len(welcome["snapshot"]["cards"]) == 64
        frame = orjson.loads(await slow.text())
        while frame["type"] != "announcement":
            frame = orjson.loads(await slow.text())


async def test_guests_of_one_address_have_a_budget_and_ticket_holders_have_none(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "GUESTS_BURST", 3)
    monkeypatch.setattr(addresses, "GUESTS_PER_S", 0.01)
    gateway = await stage.open_gateway()
    url = f"ws://127.0.0.1:{gateway.port}/live/{stage.room}"
    waits: list[int] = []

    async def knock(address: str, query: str = "") -> int:
        try:
            async with connect(url + query, additional_headers={"X-Forwarded-For": address}):
                return 101
        except InvalidStatus as refused:
            waits.append(int(refused.response.headers.get("Retry-After", 0)))
            return refused.response.status_code

    assert [await knock("203.0.113.7") for _ in range(4)] == [101, 101, 101, 429]
    assert 1 <= waits[0] <= 60
    assert await knock("203.0.113.7", "?ticket=guessed") == 429
    assert [await knock("203.0.113.8", "?ticket=guessed") for _ in range(4)] == [401, 401, 401, 429]
    ticket = f"?ticket={stage.ticket('anna')}"
    assert [await knock("203.0.113.7", ticket) for _ in range(5)] == [101] * 5
