"""A host and a viewer at the two pages, against everything that `livestream serve` runs."""

from __future__ import annotations

import asyncio

import pytest

from tests.browser.chromium import PHONE, SCRIPT, SIGN_IN, Chromium, Page
from tests.browser.house import House
from tests.browser.viewing import say

pytestmark = [pytest.mark.browser, pytest.mark.slow]


async def test_a_host_runs_a_drop_and_a_viewer_buys_with_every_press_doubled(
    browser: Chromium, house: House, host: Page
) -> None:
    await host.type("#room-form [name=room]", house.room)
    await host.type("#room-form [name=title]", "An evening at the maison")
    await host.click("#room-create", times=2)
    await host.sees("#status", "NOT BEGUN")
    viewer = await browser.page(house.watch, **PHONE)
    await viewer.sees("#title", "An evening at the maison")

    await host.click("details:has(#card-form) summary")
    await host.type("#card-form [name=title]", "Santos-Dumont")
    await host.type("#card-form [name=card_id]", "santos")
    await host.type("#card-form [name=sku]", "santos")
    await host.click("#card-put", times=2)
    await host.sees("#cards", "Santos-Dumont")
    await host.click("#start", times=2)
    await host.click("#drop-new")
    for part in ("perks", "options"):
        await host.click(f"[data-part={part}] summary")
        await host.click(f"[data-list={part}] > button")
    for field, text in {
        "title": "Santos-Dumont",
        "sku": "santos",
        "price": "28,800.50",
        "supply": "3",
        "name": "Bellboy delivery",
        "first_n": "1",
        "characters": "12",
    }.items():
        await host.type(f"#drop-form [name={field}]", text)
    await host.click("#drop-schedule", times=2)
    await viewer.sees(".stage .buy", "Not yet open")
    await host.click(".drop button.main", times=2)  # where "Pause" will be, a moment later
    await host.sees("#drops", "3 free · 0 held · 0 sold · of 3")
    await host.sees(".drop .chip", "OPEN")

    await viewer.click(".stage .buy", times=2)
    await viewer.sees("#holds", "Santos-Dumont")
    await host.sees("#drops", "2 free · 1 held · 0 sold · of 3")
    await viewer.type("#wish-santos-engraving", "A.S.D. 1904")
    await viewer.sees("#sandbox", "No money moves here")
    await viewer.click("input[value=tok_decline]")
    await viewer.click("#checkout", times=2)
    await viewer.sees(".order", "“A.S.D. 1904”")
    await viewer.sees(".order", "The bank declined")
    await viewer.click("input[value=tok_approve]")
    await viewer.click(".order button.main", times=2)
    await viewer.sees(".order .state", "Confirmed · no. 1")
    await viewer.sees(".order .perk", "Bellboy delivery · you are number 1")

    await host.sees("#numbers", "CNY 28,800.50")
    await host.sees("#drops", "2 free · 0 held · 1 sold · of 3")
    await host.sees("#takings", "walk-in")
    await host.sees("#arrivals", "Drop opened")
    await host.sees("#arrivals", "100 %")
    await host.sees("#gateways", "g-")
    assert await viewer.ask("document.querySelectorAll('#orders > li').length") == 1
    assert await viewer.sticking_out() == []


async def test_a_script_in_a_title_and_in_the_chat_stays_text(
    browser: Chromium, house: House
) -> None:
    await house.set_up(SCRIPT, supply=1)
    desk, viewer = await browser.page(house.desk), await browser.page(house.watch)
    await say(viewer, f"Bonsoir {SCRIPT}")
    for page in (desk, viewer):
        await page.sees("#chat", f"Bonsoir {SCRIPT}")
    await viewer.sees(".stage h2", SCRIPT)
    await desk.sees("#cards h3", SCRIPT)
    await desk.sees("#drops h3", SCRIPT)
    for page in (desk, viewer):
        assert not await page.ask("'owned' in window")
        assert await page.ask("document.querySelectorAll('body script, img[src]').length") == 0


async def test_a_moderator_mutes_deletes_and_bans(browser: Chromium, house: House) -> None:
    await house.set_up("Santos-Dumont", supply=1)
    desk, viewer = await browser.page(house.desk), await browser.page(house.watch)
    await say(viewer, "Something rude")
    await desk.sees("#chat", "Something rude")
    await desk.click("#chat button[aria-label^=Delete]")
    await viewer.sees_no_more("#chat", "rude")
    await desk.click("#chat button[aria-label^=Mute]")
    await desk.sees("#moderated-count", "1")
    async with asyncio.timeout(20):  # the desk may know a moment before the viewer's gateway does
        while "paused your messages" not in await viewer.text("#talk-said"):
            await say(viewer, "Again")
            await asyncio.sleep(0.3)
    viewer.may_complain("403")
    await desk.click("#chat button[aria-label^=Ban]")
    await desk.click("#ask-yes")
    await viewer.sees("#line", "shown out")

    await viewer.open(house.watch)
    await viewer.sees("#line", "shown out")
    await asyncio.sleep(1.5)
    await viewer.sees("#line", "shown out")
    assert not await viewer.ask("document.querySelector('.stage .buy')"), "a reload lets nobody in"
    await desk.click("#moderated summary")
    await desk.click("#moderated-list li:last-child button")
    await viewer.sees(".stage .buy", "Reserve")
    assert "shown out" not in await viewer.text("#line")


async def test_a_wrong_token_is_refused_in_words_and_leaves_the_address(
    browser: Chromium, house: House
) -> None:
    page = await browser.page(f"{house.control}/#token=nonsense&room=salon")
    page.may_complain(SIGN_IN)
    await page.sees("#sign-in-said", "token")
    assert await page.ask("location.hash") == ""
    assert await page.ask("sessionStorage.length") == 0


async def test_a_viewer_waits_in_line_and_gets_what_another_puts_back(
    browser: Chromium, house: House
) -> None:
    await house.set_up("Santos-Dumont", supply=1)
    first, second = await browser.page(house.watch), await browser.page(house.watch, **PHONE)
    await first.click(".stage .buy")
    await first.sees("#holds", "Santos-Dumont")
    await second.sees(".stage .buy", "Wait in line")
    await second.click(".stage .buy")
    await second.sees(".stage .hint", "You are number 1 in line. You are next")
    await second.sees(".stage .buy", "Leave the line")
    await first.click("#holds button")
    await second.sees("#holds", "Santos-Dumont")
    assert await second.sticking_out() == []


async def test_a_host_schedules_a_drop_that_was_drafted(browser: Chromium, house: House) -> None:
    await house.set_up("Santos-Dumont", supply=1)
    terms = {"sku": "tank", "title": "Tank", "supply": 2, "price_minor": 100, "currency": "CNY"}
    await house.call("PUT", f"/rooms/{house.room}/drafts/tank", terms)
    desk = await browser.page(house.desk)
    await desk.sees("#drafts", "Tank")
    await desk.click("#drafts button.main")
    await desk.sees("#drops", "Tank")
    await desk.sees_no_more("#drafts", "Tank")
