"""The audience with every instrument of a gateway on, as in production: broadcasts timed, counts
copied once a second, the process's own vitals, and a page to be scraped.

Owns the setting up. Refuses to measure anything itself.
"""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path
from typing import Any

from livestream import vitals
from livestream.arrivals import Arrival
from livestream.config import Settings
from livestream.gateway import reports
from livestream.gateway.frames import text_frame
from livestream.gateway.lanes import Lane
from livestream.gateway.limits import AudienceLimits
from livestream.gateway.server import Gateway
from loadtest.bench.fanout_servers import PING_IDLE_MS, Ours


class Measured(Ours):
    """`Ours`, measured. The counts are those of a whole gateway, which is made and not started: its
    Redis is never spoken to, its door never opened.
    """

    async def start(self, sock: socket.socket) -> None:
        from livestream.gateway.audience import Audience

        loop = asyncio.get_running_loop()
        gateway = Gateway(Settings(redis_url="unix:///nobody", secret="0" * 32, var_dir=Path()))
        gateway.audience.close()
        self._frame, self._lane = text_frame, Lane.COMMERCE
        limits = AudienceLimits(ping_idle_ms=PING_IDLE_MS)
        self._audience = Audience(loop, self, limits, reports.broadcast_done)
        self._group = self._audience.group("bench")
        self._meter = reports.Meter(
            self._audience,
            gateway.directory,
            gateway._door,
            gateway._conversation,
            gateway.outbox,
        )
        self._page = reports.MetricsPage()
        self._tasks = [loop.create_task(work) for work in (vitals.tell("gateway"), self._copy())]
        self._audience.listen(sock)

    async def broadcast(self, payload: bytes) -> None:
        arrival = Arrival("announcement", 1, int(time.time() * 1_000))
        self._audience.broadcast(self._group, self._frame(payload), self._lane, arrival)
        while self._audience.broadcasts_pending:  # noqa: ASYNC110 - the next slice is what we wait for
            await asyncio.sleep(0)

    def answer(self, request: Any) -> Any:
        return self._page.answer()

    async def _copy(self) -> None:
        while True:
            self._meter.copy()
            await asyncio.sleep(reports.EVERY_S)
