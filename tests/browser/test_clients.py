"""The code on docs/clients.md does what the page says, as it stands there."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from tests.browser.chromium import Chromium
from tests.browser.house import House

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
PYTHON, PLAIN, WITH_THE_FILE = re.findall(
    r"```(?:python|js)\n(.+?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
)[:3]
#: What is written to the console goes to the test as well.
RUN = """([code, address, ticket]) => new Promise((done) => {
    const said = [];
    const log = console.log;
    console.log = (...words) => {
        log(...words);
        said.push(words.join(" "));
        if (said.some((line) => line.startsWith("held until"))
            && said.some((line) => line.endsWith("left"))) done(said);
    };
    new (async () => {}).constructor("address", "ticket", code)(address, ticket);
})"""


async def address_and_ticket(house: House, viewer: str) -> tuple[str, str]:
    asked = {"viewer": viewer, "channel": "tmall", "name": viewer}
    issued = await house.call("POST", f"/rooms/{house.room}/tickets", asked)
    return issued["gateway_url"], issued["ticket"]


async def test_ten_lines_of_python_hold_a_piece(house: House) -> None:
    await house.set_up("Santos-Dumont", supply=1, sku="santos-dumont")
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-u", "-c", PYTHON),
        *await address_and_ticket(house, "wang"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert program.stdout is not None
        async with asyncio.timeout(20):
            assert await program.stdout.readline() == b"An evening\n"
            async for line in program.stdout:
                if b"'to': 'add-1'" in line:
                    break
            assert b"'ok': True" in line
            assert b"'sku': 'santos-dumont'" in line
    finally:
        program.kill()
        await program.wait()


async def test_ten_lines_of_javascript_hold_a_piece(browser: Chromium, house: House) -> None:
    await house.set_up("Santos-Dumont", supply=2, sku="santos-dumont")
    page = await browser.page(f"{house.control}/certificate")
    said = await page.ask(RUN, [PLAIN, *await address_and_ticket(house, "wang")])
    assert "1 left" in said

    importing = WITH_THE_FILE.replace(
        "import { Livestream } from", "const { Livestream } = await import("
    )
    code = (
        importing.replace('.js";', '.js");', 1) + 'console.log("held until", hold.expires_at_ms);'
    )
    said = await page.ask(RUN, [code, *await address_and_ticket(house, "li")])
    assert "0 left" in said
