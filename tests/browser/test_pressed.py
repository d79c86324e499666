"""What a host presses: undone, pressed by a key, found again when the connection breaks on it."""

from __future__ import annotations

import pytest

from tests.browser.cable import Cable
from tests.browser.chromium import OUTAGE, Chromium
from tests.browser.house import House

pytestmark = [pytest.mark.browser, pytest.mark.slow]

UNSURE = "Add 7 to Santos-Dumont\nno answer: perhaps done"


async def test_a_press_whose_answer_is_lost_is_done_once_and_told_when_the_desk_is_back(
    browser: Chromium, house: House
) -> None:
    await house.set_up("Santos-Dumont", supply=1)
    async with Cable(house.control) as cable:
        desk = await browser.page(house.desk.replace(house.control, cable.url), 1440, 900)
        desk.may_complain(*OUTAGE)
        await desk.sees("#drops", "1 free · 0 held · 0 sold · of 1")
        await desk.type(".drop .restock input", "7")
        cable.cut_before_the_answer_to(b"/restock")
        await desk.click(".drop .restock button", times=2)
        await desk.sees("#band", "Connection lost")
        await desk.sees("#light", "Red\nThis desk has no connection")
        await desk.sees("#band", "1 without an answer")
        await desk.sees("#pressed", UNSURE)
        await desk.click('.drop [data-press="pause"]')
        await desk.sees("#pressed", "Pause Santos-Dumont\nnot done: no connection")

        cable.mend()
        await desk.sees("#pressed", "Add 7 to Santos-Dumont\ndone, told by the feed")
        await desk.sees_no_more("#band", "Connection lost")
        await desk.sees_no_more("#light", "This desk has no connection")
        await desk.sees("#drops", "8 free · 0 held · 0 sold · of 8")
        await desk.sees(".drop .chip", "OPEN")
        await desk.reload()
        await desk.sees("#pressed", "Add 7 to Santos-Dumont\ndone")


async def test_what_was_pressed_is_taken_back_by_a_key_and_keys_mean_nothing_while_one_types(
    browser: Chromium, house: House
) -> None:
    await house.set_up("Santos-Dumont", supply=1)
    desk = await browser.page(house.desk, 1440, 900)
    await desk.sees("#run-list", "pinned")
    await desk.click("#card-list button:has-text('Withdraw')", times=2)
    await desk.sees("#undo", "Withdraw the card Santos-Dumont")
    await desk.sees("#cards-empty", "No card")
    await desk.press("u")
    await desk.sees("#card-list", "PINNED")
    await desk.press("p")
    await desk.sees(".drop .chip", "PAUSED")
    await desk.sees("#run-list", "paused")
    await desk.press("?")
    await desk.sees("#keys", "Pause or resume")
    await desk.press("p")
    await desk.press("?")
    await desk.sees_no_more("#keys", "Pause or resume")
    await desk.press("a")
    await desk.press("p")
    await desk.until("document.querySelector('#announce-text').value === 'p'")
    await desk.sees(".drop .chip", "PAUSED")
    await desk.click(".drop .grave", times=2)  # the second of them answers no question
    await desk.sees("#ask-text", "Close the drop of Santos-Dumont?")
    await desk.press("Escape")
    await desk.sees(".drop .chip", "PAUSED")
