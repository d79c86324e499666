"""The desk's websocket: complete at first, then everything in order, and it ends with a reason."""

import asyncio
from typing import Any

import aiohttp
import orjson
import pytest
from redis import asyncio as aioredis

from livestream import keys, wire
from livestream.attendance import Moment
from livestream.control import desk_feed
from livestream.control.desk_feed import Outbox
from tests.livestream.control.desks import Desk, host_token
from tests.livestream.control.shoppers import shoppers_of

TERMS: dict[str, Any] = {
    "drop_id": "d1",
    "sku": "santos",
    "title": "Santos",
    "supply": 2,
    "price_minor": 100,
    "currency": "CNY",
}


async def frames_until(feed: Any, kind: str) -> list[dict[str, Any]]:
    """Frames up to and with the first of this type."""
    frames: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        while not frames or frames[-1]["type"] != kind:
            frames.append(await feed.receive_json())
    return frames


@pytest.mark.usefixtures("engine")
async def test_the_first_frame_is_complete_and_what_follows_is_newer(desk: Desk, room: str) -> None:
    await desk.opened_room(room, TERMS)
    await desk.put(f"/rooms/{room}/cards/c1", {"title": "Santos"})
    async with desk.feed(room) as feed:
        assert feed.protocol == "livestream.desk.v1"
        (first,) = await frames_until(feed, "desk")
        view = first["storefront"]
        assert (first["room"], view["status"]) == (room, "live")
        assert [card["card_id"] for card in view["cards"]] == ["c1"]
        assert [drop["status"] for drop in view["drops"]] == ["open"]

        await desk.post(f"/rooms/{room}/announcements", {"text": "one"})
        await desk.post(f"/rooms/{room}/viewers/v9/ban")
        await desk.post(f"/rooms/{room}/drops/d1/pause")
        frames = await frames_until(feed, "drop.paused")
    told = [frame for frame in frames if "seq" in frame]
    assert [frame["type"] for frame in told] == ["announcement", "viewer.banned", "drop.paused"]
    seqs = [frame["seq"] for frame in told]
    assert seqs == sorted(set(seqs))
    assert seqs[0] > view["seq"]


@pytest.mark.usefixtures("engine")
async def test_money_moves_on_the_feed(desk: Desk, redis: aioredis.Redis, room: str) -> None:
    await desk.opened_room(room, TERMS)
    async with desk.feed(room) as feed, shoppers_of(redis, room) as shoppers:
        for viewer in ("v1", "v2"):
            await shoppers.pay(viewer, await shoppers.order(viewer, "santos"))
        async with asyncio.timeout(10):
            while True:
                frame = await feed.receive_json()
                if frame["type"] == "ledger" and frame["ledger"]["orders"]["paid"] == 2:
                    break
    (total,) = frame["ledger"]["totals"]
    assert (total["currency"], total["gross_minor"]) == ("CNY", 200)


@pytest.mark.usefixtures("engine")
async def test_chat_and_pulse_reach_the_panel(desk: Desk, redis: aioredis.Redis, room: str) -> None:
    await desk.opened_room(room)
    line = {"id": "m1", "viewer": "v1", "name": "Mei", "text": "hello", "at_ms": 1}
    async with desk.feed(room) as feed:
        await frames_until(feed, "pulse")
        await redis.publish(keys.said(room), orjson.dumps([line]))
        frames = await frames_until(feed, "chat")
        assert [said["text"] for said in frames[-1]["messages"]] == ["hello"]
    async with desk.feed(room) as feed:
        (first,) = await frames_until(feed, "desk")
        assert [said["text"] for said in first["chat"]] == ["hello"]


