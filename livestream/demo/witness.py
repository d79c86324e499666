"""What the whole crowd was told, kept so that it can be held against the log afterwards.

Every public frame that anybody saw is kept once, under its seq; whoever sees another text under the
same seq, or a seq that does not go up, has found a contradiction. A viewer's own sight is a list of
spans: from a snapshot on, over any number of resumes, nothing may be missing.

Owns what was seen. Refuses to know sockets and what the log says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from msgspec import Struct

from cart.money import Currency

#: Findings are for reading; a server that is wrong is wrong in the first few already.
FINDINGS_MAX = 50


class Span(Struct):
    """Frames seen without a break: `count` of them after seq `start`, the last one `last`."""

    start: int
    last: int
    count: int = 0


class OrderTold(Struct, frozen=True):
    """An order as its buyer was told of it."""

    viewer: str
    checkout_id: str
    total_minor: int
    currency: Currency


class Witness:
    """The common memory of the crowd."""

    def __init__(self) -> None:
        self.frames: dict[int, bytes] = {}
        self.orders: dict[str, OrderTold] = {}
        #: From the last `cart.show` of each viewer, and pushes: paid orders, and ranks by
        #: (drop_id, perk_id, order_id).
        self.paid: dict[str, OrderTold] = {}
        self.ranks: dict[tuple[str | None, str, str], int] = {}
        self.spans: list[tuple[str, Span]] = []
        self.findings: list[str] = []
        self.told: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.closed: Counter[int] = Counter()
        self.bytes = 0
        self.connections = 0
        self.resumed = 0
        self.started_anew = 0
        self.repeated = 0
        self.here = 0
        self.peak = 0
        self.arrival_ms: list[float] = []
        self.checkout_ms: list[float] = []
        self.add_to_paid_ms: list[float] = []

    @property
    def delivered(self) -> int:
        """Messages that reached viewers."""
        return self.told.total()

    def find(self, what: str) -> None:
        """Something that cannot be, if all is well."""
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(what)

    def arrive(self) -> None:
        """One more connection is in the room."""
        self.connections += 1
        self.here += 1
        self.peak = max(self.peak, self.here)

    def saw(self, viewer: str, span: Span, seq: int, frame: bytes) -> None:
        """A public frame reached `viewer`."""
        if seq <= span.last:
            self.find(f"{viewer} saw seq {seq} after {span.last}")
            return
        span.last = seq
        span.count += 1
        known = self.frames.setdefault(seq, frame)
        if known is not frame and known != frame:
            self.find(f"{viewer} was told {frame!r} under seq {seq}, others {known!r}")

    def acknowledge(self, order_id: str, order: OrderTold) -> None:
        """The reply to a checkout, or to its repeat."""
        if self.orders.setdefault(order_id, order) != order:
            self.find(f"order {order_id} was acknowledged as {self.orders[order_id]} and {order}")

    def heard_paid(self, order_id: str, order: OrderTold) -> None:
        """A viewer was told that an order is paid."""
        if self.paid.setdefault(order_id, order) != order:
            self.find(f"order {order_id} was paid as {self.paid[order_id]} and as {order}")

    def heard_rank(self, order_id: str, perk: Mapping[str, Any]) -> None:
        """A viewer was told the rank of an order for a perk, by a push or in the cart."""
        key, rank = (perk["drop_id"], perk["perk_id"], order_id), perk["rank"]
        if self.ranks.setdefault(key, rank) != rank:
            known = self.ranks[key]
            self.find(f"order {order_id} was told ranks {known} and {rank} of {key[:2]}")


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The nearest-rank percentile (no value is invented between two); None of nothing."""
    if not values:
        return None
    return sorted(values)[max(0, ceil(percent / 100 * len(values)) - 1)]
