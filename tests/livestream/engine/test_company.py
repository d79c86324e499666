"""The book of attendance: a moment every five seconds, bounded, carried on by the next owner."""

import asyncio
from typing import cast

import pytest
from redis import asyncio as aioredis

from livestream import keys, wire
from livestream.arrivals import Arrival
from livestream.attendance import (
    EARLIER,
    ENDED_KEPT_MAX,
    MOMENT_EVERY_MS,
    MOMENTS_AFTER_END_MS,
    SILENT_TOLD_MS,
    ChannelCounts,
    GatewayCounts,
    Moment,
    channels_of,
    in_all,
    read_counts,
    read_moments,
)
from livestream.engine import company
from livestream.engine.company import Company
from livestream.redis_client import StreamEntries
from livestream.room import RoomState
from tests.livestream.stage import Stage
from tests.processes import eventually

START_MS = 1_700_000_000_000


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_ms = START_MS

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(company, "now_ms", clock)
    return clock


async def report(redis: aioredis.Redis, room: str, clock: Clock, viewers: int, joined: int) -> None:
    """What a gateway says once a second."""
    channels = {"tmall": ChannelCounts(joined, joined * 1_000, joined, 1)}
    line = GatewayCounts(clock.now_ms, viewers, joined, joined - viewers, channels=channels)
    await redis.hset(keys.audience(room), "g-1", wire.encode_state(line))


async def book(redis: aioredis.Redis, room: str) -> list[Moment]:
    entries = cast(StreamEntries, await redis.xrange(keys.attendance(room)))
    return read_moments(fields[b"m"] for _, fields in entries)


def live(room: str) -> RoomState:
    return RoomState(room, title="An evening", status="live", at_ms=START_MS)


async def test_there_is_one_moment_in_every_five_seconds(
    redis: aioredis.Redis, room: str, clock: Clock
) -> None:
    owner = Company(redis, live(room))
    for second in range(21):
        clock.now_ms = START_MS + second * 1_000
        await report(redis, room, clock, viewers=10 + second, joined=20 + second)
        await owner._count()
    moments = await book(redis, room)
    assert [moment.at_ms - START_MS for moment in moments] == [0, 5_000, 10_000, 15_000, 20_000]
    assert [moment.viewers for moment in moments] == [10, 15, 20, 25, 30]
    assert moments[-1].peak == 30
    assert (moments[-1].joined, moments[-1].watched_ms, moments[-1].attempts) == (40, 40_000, 40)


async def test_the_pulse_beats_as_often_as_it_is_told(
    redis: aioredis.Redis, room: str, clock: Clock
) -> None:
    owner = Company(redis, live(room), pulse_ms=10_000)
    async with redis.pubsub() as hearing:
        await hearing.subscribe(keys.chat(room))
        for second in range(31):
            clock.now_ms = START_MS + second * 1_000
            await owner._count()
        beats = []
        while (told := await hearing.get_message(timeout=0.5)) is not None:
            if told["type"] == "message":
                beats.append(wire.decode_frame(told["data"])["server_time_ms"] - START_MS)
    assert beats == [0, 10_000, 20_000, 30_000]


