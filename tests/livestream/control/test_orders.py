"""The order book: the desk reads what the log says, page by page, and refunds go through."""

import asyncio
from typing import Any

import pytest
from redis import asyncio as aioredis

from livestream import keys
from livestream.control.orders import OrderBooks
from tests.livestream.control.desks import Desk, assert_problem, host_token
from tests.livestream.control.shoppers import shoppers_of

TERMS: dict[str, Any] = {
    "drop_id": "d1",
    "sku": "santos",
    "title": "Santos",
    "supply": 20,
    "price_minor": 5_150_000,
    "currency": "CNY",
    "options": [
        {
            "option_id": "engraving",
            "kind": "engraving",
            "characters_max": 4,
            "price_minor": 50_000,
        }
    ],
    "perks": [{"perk_id": "bellboy", "name": "Bellboy", "first_n": 2}],
}

pytestmark = pytest.mark.usefixtures("engine")


async def order_when(desk: Desk, room: str, order_id: str, status: str) -> dict[str, Any]:
    """The order once it has this status; the provider answers after the viewer was."""
    for _ in range(100):
        order = (await desk.get(f"/rooms/{room}/orders/{order_id}")).body
        if order["status"] == status:
            return dict(order)
        await asyncio.sleep(0.05)
    raise AssertionError(f"not {status}: {order}")


