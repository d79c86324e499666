"""Addresses: how much one of them may ask of the door without a ticket.

An address is no person. A carrier's NAT has thousands of phones behind one address, an office some
hundreds, a load balancer everybody. So whoever shows a good ticket is never counted here; those who
do not, guests and bad tickets, share a budget that lets a whole NAT in within seconds and holds up
one machine that knocks for ever.

Owns the budget of an address. Refuses to know what a ticket is.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from livestream.gateway.door import HandshakeRequest
from livestream.peers import Network, Rate, address_of

#: At one gateway: 1,000 at once, then 50 a second. With 40 gateways a NAT of 40,000 guests who all
#: come back at once is let in without a refusal; of one machine that knocks for ever a gateway
#: seats 50 a second, of the 8,000 that it can.
GUESTS_PER_S: Final = 50
GUESTS_BURST: Final = 1_000
#: 65,536 × about 250 bytes = 16 MB; over it, who came longest ago is forgotten: a full budget.
ADDRESSES_MAX: Final = 65_536
_FORWARDED: Final = "x-forwarded-for"


class Addresses:
    """Budgets by address. `trusted`: networks whose word about where a request came from counts."""

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted = tuple(trusted)
        self._rate = Rate(GUESTS_PER_S, GUESTS_BURST)
        #: The bucket's state by address (peers.Rate); who came longest ago is first.
        self._full_at_us: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at_us)

    def admits(self, request: HandshakeRequest, now_us: int) -> bool:
        """Whether another request from there is within its budget; it counts if it is."""
        address = self.address_of(request)
        if address is None:
            return True
        known = self._full_at_us
        full_at_us = self._rate.take(known.get(address, 0), now_us)
        if full_at_us < 0:
            return False
        known[address] = full_at_us
        known.move_to_end(address)
        if len(known) > ADDRESSES_MAX:
            known.popitem(last=False)
        return True

    def address_of(self, request: HandshakeRequest) -> str | None:
        """Where a request comes from (`peers.address_of`)."""
        return address_of(request.peer, request.headers.get(_FORWARDED, ""), self._trusted)
