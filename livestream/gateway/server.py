"""The gateway process: from its start to SIGTERM.

    audience      viewers' sockets                     doorkeeper    who may come in
    directory     rooms, and each one's tasks          conversation  what viewers say
    outbox        commands and their answers           reports       what it tells about itself

Owns the wiring, the tasks of the process, the listening socket and the order in which it all ends.
Refuses to know what any of the parts decides.
"""

from __future__ import annotations

import asyncio
import gc
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Any, Final

import structlog
import uvloop
from redis import asyncio as aioredis
from redis.exceptions import RedisError

from livestream import keys, vitals, wire
from livestream.config import Settings
from livestream.gateway import chat, reports
from livestream.gateway.addresses import Addresses
from livestream.gateway.audience import Audience
from livestream.gateway.conversation import Conversation
from livestream.gateway.directory import Directory
from livestream.gateway.door import HttpReply, refusal
from livestream.gateway.doorkeeper import Doorkeeper, Pages
from livestream.gateway.limits import DEFLATE_BYTES_MIN, AudienceLimits
from livestream.gateway.load import LoadMeter
from livestream.gateway.outbox import Outbox
from livestream.gateway.rooms import come_back
from livestream.gateway.traced import TracedOutbox
from livestream.inbox import Inbox, subscribe
from livestream.messages import CloseCode
from livestream.redis_client import open_redis
from livestream.stopping import stop_event
from livestream.tracing import open_tracing

log = structlog.get_logger()

#: Connections the kernel keeps until they are accepted; net.core.somaxconn has the last word.
LISTEN_BACKLOG: Final = 16_384
#: A gateway that starts while Redis is away listens all the same after this time, and says 503.
ROOMS_WAIT_S: Final = 3.0
REDIS_PROBE_S: Final = 0.2
SWEEP_S: Final = 1.0
#: All tickets are looked at every 10 s: 20,000 viewers take some 4 ms, in slices.
TICKETS_EVERY_S: Final = 10.0
TICKETS_SLICE: Final = 1_000

#: The end: 10 s in all, as the supervisor gives. Answers get 2 s, goodbyes 4 s (20,000 viewers who
#: then come back at 5,000 a second), peers who do not hang up 2 s (limits.linger_ms_max).
ANSWERS_WAIT_S: Final = 2.0
GOODBYE_MS_MAX: Final = 4_000
GOODBYES_PER_MS: Final = 5
STOP_WAIT_S: Final = 8.5
LAST_REPORT_S: Final = 0.5


def run(settings: Settings, on_listening: Callable[[], None] | None = None) -> None:
    """Serve viewers until SIGTERM or SIGINT; blocks. `settings.redis_url` must be set.
    `on_listening` is called once, when viewers are let in.
    """
    uvloop.run(_serve(settings, on_listening))


async def _serve(settings: Settings, on_listening: Callable[[], None] | None) -> None:
    stopping = stop_event()
    gateway = Gateway(settings)
    await gateway.start()
    if on_listening is not None:
        on_listening()
    # What is here now stays for the life of the process; the collector need not look at it.
    gc.freeze()
    try:
        await gateway.serve(stopping)
    finally:
        await gateway.stop()


