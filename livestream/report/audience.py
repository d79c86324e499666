"""The audience's part of the report: how many, for how long, from where, and how they fared.

Owns the definitions of these figures. Pure. Refuses to know money.

    average watch time = time watched by all viewers with a ticket / different viewers
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from livestream.attendance import GUEST_CHANNEL, ChannelCounts, channels_of, in_all
from livestream.report.figures import (
    AudienceReport,
    Chances,
    ChannelReport,
    ChatReport,
    FairnessReport,
)
from livestream.report.surroundings import Surroundings

#: The normal distribution's 97.5 % point: intervals that hold the truth 19 times of 20.
_Z = 1.959964


def audience_of(
    beside: Surroundings, orders_paid_by_channel: Mapping[str, int]
) -> AudienceReport | None:
    """The audience, or None where nobody counted it."""
    if not beside.was_counted:
        return None
    counts = beside.counts.values()
    channels = channels_of(counts)
    guests = channels.get(GUEST_CHANNEL, ChannelCounts())
    watched_ms = in_all(channels.values()).watched_ms
    most = max(beside.moments, key=lambda moment: moment.viewers, default=None)
    names = channels.keys() | orders_paid_by_channel.keys()
    return AudienceReport(
        peak=beside.highest("audience", "peak", lambda moment: moment.peak),
        peak_at_ms=most.at_ms if most is not None else None,
        unique=beside.unique,
        joined=sum(count.joined for count in counts),
        left=sum(count.left for count in counts),
        guests_joined=guests.joined,
        likes=sum(count.likes for count in counts),
        watched_ms=watched_ms,
        watched_ms_per_viewer=_mean(watched_ms - guests.watched_ms, beside.unique),
        by_channel=[
            _channel(name, channels.get(name, ChannelCounts()), orders_paid_by_channel.get(name, 0))
            for name in sorted(names)
        ],
    )


def _channel(name: str, counts: ChannelCounts, orders_paid: int) -> ChannelReport:
    return ChannelReport(
        channel=name,
        joined=counts.joined,
        watched_ms=counts.watched_ms,
        watched_ms_per_join=_mean(counts.watched_ms, counts.joined),
        orders_paid=orders_paid,
    )


def chat_of(beside: Surroundings) -> ChatReport | None:
    """Lines of chat, or None where nobody counted them."""
    if not beside.was_counted:
        return None
    return ChatReport(
        accepted=sum(count.chat_accepted for count in beside.counts.values()),
        shown=beside.highest("chat", "shown", lambda moment: moment.chat_shown),
        skipped=beside.highest("chat", "skipped", lambda moment: moment.chat_skipped),
    )


def fairness_of(beside: Surroundings) -> FairnessReport | None:
    """Attempts and wins by gateway and by channel; None where nobody asked for anything."""
    gateways = {
        name: in_all(count.channels.values()) for name, count in sorted(beside.counts.items())
    }
    channels = channels_of(beside.counts.values())
    if not any(one.attempts for one in gateways.values()):
        return None
    return FairnessReport(by_gateway=_chances(gateways), by_channel=_chances(channels))


def _chances(counts: Mapping[str, ChannelCounts]) -> list[Chances]:
    return [
        Chances(name, one.attempts, one.wins, one.wins / one.attempts, *wilson(one))
        for name, one in counts.items()
        if one.attempts
    ]


def wilson(counts: ChannelCounts) -> tuple[float, float]:
    """Bounds of the rate behind `wins` of `attempts` (Wilson 1927), in 0...1; 0 and 1 when there
    were no attempts.
    """
    n = counts.attempts
    if not n:
        return 0.0, 1.0
    rate, z2 = counts.wins / n, _Z * _Z
    middle = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z * math.sqrt(rate * (1 - rate) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def _mean(whole: int, parts: int) -> int | None:
    return round(whole / parts) if parts else None
