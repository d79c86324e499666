"""What a gateway counts of a room, as plain ints, whoever asks for them.

Owns the numbers and their bounds. Refuses to know viewers, Redis and clocks.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from livestream.arrivals import ARRIVALS_KEPT, NOT_LISTED, Arrival
from livestream.attendance import (
    CHANNELS_MAX,
    OTHER_CHANNELS,
    ChannelCounts,
    GatewayCounts,
    GatewayLoad,
)


@dataclass(slots=True)
class RoomCounts:
    """One room since this gateway started. A room that is let go and comes back goes on here."""

    joined: int = 0
    left: int = 0
    likes: int = 0
    chat_accepted: int = 0
    slow_evictions: int = 0
    by_channel: Counter[str] = field(default_factory=Counter)  # viewers now
    channels: dict[str, ChannelCounts] = field(default_factory=dict)
    uncounted: set[str] = field(default_factory=set)  # new viewer ids, for the HyperLogLog
    told: bytes = b""  # what was reported last, but for its time and the load
    seq: int = 0  # of the last fact that this gateway has heard of the room
    behind: int = 0  # viewers whose socket is full, as of the last look
    #: The last announcements, and how far they got.
    arrivals: deque[Arrival] = field(default_factory=lambda: deque(maxlen=ARRIVALS_KEPT))
    _watched_until_ms: int | None = None

    @property
    def viewers(self) -> int:
        """Viewers here now."""
        return self.joined - self.left

    def of_channel(self, name: str) -> ChannelCounts:
        """The numbers of one channel; those beyond CHANNELS_MAX share one."""
        counts = self.channels.get(name)
        if counts is None:
            known = name if len(self.channels) < CHANNELS_MAX else OTHER_CHANNELS
            counts = self.channels.setdefault(known, ChannelCounts())
        return counts

    def announce(self, type_: str, seq: int, at_ms: int) -> Arrival:
        """An announcement sets out; the last ones are told of, but for those NOT_LISTED."""
        arrival = Arrival(type_, seq, at_ms)
        if type_ not in NOT_LISTED:
            self.arrivals.append(arrival)
        return arrival

    def watch_until(self, now_ms: int) -> None:
        """Add the time since the last call for everybody who is here now.

        Called once a second rather than at each join and leave: it costs no viewer anything, and
        who comes within the second counts as much too long as who goes counts too short. `now_ms`
        is of a clock that never goes back.
        """
        if self._watched_until_ms is not None:
            elapsed_ms = now_ms - self._watched_until_ms
            for channel, viewers in self.by_channel.items():
                self.of_channel(channel).watched_ms += viewers * elapsed_ms
        self._watched_until_ms = now_ms

    def line(
        self, at_ms: int, ended: bool = False, load: GatewayLoad | None = None
    ) -> GatewayCounts:
        """The numbers as the engine sums them up, taken at `at_ms` since the Unix epoch. With
        `ended` no others will follow, and what only says how it is now is left out.
        """
        return GatewayCounts(
            at_ms=at_ms,
            viewers=self.viewers,
            joined=self.joined,
            left=self.left,
            likes=self.likes,
            chat_accepted=self.chat_accepted,
            by_channel=dict(self.by_channel),
            slow_evictions=self.slow_evictions,
            channels=self.channels,
            ended=ended,
            seq=0 if ended else self.seq,
            behind=0 if ended else self.behind,
            arrivals=[] if ended else [arrival.told() for arrival in self.arrivals],
            load=None if ended else load,
        )
