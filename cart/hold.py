"""A hold: units of one drop for one viewer until a deadline, at a frozen price.

A hold ends exactly once: paid, released or expired. Checking out moves it from the cart into an
order and gives it the order's deadline. Owns the record. Refuses to know how it ends.
"""

from __future__ import annotations

from msgspec import Struct

from cart.money import Currency


class Hold(Struct, gc=False):
    """Units reserved. `order_id` is empty while the hold lies in the cart."""

    hold_id: str
    viewer: str
    drop_id: str
    sku: str
    quantity: int
    price_minor: int
    currency: Currency
    expires_at_ms: int
    order_id: str = ""
    #: False: a wish, for which no unit is set aside yet (`cart.reserving`).
    reserved: bool = True
    #: The channel from whose allocation the units come; empty: from what is for all.
    shelf: str = ""
    #: It was offered to who waited in line.
    offered: bool = False
