"""Moderation by the API: what moderators may do, what they are refused, and that each sees what the
others did.
"""

import asyncio
from typing import Any

import orjson
import pytest
from redis import asyncio as aioredis

from livestream import keys
from livestream.commands import BLOCKED_WORDS_MAX
from livestream.control.routes import LIST_BODY_BYTES_MAX
from tests.livestream.control.desks import Desk, assert_problem, host_token


def moderators(desk: Desk) -> tuple[Desk, Desk]:
    anna, ben = (host_token("moderator", name=name) for name in ("anna", "ben"))
    return desk.as_(anna), desk.as_(ben)


async def storefront(desk: Desk, room: str) -> dict[str, Any]:
    return dict((await desk.get(f"/rooms/{room}")).body["storefront"])


@pytest.mark.usefixtures("engine")
async def test_what_two_moderators_did_is_listed_with_their_names(desk: Desk, room: str) -> None:
    await desk.opened_room(room)
    anna, ben = moderators(desk)
    chat = f"/rooms/{room}/chat"
    line = {"text": "Does it ship?", "name": "Mei", "message_id": "g-1-7"}
    assert (await anna.put(f"{chat}/pin", line)).body == {"pinned": True}
    assert (await storefront(anna, room))["pinned_message"] == line
    assert (await ben.delete(f"{chat}/g-1-7")).body == {"message_id": "g-1-7"}
    assert (await storefront(anna, room))["pinned_message"] is None
    restored = await ben.post(f"{chat}/g-1-7/restore")
    assert (restored.status, restored.body) == (200, {"message_id": "g-1-7"})
    assert (await ben.delete(f"{chat}/pin")).body == {"pinned": False}
    assert (await anna.post(f"/rooms/{room}/viewers/v1/mute")).status == 200
    assert (await anna.put(f"{chat}/words", {"words": ["rude", "坏蛋"]})).body == {"count": 2}
    assert (await ben.get(f"{chat}/words")).body["words"] == ["rude", "坏蛋"]

    listed = (await ben.get(f"/rooms/{room}/actions")).body
    assert [(action["by"], action["type"]) for action in listed["actions"]] == [
        ("anna", "chat.words"),
        ("anna", "viewer.muted"),
        ("ben", "chat.restored"),
        ("ben", "chat.pinned"),
        ("ben", "chat.deleted"),
        ("anna", "chat.pinned"),
    ]
    assert listed["next"] is None
    first = (await ben.get(f"/rooms/{room}/actions?limit=4")).body
    rest = (await ben.get(f"/rooms/{room}/actions?limit=4&before={first['next']}")).body
    assert first["actions"] + rest["actions"] == listed["actions"]


@pytest.mark.usefixtures("engine")
async def test_each_desk_hears_at_once_what_another_did_and_who_it_was(
    desk: Desk, room: str
) -> None:
    await desk.opened_room(room)
    anna, ben = moderators(desk)
    async with anna.feed(room) as feed:
        await ben.put(f"/rooms/{room}/chat/pin", {"text": "Doors at eight"})
        pinned = None
        async with asyncio.timeout(10):
            while True:
                frame = await feed.receive_json()
                if frame["type"] == "chat.pinned":
                    pinned = frame
                if frame["type"] == "ledger" and frame["ledger"]["actions"]:
                    break
    assert pinned is not None
    assert pinned["message"] == {"text": "Doors at eight"}
    assert "by" not in pinned
    (action,) = frame["ledger"]["actions"]
    assert action == {
        "seq": pinned["seq"],
        "at_ms": pinned["at_ms"],
        "by": "ben",
        "type": "chat.pinned",
        "text": "Doors at eight",
    }


@pytest.mark.usefixtures("engine")
async def test_a_word_that_cannot_be_looked_for_is_refused(desk: Desk, room: str) -> None:
    await desk.opened_room(room)
    answered = await desk.put(f"/rooms/{room}/chat/words", {"words": ["..."]})
    assert_problem(answered, 422, "invalid")
    assert "'...'" in answered.body["detail"]
    assert_problem(await desk.put(f"/rooms/{room}/chat/pin", {"text": " "}), 422, "invalid")


