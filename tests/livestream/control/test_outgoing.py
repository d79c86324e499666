"""The desk sees which events to the merchant were given up, and has them sent again."""

from redis import asyncio as aioredis

from livestream.courier.letters import Letter
from livestream.courier.store import Place, Store
from tests.livestream.control.desks import Desk, assert_problem, host_token
from tests.livestream.courier.receiver import BOUGHT, carrying, receiving, selling, write_log


def letter(number: int, order_id: str) -> Letter:
    body = f'{{"type":"order.paid","data":{{"seq":{number},"order":{{"order_id":"{order_id}"}}}}}}'
    return Letter(f"evt_{number}", order_id, number, 5, "order.paid", body, 16, 0, "status 500")


async def dead_letters(redis: aioredis.Redis, room: str) -> None:
    """Two of o1 and one of o2 are dead, one of o3 waits."""
    await write_log(redis, room, [])
    dead = [letter(7, "o1"), letter(8, "o2"), letter(9, "o1")]
    await Store(redis).take(room, Place(), Place(10, 1, 5), [letter(10, "o3")], dead)


async def test_what_was_given_up_is_listed(desk: Desk, redis: aioredis.Redis, room: str) -> None:
    await dead_letters(redis, room)
    state = (await desk.get(f"/rooms/{room}/webhooks")).body
    assert state == {
        "room": room,
        "configured": False,
        "taken_seq": 10,
        "waiting": 1,
        "dead": 3,
    }
    listed = (await desk.get(f"/rooms/{room}/webhooks/dead")).body["letters"]
    assert [(one["order_id"], one["seq"]) for one in listed] == [("o1", 7), ("o2", 8), ("o1", 9)]
    assert listed[0] == {
        "event_id": "evt_7",
        "type": "order.paid",
        "order_id": "o1",
        "seq": 7,
        "at_ms": 5,
        "attempts": 16,
        "error": "status 500",
    }


async def test_a_replay_is_asked_for_by_order_or_for_all(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await dead_letters(redis, room)
    replay = f"/rooms/{room}/webhooks/replay"
    one = await desk.post(replay, {"order_id": "o1"})
    assert (one.status, one.body) == (202, {"room": room, "orders": 1, "letters": 2})
    every = await desk.post(replay)
    assert every.body == {"room": room, "orders": 2, "letters": 3}
    assert await Store(redis).wishes([room]) == [{"o1", "o2"}]
    assert_problem(await desk.post(replay, {"order_id": "o3"}), 404, "not_found")
    assert_problem(await desk.as_(host_token("analyst")).post(replay), 403, "forbidden")


async def test_a_replay_is_granted_by_the_courier(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    stage = selling(room)
    stage.buy("wang")
    log, store = stage.log, Store(redis)
    seq, last = log[-1]
    await write_log(redis, room, log)
    dead = letter(seq, "o1")
    await store.take(room, Place(), Place(seq, last.epoch, last.at_ms), [], [dead])
    async with receiving() as receiver, carrying(redis, receiver.url):
        stage.buy("li")
        await write_log(redis, room, stage.log)
        await receiver.has(3)
        await desk.post(f"/rooms/{room}/webhooks/replay")
        await receiver.has(4)
    assert receiver.of("o2") == BOUGHT
    assert (await desk.get(f"/rooms/{room}/webhooks")).body["dead"] == 0
