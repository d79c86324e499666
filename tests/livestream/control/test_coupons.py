"""Coupons at the desk: put and read there, redeemed by viewers, and nowhere else to be seen."""

from typing import Any

import pytest
from redis import asyncio as aioredis

from livestream import keys
from livestream.messages import CartAdd, Checkout
from tests.livestream.control.desks import Desk, assert_problem, host_token
from tests.livestream.control.shoppers import shoppers_of

pytestmark = pytest.mark.usefixtures("engine")

DROP: dict[str, Any] = {
    "drop_id": "d1",
    "sku": "santos",
    "title": "Santos",
    "supply": 20,
    "price_minor": 5_150_000,
    "currency": "CNY",
}
TERMS = {"supply": 5, "percent_bp": 1_000}


async def test_a_coupon_is_put_read_and_redeemed(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await desk.opened_room(room, DROP)
    for _ in range(2):
        put = await desk.put(f"/rooms/{room}/coupons/MAISON10", TERMS)
        assert (put.status, put.body) == (200, {"code": "MAISON10"})
    async with shoppers_of(redis, room) as shoppers:
        await shoppers.ask("v1", "tmall", CartAdd("a", "santos"))
        order = await shoppers.ask("v1", "tmall", Checkout("c", "co", {}, "MAISON10"))
    assert order["total_minor"] == 4_635_000
    listed = (await desk.get(f"/rooms/{room}/coupons")).body["coupons"]
    assert listed == [
        {
            "code": "MAISON10",
            "supply": 5,
            "per_viewer": 1,
            "percent_bp": 1_000,
            "skus": [],
            "held": 1,
            "redeemed": 0,
        }
    ]
    seen = (await desk.get(f"/rooms/{room}/orders/{order['order_id']}")).body
    assert (seen["coupon"], seen["total_minor"]) == ("MAISON10", 4_635_000)
    assert [(line["discount_minor"], line["total_minor"]) for line in seen["lines"]] == [
        (515_000, 4_635_000)
    ]


async def test_nothing_that_viewers_get_tells_of_coupons(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await desk.opened_room(room, DROP)
    await desk.put(f"/rooms/{room}/coupons/SECRET99", TERMS)
    air: Any = await redis.xrange(keys.air(room))
    storefront: Any = await redis.get(keys.storefront(room)) or b""
    assert b"SECRET99" not in b"".join(fields[b"f"] for _, fields in air) + storefront
    assert_problem(await desk.as_(None).get(f"/rooms/{room}/coupons"), 401, "forbidden")


async def test_only_a_host_puts_one_and_any_role_reads_them(desk: Desk, room: str) -> None:
    await desk.opened_room(room)
    path = f"/rooms/{room}/coupons"
    for role in ("moderator", "analyst"):
        other = desk.as_(host_token(role))
        assert_problem(await other.put(f"{path}/MAISON10", TERMS), 403, "forbidden")
        assert (await other.get(path)).body["coupons"] == []


@pytest.mark.parametrize(
    "terms",
    [
        {"supply": 5},
        {"supply": 5, "percent_bp": 10_001},
        {"supply": 0, "percent_bp": 1},
        {"supply": 5, "amount_minor": 100},
        {"supply": 5, "amount_minor": 100, "currency": "XXX"},
        {"supply": 5, "percent_bp": 1, "from_ms": 9, "until_ms": 9},
        {"supply": 5, "percent_bp": 1, "code": "OTHER"},
        {"supply": 5, "percent_bp": 1.5},
    ],
)
async def test_terms_that_cannot_be_are_refused(
    desk: Desk, room: str, terms: dict[str, Any]
) -> None:
    await desk.opened_room(room)
    assert_problem(await desk.put(f"/rooms/{room}/coupons/MAISON10", terms), 422, "invalid")
