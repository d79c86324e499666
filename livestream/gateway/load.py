"""How much this gateway has to do, from what is counted anyway; once a second.

Owns the differences between two looks. Refuses to count anything itself.
"""

from __future__ import annotations

from livestream.attendance import GatewayLoad
from livestream.gateway.audience import Audience
from livestream.vitals import Lateness


class LoadMeter:
    """The load of one process. `look` is told the time and the CPU time, both in seconds."""

    def __init__(self, audience: Audience, lateness: Lateness) -> None:
        self._audience = audience
        self._lateness = lateness
        self._before: tuple[float, float, int, int] | None = None
        self.last: GatewayLoad | None = None

    def look(self, now_s: float, cpu_s: float) -> None:
        """Bring `last` up to date; the first look has nothing to compare with."""
        stats = self._audience.stats
        now = (now_s, cpu_s, stats.frames_out, stats.handshakes_full)
        before, self._before = self._before, now
        if before is None or now_s <= before[0]:
            return
        elapsed_s = now_s - before[0]
        self.last = GatewayLoad(
            cpu=round((cpu_s - before[1]) / elapsed_s, 2),
            lag_ms=self._lateness.p90_ms(),
            frames_per_s=round((stats.frames_out - before[2]) / elapsed_s),
            turned_away=stats.handshakes_full - before[3],
            viewers=len(self._audience),
            seats=self._audience.seats,
        )
