"""Two moderators and a viewer: each sees at once what the others did, and who it was."""

from __future__ import annotations

import pytest

from tests.browser.chromium import DESKTOP, PHONE, Chromium
from tests.browser.house import House
from tests.browser.viewing import say

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WORST = "<b>rude</b>"


def line_with(text: str, inside: str = "#chat") -> str:
    return f"{inside} p:has-text({text!r})"


async def test_two_moderators_work_on_one_chat(browser: Chromium, house: House) -> None:
    await house.set_up("Santos-Dumont", supply=1)
    anna = await browser.page(house.desk_of("anna", "moderator"), **DESKTOP)
    ben = await browser.page(house.desk_of("ben", "moderator"), **PHONE)
    viewer = await browser.page(house.watch, **PHONE)
    await say(viewer, "Does it ship to Shanghai?")
    for moderator in (anna, ben):
        await moderator.sees("#chat", "Shanghai?")
    await say(viewer, WORST)
    await anna.sees("#chat", WORST)

    # One deletes: gone for the viewer, crossed out for the other, with the author's name.
    await anna.window.hover(line_with("rude"))
    await anna.click(f"{line_with('rude')} [data-deed=Delete]")
    await viewer.sees_no_more("#chat", "rude")
    await ben.until("document.querySelector('#chat .deleted')")
    await ben.click("#doings summary")
    await ben.sees("#doing-list", f"{WORST}”")
    assert "anna deleted" in await ben.text("#doing-list")

    # The other takes it back, on a phone: a touch shows what may be done.
    await ben.click(line_with("rude"))
    await ben.click(f"{line_with('rude')} [data-deed='Show again']")
    await viewer.sees("#chat", "rude")
    await anna.until("!document.querySelector('#chat .deleted')")
    await anna.window.hover(line_with("rude"))
    await anna.click(f"{line_with('rude')} [data-deed=Delete]")
    await anna.click("#undo-button")
    await ben.sees("#doing-list", "anna brought back")
    await viewer.sees("#chat", "rude")

    # A question is pinned for everybody, and answered.
    await anna.click("#chat-questions")
    question = line_with("Shanghai", "#questions")
    await anna.window.hover(question)
    await anna.click(f"{question} [data-deed=Pin]")
    newcomer = await browser.page(house.watch)
    for page in (viewer, newcomer):
        await page.sees("#chat-pinned", "Does it ship to Shanghai?")
    await ben.sees("#pinned-message", "Does it ship to Shanghai?")
    await anna.click(f"{question} [data-deed=Answered]")
    await anna.until("!document.querySelector('#questions p')")
    await anna.click("#pinned-end")
    await ben.until("document.querySelector('#pinned-message').hidden")
    await viewer.sees_no_more("#chat-pinned", "Shanghai")
    await anna.click("#chat-all")

    # Words of both hold.
    await anna.click("#words summary")
    await anna.type("#words-text", "rude")
    await house.call("PUT", f"/rooms/{house.room}/chat/words", {"words": ["坏蛋"]})
    await anna.click("#words-save")
    await anna.until("document.querySelector('#words-text').value === '坏蛋\\nrude'")
    await ben.sees("#doing-list", "anna set the blocked words, 2 of them")
    await say(viewer, "So RUDE, 坏蛋")
    await viewer.sees("#talk-said", "did not come up")
    assert "RUDE" not in await ben.text("#chat")

    # Nothing moves under the hand: what is said meanwhile is counted.
    await anna.window.hover(line_with("Shanghai"))
    await say(viewer, "While you read")
    await anna.sees("#chat-new", "1 new")
    assert "While you read" not in await anna.text("#chat")
    await anna.click("#chat-new")
    await anna.sees("#chat", "While you read")
    await anna.picture("moderator")

    # Who is muted is marked at each line, on every desk.
    await anna.click(f"{line_with('While you read')} [data-deed=Mute]")
    await ben.until("document.querySelectorAll('#chat [data-standing=muted]').length > 1")
    await ben.sees("#doing-list", "anna muted walk-in-")
    await anna.click("#undo-button")
    await ben.until("!document.querySelector('#chat [data-standing=muted]')")
    await ben.sees("#doing-list", "anna let speak")
    assert await ben.sticking_out() == []


async def test_an_analyst_reads_along_and_finds_nothing_to_press(
    browser: Chromium, house: House
) -> None:
    await house.set_up("Santos-Dumont", supply=1)
    await house.call("PUT", f"/rooms/{house.room}/chat/pin", {"text": "Doors at eight"})
    viewer = await browser.page(house.watch)
    await say(viewer, "Good evening")
    analyst = await browser.page(house.desk_of("carla", "analyst"), **DESKTOP)
    await analyst.sees("#chat", "Good evening")
    await analyst.sees("#pinned-message", "Doors at eight")
    await analyst.click("#doings summary")
    await analyst.sees("#doing-list", "claire pinned “Doors at eight”")
    visible = "[...document.querySelectorAll('#talk button')].filter((b) => b.checkVisibility())"
    assert await analyst.ask(f"{visible}.map((b) => b.id)") == ["chat-all", "chat-questions"]
