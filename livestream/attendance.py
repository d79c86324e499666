"""Who came, stayed and tried to buy: the shapes in which gateways and engine count an audience.

    GatewayCounts   what one gateway has counted of a room; a field of the hash `keys.audience`
    Moment          the whole room at one moment; an entry of the stream `keys.attendance`

Owns both shapes and their sums. Pure. Refuses to know who counts, and what the log says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct

#: The channel of those who came without a ticket. They have no id of their own, so that they are
#: among the viewers and not among the different viewers.
GUEST_CHANNEL = "guest"
#: Channels are signed into tickets by the merchant; a shop has a handful. Those beyond share a
#: name, so that a gateway's line stays below 33 x about 100 bytes = 3 KB.
CHANNELS_MAX = 32
OTHER_CHANNELS = "other"

#: Gateways that said goodbye keep a line of their own in a room's hash, for the report tells how
#: each one's viewers fared; of those beyond, the first to end are added up in one. 64 x 3 KB = 192
#: KB at the most. One that was killed said no goodbye, and might yet come back from where it was
#: cut off, so its line stays: dying every 10 s for ten hours leaves 3,600 x 250 bytes = 900 KB.
ENDED_KEPT_MAX = 64
#: Their line.
EARLIER = "earlier"

#: One moment is kept in this time, which makes 720 of them in an hour...
MOMENT_EVERY_MS = 5_000
#: ...and this many, the last ten hours: 7,200 x about 250 bytes = 2 MB for each room.
MOMENTS_MAX = 7_200
#: How long moments are kept after the last fact of a room that has ended: an empty room that is
#: looked after for days must not push out the show.
MOMENTS_AFTER_END_MS = 60_000


class ChannelCounts(Struct):
    """Those of one channel at one gateway. All only grow.

    `attempts` are `cart.add` commands that got their answer, here or from the engine, and `wins`
    those that were answered with a hold. A repeat counts again, as its answer does.
    """

    joined: int = 0
    watched_ms: int = 0
    attempts: int = 0
    wins: int = 0


class GatewayCounts(Struct, frozen=True):
    """What one gateway reports of a room once a second. `viewers` and `by_channel` count viewers
    now; all else only grows while that gateway lives. `ended`: its last word.
    """

    at_ms: int
    viewers: int
    joined: int = 0
    left: int = 0
    likes: int = 0
    chat_accepted: int = 0
    by_channel: dict[str, int] = {}
    slow_evictions: int = 0
    channels: dict[str, ChannelCounts] = {}
    ended: bool = False


class Moment(Struct, frozen=True):
    """The room at one moment. `viewers` are those of living gateways; all else only grows."""

    at_ms: int
    viewers: int
    peak: int
    joined: int
    left: int
    watched_ms: int
    likes: int
    chat_accepted: int
    chat_shown: int
    chat_skipped: int
    attempts: int
    wins: int


def read_counts(fields: Mapping[bytes, bytes]) -> dict[str, GatewayCounts]:
    """The audience hash; fields that are not of our making are left out."""
    counts: dict[str, GatewayCounts] = {}
    for name, value in fields.items():
        try:
            counts[name.decode()] = msgspec.json.decode(value, type=GatewayCounts)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return counts


def read_moments(payloads: Iterable[bytes]) -> list[Moment]:
    """Entries of the stream, oldest first; what is not of our making is left out."""
    moments: list[Moment] = []
    for payload in payloads:
        try:
            moments.append(msgspec.json.decode(payload, type=Moment))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return moments


def channels_of(counts: Iterable[GatewayCounts]) -> dict[str, ChannelCounts]:
    """The channels of all gateways, those alive and those gone, added up; by name."""
    sums: dict[str, ChannelCounts] = {}
    for count in counts:
        for name, channel in count.channels.items():
            add(sums.setdefault(name, ChannelCounts()), channel)
    return dict(sorted(sums.items()))


def surplus_of(counts: Mapping[str, GatewayCounts]) -> list[str]:
    """Gateways whose lines are to be added up in EARLIER, those that ended first."""
    ended = [(count.at_ms, name) for name, count in counts.items() if count.ended]
    return [name for _, name in sorted(ended) if name != EARLIER][:-ENDED_KEPT_MAX]


def added_up(lines: Sequence[GatewayCounts]) -> GatewayCounts:
    """Gateways that have ended as one."""
    return GatewayCounts(
        at_ms=max(line.at_ms for line in lines),
        viewers=0,
        joined=sum(line.joined for line in lines),
        left=sum(line.left for line in lines),
        likes=sum(line.likes for line in lines),
        chat_accepted=sum(line.chat_accepted for line in lines),
        slow_evictions=sum(line.slow_evictions for line in lines),
        channels=channels_of(lines),
        ended=True,
    )


def in_all(channels: Iterable[ChannelCounts]) -> ChannelCounts:
    """Channels as one."""
    whole = ChannelCounts()
    for channel in channels:
        add(whole, channel)
    return whole


def add(whole: ChannelCounts, part: ChannelCounts) -> None:
    """Make `whole` larger by `part`."""
    whole.joined += part.joined
    whole.watched_ms += part.watched_ms
    whole.attempts += part.attempts
    whole.wins += part.wins