@pytest.mark.usefixtures("engine")
async def test_the_longest_list_of_words_and_of_viewers_fits(desk: Desk, room: str) -> None:
    await desk.opened_room(room)
    words = [chr(0x4E00 + number) * 64 for number in range(BLOCKED_WORDS_MAX)]
    assert (await desk.put(f"/rooms/{room}/chat/words", {"words": words})).body == {"count": 500}
    viewers = [f"{number:064}" for number in range(1_000)]
    invited = await desk.post(f"/rooms/{room}/invitations", {"viewers": viewers})
    assert invited.body["invited"] == 1_000


# -- what is refused before any engine hears of it


async def room_without_an_engine(redis: aioredis.Redis, room: str) -> None:
    await redis.sadd(keys.ROOMS, room)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "chat/pin", {"text": "T"}),
        ("DELETE", "chat/pin", None),
        ("PUT", "chat/words", {"words": []}),
        ("POST", "chat/m-1/restore", None),
    ],
)
async def test_an_analyst_reads_and_moderates_nothing(
    desk: Desk, redis: aioredis.Redis, room: str, method: str, path: str, body: object
) -> None:
    await room_without_an_engine(redis, room)
    analyst = desk.as_(host_token("analyst"))
    answered = await analyst.call(method, f"/api/v1/rooms/{room}/{path}", body)
    assert_problem(answered, 403, "forbidden")
    assert await redis.xlen(keys.inbox(room)) == 0
    assert (await analyst.get(f"/rooms/{room}/actions")).body["actions"] == []
    assert (await analyst.get(f"/rooms/{room}/chat/words")).body["words"] == []


@pytest.mark.parametrize("path", ["actions", "chat/words"])
async def test_what_moderators_know_is_not_for_strangers(
    desk: Desk, redis: aioredis.Redis, room: str, path: str
) -> None:
    await room_without_an_engine(redis, room)
    assert_problem(await desk.as_(None).get(f"/rooms/{room}/{path}"), 401, "forbidden")


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("chat/pin", {}, "text"),
        ("chat/pin", {"text": ""}, "text"),
        ("chat/pin", {"text": "x" * 501}, "text"),
        ("chat/pin", {"text": "T", "name": "x" * 41}, "name"),
        ("chat/pin", {"text": "T", "message_id": "x" * 65}, "message_id"),
        ("chat/pin", {"text": "T", "by": "me"}, "by"),
        ("chat/slow-mode", {"interval_ms": 600_001}, "interval_ms"),
        ("chat/slow-mode", {"interval_ms": -1}, "interval_ms"),
        ("chat/words", {}, "words"),
        ("chat/words", {"words": [""]}, "words"),
        ("chat/words", {"words": ["x" * 65]}, "words"),
        ("chat/words", {"words": ["x"] * 501}, "words"),
        ("chat/words", {"words": "x"}, "words"),
    ],
)
async def test_what_cannot_be_is_named(
    desk: Desk, redis: aioredis.Redis, room: str, path: str, body: object, told: str
) -> None:
    await room_without_an_engine(redis, room)
    answered = await desk.put(f"/rooms/{room}/{path}", body)
    assert_problem(answered, 422, "invalid")
    assert told in answered.body["detail"]
    assert await redis.xlen(keys.inbox(room)) == 0


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "before=0", "before=x", "by=anna"])
async def test_a_page_of_actions_that_cannot_be_is_told(
    desk: Desk, redis: aioredis.Redis, room: str, query: str
) -> None:
    await room_without_an_engine(redis, room)
    assert_problem(await desk.get(f"/rooms/{room}/actions?{query}"), 422, "invalid")


async def test_only_a_list_may_be_long(desk: Desk, redis: aioredis.Redis, room: str) -> None:
    await room_without_an_engine(redis, room)
    too_long = orjson.dumps({"words": ["x" * LIST_BODY_BYTES_MAX]})
    for path, data in (("chat/words", too_long), ("chat/pin", too_long[:20_000])):
        answered = await desk.call(
            "PUT",
            f"/api/v1/rooms/{room}/{path}",
            data=data,
            headers={"Content-Type": "application/json"},
        )
        assert_problem(answered, 413, "invalid")
