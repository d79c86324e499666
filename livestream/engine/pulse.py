"""The audience as a whole: counts of all gateways, summed. Pure.

Owns the sum, its staleness cut-off, the peak, and what is kept of a moment. Refuses to know Redis
and sockets.
"""

from __future__ import annotations

from typing import TypedDict

from livestream.attendance import GatewayCounts, Moment, channels_of, in_all

#: A gateway that has not reported for this long is taken to be gone, and its viewers with it.
STALE_MS = 5_000


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


def total(counts: dict[str, GatewayCounts], unique: int, peak: int, now_ms: int) -> AudienceTotals:
    """Sum up. Viewers count only where the gateway is alive; what only grows counts for ever."""
    by_channel: dict[str, int] = {}
    gateways: list[GatewayLine] = []
    for name, count in sorted(counts.items()):
        age_ms = now_ms - count.at_ms
        if count.ended or age_ms > STALE_MS:
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


def moment_of(
    counts: dict[str, GatewayCounts],
    audience: AudienceTotals,
    chat_shown: int,
    chat_skipped: int,
    now_ms: int,
) -> Moment:
    """What the book of attendance keeps of now."""
    channels = in_all(channels_of(counts.values()).values())
    return Moment(
        at_ms=now_ms,
        viewers=audience["viewers"],
        peak=audience["peak"],
        joined=audience["joined"],
        left=audience["left"],
        watched_ms=channels.watched_ms,
        likes=audience["likes"],
        chat_accepted=sum(count.chat_accepted for count in counts.values()),
        chat_shown=chat_shown,
        chat_skipped=chat_skipped,
        attempts=channels.attempts,
        wins=channels.wins,
    )