async def test_a_paid_order_is_read_with_its_payment_and_perk(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await desk.opened_room(room, TERMS)
    async with shoppers_of(redis, room) as shoppers:
        order_id = await shoppers.order("v1", "santos", "wechat", {"santos": {"engraving": "M.L."}})
        placed = (await desk.get(f"/rooms/{room}/orders/{order_id}")).body
        assert (placed["status"], placed["payments"], placed["perks"]) == ("placed", [], [])
        await shoppers.pay("v1", order_id)
        order = await order_when(desk, room, order_id, "paid")
    assert order["viewer"] == "v1"
    assert order["channel"] == "wechat"
    assert order["personalisation"] == {"santos": {"engraving": "M.L."}}
    assert order["lines"] == [
        {
            "drop_id": "d1",
            "sku": "santos",
            "quantity": 1,
            "price_minor": 5_150_000,
            "extras_minor": 50_000,
            "discount_minor": 0,
            "total_minor": 5_200_000,
        }
    ]
    assert (order["total_minor"], order["currency"], order["paid_seq"]) == (5_200_000, "CNY", 1)
    assert [payment["status"] for payment in order["payments"]] == ["confirmed"]
    perk = {"drop_id": "d1", "perk_id": "bellboy", "name": "Bellboy", "rank": 1}
    assert order["perks"] == [perk]


async def test_a_buyers_payment_token_is_not_shown(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await desk.opened_room(room, TERMS)
    async with shoppers_of(redis, room) as shoppers:
        order_id = await shoppers.order("v1", "santos")
        await shoppers.pay("v1", order_id)
    assert "tok_approve" not in str((await desk.get(f"/rooms/{room}/orders/{order_id}")).body)


async def test_orders_come_newest_first_and_page_by_page(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await desk.opened_room(room, TERMS)
    async with shoppers_of(redis, room) as shoppers:
        made = [await shoppers.order(f"v{number}", "santos") for number in range(7)]
    read: list[str] = []
    after = ""
    for _ in range(4):
        page = (await desk.get(f"/rooms/{room}/orders?limit=3{after}")).body
        read += [order["order_id"] for order in page["orders"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert read == made[::-1]


async def test_a_page_that_ends_with_the_last_order_has_no_next(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await desk.opened_room(room, TERMS)
    async with shoppers_of(redis, room) as shoppers:
        for number in range(3):
            await shoppers.order(f"v{number}", "santos")
    page = (await desk.get(f"/rooms/{room}/orders?limit=3")).body
    assert (len(page["orders"]), page["next"]) == (3, None)


async def test_filters_hold_together(desk: Desk, redis: aioredis.Redis, room: str) -> None:
    await desk.opened_room(room, TERMS)
    async with shoppers_of(redis, room) as shoppers:
        first = await shoppers.order("v1", "santos", "tmall")
        second = await shoppers.order("v2", "santos", "wechat")
        await shoppers.order("v3", "santos", "wechat")
        await shoppers.pay("v2", second)
        await order_when(desk, room, second, "paid")

    async def found(query: str) -> list[str]:
        page = (await desk.get(f"/rooms/{room}/orders?{query}")).body
        return [order["order_id"] for order in page["orders"]]

    assert await found("viewer=v1") == [first]
    assert await found("status=paid&channel=wechat") == [second]
    assert await found("status=paid&channel=tmall") == []


async def test_a_new_order_is_there_at_the_next_look(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await desk.opened_room(room, TERMS)
    async with shoppers_of(redis, room) as shoppers:
        for number in range(5):
            order_id = await shoppers.order(f"v{number}", "santos")
            page = (await desk.get(f"/rooms/{room}/orders")).body
            assert page["orders"][0]["order_id"] == order_id
            assert len(page["orders"]) == number + 1


async def test_a_refund_gives_all_back_once(desk: Desk, redis: aioredis.Redis, room: str) -> None:
    await desk.opened_room(room, TERMS)
    async with shoppers_of(redis, room) as shoppers:
        order_id = await shoppers.order("v1", "santos")
        refund = f"/rooms/{room}/orders/{order_id}/refund"
        assert_problem(await desk.post(refund), 409, "conflict")
        await shoppers.pay("v1", order_id)
        order = await order_when(desk, room, order_id, "paid")
    assert_problem(await desk.as_(host_token("moderator")).post(refund), 403, "forbidden")
    for _ in range(2):
        answered = await desk.post(refund, {"restock": False})
        assert answered.body == {
            "order_id": order_id,
            "status": "refunded",
            "refund_id": f"{order_id}-p1-r1",
            "amount_minor": order["total_minor"],
        }
    order = await order_when(desk, room, order_id, "refunded")
    assert order["payments"][0]["status"] in ("refunding", "refunded")


async def test_a_part_goes_back_once_by_its_own_name(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await desk.opened_room(room, TERMS)
    async with shoppers_of(redis, room) as shoppers:
        order_id = await shoppers.order("v1", "santos")
        await shoppers.pay("v1", order_id)
        order = await order_when(desk, room, order_id, "paid")
    refund = f"/rooms/{room}/orders/{order_id}/refund"
    part = {"amount_minor": 100, "request_id": "goodwill"}
    assert_problem(await desk.post(refund, {"amount_minor": 100}), 422, "invalid")
    assert_problem(await desk.post(refund, {"amount_minor": 0, "request_id": "r"}), 422, "invalid")
    first = (await desk.post(refund, part)).body
    assert (first["status"], first["amount_minor"]) == ("paid", 100)
    assert (await desk.post(refund, part)).body == first
    assert_problem(await desk.post(refund, {**part, "amount_minor": 101}), 409, "conflict")
    shown = (await desk.get(f"/rooms/{room}/orders/{order_id}")).body
    assert (shown["refunded_minor"], shown["total_minor"]) == (100, order["total_minor"])
    assert [(r["refund_id"], r["request_id"], r["lines"]) for r in shown["refunds"]] == [
        (first["refund_id"], "goodwill", [])
    ]


async def test_an_order_that_is_not_there_is_not_found(desk: Desk, room: str) -> None:
    await desk.opened_room(room, TERMS)
    assert_problem(await desk.get(f"/rooms/{room}/orders/o99"), 404, "not_found")
    assert_problem(await desk.post(f"/rooms/{room}/orders/o99/refund"), 404, "not_found")


async def test_a_log_that_was_rewritten_is_folded_anew(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    """Redis came back without its last second, and the room went on from there."""
    await desk.opened_room(room, TERMS)
    books = OrderBooks(redis)
    async with shoppers_of(redis, room) as shoppers:
        await shoppers.order("v1", "santos")
        whole = await books.of(room)
        assert len(whole.state.books.orders) == 1
        other = f"{room}-other"
        await copy_log(redis, room, other, whole.state.seq)
        copied = await OrderBooks(redis).of(other)
        assert copied.state.books.orders.keys() == whole.state.books.orders.keys()

        book = OrderBooks(redis)
        await book.of(other)
        await redis.delete(keys.log(other))
        await copy_log(redis, room, other, 3)
        assert (await book.of(other)).state.seq == 3
        assert not (await book.of(other)).state.books.orders


async def copy_log(redis: aioredis.Redis, room: str, to: str, up_to_seq: int) -> None:
    """Copy the records of a log up to a seq."""
    records: Any = await redis.xrange(keys.log(room), max=f"{up_to_seq}-0")
    for entry_id, fields in records:
        await redis.xadd(keys.log(to), fields, id=entry_id)


async def test_many_look_at_once_and_see_the_same(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await desk.opened_room(room, TERMS)
    async with shoppers_of(redis, room) as shoppers:
        for number in range(5):
            await shoppers.order(f"v{number}", "santos")
    books = OrderBooks(redis)
    rooms = await asyncio.gather(*(books.of(room) for _ in range(20)))
    assert {len(found.state.books.orders) for found in rooms} == {5}
