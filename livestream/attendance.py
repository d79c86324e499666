"""Who came, stayed and tried to buy: the shapes in which gateways and engine count an audience.

    GatewayCounts   what one gateway has counted of a room; a field of the hash `keys.audience`
    Moment          the whole room at one moment; an entry of the stream `keys.attendance`

Owns both shapes and their sums. Pure. Refuses to know who counts, and what the log says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct, structs

from livestream.arrivals import ArrivalCounts

#: The channel of those who came without a ticket. They have no id of their own, so that they are
#: among the viewers and not among the different viewers.
GUEST_CHANNEL = "guest"
#: Channels are signed into tickets by the merchant; a shop has a handful. Those beyond share a
#: name, so that a gateway's line stays below 33 x about 100 bytes = 3 KB, and as long as it lives
#: 3 KB more of arrivals and load.
CHANNELS_MAX = 32
OTHER_CHANNELS = "other"

#: Gateways that said goodbye keep a line of their own in a room's hash, for the report tells how
#: each one's viewers fared; of those beyond, the first to end are added up in one. 64 x 3 KB = 192
#: KB at the most. One that was killed said no goodbye, and might yet come back from where it was
#: cut off, so its line stays: dying every 10 s for ten hours leaves 3,600 x 250 bytes = 900 KB,
#: because what it said of its own state is taken out after SILENT_TOLD_MS.
ENDED_KEPT_MAX = 64
#: Their line.
EARLIER = "earlier"

#: A gateway that has not reported for this long is taken to be gone, and its viewers with it.
STALE_MS = 5_000
#: One that fell silent without a goodbye is told of for so long: its viewers need 4 s to come back
#: elsewhere, and a host a look at the desk.
SILENT_TOLD_MS = 60_000

#: One moment is kept in this time, which makes 720 of them in an hour...
MOMENT_EVERY_MS = 5_000
#: ...and this many, the last ten hours: 7,200 x about 320 bytes = 2.3 MB for each room.
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


class GatewayLoad(Struct, frozen=True):
    """How a gateway's process does, with all its rooms: the share of one core that it took in the
    last second, how late its loop is (p90 of the last 5 s), frames written and upgrades refused for
    want of a place in that second, viewers of all rooms and how many fit in.
    """

    cpu: float
    lag_ms: int
    frames_per_s: int
    turned_away: int
    viewers: int
    seats: int


class GatewayCounts(Struct, frozen=True):
    """What one gateway reports of a room once a second. `viewers`, `by_channel` and `behind` count
    viewers now, `seq` is the last fact that it has heard, `arrivals` are the last announcements;
    all else only grows while that gateway lives. `ended`: its last word.
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
    seq: int = 0
    behind: int = 0
    arrivals: list[ArrivalCounts] = []
    load: GatewayLoad | None = None

    def is_living(self, now_ms: int) -> bool:
        """Whether this gateway still serves."""
        return not self.ended and now_ms - self.at_ms <= STALE_MS

    def fell_silent(self, now_ms: int) -> bool:
        """Whether it stopped reporting a short while ago, without a goodbye, with viewers in it."""
        silent_ms = now_ms - self.at_ms
        return not self.ended and self.viewers > 0 and STALE_MS < silent_ms <= SILENT_TOLD_MS

    def is_spent(self, now_ms: int) -> bool:
        """Whether it is silent for so long that nobody asks any more how it did."""
        has_state = self.load is not None or len(self.arrivals) > 0
        return has_state and now_ms - self.at_ms > SILENT_TOLD_MS

    def without_state(self) -> GatewayCounts:
        """What it has counted, without how it did."""
        return structs.replace(self, seq=0, behind=0, arrivals=[], load=None)


class Moment(Struct, frozen=True):
    """The room at one moment. `viewers` are those of living gateways; all else only grows, but for
    the money, net by currency. Orders and money are those of the last ledger.
    """

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
    unique: int = 0
    buyers: int = 0
    orders_paid: int = 0
    net_minor: dict[str, int] = {}


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
