"""Delivery slots at the desk: put, changed, listed with what is booked, and what is refused."""

from typing import Any

import pytest
from redis import asyncio as aioredis

from livestream.messages import CartAdd, Checkout
from tests.livestream.control.desks import Desk, assert_problem, host_token
from tests.livestream.control.shoppers import shoppers_of
from tests.livestream.control.test_orders import order_when

TERMS: dict[str, Any] = {
    "drop_id": "d1",
    "sku": "santos",
    "title": "Santos",
    "supply": 20,
    "price_minor": 5_150_000,
    "currency": "CNY",
    "perks": [{"perk_id": "bellboy", "name": "Bellboy", "first_n": 2, "slots": True}],
}
TEN: dict[str, Any] = {
    "perk_id": "bellboy",
    "city": "Shanghai",
    "from_ms": 4_000_000_000_000,
    "until_ms": 4_000_003_600_000,
    "capacity": 2,
}

pytestmark = pytest.mark.usefixtures("engine")


async def test_a_slot_is_put_and_booked_and_seen_with_its_order(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await desk.opened_room(room, TERMS)
    path = f"/rooms/{room}/slots/ten"
    put = await desk.put(path, TEN)
    assert (put.status, put.body) == (200, {"slot_id": "ten", **TEN, "free": 2})
    assert (await desk.put(path, TEN)).body == put.body
    async with shoppers_of(redis, room) as shoppers:
        await shoppers.ask("v1", "tmall", CartAdd(id="1", sku="santos"))
        checkout = Checkout(id="2", checkout_id="co", slot_id="ten")
        order_id = (await shoppers.ask("v1", "tmall", checkout))["order_id"]
        held = (await desk.get(f"/rooms/{room}/slots")).body["slots"]
        await shoppers.pay("v1", order_id)
        order = await order_when(desk, room, order_id, "paid")
    assert held == [{"slot_id": "ten", **TEN, "free": 1, "held": 1, "taken": 0}]
    taken = (await desk.get(f"/rooms/{room}/slots")).body["slots"]
    assert taken == [{"slot_id": "ten", **TEN, "free": 1, "held": 0, "taken": 1}]
    (place,) = order["slots"]
    assert (place["slot_id"], place["status"]) == ("ten", "taken")
    assert_problem(await desk.put(path, {**TEN, "capacity": 0}), 409, "conflict")
    assert_problem(await desk.put(path, {**TEN, "city": "Beijing"}), 409, "conflict")
    assert (await desk.put(path, {**TEN, "capacity": 1})).body["free"] == 0


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"perk_id": "pen"}, 404, "not_found"),
        ({"until_ms": TEN["from_ms"]}, 422, "invalid"),
        ({"capacity": -1}, 422, "invalid"),
        ({"capacity": 10_001}, 422, "invalid"),
        ({"city": ""}, 422, "invalid"),
        ({"from_ms": "ten"}, 422, "invalid"),
        ({"hours": 1}, 422, "invalid"),
        ({"slot_id": "noon"}, 422, "invalid"),
    ],
)
async def test_a_slot_that_cannot_be_is_refused(
    desk: Desk, room: str, changed: dict[str, Any], status: int, code: str
) -> None:
    await desk.opened_room(room, TERMS)
    answered = await desk.put(f"/rooms/{room}/slots/ten", {**TEN, **changed})
    assert_problem(answered, status, code)
    assert (await desk.get(f"/rooms/{room}/slots")).body["slots"] == []


async def test_only_a_host_puts_slots(desk: Desk, room: str) -> None:
    await desk.opened_room(room, TERMS)
    analyst = desk.as_(host_token("analyst"))
    assert_problem(await analyst.put(f"/rooms/{room}/slots/ten", TEN), 403, "forbidden")
    assert (await analyst.get(f"/rooms/{room}/slots")).status == 200
