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
