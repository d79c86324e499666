"""The report over HTTP: JSON, a page, CSV; for who may read, of the room as it is now."""

import asyncio
import json

import aiohttp
import msgspec
import pytest
from redis import asyncio as aioredis

from livestream import keys, wire
from livestream.control import reports
from livestream.facts import Record
from livestream.report import POLICY, Report
from tests.livestream.control.conformity import Contract
from tests.livestream.control.desks import Desk, assert_problem, host_token
from tests.livestream.control.shoppers import shoppers_of
from tests.livestream.stage import Stage


async def write(redis: aioredis.Redis, room: str, log: list[tuple[int, Record]]) -> None:
    await redis.sadd(keys.ROOMS, room)
    for seq, record in log:
        await redis.xadd(keys.log(room), {b"r": wire.encode_record(record)}, id=f"{seq}-0")


@pytest.fixture
async def told(redis: aioredis.Redis, room: str) -> Stage:
    """A room that has sold two watches, in Redis."""
    stage = Stage(room)
    stage.begin("An evening <b>in</b> Paris")
    stage.sell(supply=3)
    stage.buy("anna")
    stage.buy("bob", channel="wechat")
    await write(redis, room, stage.log)
    return stage


async def text_of(desk: Desk, http: aiohttp.ClientSession, path: str) -> tuple[str, str]:
    headers = {"Authorization": f"Bearer {desk.token}"}
    async with http.get(f"{desk.base}/api/v1{path}", headers=headers) as response:
        assert response.status == 200, await response.text()
        return response.headers["Content-Type"], await response.text()


@pytest.mark.usefixtures("told")
async def test_an_analyst_reads_the_report_as_json(desk: Desk, room: str) -> None:
    answered = await desk.as_(host_token("analyst")).get(f"/rooms/{room}/report")
    assert (answered.status, answered.content_type) == (200, "application/json")
    assert answered.headers["Cache-Control"] == "no-store"
    assert answered.body["funnel"] == {"saw": None, "cart": 2, "checkout": 2, "paid": 2}
    assert answered.body["reconciliation"]["agrees"] is True
    msgspec.convert(answered.body, Report)
    Contract.of_openapi().check_as("Report", answered.body)


@pytest.mark.usefixtures("told")
async def test_the_page_comes_as_one_file_with_a_policy_of_its_own(
    desk: Desk, http: aiohttp.ClientSession, room: str
) -> None:
    content_type, html = await text_of(desk, http, f"/rooms/{room}/report.html")
    assert content_type == "text/html; charset=utf-8"
    assert html.startswith("<!doctype html>")
    assert "An evening &lt;b&gt;in&lt;/b&gt; Paris" in html
    answered = await desk.get(f"/rooms/{room}/report.html")
    assert answered.headers["Content-Security-Policy"] == POLICY


@pytest.mark.usefixtures("told")
async def test_the_csv_comes_as_a_file_with_the_name_of_the_room(
    desk: Desk, http: aiohttp.ClientSession, room: str
) -> None:
    content_type, text = await text_of(desk, http, f"/rooms/{room}/report.csv")
    assert content_type == "text/csv; charset=utf-8; header=present"
    assert text.removeprefix("\ufeff").startswith("part,item,figure,unit,value\r\n")
    answered = await desk.get(f"/rooms/{room}/report.csv")
    assert answered.headers["Content-Disposition"] == f'attachment; filename="{room}.csv"'


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("suffix", ["", ".html", ".csv"])
async def test_it_is_for_those_with_a_token_and_of_rooms_that_exist(
    desk: Desk, room: str, suffix: str
) -> None:
    assert_problem(await desk.as_(None).get(f"/rooms/{room}/report{suffix}"), 401, "forbidden")
    assert_problem(await desk.get(f"/rooms/nowhere/report{suffix}"), 404, "not_found")


async def test_a_later_look_has_what_came_since(
    desk: Desk, redis: aioredis.Redis, room: str, told: Stage
) -> None:
    assert (await desk.get(f"/rooms/{room}/report")).body["funnel"]["paid"] == 2
    before = told.room.state.seq
    told.buy("eve")
    await write(redis, room, [entry for entry in told.log if entry[0] > before])
    assert (await desk.get(f"/rooms/{room}/report")).body["funnel"]["paid"] == 3


@pytest.mark.usefixtures("told")
async def test_many_who_ask_at_once_get_the_same(desk: Desk, room: str) -> None:
    answers = await asyncio.gather(*(desk.get(f"/rooms/{room}/report") for _ in range(8)))
    assert {answered.status for answered in answers} == {200}
    assert len({json.dumps(answered.body) for answered in answers}) == 1


async def test_of_few_rooms_the_log_is_kept_in_memory(
    desk: Desk, redis: aioredis.Redis, told: Stage, room: str
) -> None:
    names = [room, *(f"{room}-{number}" for number in range(reports.ROOMS_KEPT + 1))]
    for name in names[1:]:
        await write(redis, name, told.log)
    for name in (*names, *names):
        assert (await desk.get(f"/rooms/{name}/report")).body["room"] == name


async def test_a_log_that_makes_no_sense_is_told_as_a_fault_of_ours(
    desk: Desk, redis: aioredis.Redis, room: str, told: Stage
) -> None:
    await redis.delete(keys.log(room))
    await write(redis, room, told.log[4:])
    answered = await desk.get(f"/rooms/{room}/report")
    assert_problem(answered, 500, None)
    assert "livestream verify" in answered.body["detail"]
    await redis.delete(keys.log(room))
    await write(redis, room, told.log)
    assert (await desk.get(f"/rooms/{room}/report")).status == 200, "mended, it is told again"


@pytest.mark.usefixtures("engine")
async def test_a_moment_after_the_sale_everything_agrees(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    """With the engine's own ledger, from which the metrics are made."""
    terms = {"drop_id": "d1", "sku": "santos", "title": "Santos", "supply": 3}
    await desk.opened_room(room, {**terms, "price_minor": 5_150_000, "currency": "CNY"})
    async with shoppers_of(redis, room) as shoppers:
        for viewer in ("v1", "v2"):
            await shoppers.pay(viewer, await shoppers.order(viewer, "santos"))
    await desk.post(f"/rooms/{room}/end")
    async with asyncio.timeout(10):
        while True:
            told = (await desk.get(f"/rooms/{room}/report")).body
            net = next(f for f in told["reconciliation"]["figures"] if f["figure"] == "net")
            if net["metrics"] == net["payments"] == 2 * 5_150_000:
                break
            await asyncio.sleep(0.05)
    assert told["reconciliation"]["agrees"]
    assert (net["orders"], net["books"]) == (2 * 5_150_000, 2 * 5_150_000)