async def test_the_book_is_bounded(
    redis: aioredis.Redis, room: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(company, "MOMENTS_MAX", 10)
    owner = Company(redis, live(room))
    for step in range(25):
        clock.now_ms = START_MS + step * MOMENT_EVERY_MS
        await report(redis, room, clock, viewers=1, joined=step + 1)
        await owner._count()
    moments = await book(redis, room)
    assert [moment.joined for moment in moments] == list(range(16, 26)), "the newest ten"


async def test_the_next_owner_goes_on_where_the_last_one_stood(
    redis: aioredis.Redis, room: str, clock: Clock
) -> None:
    await report(redis, room, clock, viewers=3, joined=3)
    first = Company(redis, live(room))
    first._mixer.shown, first._mixer.skipped = 40, 4
    await first._count()
    first._mixer.blocked = 3
    ledger = {"audience": first.audience, "chat": first.chat}
    await redis.set(keys.ledger(room), wire.encode(ledger))
    await report(redis, room, clock, viewers=1, joined=3)
    clock.now_ms += MOMENT_EVERY_MS
    second = Company(redis, live(room))
    await second.restore()
    second._mixer.shown = 2
    assert second.chat == {"shown": 42, "skipped": 4, "blocked": 3}
    await second._count()
    before, after = await book(redis, room)
    assert (before.chat_shown, before.chat_skipped, before.peak) == (40, 4, 3)
    assert (after.chat_shown, after.chat_skipped, after.peak) == (42, 4, 3)


async def test_who_is_muted_or_banned_is_not_heard(redis: aioredis.Redis, room: str) -> None:
    """Also where a gateway has passed the line on before it knew."""
    state = live(room)
    state.muted["v1"] = state.banned["v2"] = None
    owner = Company(redis, state)
    lines = [
        {"id": f"m{n}", "viewer": f"v{n}", "name": "Mei", "text": "hello", "at_ms": n}
        for n in (1, 2, 3)
    ]
    hearing = asyncio.create_task(owner._hear())
    try:

        async def is_heard() -> bool:
            await redis.publish(keys.said(room), wire.encode(lines))
            return bool(owner._mixer._pending)

        assert await eventually(10, is_heard)
    finally:
        hearing.cancel()
    assert {line["id"] for line in owner._mixer._pending} == {"m3"}


async def test_the_next_owner_blocks_the_same_words(redis: aioredis.Redis, room: str) -> None:
    state = live(room)
    owner = Company(redis, state)
    state.blocked_words = ["rude"]  # folded while it took over
    await owner.restore()
    assert owner._mixer.words.found_in("How rude!")


async def test_a_ledger_of_an_owner_that_counted_no_blocked_lines_is_read(
    redis: aioredis.Redis, room: str
) -> None:
    owner = Company(redis, live(room))
    ledger = {"audience": owner.audience, "chat": {"shown": 40, "skipped": 4}}
    await redis.set(keys.ledger(room), wire.encode(ledger))
    await owner.restore()
    assert owner.chat == {"shown": 40, "skipped": 4, "blocked": 0}


async def tell(redis: aioredis.Redis, room: str, number: int, *, ended: bool) -> None:
    channels = {"tmall": ChannelCounts(1, 1_000, 2, 1)}
    line = GatewayCounts(START_MS + number, 0, 1, 1, channels=channels, ended=ended)
    await redis.hset(keys.audience(room), f"g-{number}", wire.encode_state(line))


async def kept(redis: aioredis.Redis, room: str) -> dict[str, GatewayCounts]:
    return read_counts(cast(dict[bytes, bytes], await redis.hgetall(keys.audience(room))))


async def test_gateways_that_ended_long_ago_are_added_up_in_one_line(
    redis: aioredis.Redis, room: str, clock: Clock
) -> None:
    owner = Company(redis, live(room))
    for number in range(3 * ENDED_KEPT_MAX):
        await tell(redis, room, number, ended=number > 0)
        await owner._count()
        assert owner.audience["joined"] == number + 1, "nobody is lost and nobody counted twice"
    lines = await kept(redis, room)
    assert len(lines) == ENDED_KEPT_MAX + 2
    assert {EARLIER, "g-0", f"g-{3 * ENDED_KEPT_MAX - 1}"} <= lines.keys(), "killed; the newest"
    assert lines[EARLIER].joined == 2 * ENDED_KEPT_MAX - 1
    whole = in_all(channels_of(lines.values()).values())
    assert (whole.joined, whole.attempts) == (3 * ENDED_KEPT_MAX, 6 * ENDED_KEPT_MAX)


async def test_adding_up_is_all_or_nothing_whoever_else_does_it_or_writes(
    redis: aioredis.Redis, room: str, clock: Clock
) -> None:
    for number in range(2 * ENDED_KEPT_MAX):
        await tell(redis, room, number, ended=True)
    owners = [Company(redis, live(room)) for _ in range(5)]
    for _ in range(20):
        await asyncio.gather(
            *(owner._fold_ended(START_MS) for owner in owners), tell(redis, room, 999, ended=False)
        )
        lines = await kept(redis, room)
        assert sum(line.joined for line in lines.values()) == 2 * ENDED_KEPT_MAX + 1
    await owners[0]._fold_ended(START_MS)
    assert len(await kept(redis, room)) == ENDED_KEPT_MAX + 2


async def test_what_a_silent_gateway_said_of_its_state_is_not_kept_for_ever(
    redis: aioredis.Redis, room: str, clock: Clock
) -> None:
    arrival = Arrival("drop.opened", 7, START_MS).told()
    line = GatewayCounts(START_MS, 5, joined=9, seq=7, behind=2, arrivals=[arrival])
    await redis.hset(keys.audience(room), "g-1", wire.encode_state(line))
    owner = Company(redis, live(room))
    await owner._count()
    assert [told["seq"] for told in owner.watch.arrivals] == [7]
    clock.now_ms += SILENT_TOLD_MS
    await owner._count()
    assert await kept(redis, room) == {"g-1": line}, "somebody may still ask"
    clock.now_ms += 1
    await owner._count()
    assert await kept(redis, room) == {"g-1": GatewayCounts(START_MS, 5, joined=9)}


async def test_the_book_has_the_orders_and_the_money_of_the_last_ledger(
    redis: aioredis.Redis, room: str, clock: Clock
) -> None:
    owner = Company(redis, live(room))
    await report(redis, room, clock, viewers=3, joined=3)
    ledger = {"orders": {"paid": 12}, "totals": [{"currency": "CNY", "net_minor": 2_880_000}]}
    await redis.set(keys.ledger(room), wire.encode(ledger))
    await owner._count()
    (moment,) = await book(redis, room)
    assert (moment.orders_paid, moment.net_minor) == (12, {"CNY": 2_880_000})


async def test_who_has_paid_is_one_buyer_for_this_owner_and_the_next(
    redis: aioredis.Redis, room: str, clock: Clock
) -> None:
    stage = Stage()
    stage.begin()
    stage.sell(supply=5, limit=2)
    company = Company(redis, stage.room.state)
    stage.buy("anna")
    stage.buy("anna")
    stage.place("bob")
    company.heed(stage.facts())
    await company._count()
    assert company.watch.buyers == 1
    successor = Company(redis, stage.replayed())
    await successor.restore()
    await successor._count()
    assert successor.watch.buyers == 1


async def test_how_redis_does_is_looked_at_now_and_then(
    redis: aioredis.Redis, room: str, clock: Clock
) -> None:
    owner = Company(redis, live(room))
    line = None
    for second in range(12):
        clock.now_ms = START_MS + second * 1_000
        await owner._count()
        line = owner.watch.redis
        assert line is not None
        assert line["at_ms"] == START_MS + second // 10 * 10_000
    assert line is not None
    assert line["writes_ok"]
    assert 0 < line["used_bytes"] < (line["limit_bytes"] or 0)


async def test_an_empty_room_fills_no_book(redis: aioredis.Redis, room: str, clock: Clock) -> None:
    owner = Company(redis, live(room))
    await owner._count()
    assert await book(redis, room) == []


async def test_a_room_that_has_ended_is_not_watched_for_ever(
    redis: aioredis.Redis, room: str, clock: Clock
) -> None:
    state = live(room)
    state.status = "ended"
    owner = Company(redis, state)
    await report(redis, room, clock, viewers=1, joined=9)
    clock.now_ms = START_MS + MOMENTS_AFTER_END_MS
    await owner._count()
    clock.now_ms += MOMENT_EVERY_MS
    await owner._count()
    assert len(await book(redis, room)) == 1, "the last to leave are counted, and then no more"
