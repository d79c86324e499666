"""`Idempotency-Key`: a change whose answer got lost is asked for again and is not made twice."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import pytest

from livestream.clock import now_ms
from tests.livestream.control.desks import Answered, Desk, assert_problem, host_token

TERMS: dict[str, Any] = {
    "drop_id": "d1",
    "sku": "WSSA0018",
    "title": "Santos de Cartier",
    "supply": 288,
    "price_minor": 5_150_000,
    "currency": "CNY",
}
RESTOCK = b'{"quantity":10}'

pytestmark = pytest.mark.usefixtures("engine")


async def press(
    desk: Desk, room: str, key: str, body: bytes = RESTOCK, what: str = "restock"
) -> Answered:
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    path = f"/api/v1/rooms/{room}/drops/d1/{what}"
    return await desk.call("POST", path, data=body, headers=headers)


async def press_and_lose_the_answer(desk: Desk, room: str, key: str) -> None:
    """The request reaches the server whole; nobody stays to read what it says."""
    at = urlsplit(desk.base)
    _, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write(
        f"POST /api/v1/rooms/{room}/drops/d1/restock HTTP/1.1\r\n"
        f"Host: {at.netloc}\r\n"
        f"Authorization: Bearer {desk.token}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(RESTOCK)}\r\n"
        f"Idempotency-Key: {key}\r\n\r\n".encode()
        + RESTOCK
    )
    await writer.drain()
    await supply_becomes(desk, room, 298)
    writer.close()


async def supply_of(desk: Desk, room: str) -> int:
    (drop,) = (await desk.get(f"/rooms/{room}")).body["storefront"]["drops"]
    return int(drop["supply"])


async def supply_becomes(desk: Desk, room: str, units: int) -> None:
    for _ in range(200):
        if await supply_of(desk, room) == units:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"the supply never became {units}")


async def test_a_restock_whose_answer_was_lost_is_repeated_and_adds_once(
    desk: Desk, room: str
) -> None:
    await desk.opened_room(room, TERMS)
    await press_and_lose_the_answer(desk, room, "press-1")
    again = await press(desk, room, "press-1")
    assert (again.status, again.body) == (200, {"drop_id": "d1", "status": "open"})
    assert await supply_of(desk, room) == 298
    assert (await press(desk, room, "press-2")).status == 200
    assert await supply_of(desk, room) == 308, "another press is another restock"


async def test_two_at_the_same_moment_add_once(desk: Desk, room: str) -> None:
    await desk.opened_room(room, TERMS)
    both = await asyncio.gather(*(press(desk, room, "press-1") for _ in range(2)))
    assert [one.status for one in both] == [200, 200]
    assert await supply_of(desk, room) == 298


async def test_the_word_may_stand_in_quotes_as_in_the_draft(desk: Desk, room: str) -> None:
    await desk.opened_room(room, TERMS)
    await press(desk, room, '"press-1"')
    await press(desk, room, "press-1")
    assert await supply_of(desk, room) == 298


async def test_a_key_for_another_call_is_a_conflict(desk: Desk, room: str) -> None:
    await desk.opened_room(room, TERMS)
    await press(desk, room, "press-1")
    assert_problem(await press(desk, room, "press-1", b'{"quantity":11}'), 409, "conflict")
    assert_problem(await press(desk, room, "press-1", b"", "close"), 409, "conflict")
    assert await supply_of(desk, room) == 298


@pytest.mark.parametrize("key", ["", "two words", "é", "k" * 65])
async def test_a_key_that_is_no_word_is_told(desk: Desk, room: str, key: str) -> None:
    await desk.opened_room(room, TERMS)
    assert_problem(await press(desk, room, key), 422, "invalid")
    assert await supply_of(desk, room) == 288


async def test_the_desk_sees_in_the_ledger_what_was_done_by_whom(desk: Desk, room: str) -> None:
    await desk.opened_room(room, TERMS)
    pressed_ms = now_ms()
    await press(desk, room, "press-1")
    colleague = desk.as_(host_token("analyst"))
    told: list[dict[str, Any]] = []
    for _ in range(200):
        told = (await colleague.get(f"/rooms/{room}/ledger")).body.get("desk", [])
        if told:
            break
        await asyncio.sleep(0.05)
    (line,) = told
    assert (line["key"], line["by"], line["command"]) == ("press-1", "desk:lin", "drop.restock")
    assert pressed_ms - 60_000 < line["at_ms"] < pressed_ms + 60_000
