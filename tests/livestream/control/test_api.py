"""The API against a real engine: what the desk asks is done, and a refusal says why."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from livestream.clock import now_ms
from tests.livestream.control.desks import Desk, assert_problem, host_token

TERMS: dict[str, Any] = {
    "drop_id": "d1",
    "sku": "WSSA0018",
    "title": "Santos de Cartier",
    "supply": 288,
    "price_minor": 5_150_000,
    "currency": "CNY",
}

pytestmark = pytest.mark.usefixtures("engine")


async def drop_of(desk: Desk, room: str) -> dict[str, Any]:
    view = (await desk.get(f"/rooms/{room}")).body["storefront"]
    (drop,) = view["drops"]
    return dict(drop)


def is_open(drops: list[dict[str, Any]]) -> bool:
    return [drop["status"] for drop in drops] == ["open"]


async def ledger_when(
    desk: Desk, room: str, holds: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """The first ledger for which `holds`; an engine tells them a few times a second."""
    for _ in range(100):
        answered = await desk.get(f"/rooms/{room}/ledger")
        if answered.status == 200 and holds(answered.body):
            return dict(answered.body)
        await asyncio.sleep(0.05)
    raise AssertionError(f"no such ledger; the last: {answered}")


# -- rooms


async def test_a_room_is_made_once_and_known_afterwards(desk: Desk, room: str) -> None:
    made = await desk.post("/rooms", {"room": room, "title": "Santos"})
    assert (made.status, made.body) == (201, {"room": room, "status": "created"})
    again = await desk.post("/rooms", {"room": room, "title": "Santos"})
    assert (again.status, again.body) == (200, {"room": room, "status": "created"})


async def test_a_room_with_another_title_is_a_conflict(desk: Desk, room: str) -> None:
    await desk.post("/rooms", {"room": room, "title": "Santos"})
    assert_problem(await desk.post("/rooms", {"room": room, "title": "Tank"}), 409, "conflict")


async def test_a_show_begins_and_ends(desk: Desk, room: str) -> None:
    await desk.post("/rooms", {"room": room, "title": "Santos"})
    assert (await desk.post(f"/rooms/{room}/start")).body == {"room": room, "status": "live"}
    assert (await desk.post(f"/rooms/{room}/end")).body == {"room": room, "status": "ended"}
    assert_problem(await desk.post(f"/rooms/{room}/start"), 409, "conflict")


async def test_the_list_shows_every_room_with_its_title(desk: Desk, room: str) -> None:
    await desk.opened_room(room)
    await ledger_when(desk, room, lambda ledger: ledger["status"] == "live")
    (line,) = (await desk.get("/rooms")).body["rooms"]
    assert (line["room"], line["title"], line["status"]) == (room, "Santos de Cartier", "live")
    assert line["owner"]


async def test_the_ledger_tells_the_rooms_numbers(desk: Desk, room: str) -> None:
    await desk.opened_room(room, TERMS)
    ledger = await ledger_when(desk, room, lambda ledger: is_open(ledger["drops"]))
    (drop,) = ledger["drops"]
    assert (drop["supply"], drop["available"], drop["withdrawn"]) == (288, 288, 0)
    assert ledger["orders"].keys() >= {"placed", "deposited", "paid", "expired", "refunded"}
    assert set(ledger["orders"].values()) == {0}


# -- cards


async def test_cards_are_put_pinned_changed_and_withdrawn(desk: Desk, room: str) -> None:
    await desk.opened_room(room)
    cards, pin = f"/rooms/{room}/cards/c1", f"/rooms/{room}/pin"
    assert (await desk.put(cards, {"title": "Santos"})).body == {"card_id": "c1"}
    assert (await desk.put(pin, {"card_id": "c1"})).body == {"card_id": "c1"}
    await desk.put(cards, {"title": "Santos-Dumont", "price_minor": 100, "currency": "CNY"})
    view = (await desk.get(f"/rooms/{room}")).body["storefront"]
    assert view["pinned"] == "c1"
    assert view["cards"] == [
        {"card_id": "c1", "title": "Santos-Dumont", "price_minor": 100, "currency": "CNY"}
    ]
    assert (await desk.delete(cards)).status == 200
    view = (await desk.get(f"/rooms/{room}")).body["storefront"]
    assert (view["pinned"], view["cards"]) == (None, [])


async def test_unpinning_needs_no_card(desk: Desk, room: str) -> None:
    await desk.opened_room(room)
    assert (await desk.put(f"/rooms/{room}/pin", {"card_id": None})).body == {"card_id": None}


async def test_pinning_a_card_that_is_not_on_screen_is_told(desk: Desk, room: str) -> None:
    await desk.opened_room(room)
    assert_problem(await desk.put(f"/rooms/{room}/pin", {"card_id": "c9"}), 404, "not_found")


async def test_a_price_without_its_currency_is_told(desk: Desk, room: str) -> None:
    await desk.opened_room(room)
    answered = await desk.put(f"/rooms/{room}/cards/c1", {"title": "Tank", "price_minor": 1})
    assert_problem(answered, 422, "invalid")


# -- drops


async def test_a_drop_is_scheduled_opened_paused_resumed_restocked_and_closed(
    desk: Desk, room: str
) -> None:
    await desk.opened_room(room)
    drop = f"/rooms/{room}/drops/d1"
    scheduled = await desk.post(f"/rooms/{room}/drops", TERMS)
    assert (scheduled.status, scheduled.body) == (201, {"drop_id": "d1", "status": "scheduled"})
    for action, status in (("open", "open"), ("pause", "paused"), ("resume", "open")):
        answered = await desk.post(f"{drop}/{action}")
        assert (answered.status, answered.body) == (200, {"drop_id": "d1", "status": status})
    assert (await desk.post(f"{drop}/restock", {"quantity": 12})).body["status"] == "open"
    assert (await drop_of(desk, room))["supply"] == 300
    assert (await desk.post(f"{drop}/close")).body["status"] == "closed"
    assert_problem(await desk.post(f"{drop}/open"), 409, "conflict")


async def test_a_drop_is_drafted_changed_scheduled_and_another_discarded(
    desk: Desk, room: str
) -> None:
    await desk.opened_room(room)
    draft = f"/rooms/{room}/drafts/d1"
    terms = {name: value for name, value in TERMS.items() if name != "drop_id"}
    assert (await desk.put(draft, terms)).body == {"drop_id": "d1", "status": "draft"}
    assert (await desk.put(draft, {**terms, "supply": 7})).status == 200
    ledger = await ledger_when(
        desk, room, lambda ledger: [each["supply"] for each in ledger["drafts"]] == [7]
    )
    assert ledger["drops"] == []
    shown = (await desk.get(f"/rooms/{room}")).body["storefront"]
    assert shown["drops"] == []
    assert (await desk.post(f"{draft}/schedule")).body == {"drop_id": "d1", "status": "scheduled"}
    assert (await drop_of(desk, room))["supply"] == 7
    assert_problem(await desk.put(draft, terms), 409, "conflict")
    await desk.put(f"/rooms/{room}/drafts/d2", {**terms, "sku": "other"})
    assert (await desk.delete(f"/rooms/{room}/drafts/d2")).body == {"drop_id": "d2"}
    assert_problem(await desk.post(f"/rooms/{room}/drafts/d2/schedule"), 404, "not_found")


async def test_a_drop_scheduled_for_a_moment_opens_by_itself(desk: Desk, room: str) -> None:
    await desk.opened_room(room)
    opens_at_ms = now_ms() + 300
    await desk.post(f"/rooms/{room}/drops", {**TERMS, "opens_at_ms": opens_at_ms})
    assert (await drop_of(desk, room))["status"] == "scheduled"
    await ledger_when(desk, room, lambda ledger: is_open(ledger["drops"]))
    assert now_ms() >= opens_at_ms


async def test_scheduling_twice_is_no_harm_and_other_terms_are_a_conflict(
    desk: Desk, room: str
) -> None:
    await desk.opened_room(room, TERMS)
    again = await desk.post(f"/rooms/{room}/drops", TERMS)
    assert (again.status, again.body["status"]) == (201, "open")
    other = await desk.post(f"/rooms/{room}/drops", {**TERMS, "supply": 289})
    assert_problem(other, 409, "conflict")


async def test_a_drop_in_an_ended_room_is_refused(desk: Desk, room: str) -> None:
    await desk.opened_room(room)
    await desk.post(f"/rooms/{room}/end")
    assert_problem(await desk.post(f"/rooms/{room}/drops", TERMS), 409, "closed")


async def test_a_room_has_a_picture_and_everybody_is_told_where(desk: Desk, room: str) -> None:
    await desk.opened_room(room)
    stream = {"hls_url": "https://video.example/live.m3u8", "poster_url": None}
    put = await desk.put(f"/rooms/{room}/stream", {"hls_url": stream["hls_url"]})
    assert (put.status, put.body) == (200, {"stream": stream})
    assert (await desk.get(f"/rooms/{room}")).body["storefront"]["stream"] == stream
    for address in ("http://video.example/a.m3u8", "//video.example/a", "javascript:alert(1)"):
        refused = await desk.put(f"/rooms/{room}/stream", {"hls_url": address})
        assert_problem(refused, 422, "invalid")
    await desk.put(f"/rooms/{room}/stream", {})
    stood = (await desk.get(f"/rooms/{room}")).body["storefront"]["stream"]
    assert stood == {"hls_url": None, "poster_url": None}


# -- the word


async def test_announcements_and_moderation_are_done(desk: Desk, room: str) -> None:
    await desk.opened_room(room)
    said = await desk.post(f"/rooms/{room}/announcements", {"text": "Five minutes!"})
    assert (said.status, said.body) == (201, {"text": "Five minutes!"})
    assert (await desk.post(f"/rooms/{room}/viewers/v1/mute")).body == {
        "viewer": "v1",
        "muted": True,
    }
    assert (await desk.post(f"/rooms/{room}/viewers/v2/ban")).body == {
        "viewer": "v2",
        "banned": True,
    }
    slow = await desk.put(f"/rooms/{room}/chat/slow-mode", {"interval_ms": 5_000})
    assert slow.body == {"interval_ms": 5_000}
    assert (await desk.delete(f"/rooms/{room}/chat/m-1")).body == {"message_id": "m-1"}
    view = (await desk.get(f"/rooms/{room}")).body["storefront"]
    assert (view["muted"], view["banned"], view["slow_mode_ms"]) == (["v1"], ["v2"], 5_000)
    await desk.post(f"/rooms/{room}/viewers/v1/mute", {"muted": False})
    view = (await desk.get(f"/rooms/{room}")).body["storefront"]
    assert view["muted"] == []


# -- roles


async def test_a_moderator_moderates_and_opens_nothing(desk: Desk, room: str) -> None:
    await desk.opened_room(room)
    moderator = desk.as_(host_token("moderator"))
    assert (await moderator.post(f"/rooms/{room}/viewers/v1/mute")).status == 200
    assert (await moderator.get(f"/rooms/{room}")).status == 200
    assert_problem(await moderator.post(f"/rooms/{room}/drops", TERMS), 403, "forbidden")
    assert (await desk.get(f"/rooms/{room}")).body["storefront"]["drops"] == []


async def test_an_analyst_reads_and_changes_nothing(desk: Desk, room: str) -> None:
    await desk.opened_room(room)
    analyst = desk.as_(host_token("analyst"))
    assert (await analyst.get(f"/rooms/{room}")).status == 200
    assert (await analyst.get(f"/rooms/{room}/orders")).status == 200
    assert_problem(await analyst.post(f"/rooms/{room}/viewers/v1/mute"), 403, "forbidden")
    assert_problem(await analyst.post(f"/rooms/{room}/end"), 403, "forbidden")
    assert (await desk.get(f"/rooms/{room}")).body["storefront"]["status"] == "live"
