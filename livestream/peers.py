"""Who asks, as far as the network tells, and how often somebody may.

Owns which address a request is counted under, and the rate limit as one plain int. Refuses to know
what is asked for, and clocks (the time is given).
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Network = IPv4Network | IPv6Network

#: What one subscriber gets of IPv6.
_PREFIX_BITS: Final = 64


def address_of(peer: str, forwarded: str, trusted: Sequence[Network]) -> str | None:
    """Where a request comes from: an IPv4 address or the /64 of an IPv6 one. None if only proxies
    that are trusted speak for it, or it came through a unix socket.

    Proxies append the address that they see to X-Forwarded-For. So it is read from its end, and the
    first one that is not trusted is the last one that anybody trusted has seen.
    """
    for text in (peer, *reversed(forwarded.split(","))):
        address = _parsed(text)
        if address is None:
            return None
        if not any(address in network for network in trusted):
            return _shared_by_one_subscriber(address)
    return None


def is_trusted(peer: str, trusted: Sequence[Network]) -> bool:
    """Whether the word of whoever is connected counts."""
    address = _parsed(peer)
    return address is not None and any(address in network for network in trusted)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _shared_by_one_subscriber(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, _PREFIX_BITS), strict=False))
    return str(address)


class Rate:
    """A token bucket whose whole state is one int: the time at which the bucket is full again.

    This is the generic cell rate algorithm (ITU-T I.371): the same admissions as a bucket of
    `burst` tokens refilled at `per_second`, without a second number and without a timer.
    """

    __slots__ = ("_interval_us", "_slack_us")

    def __init__(self, per_second: float, burst: int) -> None:
        self._interval_us = int(1_000_000 / per_second)
        self._slack_us = self._interval_us * (burst - 1)

    def take(self, full_at_us: int, now_us: int, tokens: int = 1) -> int:
        """The bucket's next state, or -1 if it lacks `tokens`. A new bucket's state is 0."""
        if full_at_us < now_us:
            full_at_us = now_us
        full_at_us += self._interval_us * (tokens - 1)
        if full_at_us - now_us > self._slack_us:
            return -1
        return full_at_us + self._interval_us
