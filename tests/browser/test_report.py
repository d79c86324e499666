"""The report in a browser: in the desk's frame under its policy, and as the one file it can be."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.browser.chromium import PHONE, SCRIPT, SIGN_IN, Chromium, Page
from tests.browser.house import House
from tests.browser.viewing import buy

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest_asyncio.fixture(loop_scope="package")
async def sold(browser: Chromium, house: House) -> House:
    """A show that is over, in which somebody bought something with a script for a title."""
    await house.set_up(SCRIPT, supply=2)
    viewer = await browser.page(house.watch)
    await buy(viewer)
    await house.call("POST", f"/rooms/{house.room}/end")
    return house


async def is_drawn(page: Page) -> None:
    """The style is in force and the plots have a size: the policy let them."""
    await page.sees(".report h1", "An evening")
    assert (
        await page.ask("getComputedStyle(document.querySelector('.report th')).fontWeight") == "400"
    )
    assert await page.ask("document.querySelector('svg.plot').getBoundingClientRect().height > 80")
    fill = "getComputedStyle(document.querySelector('.plot .column')).fill"
    assert await page.ask(fill) == "rgb(122, 20, 40)"
    assert SCRIPT in await page.text("#drops table")
    assert not await page.ask("'owned' in window")
    assert await page.ask("document.querySelectorAll('.report script, .report img').length") == 0


async def test_a_host_opens_the_report_from_the_desk(browser: Chromium, sold: House) -> None:
    desk = await browser.page(sold.desk)
    await desk.sees("#status", "ENDED")
    await desk.click("#report-link")
    report = await browser.opened(f"/report/{sold.room}")
    await is_drawn(report)
    await report.sees(".tiles", "CNY 28,800.00")
    await report.sees("#reconciliation", "Everything that was compared agrees.")
    await report.click("#run summary")
    await report.sees("#run details", "0:00")
    assert await report.sticking_out() == []
    await report.click("#desk-link")
    await report.sees("#status", "ENDED")


async def test_while_the_show_is_on_the_desk_has_no_link_to_the_report(
    browser: Chromium, house: House
) -> None:
    await house.set_up("Santos", supply=1)
    desk = await browser.page(house.desk)
    await desk.sees("#status", "LIVE")
    assert await desk.ask("document.querySelector('#report-link').hidden")


async def test_without_the_desks_token_there_is_nothing_to_see(
    browser: Chromium, house: House
) -> None:
    await house.set_up("Santos", supply=1)
    page = await browser.page(f"{house.control}/report/{house.room}")
    page.may_complain(SIGN_IN)
    await page.sees("#said", "Sign in at the desk first")
    assert await page.ask("document.querySelector('#sheet').childElementCount") == 0


async def test_the_file_can_be_opened_by_itself(
    browser: Chromium, sold: House, tmp_path: Path
) -> None:
    headers = {"Authorization": f"Bearer {sold.token}"}
    address = f"{sold.control}/api/v1/rooms/{sold.room}/report.html"
    async with aiohttp.ClientSession(headers=headers) as session, session.get(address) as answer:
        file = tmp_path / "report.html"
        file.write_bytes(await answer.read())
    page = await browser.page(file.as_uri(), **PHONE)
    await is_drawn(page)
    assert await page.sticking_out() == [], "on a phone too"
