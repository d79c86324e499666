"""What stops a show goes past the people in it by itself, after all of them went home."""

import asyncio
import time
from typing import cast

import pytest

from livestream.demo.play import attended
from livestream.demo.shopper import Shopper
from livestream.show.runner import ShowStoppedError


class Somebody:
    def __init__(self) -> None:
        self.here = False

    async def attend(self, starts_s: float) -> None:
        self.here = True
        try:
            await asyncio.Event().wait()
        finally:
            self.here = False


async def test_a_show_that_stops_sends_everybody_home_and_says_why() -> None:
    people = [Somebody(), Somebody()]
    looking = Somebody()
    visits: list[asyncio.Task[None]] = []

    async def stopped() -> None:
        looks = looking.attend(0)
        async with attended(cast(list[Shopper], people), time.monotonic() + 0.01, looks) as begun:
            visits.extend(begun)
            assert [person.here for person in (*people, looking)] == [True] * 3
            raise ShowStoppedError("silent")

    with pytest.raises(ShowStoppedError, match="silent"):
        await stopped()
    assert [person.here for person in (*people, looking)] == [False] * 3
    assert [visit.cancelled() for visit in visits] == [True] * 2
