"""What is killed while people sit before the pages, and what they find when it is back."""

from __future__ import annotations

import asyncio
import time

import pytest

from livestream.redis_client import open_redis
from livestream.serve import read_addresses
from tests.browser.chromium import OUTAGE, PHONE, Chromium
from tests.browser.house import House
from tests.browser.viewing import order_and_be_declined

pytestmark = [pytest.mark.browser, pytest.mark.slow]


async def test_hold_order_and_desk_are_back_after_kills_and_after_a_power_cut(
    browser: Chromium, house: House
) -> None:
    await house.set_up("Santos-Dumont", supply=3)
    desk = await browser.page(house.desk)
    holder = await browser.page(house.watch)
    orderer = await browser.page(house.watch, **PHONE)
    for page in (desk, holder, orderer):
        page.may_complain(*OUTAGE)
    await holder.click(".stage .buy")
    await holder.sees("#holds", "Santos-Dumont")
    await orderer.click(".stage .buy")
    await order_and_be_declined(orderer)
    await orderer.sees(".order .state", "Waits for payment")
    await desk.sees("#drops", "1 free · 2 held · 0 sold · of 3")

    house.kill_9("gateway", "control")
    await house.call("PUT", f"/rooms/{house.room}/cards/c2", {"title": "Put after the kills"})
    await desk.sees("#cards", "Put after the kills")
    for page in (holder, orderer):
        await page.sees("#cards h2", "Put after the kills")
    await holder.sees("#holds", "Santos-Dumont")

    house.power_cut()
    house.serve()
    await house.call("PUT", f"/rooms/{house.room}/cards/c3", {"title": "Put after the power cut"})
    await desk.sees("#cards", "Put after the power cut")
    await desk.sees("#drops", "1 free · 2 held · 0 sold · of 3")
    for page in (holder, orderer):
        await page.sees("#cards h2", "Put after the power cut")
        await page.sees_no_more("#line", "again")

    await holder.click("#checkout")
    await orderer.click("input[value=tok_approve]")
    await orderer.click(".order button.main")
    for page in (holder, orderer):
        await page.sees(".order .state", "Confirmed")
    await desk.sees("#drops", "1 free · 0 held · 2 sold · of 3")
    await house.assert_the_books_are_clean()


async def test_news_that_the_gateway_lost_is_asked_for(browser: Chromium, house: House) -> None:
    await house.set_up("Santos-Dumont", supply=2, hold_ttl_ms=4_000, pay_ttl_ms=4_000)
    viewer = await browser.page(house.watch)
    await viewer.click(".stage .buy")
    await viewer.sees("#holds", "Santos-Dumont")
    deaf_until_s = time.monotonic() + 6
    addresses = read_addresses(house.var_dir)
    assert addresses is not None
    redis = open_redis(addresses.redis_url)
    while time.monotonic() < deaf_until_s:  # the hold runs out meanwhile
        await redis.client_kill_filter(_type="pubsub")
        await asyncio.sleep(0.005)
    await redis.aclose()
    await viewer.until("document.querySelector('#bag-holds').hidden")
