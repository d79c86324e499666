"""An engine's life: what works beside the rooms must work, or the engine must not look alive."""

from __future__ import annotations

import asyncio

import pytest
from redis import asyncio as aioredis

from livestream.config import Settings
from livestream.engine.process import EngineProcess
from livestream.payments.cashier import ProviderMail


class BrokenCodeError(Exception):
    """A defect, planted."""


async def test_an_engine_whose_payments_are_heard_no_more_ends_and_says_why(
    redis: aioredis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def break_down(mail: ProviderMail) -> None:
        raise BrokenCodeError

    monkeypatch.setattr(ProviderMail, "run", break_down)
    with pytest.raises(BrokenCodeError):
        await asyncio.wait_for(EngineProcess(redis, Settings()).run(asyncio.Event()), 5)


async def test_a_wiped_room_is_called_off_once_however_long_its_owner_takes_to_go(
    redis: aioredis.Redis,
) -> None:
    engine, stopping = EngineProcess(redis, Settings()), asyncio.Event()
    works, may_go, calls = asyncio.Event(), asyncio.Event(), 0

    async def own() -> None:
        nonlocal calls
        works.set()
        while not may_go.is_set():
            try:
                await may_go.wait()
            except asyncio.CancelledError:
                calls += 1

    owned = engine._owned["wiped"] = asyncio.create_task(own())
    await works.wait()
    for _ in range(3):
        await engine._look_for_rooms(stopping)
    may_go.set()
    await owned
    assert calls == 1
