"""A show before its evening and after it: rehearsed in a sandbox room that is wiped, and looked at
again in a desk on which nothing can be pressed.
"""

from __future__ import annotations

import pytest

from tests.browser.chromium import DESKTOP, PHONE, Chromium
from tests.browser.house import House
from tests.browser.viewing import buy

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: Eighty seconds of show in eight.
SHOW = """\
version: 1
title: Santos, rehearsed
currency: CNY
cards:
  - {card_id: santos, title: Santos, sku: santos}
drops:
  - {drop_id: santos, sku: santos, title: Santos, supply: 4, price_minor: 5150000, hold: 20s}
cues:
  - {at: 0s, push: santos}
  - {at: 2s, schedule: {drop: santos, opens: 10s}}
  - {at: 80s, end: show}
"""


async def test_a_host_rehearses_a_show_and_reads_what_came_of_it(
    browser: Chromium, house: House
) -> None:
    await house.call("POST", "/rooms", {"room": house.room, "title": "The evening itself"})
    await house.call("POST", "/rooms", {"room": f"{house.room}-2", "title": "Another"})
    host = await browser.page(house.panel, **DESKTOP)
    host.may_complain("422")
    await host.click("#rehearse summary")
    await host.type("#rehearse-form textarea", SHOW.replace("supply: 4", "supply: four"))
    await host.type("#rehearse-form [name=viewers]", "12")
    await host.type("#rehearse-form [name=speed]", "10")
    await host.click("#rehearse-start")
    await host.sees("#rehearse-said", "line 7: drops[0].supply: expected int")
    await host.type("#rehearse-form textarea", SHOW)
    await host.click("#rehearse-form textarea")  # else the next press is the half of a double click
    await host.click("#rehearse-start")
    await host.sees("#rehearsals", "10 × · 12 viewers · by claire")
    await host.sees("#rehearsals", "the show begins in")
    await host.sees("#rehearsals", "The show runs")
    await host.click("#rehearsals button")
    await host.sees("#rehearsal", "Nothing that is sold here is real.")

    # Wiped: the desk of the room is left by itself.
    await host.sees("#rehearsals", "Played to its end")
    await host.sees("#rehearsals", "AUDIT CLEAN")
    await host.sees("#rehearsals", "4 of 4, gone in")
    await host.sees_no_more("#room-list", "a sandbox")


async def test_last_nights_show_is_looked_at_again_and_nothing_can_be_pressed(
    browser: Chromium, house: House
) -> None:
    await house.set_up("Santos-Dumont", supply=1)
    viewer = await browser.page(house.watch, **PHONE)
    await buy(viewer)
    desk = await browser.page(house.desk, **DESKTOP)
    await desk.sees("#drops", "0 free · 0 held · 1 sold · of 1")
    at = f"/rooms/{house.room}"
    await house.call("POST", f"{at}/announcements", {"text": "Thank you all"})
    await house.call("POST", f"{at}/end")
    await desk.click("#replay")
    await desk.sees("#rehearsal", "Chat is not in the log")
    assert desk.window.url.endswith(f"#room={house.room}&replay")
    # From mark to mark: the show begins, the drop opens, is sold out, the show ends.
    await desk.sees("#drops", "No drop yet.")
    await desk.press("]")
    await desk.sees("#drops", "1 free · 0 held · 0 sold · of 1")
    await desk.sees(".drop .chip", "OPEN")
    await desk.sees("#numbers", "nothing paid yet")
    await desk.press("]")
    await desk.sees(".drop .chip", "SOLD OUT")
    await desk.sees("#numbers", "CNY 28,800")
    await desk.press("]")
    await desk.sees("#announced", "Thank you all")
    for selector in ("#talk", "#pressed", "#start", "#end", "#cards button", "#drops button"):
        assert not await desk.window.locator(selector).filter(visible=True).count(), selector

    # It plays to its end by itself, and goes back to before anything was sold.
    await desk.choose(".replay select", "60")
    await desk.press(" ")
    await desk.sees("#status", "ENDED")
    await desk.sees(".replay-play", "Play")
    await desk.click(".replay-marks button[data-kind='drop.opened']")
    await desk.sees("#drops", "1 free · 0 held · 0 sold · of 1")
    await desk.sees_no_more("#announced", "Thank you all")
    await desk.resize(360, 740)
    assert not await desk.sticking_out()
    await desk.reload()
    await desk.sees("#rehearsal", "Chat is not in the log")
    await desk.click("#rehearsal button:has-text('Leave the replay')")
    await desk.sees("#talk", "Chat")
    assert "replay" not in desk.window.url
