"""What the gateway counts for the report after the show: who came, how long, and who got a unit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest
from websockets.exceptions import InvalidStatus

from livestream import keys
from livestream.attendance import ChannelCounts, GatewayCounts, read_counts
from livestream.gateway.counts import RoomCounts
from livestream.gateway.reports import report_audience
from tests.livestream.gateway.stage import Stage, shop, staged


async def line_when(stage: Stage, **channels: ChannelCounts) -> GatewayCounts:
    """The gateway's line once its channels, but for the time watched, are as expected."""
    async with asyncio.timeout(5):
        while True:
            fields = await stage.redis.hgetall(keys.audience(stage.room))
            kept = read_counts(cast(dict[bytes, bytes], fields))
            line = next(iter(kept.values()), GatewayCounts(0, 0))
            told = {
                name: ChannelCounts(one.joined, 0, one.attempts, one.wins)
                for name, one in line.channels.items()
            }
            if told == channels:
                return line
            await asyncio.sleep(0.05)


async def test_attempts_and_wins_are_counted_by_channel(stage: Stage) -> None:
    await stage.open_drop(supply=1)
    anna = await stage.join("anna")
    bob = await stage.join("bob", ticket=stage.ticket("bob", channel="wechat"))
    await stage.join(None)
    await shop(anna)
    await bob.frame("drop.sold_out")
    await bob.frame("stock.changed", sold=1)
    await bob.error("cart.add", sku="santos")  # the gateway itself says that it is gone
    await bob.error("cart.add", sku="unknown")  # the engine says so
    await bob.error("cart.remove", sku="santos")  # is no attempt to get anything
    await line_when(
        stage,
        tmall=ChannelCounts(joined=1, attempts=1, wins=1),
        wechat=ChannelCounts(joined=1, attempts=2, wins=0),
        guest=ChannelCounts(joined=1),
    )


async def test_a_client_cannot_name_its_command_so_that_a_refusal_looks_won(stage: Stage) -> None:
    await stage.open_drop()
    anna = await stage.join("anna")
    await anna.error("cart.add", sku="unknown", id='x","ok":true,"y":"')
    await line_when(stage, tmall=ChannelCounts(joined=1, attempts=1, wins=0))


async def test_the_time_that_somebody_watched_is_counted(stage: Stage) -> None:
    await stage.join("anna")
    await asyncio.sleep(2.2)
    line = await line_when(stage, tmall=ChannelCounts(joined=1))
    assert 1_000 <= line.channels["tmall"].watched_ms <= 4_500


async def told_by(stage: Stage, seen: Callable[[GatewayCounts], object]) -> GatewayCounts:
    """The gateway's line once it says so."""
    async with asyncio.timeout(5):
        while True:
            fields = await stage.redis.hgetall(keys.audience(stage.room))
            for line in read_counts(cast(dict[bytes, bytes], fields)).values():
                if seen(line):
                    return line
            await asyncio.sleep(0.05)


async def test_how_far_an_announcement_got_is_told_and_so_is_how_the_gateway_does(
    stage: Stage,
) -> None:
    everything, commerce = await stage.join("anna"), await stage.join("bob")
    await commerce.result("attention", level="commerce")
    await stage.open_drop(supply=1)
    await shop(everything)
    await commerce.frame("drop.sold_out")
    line = await told_by(stage, lambda line: "drop.sold_out" in types_of(line) and line.load)
    assert set(types_of(line)) == {"drop.scheduled", "drop.opened", "drop.sold_out"} | (
        set(types_of(line)) & {"room.started", "epoch.started"}
    ), "stock is a level and not an event"
    sold_out = line.arrivals[-1]
    assert (sold_out.addressed, sold_out.reached, sold_out.behind) == (2, 2, 0)
    assert line.seq >= sold_out.seq
    assert line.load is not None
    assert (line.load.viewers, line.load.turned_away, line.behind) == (2, 0, 0)
    assert line.load.seats > 100


def types_of(line: GatewayCounts) -> list[str]:
    return [arrival.type for arrival in line.arrivals]


async def test_a_gateway_that_is_full_says_whom_it_turns_away(redis_url: str, room: str) -> None:
    async with staged(redis_url, room) as stage:
        full = await stage.open_gateway(viewers_max=1)
        await stage.join("anna", full)
        with pytest.raises(InvalidStatus):
            await stage.join("bob", full)
        line = await told_by(stage, lambda line: line.load and line.load.turned_away)
        assert line.load is not None
        assert (line.load.seats, line.load.viewers) == (1, 1)


async def test_a_gateways_last_word_says_that_it_is_the_last(stage: Stage) -> None:
    gateway = await stage.open_gateway()
    await stage.join("anna", gateway)
    await gateway.stop()
    stage.gateways.remove(gateway)
    fields = await stage.redis.hgetall(keys.audience(stage.room))
    lines = read_counts(cast(dict[bytes, bytes], fields))
    assert (lines[gateway.name].joined, lines[gateway.name].viewers) == (1, 0)
    assert [name for name, line in lines.items() if line.ended] == [gateway.name]
    assert (lines[gateway.name].arrivals, lines[gateway.name].load) == ([], None)


async def test_a_room_that_opens_while_the_gateway_reports_is_told_of_the_next_time(
    stage: Stage,
) -> None:
    directory = stage.gateways[0].directory
    reporting = asyncio.create_task(report_audience(stage.redis, "g-test", directory))
    await asyncio.sleep(0)  # it waits for Redis now
    directory.counts()["another"] = RoomCounts()
    await reporting
    assert not await stage.redis.exists(keys.audience("another"))
    await report_audience(stage.redis, "g-test", directory)
    assert await stage.redis.hexists(keys.audience("another"), "g-test")


async def test_a_room_that_was_let_go_is_told_of_once_more_and_then_no_longer(
    stage: Stage,
) -> None:
    directory, key = stage.gateways[0].directory, keys.audience("of-the-past")
    directory.counts()["of-the-past"] = counts = RoomCounts(joined=3, left=3)
    await report_audience(stage.redis, "g-test", directory)
    assert await stage.redis.hexists(key, "g-test")
    await stage.redis.delete(key)
    await report_audience(stage.redis, "g-test", directory)
    assert not await stage.redis.exists(key)
    counts.likes += 1
    await report_audience(stage.redis, "g-test", directory)
    assert await stage.redis.hexists(key, "g-test"), "something has changed"
