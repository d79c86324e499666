"""Both pages as they are seen: in their main states, wide and narrow, by day and by night.

One evening is walked through once. Each stop is kept as a picture under var/screenshots/, for
people to look at, and held against what can be told of it without eyes.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser import accessibility
from tests.browser.chromium import DESKTOP, PHONE, SIGN_IN, Chromium, Page
from tests.browser.house import House
from tests.browser.viewing import order_and_be_declined, say

#: The evening is walked through in the set-up of whichever test comes first: 20 stops.
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

SMALL, LARGE = (360, 740), (1440, 900)
#: From the narrowest phone that is sold to a wall.
SIZES = ((320, 640), SMALL, (768, 1024), LARGE, (1920, 1080))
LONG = "Montre-bracelet Santos-Dumont extraplate à remontage manuel, grand modèle, or gris 750/1000"
UNBROKEN = "w" * 120
AN_HOUR_MS = 3_600_000


@dataclass
class Album:
    """What was seen at each stop of the evening, by the stop's name."""

    sticks_out: dict[str, dict[int, list[str]]] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)

    async def keep(self, page: Page, stop: str, judge: bool = True) -> None:
        """Look at a page as it is now, in every size, and have axe-core judge it if it is there."""
        own = page.window.viewport_size
        assert own is not None
        out: dict[int, list[str]] = {}
        for width, height in SIZES:
            await page.resize(width, height)
            if found := await page.sticking_out():
                out[width] = list(found)
            if (width, height) in (SMALL, LARGE):
                await page.picture(f"{stop}-{width}")
        await page.resize(own["width"], own["height"])
        self.sticks_out[stop] = out
        if judge and accessibility.SCRIPT.exists():
            self.faults[stop] = await accessibility.faults(page)


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def album(_browser: Browser, _served: House) -> AsyncIterator[Album]:
    """The evening, from the sign-in to the end, with names as long as they get."""
    people, house, album = Chromium(_browser), _served, Album()
    house.room = "evening"
    at = f"/rooms/{house.room}"

    stranger = await people.page(house.control, **DESKTOP)
    stranger.may_complain(SIGN_IN)  # the desk's first question, to which there is no session yet
    await stranger.sees("#sign-in", "Sign in")
    await album.keep(stranger, "desk-sign-in")

    for room in ("salon", "atelier"):
        await house.call("POST", "/rooms", {"room": room, "title": LONG})
    desk = await people.page(house.panel, **DESKTOP)
    await desk.sees("#room-list", LONG)
    await album.keep(desk, "desk-rooms")

    await house.call("POST", "/rooms", {"room": house.room, "title": LONG})
    viewer = await people.page(house.watch, **PHONE)
    await viewer.sees("#empty", "about to begin")
    await album.keep(viewer, "watch-before")

    perks = [{"perk_id": "bellboy", "name": "Bellboy delivery", "first_n": 1}]
    await house.set_up(LONG, supply=3, room_title=LONG, perks=perks)
    opens = {"opens_at_ms": int(time.time() * 1000) + AN_HOUR_MS, "price_minor": 100}
    later = {"drop_id": "d2", "sku": "tank", "title": UNBROKEN, "supply": 2, "currency": "CNY"}
    await house.call("POST", f"{at}/drops", {**later, **opens})
    await house.call("POST", f"{at}/announcements", {"text": LONG})
    await viewer.sees(".stage .buy", "Reserve")
    await say(viewer, f"Bonsoir {UNBROKEN}")
    await viewer.sees("#chat", "Bonsoir")
    await album.keep(viewer, "watch-live")
    for language, reserve in (("fr", "Réserver"), ("zh", "立即预留")):
        await viewer.open(f"{house.watch}?lang={language}")
        await viewer.sees(".stage .buy", reserve)
        await album.keep(viewer, f"watch-live-{language}", judge=False)
    await viewer.open(house.watch)

    await house.call("PUT", f"{at}/chat/pin", {"text": LONG})
    await house.call("PUT", f"{at}/chat/words", {"words": [UNBROKEN[:64]]})
    desk = await people.page(house.desk, **DESKTOP)
    await desk.sees("#chat", "Bonsoir")
    await desk.sees("#pinned-message", LONG)
    await desk.click("#words summary")
    await desk.sees("#words-count", "1")
    await desk.sees("#drops", LONG)
    await album.keep(desk, "desk-live")

    await viewer.click(".stage .buy")
    await viewer.sees("#holds", LONG)
    await album.keep(viewer, "watch-hold")
    await order_and_be_declined(viewer)
    await viewer.sees(".order", "The bank declined")
    await album.keep(viewer, "watch-order")
    await viewer.click("input[value=tok_approve]")
    await viewer.click(".order button.main")
    await viewer.sees(".order .perk", "Bellboy delivery")
    await album.keep(viewer, "watch-paid")

    for button in ("drop-new", "rules-open", "slots-open", "coupons-open", "picture-open"):
        await desk.click(f"#{button}")
        await desk.until("document.querySelector('dialog[open]')")
        await album.keep(desk, f"desk-{button}")
        await desk.press("Escape")
        await desk.until("!document.querySelector('dialog[open]')")

    await desk.click("#end")
    await desk.sees("#ask", "End the show?")
    await album.keep(desk, "desk-ask")
    await desk.click("#ask-yes")
    await desk.sees("#status", "ENDED")
    await album.keep(desk, "desk-ended")
    await desk.click("#report-link")
    report = await people.opened("/report/")
    await report.sees(".report h1", LONG)
    await album.keep(report, "report")
    yield album
    await people.leave()
    assert people.complaints() == []


async def test_nothing_makes_a_page_scroll_sideways_from_320_to_1920_pixels(album: Album) -> None:
    assert {stop: out for stop, out in album.sticks_out.items() if out} == {}


async def test_axe_core_finds_nothing_serious(album: Album) -> None:
    accessibility.require()
    assert {stop: faults for stop, faults in album.faults.items() if faults} == {}
