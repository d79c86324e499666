"""Every bound of the audience, each with its sum.

Owns numbers. Refuses to know who they are applied to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from livestream.messages import MESSAGE_BYTES_MAX

#: Of a pulse, 101 bytes and with its packet on the wire 160, deflate would save 10; of a stock
#: change, 146 and 200, it saves 26.
DEFLATE_BYTES_MIN: Final = 128


@dataclass(frozen=True, slots=True)
class AudienceLimits:
    """Bounds of one gateway process. Sums are for 20,000 viewers in a process, 770,000 in all."""

    #: A request head. 4,096 newcomers × 8 KiB = 32 MiB while all of them are half-way.
    request_bytes_max: int = 8 * 1024
    #: Browsers send about 15 headers, proxies add a handful.
    request_headers_max: int = 64
    #: From accept to the last byte of the request. A phone on a bad network needs 2–3 s.
    handshake_ms_max: int = 10_000
    #: Connections half-way through the handshake; over it, the oldest makes room if it has had its
    #: time, and otherwise who comes waits in the kernel's queue: in a storm nobody is slow yet.
    newcomers_max: int = 4_096
    #: Four round trips of a phone on a bad network.
    newcomers_patience_ms: int = 2_000
    #: Of them from one address, before they make room for each other and not others for them.
    newcomers_share_max: float = 0.25

    #: One inbound message; the protocol says how much the largest valid one takes.
    #: 8 KiB × 20,000 viewers all in the middle of a message = 160 MiB.
    message_bytes_max: int = MESSAGE_BYTES_MAX
    #: Frames that one message may come in. 8 KiB in 64 pieces is 128 bytes a piece.
    fragments_max: int = 64
    #: False: a binary message ends the connection (1003), for the protocol has none.
    takes_binary: bool = False
    #: Outgoing messages shorter than this go plain to those who negotiated compression, because
    #: hardly anything of them would be saved; None: no compression is negotiated.
    deflate_bytes_min: int | None = DEFLATE_BYTES_MIN
    #: Frames of any kind a viewer may send: nobody taps faster than this for long.
    #: Over it the viewer is flooding (4029); finer limits, with answers, are the owner's.
    frames_per_s: int = 30
    frames_burst: int = 90

    #: What waits for one viewer who is behind. 64 KiB × 770,000 = 50 GB, so 16 KiB (12.6 GB if
    #: *all* were behind; 320 MiB in a process of 20,000). At 300 bytes a frame it is 54 frames,
    #: about 20 s of a busy room.
    backlog_bytes_max: int = 16 * 1024
    #: Behind for this long without a break is too slow: a fresh connection resumes faster.
    slow_ms_max: int = 10_000
    #: What the kernel holds for one viewer before a write finds it full (the kernel doubles the
    #: figure). 64 KiB ÷ 0.2 s round trip = 320 KB/s for each viewer, 100 times what a room sends.
    send_buffer_bytes: int = 32 * 1024

    #: After the last frame the peer has this long to hang up; then we do.
    linger_ms_max: int = 2_000
    #: Unacknowledged data older than this ends the connection (TCP_USER_TIMEOUT), also for
    #: keepalive probes.
    user_timeout_ms: int = 20_000
    keepalive_idle_s: int = 60
    #: A group that has heard nothing for so long is pinged, all of it with one frame. A pulse goes
    #: to everybody once a second, so this is for those who want commerce only: what stands between
    #: them and us (load balancers, carriers' NAT) forgets a connection after 30 s of silence or 60.
    ping_idle_ms: int = 25_000

    #: Upgrades are refused (503) above this many viewers; None: as many as descriptors allow.
    viewers_max: int | None = None
    #: Upgrades are refused (503) above this share of RLIMIT_NOFILE; the rest is for probes, scrapes
    #: and refusals.
    descriptors_share_max: float = 0.95
    #: What a refused client is told to wait.
    retry_after_s: int = 5

    #: Writes between two looks at the loop: 256 × 8.6 µs = 2.2 ms that a command may have to wait.
    slice_writes: int = 256
    #: And their time: where a write takes longer, since the frame is large or the core is shared, a
    #: slice has fewer of them.
    slice_us: int = 2_000
    #: Broadcasts waiting in this process. 1,024 × 1 KiB = 1 MiB; over it the caller runs the oldest
    #: to its end.
    broadcasts_pending_max: int = 1_024
    #: Ready commerce frames of one group travel in one write, up to about one packet on the wire.
    merge_bytes_max: int = 1_400

    #: Work for one wake-up of the epoll set, so that a crowd at the door does not starve the people
    #: inside.
    accepts_per_wake: int = 32
    events_per_wake: int = 256
    #: How often deadlines are looked at; it is the error of every `_ms_max` above.
    sweep_ms: int = 250
