"""Coming back: exactly what was missed, or a fresh snapshot; never a gap, never a frame twice."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Any, cast

import pytest
from redis import asyncio as aioredis
from websockets.exceptions import ConnectionClosed

from livestream import commands, keys
from livestream.gateway import air, ring
from livestream.journal import seq_of
from livestream.messages import Card
from livestream.redis_client import StreamEntries
from tests.livestream.gateway.stage import Person, Stage, eventually


async def say(stage: Stage, *texts: str) -> None:
    for text in texts:
        await stage.command(commands.Announce(text))


def place(person: Person) -> tuple[int, int]:
    """What this person would say on coming back."""
    return person.welcome["epoch"], person.since


async def all_up_to(person: Person, seq: int) -> list[int]:
    """Read until `seq`; the seqs of all announcements since the welcome."""
    while person.since < seq:
        await person.next()
    return [frame["seq"] for frame in person.public()]


async def test_who_comes_back_gets_exactly_what_was_missed(stage: Stage) -> None:
    witness, anna = await stage.join("witness"), await stage.join("anna")
    await say(stage, "one", "two")
    await anna.frame("announcement", text="two")
    await anna.line.close()
    await say(stage, "three", "four")
    await stage.command(commands.CardPut(Card("santos", "Santos-Dumont")))
    await witness.frame("card.pushed")

    back = await stage.resume("anna", place(anna))

    assert back.welcome["resumed"] is True
    assert "snapshot" not in back.welcome
    await say(stage, "five")
    await witness.frame("announcement", text="five")
    await all_up_to(back, witness.since)
    missed = [frame for frame in witness.public() if frame["seq"] > anna.since]
    assert back.public() == missed


async def test_who_missed_nothing_gets_nothing(stage: Stage) -> None:
    anna = await stage.join("anna")
    await say(stage, "one")
    await anna.frame("announcement")
    back = await stage.resume("anna", place(anna))
    assert back.welcome["resumed"] is True
    await say(stage, "two")
    assert [frame["text"] for frame in [await back.frame("announcement")]] == ["two"]


async def test_another_gateway_knows_what_was_missed_too(stage: Stage) -> None:
    other = await stage.open_gateway()
    anna = await stage.join("anna")
    await anna.line.close()
    await say(stage, "one", "two")
    back = await stage.resume("anna", place(anna), other)
    assert [(await back.frame("announcement"))["text"] for _ in range(2)] == ["one", "two"]


async def test_a_gateway_that_just_began_knows_what_was_missed_before_it(
    stage: Stage, redis: aioredis.Redis
) -> None:
    witness, anna = await stage.join("witness"), await stage.join("anna")
    await anna.line.close()
    await say(stage, "one", "two")
    await witness.frame("announcement", text="two")
    await eventually_kept(stage, redis)
    begun = await stage.open_gateway()
    back = await stage.resume("anna", place(anna), begun)
    assert back.welcome["resumed"] is True
    assert [(await back.frame("announcement"))["text"] for _ in range(2)] == ["one", "two"]


@pytest.mark.parametrize(
    ("epoch", "since"),
    [(7, 1), (1, 10**9), (0, 0), (1, 0), ("x", "y"), ("9" * 40, 1), (1, "\u0661")],
)
async def test_a_place_that_never_was_gets_a_snapshot(
    stage: Stage, epoch: object, since: object
) -> None:
    anna = await stage.join("anna", epoch=epoch, since=since)
    assert anna.welcome["resumed"] is False
    assert anna.welcome["snapshot"]["title"] == "Salon"


async def test_who_was_away_for_too_long_gets_a_snapshot(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ring, "FRAMES_MAX", 5)
    anna = await stage.join("anna")
    await say(stage, *(f"line {number}" for number in range(5)))
    await eventually(lambda: stage.view().storefront.seq == anna.since + 5)
    assert (await stage.resume("anna", place(anna))).welcome["resumed"] is True
    await say(stage, "one more")
    await eventually(lambda: stage.view().ring.floor > place(anna)[1])
    assert (await stage.resume("anna", place(anna))).welcome["resumed"] is False


async def test_newcomers_in_a_rush_see_no_gap_and_nothing_twice(
    stage: Stage, rng: random.Random
) -> None:
    witness = await stage.join("witness")

    async def talk() -> None:
        for number in range(150):
            await say(stage, f"line {number}")

    async def visit(number: int) -> Person:
        await asyncio.sleep(rng.random() * 0.2)
        person = await stage.join(f"viewer-{number}")
        for _ in range(rng.randrange(3)):
            await asyncio.sleep(rng.random() * 0.05)
            await person.line.close()
            with suppress(ConnectionClosed):  # what was on its way has been seen, too
                while True:
                    await person.next()
            again = await stage.resume(f"viewer-{number}", place(person))
            assert again.welcome["resumed"] is True
            again.frames[:0] = [frame for frame in person.frames if frame["type"] != "welcome"]
            again.welcome = person.welcome
            person = again
        return person

    talking = asyncio.create_task(talk())
    people = await asyncio.gather(*(visit(number) for number in range(40)))
    await talking
    await witness.frame("announcement", text="line 149")
    everything = [frame["seq"] for frame in witness.public()]
    for person in people:
        seen = await all_up_to(person, witness.since)
        assert seen == [seq for seq in everything if seq > person.welcome["seq"]]


async def test_viewers_stay_through_a_takeover_and_see_no_gap(stage: Stage) -> None:
    anna = await stage.join("anna")
    await say(stage, "before")
    await stage.stop_engine()
    await stage.start_engine()
    await say(stage, "after")
    assert (await anna.frame("epoch.started"))["epoch"] == 2
    assert (await anna.frame("announcement"))["text"] == "after"
    before = await stage.resume("anna", (1, anna.welcome["seq"]))
    assert before.welcome["resumed"] is True
    await all_up_to(before, anna.since)
    assert before.public() == anna.public()


async def test_a_viewer_who_knows_more_than_this_gateway_waits_for_it(stage: Stage) -> None:
    """Two gateways read the air at their own pace; a viewer may move from the quick to the slow."""
    slow = await stage.open_gateway()
    anna = await stage.join("anna")
    go_on = await stage.hold_up_air(slow)
    await say(stage, "one", "two")
    await anna.frame("announcement", text="two")

    moved = await stage.resume("anna", place(anna), slow)
    assert moved.welcome["resumed"] is True
    assert moved.welcome["seq"] == anna.since
    go_on.set()
    await say(stage, "three")
    await moved.frame("announcement")
    assert [frame["text"] for frame in moved.public()] == ["three"]
    await anna.result("chat.send", text="hello")
    await moved.frame("chat")


async def test_a_gateway_that_lost_the_thread_sends_everybody_for_a_snapshot(
    stage: Stage, redis: aioredis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(air, "RECORDS_PER_READ", 3)
    anna, guest = await stage.join("anna"), await stage.join(None)
    await anna.result("attention", level="commerce")
    go_on = await stage.hold_up_air(stage.gateways[0])
    await anna.frame("announcement")
    await guest.frame("announcement")
    await say(stage, *(f"line {number}" for number in range(10)))
    await eventually_kept(stage, redis)
    await redis.xtrim(keys.air(stage.room), maxlen=4, approximate=False)
    go_on.set()

    for person in (anna, guest):
        end = await person.closing()
        assert end.code == 1012
        assert end.reason.startswith("retry_after_ms=")
        assert len(person.public()) == 1, "nothing from beyond the gap"
    back = await stage.resume("anna", place(anna))
    assert back.welcome["resumed"] is False
    await say(stage, "after")
    await back.frame("announcement", text="after")


async def test_a_redis_that_lost_its_last_second_is_noticed(
    stage: Stage, redis: aioredis.Redis
) -> None:
    """Other facts under the same numbers: a resume by number alone would hide them."""
    anna = await stage.join("anna")
    await say(stage, "one", "two", "lost")
    await anna.frame("announcement", text="lost")
    await stage.stop_engine()
    for key in (keys.log(stage.room), keys.air(stage.room)):
        kept = cast(StreamEntries, await redis.xrange(key))[:-1]
        await redis.delete(key)
        for entry_id, fields in kept:
            await redis.xadd(key, cast(dict[Any, Any], fields), entry_id)
    # What was written after the lost facts is lost too.
    await redis.delete(keys.snapshot(stage.room), keys.storefront(stage.room))
    await redis.client_kill_filter(_type="normal", skipme=True)
    await stage.start_engine()
    assert (await anna.closing()).code == 1012
    back = await stage.resume("anna", place(anna))
    assert back.welcome["resumed"] is False


async def eventually_kept(stage: Stage, redis: aioredis.Redis) -> None:
    """The engine has kept the view of everything said so far."""
    async with asyncio.timeout(5):
        while True:
            kept = await air.read_storefront(redis, stage.room)
            [(last, _)] = cast(StreamEntries, await redis.xrevrange(keys.air(stage.room), count=1))
            if kept is not None and kept.seq >= seq_of(last):
                return
            await asyncio.sleep(0.02)
