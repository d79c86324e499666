"""The cable between a browser and the house: bytes both ways, until somebody cuts it.

Owns real sockets on 127.0.0.1. Refuses to know what goes through them.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

CHUNK_BYTES = 65_536


class Cable:
    """Use as a context manager; `url` stands for `target` then."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        assert parts.hostname is not None
        self._to = parts.hostname, parts.port
        self._plugs: set[asyncio.StreamWriter] = set()
        self._carrying: set[asyncio.Task[None]] = set()
        self._whole = True
        self._unanswered = b""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._plugged_in, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()
        self._server.close()
        for task in self._carrying:
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)

    def cut(self) -> None:
        """Everything that goes through it ends here and now, and nobody gets through any more."""
        self._whole = False
        for plug in list(self._plugs):
            plug.transport.abort()

    def cut_before_the_answer_to(self, sent: bytes) -> None:
        """Let the house do what a request asks that contains this, and cut when it answers."""
        self._unanswered = sent

    def mend(self) -> None:
        """It carries again."""
        self._whole, self._unanswered = True, b""

    async def _plugged_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._plugs.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self._carrying.add(task)
        try:
            with suppress(OSError):
                if self._whole:
                    await self._carry(reader, writer)
        finally:
            writer.transport.abort()
            self._plugs.discard(writer)
            self._carrying.discard(task)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, requests = await asyncio.open_connection(*self._to)
        self._plugs.add(requests)
        asked = asyncio.Event()
        ways = [
            asyncio.create_task(self._ask(reader, requests, asked)),
            asyncio.create_task(self._answer(answers, writer, asked)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            requests.transport.abort()
            self._plugs.discard(requests)

    async def _ask(
        self, browser: asyncio.StreamReader, house: asyncio.StreamWriter, asked: asyncio.Event
    ) -> None:
        while data := await browser.read(CHUNK_BYTES):
            if self._unanswered and self._unanswered in data:
                asked.set()
            house.write(data)
            await house.drain()

    async def _answer(
        self, house: asyncio.StreamReader, browser: asyncio.StreamWriter, asked: asyncio.Event
    ) -> None:
        while data := await house.read(CHUNK_BYTES):
            if asked.is_set():
                self.cut()
                return
            browser.write(data)
            await browser.drain()
