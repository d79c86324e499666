"""What the audience has counted since it started, as plain ints that a scrape reads.

Owns the numbers. Refuses to know who reads them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from livestream.gateway.lanes import Lane


@dataclass(slots=True)
class AudienceStats:
    """All only grow. The values of the moment are properties of the audience."""

    accepted: int = 0  # connections
    accept_pauses: int = 0  # times that accepting paused: no descriptors or kernel memory left
    handshakes: Counter[int] = field(default_factory=Counter)  # answers by HTTP status; 101 is in
    handshakes_expired: int = 0  # not done within handshake_ms_max
    handshakes_evicted: int = 0  # made room for newer ones: over newcomers_max
    handshakes_abandoned: int = 0  # the peer went away half-way
    handshakes_full: int = 0  # refused (503) because there was no place
    opened: int = 0  # viewers joined
    closed: Counter[int] = field(default_factory=Counter)  # viewers left, by close code
    bytes_in: int = 0
    protocol_errors: int = 0  # closed for breaking RFC 6455 or our bounds on it
    bytes_out: int = 0
    frames_out: int = 0  # written whole or begun, or queued for one who is behind
    broadcasts: Counter[Lane] = field(default_factory=Counter)
    broadcasts_merged: int = 0  # travelled in the same write as the one before
    pings: int = 0  # groups pinged, because nothing else flowed
    slow_evictions: int = 0  # closed 4008: over backlog_bytes_max or slow_ms_max
    chat_skipped: int = 0  # chat frames that somebody did not get
    pulse_replaced: int = 0  # pulse frames that a newer one replaced before they left
