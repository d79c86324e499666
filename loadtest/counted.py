"""What the gateways counted of the audience, as the room's engine sums it up; and how that compares
with what the clients say of themselves.

A connection that only one end knows of looks whole from there: the crowds of a run once counted
770,000 while the gateways had given 320,000 of them up.

Owns the asking and the comparison. Refuses to know Locust.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

#: A control server that is busy with tickets need not answer now; it is asked again soon.
PATIENCE_S: Final = 2.0
#: The gateways' numbers are a second old or two, and some people have just lost or found the line.
APART_MAX: Final = 10
APART_SHARE_MAX: Final = 0.001


class Counted:
    """The sums of one room over time."""

    def __init__(self, control_url: str, token: str, room: str) -> None:
        self._request = urllib.request.Request(
            f"{control_url}/api/v1/rooms/{room}/ledger",
            headers={"Authorization": f"Bearer {token}"},
        )
        self.samples: list[dict[str, Any]] = []

    def sample(self) -> None:
        """Now, if there is a room and somebody to answer."""
        with suppress(OSError), urllib.request.urlopen(self._request, timeout=PATIENCE_S) as answer:
            ledger = json.load(answer)
            audience = ledger["audience"]
            self.samples.append(
                {
                    "at_s": ledger["at_ms"] / 1_000,
                    **{key: audience[key] for key in ("viewers", "peak", "joined", "left")},
                    "slow_evictions": sum(each["slow_evictions"] for each in audience["gateways"]),
                }
            )


def before_the_close(result: dict[str, Any]) -> dict[str, Any] | None:
    """The last sample before the clients began to leave; None if there is none."""
    closed_s = {name: at_s for at_s, name in result.get("scenes", [])}.get("close", float("inf"))
    earlier = [each for each in result.get("counted", []) if each["at_s"] <= closed_s]
    return earlier[-1] if earlier else None


def here_at(timeline: Sequence[Sequence[int]], at_s: float) -> int:
    """Viewers here by the clients' own count."""
    return next((here for second, here in reversed(timeline) if second <= at_s), 0)


def agree(gateways: int, clients: int) -> bool:
    """Whether both ends speak of the same viewers."""
    return abs(gateways - clients) <= APART_MAX + clients * APART_SHARE_MAX
