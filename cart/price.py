"""Prices that change by the clock: flash prices.

A drop has a price, and may have windows of time in which it has another. A window holds from
`from_ms` on and no longer at `until_ms`; no two overlap, so at every moment there is one price. The
price of a unit is the one at the moment in which it is held, and stays what it was then.

Owns that rule. Refuses to know holds, discounts and every clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct

from cart.bounds import TimeMs
from cart.money import PriceMinor

#: Windows of one drop: 8 x about 80 bytes in the frame that announces it.
FLASH_PRICES_MAX = 8


class FlashPrice(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Another price for a while, in the drop's currency."""

    from_ms: TimeMs
    until_ms: TimeMs
    price_minor: PriceMinor


def price_at(price_minor: int, flash: Sequence[FlashPrice], now_ms: int) -> int:
    """What a unit costs at `now_ms`, in minor units; outside of all windows it is `price_minor`."""
    for window in flash:
        if window.from_ms <= now_ms < window.until_ms:
            return window.price_minor
    return price_minor


def flaw_in_flash(flash: Sequence[FlashPrice]) -> str | None:
    """What is wrong with these windows, in a sentence; None when they may stand."""
    for window in flash:
        if window.until_ms <= window.from_ms:
            return f"the flash price of {window.price_minor} ends before it begins"
    for first, second in pairwise(sorted(flash, key=lambda window: window.from_ms)):
        if second.from_ms < first.until_ms:
            return f"flash prices overlap at {second.from_ms}: there would be two prices"
    return None
