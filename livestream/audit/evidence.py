"""What a log cannot show by itself: what clients were told, what the provider captured, whether
there was demand, what a snapshot said.

Owns these few records. Refuses to know who collected them.
"""

from __future__ import annotations

from msgspec import Struct

from cart.money import Currency
from livestream.room import RoomState


class Acknowledged(Struct, frozen=True):
    """An order as its buyer was told of it: `ok` to a checkout, and `paid` if that was told too."""

    viewer: str
    checkout_id: str
    order_id: str
    total_minor: int
    paid: bool = False


class Captured(Struct, frozen=True):
    """A line of the payment provider's own statement: this money was taken from the buyer."""

    payment_id: str
    amount_minor: int
    currency: Currency


class Returned(Struct, frozen=True):
    """Another line of it: this money was given back to the buyer."""

    refund_id: str
    amount_minor: int
    currency: Currency


class Evidence(Struct, frozen=True):
    """Everything the auditor may be given beside the log. All of it is optional.

    `demand_exceeded` says that more was asked for than supplied at every drop until its end, so
    that a unit left over would be one that should have been sold. `snapshot` is an engine's state,
    to be compared with the fold of the log up to the same seq.
    """

    acknowledged: list[Acknowledged] = []
    captured: list[Captured] = []
    returned: list[Returned] = []
    demand_exceeded: bool = False
    snapshot: RoomState | None = None
