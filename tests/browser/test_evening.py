"""An evening as several people live it at once: a race, a reload, a rude guest."""

from __future__ import annotations

import asyncio

import pytest

from tests.browser.chromium import DESKTOP, PHONE, Chromium, Page
from tests.browser.house import House
from tests.browser.viewing import order_and_be_declined, say

pytestmark = [pytest.mark.browser, pytest.mark.slow]


async def test_two_viewers_press_for_the_last_piece_at_once_and_one_of_them_gets_it(
    browser: Chromium, house: House
) -> None:
    await house.set_up("Santos-Dumont", supply=1)
    desk = await browser.page(house.desk, **DESKTOP)
    viewers = [await browser.page(house.watch), await browser.page(house.watch, **PHONE)]
    for viewer in viewers:
        await viewer.sees(".stage .buy", "Reserve")
    with house.frozen("engine"):  # both have asked before anything is decided
        for viewer in viewers:
            await viewer.click(".stage .buy")
            await viewer.until("document.querySelector('.stage .buy[aria-busy]')")
    await desk.sees("#drops", "0 free · 1 held · 0 sold · of 1")
    winner, loser = await _who_got_it(viewers)
    await loser.sees(".stage .buy", "Wait in line")

    await winner.click("#checkout")
    await winner.sees(".order .state", "Confirmed · no. 1")
    await loser.sees(".stage .buy", "Sold out")
    await desk.sees("#drops", "0 free · 0 held · 1 sold · of 1")
    await desk.sees(".drop .chip", "SOLD OUT")
    await desk.sees("#numbers", "CNY 28,800")
    await desk.click("#end")
    await desk.click("#ask-yes")
    await desk.sees("#status", "ENDED")
    for viewer in viewers:
        await viewer.sees("#status", "ENDED")
    assert not await loser.ask("document.querySelector('#holds, #orders').childElementCount")
    await house.assert_the_books_are_clean()


async def _who_got_it(viewers: list[Page]) -> tuple[Page, Page]:
    """The one with a hold, and the other; exactly one has it once both are answered."""
    for viewer in viewers:
        await viewer.until("!document.querySelector('.stage .buy[aria-busy]')")
    holds = [
        await each.ask("document.querySelector('#holds').childElementCount") for each in viewers
    ]
    assert sorted(holds) == [0, 1]
    winner = holds.index(1)
    return viewers[winner], viewers[1 - winner]


async def test_a_reload_keeps_the_hold_the_order_and_the_desk(
    browser: Chromium, house: House
) -> None:
    await house.set_up("Santos-Dumont", supply=2)
    desk, viewer = await browser.page(house.desk), await browser.page(house.watch, **PHONE)
    await viewer.click(".stage .buy")
    await viewer.sees("#holds", "Santos-Dumont")
    await asyncio.gather(desk.reload(), viewer.reload())
    await desk.sees("#drops", "1 free · 1 held · 0 sold · of 2")
    await viewer.click("#bag-open")
    await viewer.sees("#holds", "Santos-Dumont")
    await order_and_be_declined(viewer)
    await viewer.sees(".order", "The bank declined")
    await viewer.reload()
    await viewer.click("#bag-open")
    await viewer.sees(".order .state", "Waits for payment")
    await viewer.click(".order button.main")
    await viewer.sees(".order .state", "Confirmed · no. 1")
    await viewer.reload()
    await viewer.click("#bag-open")
    await viewer.sees(".order .state", "Confirmed · no. 1")
    await desk.sees("#drops", "1 free · 0 held · 1 sold · of 2")
    await house.assert_the_books_are_clean()


async def test_what_a_moderator_takes_away_is_gone_for_everybody(
    browser: Chromium, house: House
) -> None:
    await house.set_up("Santos-Dumont", supply=1)
    desk = await browser.page(house.desk_of("marguerite", "moderator"))
    rude, other = await browser.page(house.watch), await browser.page(house.watch, **PHONE)
    await say(rude, "Something rude")
    for page in (desk, other):
        await page.sees("#chat", "Something rude")
    await desk.click("#chat button[aria-label^=Delete]")
    for page in (rude, other):
        await page.sees_no_more("#chat", "rude")
    late = await browser.page(house.watch)
    await say(late, "Good evening")
    await other.sees("#chat", "Good evening")
    assert "rude" not in await late.text("#chat")
