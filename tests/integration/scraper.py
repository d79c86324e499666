"""Somebody who scrapes a house again and again, and remembers what was ever seen.

Owns the scraping and its record. Refuses to know what the numbers should be.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from typing import Self

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.programs import PATIENCE_S
from tests.processes import eventually

SCRAPED_EVERY_S = 0.1

#: A sample's name and labels.
Series = tuple[str, frozenset[tuple[str, str]]]


class Scraper:
    """Scrapes `url` until it is closed. `async with` it."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/metrics"
        #: Scrapes that did not work, in words. A broken text is not among them: it raises.
        self.failures: list[str] = []
        self.latest: dict[Series, float] = {}
        #: The highest value of any sample of that name, over all scrapes.
        self.highest: defaultdict[str, float] = defaultdict(float)
        self.scrapes = 0

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30))
        assert await eventually(PATIENCE_S, self._is_there), "nobody answers a scrape"
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self._session.close()

    def total(self, name: str, **labels: str) -> float:
        """The sum of the latest samples of that name with these labels, 0 if there are none."""
        wanted = set(labels.items())
        return sum(
            value for (n, pairs), value in self.latest.items() if n == name and wanted <= pairs
        )

    async def sees(self, name: str, at_least: float = 1.0, within_s: float = 10.0) -> bool:
        """Whether a sample of that name is, or was, as high as that in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self.highest[name] < at_least:
                    await self.scrape_again()
        return self.highest[name] >= at_least

    async def scrape_again(self) -> None:
        """Wait for a scrape that begins from now on."""
        seen = self.scrapes
        while self.scrapes < seen + 2:
            self._check()
            await asyncio.sleep(SCRAPED_EVERY_S / 2)

    async def _is_there(self) -> bool:
        try:
            async with self._session.get(self._url):
                return True
        except aiohttp.ClientConnectionError:
            return False  # it starts

    async def _run(self) -> None:
        while True:
            async with self._session.get(self._url) as response:
                text = await response.text()
            if response.status == 200:
                self._read(text)
            else:
                self.failures.append(f"{response.status} {text[:200]}")
            self.scrapes += 1
            await asyncio.sleep(SCRAPED_EVERY_S)

    def _read(self, text: str) -> None:
        self.latest = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self.latest[sample.name, frozenset(sample.labels.items())] = sample.value
                self.highest[sample.name] = max(self.highest[sample.name], sample.value)

    def _check(self) -> None:
        if self._task.done():
            self._task.result()
