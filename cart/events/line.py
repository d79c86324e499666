"""What happens in the waiting line of a drop, as facts. Owns their words; refuses to know stock.

Who is offered a unit leaves the line by `hold.placed` (`offered`). A drop that closes ends the line
by that very fact, and so does one that sells out, save for those whom a lottery drew.
"""

from __future__ import annotations

from typing import Literal

from cart.fact import Fact


class LineJoined(Fact, frozen=True, gc=False, tag="line.joined"):
    """A viewer waits for `quantity` units since `at_ms`. `ahead` waited before, `held` units were
    held then: of the own shelf, while channels have shelves. `tier`, `invited` and, where there are
    allocations, `channel` are what the ticket claimed.
    """

    drop_id: str
    sku: str
    viewer: str
    quantity: int
    number: int
    ahead: int
    held: int
    command_id: str
    at_ms: int
    tier: str = ""
    invited: bool = False
    channel: str = ""


class LineLeft(Fact, frozen=True, gc=False, tag="line.left"):
    """A viewer left without a unit: by the own wish (`viewer`), or passed over because by now the
    viewer has as many units as the limits allow (`limit`), a cart that takes no more (`cart`), or
    is no longer invited (`invitation`), or because the presale takes no deposits any more, or what
    the own channel had is sold out for good (`sold_out`).
    """

    drop_id: str
    viewer: str
    number: int
    reason: Literal["viewer", "limit", "cart", "invitation", "presale", "sold_out"]
