"""The audience as a whole: counts of all gateways, summed. Pure.

Owns the sum, its staleness cut-off, the peak, and what is kept of a moment. Refuses to know Redis
and sockets.
"""

from __future__ import annotations

from typing import TypedDict

from livestream.arrivals import (
    ARRIVALS_KEPT,
    ArrivalCounts,
    ArrivalLine,
    added_up,
    line_of,
)
from livestream.attendance import GatewayCounts, GatewayLoad, Moment, channels_of, in_all
from livestream.flight import GatewayLine, SilentGateway

#: What stands on the desk of a gateway that has not told its load.
_UNTOLD = GatewayLoad(cpu=0.0, lag_ms=0, frames_per_s=0, turned_away=0, viewers=0, seats=0)


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
        if not count.is_living(now_ms):
            continue
        gateways.append(_gateway_line(name, count, now_ms))
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


def _gateway_line(name: str, count: GatewayCounts, now_ms: int) -> GatewayLine:
    load = count.load or _UNTOLD
    return {
        "id": name,
        "viewers": count.viewers,
        "behind": count.behind,
        "slow_evictions": count.slow_evictions,
        "age_ms": max(0, now_ms - count.at_ms),
        "seq": count.seq,
        "cpu": load.cpu,
        "lag_ms": load.lag_ms,
        "frames_per_s": load.frames_per_s,
        "turned_away": load.turned_away,
        "viewers_in_all": load.viewers,
        "seats": load.seats,
    }


def arrivals_of(counts: dict[str, GatewayCounts], now_ms: int) -> list[ArrivalLine]:
    """The last announcements, newest first, added up over the gateways that are alive.

    One that has not heard of an announcement yet (its `seq` is before it) stands there with all
    its viewers: it is for them too. One that began after it has none whom it was for.
    """
    living = [count for count in counts.values() if count.is_living(now_ms)]
    told: dict[int, list[ArrivalCounts]] = {}
    for count in living:
        for arrival in count.arrivals:
            told.setdefault(arrival.seq, []).append(arrival)
    newest = sorted(told, reverse=True)[:ARRIVALS_KEPT]
    return [
        line_of(
            added_up(told[seq]),
            unheard=sum(count.viewers for count in living if 0 < count.seq < seq),
        )
        for seq in newest
    ]


def silent_gateways(counts: dict[str, GatewayCounts], now_ms: int) -> list[SilentGateway]:
    """Gateways that stopped a short while ago without a goodbye."""
    return [
        {"id": name, "viewers": count.viewers, "silent_ms": now_ms - count.at_ms}
        for name, count in sorted(counts.items())
        if count.fell_silent(now_ms)
    ]


def moment_of(
    counts: dict[str, GatewayCounts],
    audience: AudienceTotals,
    chat_shown: int,
    chat_skipped: int,
    now_ms: int,
) -> Moment:
    """What the book of attendance keeps of now, but for what was sold."""
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
        unique=audience["unique"],
    )