class Gateway:
    """One gateway on the running loop: `start`, `serve`, `stop`."""

    def __init__(self, settings: Settings) -> None:
        assert settings.redis_url is not None, "the command line fills it in"
        self.name = f"g-{secrets.token_hex(4)}"
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_report)
        self._redis: aioredis.Redis = open_redis(settings.redis_url, "gateway")
        self._metrics_page = reports.MetricsPage()
        pages: Pages = {
            "/livez": lambda: HttpReply(200, b"alive\n"),
            "/readyz": self._readiness,
            "/metrics": self._metrics_page.answer,
        }
        addresses = Addresses(settings.proxy_networks())
        self._door = Doorkeeper(self.name, settings.signing_key(), pages, addresses)
        limits = AudienceLimits(
            backlog_bytes_max=settings.limits.backlog_bytes_max,
            viewers_max=settings.limits.viewers_max,
            deflate_bytes_min=DEFLATE_BYTES_MIN if settings.compression else None,
        )
        self.audience = Audience(self._loop, self._door, limits, reports.broadcast_done)
        self._tracing = open_tracing(settings, "gateway")
        new_outbox = Outbox if self._tracing is None else partial(TracedOutbox, self._tracing)
        self._inbox = Inbox(self._redis, self.name)
        self.outbox = new_outbox(self._inbox, self.audience, self._now_ms)
        self.directory = Directory(self._redis, self.audience, self.outbox, self._now_ms)
        self._conversation = Conversation(
            self.name, self.audience, self.outbox, settings.limits, self._now_us
        )
        self._door.begin(self.directory, self._conversation)
        self._meter = reports.Meter(
            self.audience, self.directory, self._door, self._conversation, self.outbox
        )
        self._lateness = vitals.Lateness()
        self._load = LoadMeter(self.audience, self._lateness)
        self._replies_heard = False
        self._tasks: list[asyncio.Task[Any]] = []
        self.port = 0

    # -- the process ---------------------------------------------------------------------------

    async def start(self) -> None:
        """Load the rooms, then listen.

        Raises:
            OSError: the address cannot be listened on.
        """
        sock = self._bind()
        self.port = sock.getsockname()[1]
        self._tasks = [
            self._loop.create_task(work)
            for work in (
                self.directory.watch(),
                self.directory.hear_news(),
                self._hear_replies(),
                self._find_redis_again(),
                self._carry_chat(),
                self._report(),
                self._sweep(),
                self._look_at_tickets(),
                vitals.tell("gateway", self._lateness),
            )
        ]
        # Others may share the port: a connection that comes here before the rooms are loaded would
        # get 503 although the gateway next door could have served it.
        with suppress(TimeoutError):
            await asyncio.wait_for(self.directory.looked.wait(), ROOMS_WAIT_S)
        sock.listen(LISTEN_BACKLOG)
        self.audience.listen(sock)
        log.info("gateway.listening", gateway=self.name, port=self.port)

    async def serve(self, stopping: asyncio.Event) -> None:
        """Until `stopping` is set. A task that ends before is broken code, and is raised."""
        stop = self._loop.create_task(stopping.wait())
        try:
            done, _ = await asyncio.wait({stop, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            stop.cancel()

    async def stop(self) -> None:
        """Let nobody in, answer what can be answered, send everybody home, end."""
        self.audience.stop_listening()
        self.outbox.closing = True
        log.info("gateway.stopping", gateway=self.name, viewers=len(self.audience))
        with suppress(TimeoutError):
            await asyncio.wait_for(self._say_goodbye(), STOP_WAIT_S)
        self.audience.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.directory.close()
        self._meter.copy()
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(LAST_REPORT_S):
                await reports.report_audience(self._redis, self.name, self.directory, last=True)
        await self._redis.aclose()
        if self._tracing is not None:
            await self._tracing.close()
        log.info("gateway.stopped", gateway=self.name)

    async def _say_goodbye(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWERS_WAIT_S):
                while len(self.outbox):  # noqa: ASYNC110 - once in a process's life
                    await asyncio.sleep(0.01)
        over_ms = min(GOODBYE_MS_MAX, len(self.audience) // GOODBYES_PER_MS)
        await self.audience.drain(CloseCode.RESTARTING, come_back, over_ms)

    def _bind(self) -> socket.socket:
        host, port = self._settings.gateway_host, self._settings.gateway_port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind((host, port))
        except OSError:
            sock.close()
            raise
        return sock

    # -- tasks ---------------------------------------------------------------------------------

    async def _hear_replies(self) -> None:
        async for heard in subscribe(self._redis, keys.replies(self.name)):
            if heard is None:
                if self._replies_heard:
                    self.outbox.forget_all()
                self._replies_heard = True
                continue
            self.outbox.settle(wire.decode_replies(heard[1]))

    async def _find_redis_again(self) -> None:
        """While Redis is away commands are answered `busy` at once; look whether it is back."""
        while True:
            await self.outbox.redis_lost.wait()
            try:
                await self._redis.ping()
            except (RedisError, OSError):
                await asyncio.sleep(REDIS_PROBE_S)
            else:
                self.outbox.redis_found()

    async def _carry_chat(self) -> None:
        """Lines of chat leave once in a tick, all of a room's together. Where no mixer hears them,
        because the room is at rest or changes hands, they wait, and its next owner is called.
        """
        called: set[str] = set()
        while True:
            await self._conversation.chat_waits.wait()
            await asyncio.sleep(chat.TICK_S)
            self._conversation.chat_waits.clear()
            for room in self.directory.views():
                lines, room.said = room.said, []
                if not lines:
                    continue
                with suppress(RedisError, OSError):  # best effort: these lines are lost
                    if await self._redis.publish(keys.said(room.name), wire.encode(lines)):
                        called.discard(room.name)
                        continue
                    room.said[:0] = lines
                    self._conversation.chat_waits.set()
                    if room.name not in called:
                        await self._inbox.call(room.name)
                        called.add(room.name)

    async def _report(self) -> None:
        while True:
            try:
                self._meter.copy()
            except OSError as error:  # a new series may need a descriptor, and there is none
                log.warning("metrics.not_copied", error=str(error))
            self._load.look(time.monotonic(), time.process_time())
            load = self._load.last
            try:
                await reports.report_audience(self._redis, self.name, self.directory, load)
            except (RedisError, OSError):
                self.outbox.redis_failed()
            await asyncio.sleep(reports.EVERY_S)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            self.outbox.expire()
            self.directory.let_go_idle()
            for room in self.directory.views():
                while self._conversation.tell_what_was_not_shown(room):  # noqa: ASYNC110 - in slices
                    await asyncio.sleep(0)

    async def _look_at_tickets(self) -> None:
        """Who only watches is found here when the ticket runs out."""
        while True:
            await asyncio.sleep(TICKETS_EVERY_S)
            viewers = iter(self.audience)
            while some := list(islice(viewers, TICKETS_SLICE)):
                self._conversation.close_expired(some)
                await asyncio.sleep(0)

    # -- small things --------------------------------------------------------------------------

    def _readiness(self) -> HttpReply:
        if not self.directory.looked.is_set():
            return refusal(503, "rooms are not loaded yet", 1)
        if not self._replies_heard or not self.outbox.redis_answers:
            return refusal(503, "Redis is away", 1)
        return HttpReply(200, b"ready\n")

    def _now_ms(self) -> int:
        return int(self._loop.time() * 1_000)

    def _now_us(self) -> int:
        return int(self._loop.time() * 1_000_000)


def _report(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody caught: broken code, and the log is where it is found."""
    log.error("gateway.broken", what=context.get("message"), exc_info=context.get("exception"))