async def test_the_first_frame_has_the_last_hour_for_the_charts(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await redis.sadd(keys.ROOMS, room)
    for number in range(730):
        moment = Moment(
            at_ms=1_000 + number * 5_000,
            viewers=number,
            peak=number,
            joined=number,
            left=0,
            watched_ms=0,
            likes=2,
            chat_accepted=9,
            chat_shown=5,
            chat_skipped=1,
            attempts=0,
            wins=0,
            unique=number,
            buyers=2,
            orders_paid=3,
            net_minor={"CNY": 100},
        )
        await redis.xadd(keys.attendance(room), {b"m": wire.encode_state(moment)})
    async with desk.feed(room) as feed:
        told = (await feed.receive_json(timeout=5))["moments"]
    assert len(told) == desk_feed.HISTORY_POINTS_MAX
    assert [moment["viewers"] for moment in told] == list(range(15, 730, 6)), "up to the newest"
    assert told[-1] == {
        "at_ms": 1_000 + 729 * 5_000,
        "viewers": 729,
        "joined": 729,
        "likes": 2,
        "chat": 6,
        "unique": 729,
        "buyers": 2,
        "orders_paid": 3,
        "net_minor": {"CNY": 100},
    }


async def test_a_room_without_an_engine_is_told_as_such(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await redis.sadd(keys.ROOMS, room)
    async with desk.feed(room) as feed:
        first = await feed.receive_json(timeout=5)
    assert (first["storefront"], first["ledger"]) == (None, None)
    assert (first["chat"], first["moments"]) == ([], [])


# -- the door


@pytest.mark.parametrize(
    ("protocols", "status"),
    [(("livestream.desk.v1",), 401), (("livestream.desk.v1", "bearer.x.y.z"), 401)],
)
async def test_without_a_good_token_there_is_no_upgrade(
    desk: Desk, redis: aioredis.Redis, room: str, protocols: tuple[str, ...], status: int
) -> None:
    await redis.sadd(keys.ROOMS, room)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await desk.feed(room, *protocols)
    assert refusal.value.status == status


async def test_an_unknown_room_has_no_feed(desk: Desk) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await desk.feed("nowhere")
    assert refusal.value.status == 404


async def test_a_plain_get_is_told_that_it_is_a_websocket(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await redis.sadd(keys.ROOMS, room)
    assert (await desk.get(f"/rooms/{room}/desk")).status == 426


async def test_the_token_is_never_echoed(desk: Desk, redis: aioredis.Redis, room: str) -> None:
    await redis.sadd(keys.ROOMS, room)
    async with desk.feed(room, f"bearer.{desk.token}", "livestream.desk.v1") as feed:
        assert feed.protocol == "livestream.desk.v1"


async def test_there_are_only_so_many_panels(
    desk: Desk, redis: aioredis.Redis, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await redis.sadd(keys.ROOMS, room)
    monkeypatch.setattr(desk_feed, "DESKS_MAX", 2)
    async with desk.feed(room), desk.feed(room):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await desk.feed(room)
        assert refusal.value.status == 503
    await asyncio.sleep(0.1)
    async with desk.feed(room) as feed:
        assert (await feed.receive_json(timeout=5))["type"] == "desk"


# -- endings


async def test_the_time_is_told_though_nothing_happens(
    desk: Desk, redis: aioredis.Redis, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a panel can tell a quiet room from a dead connection."""
    monkeypatch.setattr(desk_feed, "TIME_EVERY_S", 0.01)
    await redis.sadd(keys.ROOMS, room)
    async with desk.feed(room) as feed:
        first, *times = [await feed.receive_json(timeout=5) for _ in range(3)]
    assert first["type"] == "desk"
    assert [frame["type"] for frame in times] == ["time", "time"]
    told = [first["server_time_ms"], *(frame["server_time_ms"] for frame in times)]
    assert told == sorted(told)


async def test_a_panel_whose_token_expires_is_shown_out(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await redis.sadd(keys.ROOMS, room)
    short = desk.as_(host_token("analyst", ttl_ms=700))
    async with short.feed(room) as feed:
        assert (await feed.receive_json(timeout=5))["type"] == "desk"
        message = await feed.receive(timeout=5)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 4001)


async def test_what_a_panel_says_is_not_listened_to_but_too_much_is_misuse(
    desk: Desk, redis: aioredis.Redis, room: str
) -> None:
    await redis.sadd(keys.ROOMS, room)
    async with desk.feed(room) as feed:
        await feed.receive_json(timeout=5)
        await feed.send_str("hello")
        await feed.ping()
        await feed.send_str("x" * 2_000)
        message = await feed.receive(timeout=5)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1009)


async def test_a_panel_that_takes_nothing_is_closed_as_too_slow(
    desk: Desk, redis: aioredis.Redis, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Announcements are never left out, so what waits for a stuck panel must have an end."""
    await redis.sadd(keys.ROOMS, room)
    monkeypatch.setattr(desk_feed, "ANNOUNCEMENTS_WAITING_MAX", 5)
    async with desk.feed(room) as feed:
        await feed.receive_json(timeout=5)
        frames = [
            [seq, "viewers", {"type": "announcement", "seq": seq, "at_ms": 1, "text": "x"}]
            for seq in range(1, 20)
        ]
        await redis.xadd(keys.air(room), {b"f": orjson.dumps(frames)}, id="19-0")
        async with asyncio.timeout(5):
            while (message := await feed.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 4008)


# -- the lanes


class Socket:
    """Takes frames in the order in which the outbox gives them."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.taken = asyncio.Event()

    async def send_frame(self, frame: bytes, _: Any) -> None:
        self.frames.append(frame)
        self.taken.set()


async def what_is_sent(outbox: Outbox) -> list[bytes]:
    socket: Any = Socket()
    writing = asyncio.create_task(outbox.write(socket))
    await socket.taken.wait()
    await asyncio.sleep(0)
    writing.cancel()
    return list(socket.frames)


async def test_of_ledgers_and_pulses_only_the_latest_waits_and_announcements_come_first() -> None:
    outbox = Outbox()
    for number in b"123":
        outbox.put_pulse(b'{"p":%c}' % number)
        outbox.put_ledger(b'{"l":%c}' % number)
        outbox.put_announcement(b'{"a":%c}' % number)
    assert await what_is_sent(outbox) == [
        b'{"a":1}',
        b'{"a":2}',
        b'{"a":3}',
        b'{"type":"ledger","ledger":{"l":3}}',
        b'{"p":3}',
    ]


async def test_old_chat_makes_room_for_new() -> None:
    outbox = Outbox()
    for number in range(100):
        outbox.put_chat(b"%d" % number)
    assert await what_is_sent(outbox) == [b"%d" % number for number in range(84, 100)]


async def test_the_first_frame_leaves_out_what_is_older() -> None:
    outbox = Outbox()
    outbox.put_chat(b"chat")
    outbox.put_ledger(b"{}")
    outbox.open_with(b"first")
    assert await what_is_sent(outbox) == [b"first"]
