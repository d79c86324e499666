"""Chat, likes, attention, and what moderators can do about them."""

from __future__ import annotations

import asyncio
import time

import orjson
import pytest
from redis import asyncio as aioredis

from livestream import commands, keys, wire
from livestream.commands import BLOCKED_WORDS_MAX
from livestream.gateway import chat
from livestream.messages import PinnedMessage
from tests.livestream.gateway.stage import Stage
from tests.processes import eventually


async def test_what_one_says_everybody_reads(stage: Stage) -> None:
    other = await stage.open_gateway()
    anna, bob = await stage.join("anna"), await stage.join("bob", other)
    said = await anna.result("chat.send", text="多漂亮的表")
    for person in (anna, bob):
        [line] = (await person.frame("chat"))["messages"]
        assert line["id"] == said["message_id"]
        assert (line["viewer"], line["name"], line["text"]) == ("anna", "Anna", "多漂亮的表")


async def test_a_newcomer_reads_what_was_said_before(stage: Stage) -> None:
    anna = await stage.join("anna")
    for text in ("one", "two"):
        await anna.result("chat.send", text=text)
        await anna.frame("chat")
    for gateway in (stage.gateways[0], await stage.open_gateway()):
        bob = await stage.join("bob", gateway)
        history = bob.welcome["snapshot"]["chat"]
        if len(history) < 2:  # the new gateway's subscription stands a moment after its rooms
            await asyncio.sleep(0.2)
            history = (await stage.join("carol", gateway)).welcome["snapshot"]["chat"]
        assert [line["text"] for line in history] == ["one", "two"]


async def test_a_deleted_line_is_gone_from_the_history(stage: Stage) -> None:
    anna = await stage.join("anna")
    said = await anna.result("chat.send", text="rude")
    await anna.frame("chat")
    await stage.command(commands.ChatDelete(said["message_id"]))
    assert (await anna.frame("chat.deleted"))["message_id"] == said["message_id"]
    bob = await stage.join("bob")
    assert bob.welcome["snapshot"]["chat"] == []


async def test_a_line_that_was_deleted_by_mistake_is_shown_again(stage: Stage) -> None:
    anna = await stage.join("anna")
    said = await anna.result("chat.send", text="so beautiful")
    await anna.frame("chat")
    await stage.command(commands.ChatDelete(said["message_id"]))
    await anna.frame("chat.deleted")
    await stage.command(commands.ChatRestore(said["message_id"]))
    [line] = (await anna.frame("chat"))["messages"]
    assert (line["id"], line["text"]) == (said["message_id"], "so beautiful")
    bob = await stage.join("bob")
    assert [line["text"] for line in bob.welcome["snapshot"]["chat"]] == ["so beautiful"]


async def test_what_is_pinned_above_the_chat_everybody_sees_and_newcomers_too(
    stage: Stage,
) -> None:
    anna = await stage.join("anna")
    assert anna.welcome["snapshot"]["pinned_message"] is None
    await stage.command(commands.ChatPin(PinnedMessage("Does it ship?", "Mei", "g-1")))
    shown = {"text": "Does it ship?", "name": "Mei", "message_id": "g-1"}
    assert (await anna.frame("chat.pinned"))["message"] == shown
    bob = await stage.join("bob")
    assert bob.welcome["snapshot"]["pinned_message"] == shown
    await stage.command(commands.ChatUnpin())
    for person in (anna, bob):
        assert (await person.frame("chat.pinned"))["message"] is None


async def test_a_line_with_a_blocked_word_is_not_shown_and_its_author_learns_it(
    stage: Stage, redis: aioredis.Redis
) -> None:
    anna, bob = await stage.join("anna"), await stage.join("bob")
    await stage.command(commands.ChatWords(["rude", "坏蛋"]))
    said = await anna.result("chat.send", text="How R.U.D.E!")
    await bob.result("chat.send", text="hello")
    told = await anna.frame("chat.not_shown")
    assert told["message_ids"] == [said["message_id"]]
    chats = [frame for frame in anna.frames if frame["type"] == "chat"]
    assert [line["text"] for frame in chats for line in frame["messages"]] == ["hello"]
    assert sum(frame["skipped"] for frame in chats) == 0

    async def is_counted() -> bool:
        ledger = orjson.loads(await redis.get(keys.ledger(stage.room)) or b"{}")
        return bool(ledger.get("chat") == {"shown": 1, "skipped": 0, "blocked": 1})

    assert await eventually(10, is_counted)
    await stage.command(commands.ChatWords([]))
    await anna.result("chat.send", text="rude")
    await bob.frame("chat")
    assert [line["text"] for line in (await bob.frame("chat"))["messages"]] == ["rude"]


