"""The one clock: what time it is, in the unit that everything here is told in.

Owns nothing else. The pure core never asks; it is told.
"""

from __future__ import annotations

import time


def now_ms() -> int:
    """Milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000
