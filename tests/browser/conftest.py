"""A whole installation, a browser, and the people before it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from livestream.tickets import HostToken, issue_host_token
from tests.browser import chromium
from tests.browser.chromium import Chromium, Page
from tests.integration.programs import Program, start_program

SECRET = "for tests only, and 32 characters or more"
AN_HOUR_MS = 3_600_000


class House:
    """`livestream serve`, with doors that let anybody walk in, and a host's token."""

    def __init__(self, program: Program, var_dir: Path, room: str) -> None:
        self.program = program
        self.var_dir = var_dir
        self.room = room
        self.control = str(program.logged("serve.up")[0]["panel"])
        expires_at_ms = int(time.time() * 1000) + AN_HOUR_MS
        self.token = issue_host_token(SECRET, HostToken("claire", "host", expires_at_ms))

    @property
    def panel(self) -> str:
        return f"{self.control}/#token={self.token}"

    @property
    def desk(self) -> str:
        return f"{self.panel}&room={self.room}"

    @property
    def watch(self) -> str:
        return f"{self.control}/watch/{self.room}"

    @property
    def gateway_pid(self) -> int:
        return int(self.program.logged("gateway.listening")[-1]["pid"])

    async def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        """The control API, for what a test is not about."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with (
            aiohttp.ClientSession(self.control, headers=headers) as session,
            session.request(method, f"/api/v1{path}", json=body or {}) as answer,
        ):
            assert answer.ok, await answer.text()

    async def set_up(self, title: str, supply: int, **more: object) -> None:
        """A live room with a pinned card, and its drop that is open."""
        at = f"/rooms/{self.room}"
        await self.call("POST", "/rooms", {"room": self.room, "title": "An evening"})
        await self.call("PUT", f"{at}/cards/c1", {"title": title, "sku": "santos"})
        await self.call("PUT", f"{at}/pin", {"card_id": "c1"})
        await self.call("POST", f"{at}/start")
        terms = {"drop_id": "d1", "sku": "santos", "title": title, "supply": supply}
        price = {"price_minor": 2_880_000, "currency": "CNY"}
        await self.call("POST", f"{at}/drops", {**terms, **price, **more})
        await self.call("POST", f"{at}/drops/d1/open")


@pytest.fixture
def house(free_dir: Path, room: str) -> Iterator[House]:
    """A house of the test's own, on ports that the kernel chose."""
    program = start_program(
        free_dir,
        "serve",
        "serve",
        var_dir=free_dir / "var",
        control_port=0,
        gateway_port=0,
        gateways=1,
        walk_in="true",
        secret=SECRET,
    )
    try:
        assert program.has_logged("serve.up"), program.log_path.read_text()
        assert program.has_logged("gateway.listening")
        assert program.has_logged("control.listening")
        yield House(program, free_dir / "var", room)
        assert program.stop() == 0
    finally:
        program.clear_away()


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Chromium]:
    """A browser; without one on this machine the test is left out."""
    program = chromium.find()
    if program is None:
        pytest.skip("no Chromium on PATH: the pages are not tried in a browser")
    async with Chromium(program, tmp_path) as started:
        yield started


@pytest.fixture
async def host(browser: Chromium, house: House) -> Page:
    """Somebody at the desk, in the list of rooms."""
    return await browser.page(house.panel)
