"""The list of rooms: those that are live, those at rest, and its end."""

import asyncio

import pytest
from redis import asyncio as aioredis

from livestream import keys
from livestream.control import desk as desk_calls
from tests.livestream.control.desks import Desk, assert_problem
from tests.processes import eventually

PATIENCE_S = 10.0


@pytest.mark.usefixtures("engine")
async def test_a_list_that_is_full_says_so_and_takes_a_room_again_when_one_is_taken_off(
    desk: Desk, redis: aioredis.Redis, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_calls, "ROOMS_MAX", 1)
    await desk.opened_room(room)
    another = {"room": f"{room}-2", "title": "Another"}
    refused = await desk.post("/rooms", another)
    assert_problem(refused, 409, "limit_reached")
    assert "docs/operations.md" in refused.body["detail"]
    again = await desk.post("/rooms", {"room": room, "title": "Santos de Cartier"})
    assert again.status == 200, "one that is listed is no new one"
    await redis.srem(keys.ROOMS, room)
    assert (await desk.post("/rooms", another)).status == 201


@pytest.mark.usefixtures("engine")
async def test_a_room_at_rest_is_listed_as_such_and_told_to_open_desks(
    desk: Desk, room: str
) -> None:
    await desk.opened_room(room)

    async def listed_as_resting() -> bool:
        [line] = (await desk.get("/rooms")).body["rooms"]
        return bool(line["resting"])

    assert not await listed_as_resting()
    async with desk.feed(room) as feed:
        assert (await feed.receive_json())["type"] == "desk"
        assert (await desk.post(f"/rooms/{room}/end")).status == 200
        async with asyncio.timeout(PATIENCE_S):
            while True:
                frame = await feed.receive_json()
                if frame["type"] == "ledger" and frame["ledger"]["resting"]:
                    break
    assert await eventually(PATIENCE_S, listed_as_resting)
    assert (await desk.post(f"/rooms/{room}/end")).status == 200, "it wakes for the host"
