"""What happens in a viewer's cart, as facts. Owns their words; refuses to know stock."""

from __future__ import annotations

from cart.fact import Fact
from cart.money import Currency


class HoldPlaced(Fact, frozen=True, gc=False, tag="hold.placed"):
    """Units reserved at a frozen price. `command_id` is the viewer's own id of the command, and
    empty for what was `offered` to who waited in line; that ends the waiting. `tier` and `invited`
    are what the viewer's ticket claimed, where it mattered; so is `channel` where there are
    allocations, and `shelf` the one of them that the units are of. Without `reserved` it is a wish:
    no unit is set aside for it yet.
    """

    hold_id: str
    viewer: str
    drop_id: str
    sku: str
    quantity: int
    price_minor: int
    currency: Currency
    expires_at_ms: int
    command_id: str
    tier: str = ""
    invited: bool = False
    offered: bool = False
    reserved: bool = True
    shelf: str = ""
    channel: str = ""


class HoldReleased(Fact, frozen=True, gc=False, tag="hold.released"):
    """The viewer put `quantity` units back; at zero left the hold has ended."""

    hold_id: str
    quantity: int
    command_id: str


class HoldExpired(Fact, frozen=True, gc=False, tag="hold.expired"):
    """The deadline of a hold that lay in a cart passed; its units went back."""

    hold_id: str
    viewer: str
    sku: str
    quantity: int
