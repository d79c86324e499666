"""What machines ask of the control server: alive, ready, numbers."""

import asyncio
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis import asyncio as aioredis

from livestream import keys
from tests.livestream.control.desks import Desk
from tests.livestream.control.shoppers import shoppers_of

TERMS: dict[str, Any] = {
    "drop_id": "d1",
    "sku": "santos",
    "title": "Santos",
    "supply": 2,
    "price_minor": 5_150_000,
    "currency": "CNY",
}


async def samples(desk: Desk, http: aiohttp.ClientSession) -> dict[str, float]:
    """Every sample of a scrape, as `name{labels}` without rooms."""
    async with http.get(f"{desk.base}/metrics") as response:
        assert response.status == 200
        assert response.content_type == "text/plain"
        text = await response.text()
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()) if k != "room")
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


async def test_it_is_alive_and_ready_without_any_room(desk: Desk) -> None:
    assert (await desk.as_(None).call("GET", "/livez")).status == 200
    ready = await desk.as_(None).call("GET", "/readyz")
    assert (ready.status, ready.body["ready"], ready.body["rooms"]) == (200, True, 0)


async def test_it_is_not_ready_while_no_room_has_an_engine(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await redis.sadd(keys.ROOMS, room, f"{room}-2")
    ready = await desk.call("GET", "/readyz")
    assert ready.status == 503
    assert ready.body == {
        "ready": False,
        "redis": True,
        "rooms": 2,
        "rooms_resting": 0,
        "rooms_without_owner": [room, f"{room}-2"],
    }
    await redis.set(keys.owner(room), "e-1")
    ready = await desk.call("GET", "/readyz")
    assert (ready.status, ready.body["rooms_without_owner"]) == (200, [f"{room}-2"])


async def test_rooms_at_rest_need_no_engine(desk: Desk, redis: aioredis.Redis, room: str) -> None:
    await redis.sadd(keys.ROOMS, room, f"{room}-2")
    await redis.sadd(keys.RESTING, room, f"{room}-2")
    ready = await desk.call("GET", "/readyz")
    assert (ready.status, ready.body["rooms"], ready.body["rooms_resting"]) == (200, 2, 2)
    assert ready.body["rooms_without_owner"] == []
    await redis.srem(keys.RESTING, room)
    assert (await desk.call("GET", "/readyz")).status == 503, "one is awake, and nobody owns it"


@pytest.mark.usefixtures("engine")
async def test_gmv_moves_in_the_metrics(
    desk: Desk, http: aiohttp.ClientSession, redis: aioredis.Redis, room: str
) -> None:
    await desk.opened_room(room, TERMS)
    async with shoppers_of(redis, room) as shoppers:
        await shoppers.pay("v1", await shoppers.order("v1", "santos", "wechat"))
    for _ in range(100):
        found = await samples(desk, http)
        if found.get("livestream_gmv_minor_total{channel=wechat,currency=CNY}") == 5_150_000:
            break
        await asyncio.sleep(0.05)
    assert found["livestream_gmv_minor_total{channel=wechat,currency=CNY}"] == 5_150_000
    assert found["livestream_stock_units{drop=d1,state=sold}"] == 1


async def test_requests_are_counted_by_the_pattern_of_their_route(
    desk: Desk, http: aiohttp.ClientSession
) -> None:
    name = "livestream_http_requests_total{method=GET,route=/api/v1/rooms/{room},status=404}"
    other = "livestream_http_requests_total{method=other,route=other,status=404}"
    before = await samples(desk, http)
    for number in range(3):
        await desk.get(f"/rooms/nowhere-{number}")
        await desk.call("GET", f"/nothing-{number}")
    after = await samples(desk, http)
    assert after[name] - before.get(name, 0) == 3
    assert after[other] - before.get(other, 0) == 3
    assert not any("nowhere" in key or "nothing" in key for key in after)
