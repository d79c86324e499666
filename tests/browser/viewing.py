"""What viewers do on the watch page, as sentences. Refuses to know what they see of it."""

from __future__ import annotations

from tests.browser.chromium import Page


async def say(viewer: Page, text: str) -> None:
    """A line of chat."""
    await viewer.type("#talk-text", text)
    await viewer.click("#talk-send")


async def buy(viewer: Page, confirmed: str = "Confirmed") -> None:
    """In two taps, and wait until the order is `confirmed`."""
    await viewer.click(".stage .buy")
    await viewer.click("#checkout")
    await viewer.sees(".order .state", confirmed)


async def order_and_be_declined(viewer: Page) -> None:
    """What is held, with a card that the bank says no to; the order stands and waits."""
    await viewer.click("input[value=tok_decline]")
    await viewer.click("#checkout")
