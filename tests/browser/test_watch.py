"""The viewer's page in a buyer's hand: it speaks their language, is light, and stands still."""

from __future__ import annotations

import time

import pytest

from tests.browser.chromium import PHONE, Chromium, Page
from tests.browser.house import House
from tests.browser.viewing import buy
from tests.livestream.control.test_watch_page import SCRIPT_BYTES_MAX

pytestmark = [pytest.mark.browser, pytest.mark.slow]

A_FRAME_LATER = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"

A_DAY_MS = 86_400_000
#: "Good" is 0.1 (web.dev/cls); here only the line about viewers may grow by a digit.
SHIFT_MAX = 0.01
SHIFTED = """() => new Promise((told) => {
    let sum = 0;
    new PerformanceObserver((list) => {
        for (const shift of list.getEntries()) sum += shift.hadRecentInput ? 0 : shift.value;
    }).observe({ type: "layout-shift", buffered: true });
    setTimeout(() => told(sum), 100);
})"""
SCRIPT_BYTES = """performance.getEntriesByType("resource")
    .filter(({ name }) => name.endsWith(".js"))
    .reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0)"""


async def test_two_taps_buy_on_a_slow_phone_while_the_page_stands_still(
    browser: Chromium, house: House
) -> None:
    perks = [{"perk_id": "bellboy", "name": "Bellboy delivery", "first_n": 1}]
    await house.set_up("Santos-Dumont", supply=2, perks=perks, numbered=True)
    viewer = await browser.page(house.watch, **PHONE)
    await buy(viewer, "Confirmed · no. 1")
    await viewer.sees(".order .perk", "No. 1 of 2")
    await viewer.click("#bag-close")
    await viewer.sees(".stage .hint", "1 of 2 left")
    for text in ("Good evening", "The doors are open"):
        await house.call("POST", f"/rooms/{house.room}/announcements", {"text": text})
        await viewer.sees("#announcement", text)
    await house.call("PUT", f"/rooms/{house.room}/cards/c2", {"title": "Another piece"})
    await viewer.sees("#cards h2", "Another piece")
    assert await viewer.ask(SHIFTED) < SHIFT_MAX
    assert 0 < await viewer.ask(SCRIPT_BYTES) <= SCRIPT_BYTES_MAX


async def test_a_buyer_in_french_has_a_piece_engraved_delivered_and_certified(
    browser: Chromium, house: House
) -> None:
    perk = {"perk_id": "bellboy", "name": "Livraison en gants", "first_n": 1, "slots": True}
    engraving = {"option_id": "text", "kind": "engraving", "characters_max": 9}
    await house.set_up(
        "Santos-Dumont",
        supply=2,
        perks=[perk],
        options=[engraving],
        numbered=True,
        guarantee_days=730,
    )
    tomorrow_ms = int(time.time() * 1000) + A_DAY_MS
    slot = {"perk_id": "bellboy", "city": "Paris", "from_ms": tomorrow_ms, "capacity": 1}
    slot["until_ms"] = tomorrow_ms + 3_600_000
    await house.call("PUT", f"/rooms/{house.room}/slots/s1", slot)
    still = "/static/client/mark.svg"
    viewer = await browser.page(
        house.watch, **PHONE, locale="fr-CA", reduced_motion="no-preference"
    )
    viewer.may_complain("404")  # the stream, where the browser would play it
    await viewer.sees(".stage .buy", "Réserver")
    desk = await browser.page(house.desk)
    await desk.click("#picture-open")
    await desk.type("#picture-form [name=hls_url]", "/nowhere.m3u8")
    await desk.type("#picture-form [name=poster_url]", still)
    await desk.click("#picture-put")
    await viewer.until(f"document.querySelector('#screen img')?.getAttribute('src') === '{still}'")
    await viewer.click(".stage .buy")
    await viewer.type("#wish-santos-text", "A.S.D.")
    await viewer.choose("#slot", "s1")
    await viewer.click("#checkout")
    await viewer.sees(".order .state", "Confirmée · n° 1")
    for words in ("vous êtes le numéro 1", "N° 1 sur 2", "Paris, "):
        await viewer.sees(".order .perk", words)
    await viewer.click(".order .certificate")
    await viewer.sees(".certificates .number", "N° 1 sur 2")
    await viewer.click(".certificates a")
    check = await browser.opened("/certificate")
    await check.sees("#verdict", "Il est authentique et toujours valable.")
    await check.sees("#piece", "Santos-Dumont")
    assert await check.sticking_out() == []

    await check.click("[hreflang=zh]")
    await check.sees("#verdict", "证书真实有效")
    await _speaks_chinese(viewer)


async def _speaks_chinese(viewer: Page) -> None:
    """The same viewer changes the language: everything is still there."""
    await viewer.click("#bag-close")
    await viewer.click("[hreflang=zh]")
    await viewer.sees("#status", "直播中")
    assert await viewer.ask("document.documentElement.lang") == "zh-Hans"
    await viewer.click("#bag-open")
    await viewer.sees(".order .state", "已确认 · 第 1 位")
    loaded = await viewer.ask("performance.getEntriesByType('resource').map(({name}) => name)")
    assert [name.rpartition("/")[2] for name in loaded if "words." in name] == ["words.zh.js"]


async def test_nothing_moves_under_the_eyes_of_who_reads_back(
    browser: Chromium, house: House
) -> None:
    await house.set_up("Santos-Dumont", supply=1)
    viewer = await browser.page(house.watch, **PHONE)

    async def say(text: str) -> None:
        await house.call("POST", f"/rooms/{house.room}/announcements", {"text": text})

    await viewer.sees(".stage .buy", "Reserve")
    for number in range(20):
        await say(f"Line {number}")
    await viewer.sees("#chat", "Line 19")
    await viewer.ask("document.querySelector('#chat').scrollTop = 30")
    await viewer.until("document.querySelector('#chat').scrollTop === 30")
    await viewer.ask(A_FRAME_LATER)  # a page hears of a scroll when it is drawn
    await say("One more")
    await viewer.sees("#chat-new", "1 new line")
    assert "One more" not in await viewer.text("#chat")
    assert await viewer.ask("document.querySelector('#chat').scrollTop") == 30
    await viewer.click("#chat-new")
    await viewer.sees("#chat", "One more")
    await viewer.until("document.querySelector('#chat-new').hidden")
