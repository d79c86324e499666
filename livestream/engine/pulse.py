"""The audience as a whole: counts of all gateways, summed. Pure.

Owns the sum, its staleness cut-off and the peak. Refuses to know Redis and sockets.
"""

from __future__ import annotations

from typing import TypedDict

import msgspec
from msgspec import Struct

#: A gateway that has not reported for this long is taken to be gone, and its viewers with it.
STALE_MS = 5_000


class GatewayCounts(Struct, frozen=True):
    """What one gateway reports of a room once a second. `joined`, `left`, `likes` and
    `chat_accepted` only grow while that gateway lives; `by_channel` counts viewers now.
    """

    at_ms: int
    viewers: int
    joined: int = 0
    left: int = 0
    likes: int = 0
    chat_accepted: int = 0
    by_channel: dict[str, int] = {}
    slow_evictions: int = 0


class GatewayLine(TypedDict):
    """One gateway on the desk."""

    id: str
    viewers: int
    slow_evictions: int
    age_ms: int


class AudienceTotals(TypedDict):
    """The audience of a room."""

    viewers: int
    peak: int
    joined: int
    left: int
    likes: int
    unique: int
    by_channel: dict[str, int]
    gateways: list[GatewayLine]


def read_counts(fields: dict[bytes, bytes]) -> dict[str, GatewayCounts]:
    """The audience hash; fields that are not of our making are left out."""
    counts: dict[str, GatewayCounts] = {}
    for name, value in fields.items():
        try:
            counts[name.decode()] = msgspec.json.decode(value, type=GatewayCounts)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return counts


def total(counts: dict[str, GatewayCounts], unique: int, peak: int, now_ms: int) -> AudienceTotals:
    """Sum up. Viewers count only where the gateway is alive; what only grows counts for ever."""
    by_channel: dict[str, int] = {}
    gateways: list[GatewayLine] = []
    for name, count in sorted(counts.items()):
        age_ms = now_ms - count.at_ms
        if age_ms > STALE_MS:
            continue
        gateways.append(
            {
                "id": name,
                "viewers": count.viewers,
                "slow_evictions": count.slow_evictions,
                "age_ms": max(0, age_ms),
            }
        )
        for channel, viewers in count.by_channel.items():
            by_channel[channel] = by_channel.get(channel, 0) + viewers
    viewers = sum(gateway["viewers"] for gateway in gateways)
    return {
        "viewers": viewers,
        "peak": max(peak, viewers),
        "joined": sum(count.joined for count in counts.values()),
        "left": sum(count.left for count in counts.values()),
        "likes": sum(count.likes for count in counts.values()),
        "unique": unique,
        "by_channel": by_channel,
        "gateways": gateways,
    }
