"""A replay over HTTP: what a player needs, and the room as it stood."""

from typing import Any

import pytest
from redis import asyncio as aioredis

from livestream import keys
from livestream.control import replays
from tests.livestream.control.desks import Desk, assert_problem, host_token
from tests.livestream.control.test_rewind import OF_THE_LOG, evening
from tests.livestream.courier.receiver import write_log


async def test_last_nights_show_is_there_at_any_time(
    desk: Desk, redis: aioredis.Redis, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "READ_PAGE", 3)
    stage, shown = evening()
    await write_log(redis, room, stage.log)
    analyst = desk.as_(host_token("analyst"))
    about = (await analyst.get(f"/rooms/{room}/replay")).body
    assert (about["from_ms"], about["until_ms"]) == (
        stage.log[0][1].at_ms,
        stage.log[-1][1].at_ms,
    )
    for at_ms, ledger, view in [*shown[::3], *shown[::-2]]:
        answered = await analyst.get(f"/rooms/{room}/replay/at?at_ms={at_ms}")
        assert answered.status == 200, answered
        told: dict[str, Any] = answered.body
        assert told["seq"] == ledger["seq"]
        assert {**told["ledger"], "room": "evening"}.items() >= {
            name: ledger[name] for name in OF_THE_LOG if name not in ("drops", "drafts")
        }.items()
        assert [drop["sold"] for drop in told["ledger"]["drops"]] == [
            drop["sold"] for drop in ledger["drops"]
        ]
        assert told["storefront"]["status"] == view["status"]


async def test_a_show_that_goes_on_is_followed(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    stage, shown = evening()
    whole = stage.log
    await write_log(redis, room, whole[:5])
    before = (await desk.get(f"/rooms/{room}/replay")).body
    await write_log(redis, room, whole)
    late = await desk.get(f"/rooms/{room}/replay/at?at_ms={shown[-1][0]}")
    assert late.body["ledger"]["status"] == "ended"
    after = (await desk.get(f"/rooms/{room}/replay")).body
    assert after["seq"] > before["seq"]
    assert len(after["marks"]) > len(before["marks"])


async def test_a_log_that_came_back_shorter_is_read_anew(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    stage, _ = evening()
    await write_log(redis, room, stage.log)
    whole = (await desk.get(f"/rooms/{room}/replay")).body
    await redis.delete(keys.log(room))
    await write_log(redis, room, stage.log[:4])
    assert (await desk.get(f"/rooms/{room}/replay")).body["seq"] < whole["seq"]


async def test_a_damaged_log_is_said_to_be_one(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    stage, _ = evening()
    await write_log(redis, room, [*stage.log[:3], *stage.log[4:]])
    for path in ("replay", "replay/at?at_ms=4000000000000"):
        assert_problem(await desk.get(f"/rooms/{room}/{path}"), 500, None)


async def test_a_moment_needs_a_time(desk: Desk, redis: aioredis.Redis, room: str) -> None:
    stage, _ = evening()
    await write_log(redis, room, stage.log)
    for query in ("", "?at_ms=-1", "?at_ms=soon"):
        assert_problem(await desk.get(f"/rooms/{room}/replay/at{query}"), 422, "invalid")