async def test_who_is_muted_is_told_so(stage: Stage) -> None:
    anna, bob = await stage.join("anna"), await stage.join("bob")
    await stage.command(commands.ViewerMute("anna"))
    await stage.command(commands.Announce("quiet"))
    await anna.frame("announcement")
    assert (await anna.error("chat.send", text="why?"))["code"] == "muted"
    await bob.result("chat.send", text="because")
    await stage.command(commands.ViewerMute("anna", muted=False))
    await stage.command(commands.Announce("speak"))
    await anna.frame("announcement", text="speak")
    await anna.result("chat.send", text="thank you")


async def test_slow_mode_spaces_the_lines_of_one_viewer(stage: Stage) -> None:
    anna, bob = await stage.join("anna"), await stage.join("bob")
    await stage.command(commands.ChatSlowMode(60_000))
    assert (await anna.frame("chat.slow_mode"))["interval_ms"] == 60_000
    await anna.result("chat.send", text="first")
    slow = await anna.error("chat.send", text="second")
    assert slow["code"] == "rate_limited"
    assert 50_000 < slow["retry_after_ms"] <= 60_000
    await bob.result("chat.send", text="mine")
    newcomer = await stage.join("carol")
    assert newcomer.welcome["snapshot"]["slow_mode_ms"] == 60_000


async def test_slow_mode_counts_a_viewer_over_all_connections(stage: Stage) -> None:
    here, there = await stage.join("anna"), await stage.join("anna")
    await stage.command(commands.ChatSlowMode(60_000))
    for anna in (here, there):
        await anna.frame("chat.slow_mode")
    await here.result("chat.send", text="first")
    assert (await there.error("chat.send", text="second"))["code"] == "rate_limited"
    await here.line.close()
    back = await stage.join("anna")
    assert (await back.error("chat.send", text="third"))["code"] == "rate_limited"


async def test_the_rate_of_chat_counts_a_viewer_over_all_connections(stage: Stage) -> None:
    gateway = await stage.open_gateway(chat_per_s=0.5, chat_burst=2)
    here, there = await stage.join("anna", gateway), await stage.join("anna", gateway)
    await here.result("chat.send", text="one")
    await there.result("chat.send", text="two")
    assert (await there.error("chat.send", text="three"))["code"] == "rate_limited"
    bob = await stage.join("bob", gateway)
    await bob.result("chat.send", text="mine")


async def test_what_is_said_in_a_room_at_rest_wakes_it(stage: Stage) -> None:
    anna = await stage.join("anna")
    await stage.command(commands.RoomEnd())
    await anna.line.close()

    async def at_rest() -> bool:
        return bool(await stage.redis.sismember(keys.RESTING, stage.room))

    assert await eventually(10, at_rest)
    bob = await stage.join("bob")
    said = await bob.result("chat.send", text="what a show")
    [line] = (await bob.frame("chat"))["messages"]
    assert line["id"] == said["message_id"]
    assert (await bob.frame("pulse", viewers=1))["viewers"] == 1, "and it is looked after again"


async def test_chat_has_a_rate_of_its_own(stage: Stage) -> None:
    gateway = await stage.open_gateway(chat_per_s=0.5, chat_burst=2)
    anna = await stage.join("anna", gateway)
    await anna.result("chat.send", text="one")
    await anna.result("chat.send", text="two")
    fast = await anna.error("chat.send", text="three")
    assert (fast["code"], fast["retry_after_ms"]) == ("rate_limited", 2_000)
    await anna.result("cart.show")


async def test_more_lines_than_a_tick_can_carry_are_refused(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "LINES_PER_TICK_MAX", 1)
    anna, bob = await stage.join("anna"), await stage.join("bob")
    replies = await asyncio.gather(
        anna.ask("chat.send", text="one"), bob.ask("chat.send", text="two")
    )
    assert sorted(reply["ok"] for reply in replies) == [False, True]


