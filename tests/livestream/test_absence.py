"""An absence is logged when it begins, now and then, and when it ends; not at each attempt."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from livestream.absence import STILL_AWAY_EVERY_S, Absence
from livestream.config import Settings
from livestream.engine.process import LOOK_EVERY_S, EngineProcess
from livestream.redis_client import open_redis

GONE = ConnectionError("nobody listens")


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_one_line_when_it_goes_and_one_when_it_is_back(clock: Clock) -> None:
    absence = Absence("engine.redis", clock_s=clock, room="evening")
    with capture_logs() as lines:
        absence.over()
        for _ in range(20):
            absence.note(GONE)
            clock.now_s += 0.25
        absence.over()
        absence.over()
    went, back = lines
    assert (went["event"], went["log_level"], went["room"]) == (
        "engine.redis_away",
        "warning",
        "evening",
    )
    assert went["error"] == "nobody listens"
    assert (back["event"], back["log_level"], back["away_s"]) == ("engine.redis_back", "info", 5.0)


def test_a_long_absence_is_told_again_every_half_minute(clock: Clock) -> None:
    absence = Absence("journal", clock_s=clock)
    with capture_logs() as lines:
        for _ in range(4 * 65):
            absence.note(GONE)
            clock.now_s += 0.25
    assert [line["away_s"] for line in lines] == [0.0, STILL_AWAY_EVERY_S, 2 * STILL_AWAY_EVERY_S]


def test_what_comes_back_and_goes_again_is_a_new_absence(clock: Clock) -> None:
    absence = Absence("journal", clock_s=clock)
    with capture_logs() as lines:
        for _ in range(2):
            absence.note(GONE)
            clock.now_s += 1
            absence.over()
    assert [line["event"] for line in lines] == [
        "journal_away",
        "journal_back",
        "journal_away",
        "journal_back",
    ]


async def test_an_engine_that_looks_for_rooms_without_redis_says_so_once() -> None:
    redis = open_redis("unix:///nowhere/redis.sock")
    stopping = asyncio.Event()
    engine = asyncio.create_task(EngineProcess(redis, Settings()).run(stopping))
    with capture_logs() as lines:
        await asyncio.sleep(4 * LOOK_EVERY_S)
        stopping.set()
        await engine
    await redis.aclose()
    assert [line["event"] for line in lines].count("engine.redis_away") == 1
