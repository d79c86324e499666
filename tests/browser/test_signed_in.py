"""Whoever sits at the desk: what the role shows, what the forms say, and a session that ends."""

from __future__ import annotations

import pytest

from tests.browser import accessibility
from tests.browser.chromium import DESKTOP, PHONE, SIGN_IN, Chromium, Page
from tests.browser.house import House, Post
from tests.browser.viewing import say

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CONTROLS = "#desk button, #desk input, #desk select, #desk textarea, #desk summary, header button"
END_IT = """async () => {
    const { csrf } = await (await fetch("/api/v1/session")).json();
    await fetch("/api/v1/session", { method: "DELETE", headers: { "X-CSRF-Token": csrf } });
}"""


async def test_a_session_that_ends_takes_nothing_with_it(browser: Chromium, house: House) -> None:
    """A drop is half typed when the session ends; then everything that a host declares, by hand."""
    await house.set_up("Santos-Dumont", supply=1, perks=[_PERK])
    desk = await browser.page(house.desk, **DESKTOP)
    assert await desk.ask("location.hash") == f"#room={house.room}", "the token stays nowhere"
    await desk.click("#drop-new")
    await desk.type("#drop-form [name=title]", "Tank")
    await desk.type("#announce-text", "Half a sen")
    desk.may_complain(SIGN_IN)
    await desk.ask(END_IT)
    await desk.sees("#again", "Your session has run out")
    await desk.press("Escape")  # to read something first
    await desk.click("#session-ends")
    await desk.type("#again-token", "nonsense")
    await desk.click("#again-button")
    await desk.sees("#again-said", "not issued here")
    await desk.type("#again-token", house.token)
    await desk.click("#again-button")
    await desk.until("!document.querySelector('#again').open")
    assert await _value(desk, "#drop-form [name=title]") == "Tank"
    assert await _value(desk, "#announce-text") == "Half a sen"

    await desk.type("#drop-form [name=sku]", "tank")
    await desk.click("#drop-schedule")
    await desk.sees("#drop-said", "The price is missing.")
    await desk.type("#drop-form [name=price]", "42,000")
    await desk.click("[data-part=channels] summary")
    await desk.click("[data-list=allocations] > button")
    await desk.type("[name=channel]", "tmall")
    await desk.type("[name=units]", "999")
    await desk.click("#drop-schedule")
    await desk.sees("#drop-said", "Channels are given 999 pieces, and there are 288.")
    if accessibility.SCRIPT.exists():  # where it does not, test_as_seen.py says so
        assert await accessibility.faults(desk) == []
    await desk.click("#drop-draft")  # half a thought may wait
    await desk.sees("#drafts", "999 for tmall")
    await desk.click("#drafts button:has-text('Edit')")
    await desk.type("[name=units]", "99")
    await desk.click("#drop-schedule")
    await desk.sees("#drop-list", "99 for tmall")
    await desk.sees_no_more("#drafts", "Tank")

    await desk.click("#slots-open")
    for field, text in _SLOT.items():
        await desk.type(f"#slots-form [name={field}]", text)
    await desk.click("#slots-put")
    await desk.sees("#slots-sheet li", "10 free · 0 held · 0 taken · of 10")
    await desk.click("#coupons-open")
    await desk.type("#coupons-form [name=code]", "SOIREE")
    await desk.click("#coupons-put")
    await desk.sees("#coupons-sheet li", "10 % off · for everything · once each")
    await desk.click("#rules-open")
    await desk.type("#rules-form [name=limit]", "3")
    await desk.click("#rules-put")
    await desk.sees("#rules-words", "3 pieces each in all")
    await desk.resize(PHONE["width"], PHONE["height"])
    assert await desk.sticking_out() == []


_PERK = {"perk_id": "bellboy", "name": "Bellboy delivery", "first_n": 88, "slots": True}
_SLOT = {
    "slot_id": "sh-1",
    "city": "Shanghai",
    "from": "2040-12-01T10:00",
    "until": "2040-12-01T12:00",
}


async def _value(page: Page, selector: str) -> str:
    return str(await page.window.locator(selector).first.input_value())


#: What a role sees of the desk, and what only those above it see.
SEES: dict[Post, tuple[set[str], set[str]]] = {
    "analyst": ({"Rules", "Coupons"}, {"Delete", "Mute", "Pause", "New drop", "End the show"}),
    "moderator": ({"Delete", "Mute", "Ban"}, {"Pause", "New drop", "Announce", "End the show"}),
}


async def test_what_a_role_may_not_do_it_does_not_see(browser: Chromium, house: House) -> None:
    await house.set_up("Santos-Dumont", supply=1)
    viewer = await browser.page(house.watch)
    await say(viewer, "Bonsoir")
    everything = await _controls(await browser.page(house.desk, **DESKTOP))
    for role, (seen, unseen) in SEES.items():
        desk = await browser.page(house.desk_of("remi", role), **DESKTOP)
        shown = await _controls(desk)
        assert seen <= shown, role
        assert not unseen & shown, role
        assert seen | unseen <= everything, "a host sees all of it"
    await desk.click("#coupons-open")
    await desk.sees("#coupons-sheet", "No coupon yet")
    assert not await desk.ask("document.querySelector('#coupons-form').checkVisibility()")

    await desk.context.new_page()
    tab = browser.pages[-1]
    for page in (desk, tab):  # they ask whether another session has begun meanwhile
        page.may_complain(SIGN_IN)
    await tab.open(f"{house.control}/#room={house.room}")
    await tab.click("#sign-out")
    await desk.sees("#sign-in-said", "signed out in another tab")
    await tab.sees("#sign-in", "HOST TOKEN")
    assert not await desk.ask("document.querySelector('#again').open")
    await desk.reload()
    await desk.sees("#sign-in", "HOST TOKEN")


async def _controls(page: Page) -> set[str]:
    """What can be pressed or typed into, as it is called on the page; once all is there."""
    await page.sees("#chat", "Bonsoir")
    await page.sees("#drops", "1 free")
    return {
        text.strip()
        for text in await page.ask(
            """(selector) => [...document.querySelectorAll(selector)]
                .filter((each) => each.checkVisibility())
                .map((each) => each.innerText || each.name || each.id)""",
            CONTROLS,
        )
    }