async def test_who_says_more_than_is_shown_learns_what_was_not(stage: Stage) -> None:
    gateway = await stage.open_gateway(chat_per_s=1_000, chat_burst=1_000, commands_burst=1_000)
    anna, bob = await stage.join("anna", gateway), await stage.join("bob", gateway)
    said = {(await anna.result("chat.send", text=f"{n}"))["message_id"] for n in range(40)}
    bobs = (await bob.result("chat.send", text="just one"))["message_id"]
    await anna.frame("chat.not_shown")
    await asyncio.sleep(1.5)  # what was said last may be told of in another frame
    await anna.ask("like", count=1)
    told = [frame for frame in anna.frames if frame["type"] == "chat.not_shown"]
    not_shown = {message_id for frame in told for message_id in frame["message_ids"]}
    chats = [frame for frame in anna.frames if frame["type"] == "chat"]
    shown = {line["id"] for frame in chats for line in frame["messages"]}
    assert not_shown <= said
    assert shown.isdisjoint(not_shown)
    assert shown | not_shown == said | {bobs}
    assert "chat.not_shown" not in {frame["type"] for frame in bob.frames}


async def test_ten_thousand_lines_a_second_become_four_frames_a_second(
    stage: Stage, redis: aioredis.Redis
) -> None:
    """As if forty other gateways heard them, one in ten with a blocked word. Who watches here still
    gets answers at once.
    """
    anna = await stage.join("anna")
    await stage.command(commands.ChatWords([f"rude{n}" for n in range(BLOCKED_WORDS_MAX)]))
    texts = ("so beautiful",) * 9 + ("so rude499",)
    crowd = [
        {"id": f"g-{n}", "viewer": f"v{n}", "name": "Mei", "text": texts[n % 10], "at_ms": n}
        for n in range(10_000)
    ]

    async def speak() -> None:
        for start in range(0, len(crowd), 200):
            await redis.publish(keys.said(stage.room), wire.encode(crowd[start : start + 200]))
            await asyncio.sleep(0.02)

    began_s = time.monotonic()
    speaking = asyncio.create_task(speak())
    while not speaking.done():
        await anna.result("like", count=1)
        await asyncio.sleep(0.3)
    await speaking
    await anna.frame("chat")
    elapsed_s = time.monotonic() - began_s
    chats = [frame for frame in anna.frames if frame["type"] == "chat"]
    assert 1 <= len(chats) <= 4 * elapsed_s + 2
    assert all(len(frame["messages"]) <= 20 for frame in chats)
    assert sum(frame["skipped"] for frame in chats) > 1_000
    assert {line["text"] for frame in chats for line in frame["messages"]} == {"so beautiful"}


async def test_text_is_cleaned(stage: Stage) -> None:
    anna = await stage.join("anna")
    await anna.result("chat.send", text="  a\u0000b\u202e c\n\n d ")
    [line] = (await anna.frame("chat"))["messages"]
    assert line["text"] == "ab c d"
    assert (await anna.error("chat.send", text="\u0007 \u200b"))["code"] == "invalid"


@pytest.mark.parametrize("text", ["日本語", "👨‍👩‍👧", "❤️", "e\u0301", "مرحبا"])
def test_cleaning_leaves_what_people_write(text: str) -> None:
    assert chat.clean(text) == text


async def test_who_only_wants_to_buy_gets_no_chat_and_no_pulse(stage: Stage) -> None:
    anna, bob = await stage.join("anna"), await stage.join("bob")
    assert await anna.result("attention", level="commerce") == {"level": "commerce"}
    del anna.frames[:]
    await bob.result("chat.send", text="hello")
    await bob.frame("chat")
    await bob.frame("pulse")
    await stage.command(commands.Announce("sale"))
    await anna.frame("announcement")
    assert {frame["type"] for frame in anna.frames} <= {"announcement", "epoch.started"}

    await anna.result("attention", level="full")
    await bob.result("chat.send", text="again")
    await anna.frame("chat")
    await anna.frame("pulse")
    seqs = [frame["seq"] for frame in anna.public()]
    assert seqs == sorted(set(seqs))


async def test_likes_have_a_bound(stage: Stage) -> None:
    anna = await stage.join("anna")
    assert await anna.result("like", count=50) == {"count": 50}
    assert (await anna.error("like", count=51))["code"] == "invalid"
    for _ in range(20):
        await anna.say("like", count=1)
    reply = await anna.frame("reply", ok=False)
    assert reply["error"]["code"] == "rate_limited"
