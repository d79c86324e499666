"""The engine process: which rooms it owns, and its life from start to SIGTERM.

Owns the search for rooms without an owner, leases and their renewal. Refuses to know what happens
in a room.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import Final

import structlog
import uvloop
from redis import asyncio as aioredis
from redis.exceptions import RedisError

from livestream import keys, vitals
from livestream.absence import Absence
from livestream.clock import now_ms
from livestream.config import Settings
from livestream.engine import collector
from livestream.engine.owner import RoomOwner
from livestream.engine.roster import Roster
from livestream.engine.traced import owner_traced_to
from livestream.health import open_door
from livestream.inbox import Inbox, subscribe
from livestream.journal import FencedError
from livestream.lease import Lease
from livestream.payments.cashier import ProviderMail
from livestream.payments.external import External
from livestream.payments.provider import PaymentProvider
from livestream.payments.sandbox import Sandbox
from livestream.redis_client import inspect, open_redis
from livestream.stopping import stop_event
from livestream.tracing import Tracing, open_tracing
from livestream.wiping import Wiping
from metrics import catalog

log = structlog.get_logger()

#: Rooms that one engine may own at once: each needs 2 connections of its own out of 128. Rooms at
#: rest are owned by nobody.
ROOMS_OWNED_MAX: Final = 48
LOOK_EVERY_S: Final = 0.25
RETRY_S: Final = 0.2
SWEEP_EVERY_S: Final = 1.0


def run(settings: Settings, *, alone: bool = False) -> None:
    """Own rooms until SIGTERM or SIGINT; blocks. `settings.redis_url` must be set. An engine that
    runs `alone`, with no control server on its machine, tells its health and metrics itself.
    """
    uvloop.run(_serve(settings, alone))


async def _serve(settings: Settings, alone: bool) -> None:
    stopping = stop_event()
    assert settings.redis_url is not None, "the command line fills it in"
    redis = open_redis(settings.redis_url, "engine")
    tracing = open_tracing(settings, "engine")
    door = await open_door("engine", settings.engine_host, settings.engine_port) if alone else None
    try:
        await EngineProcess(redis, settings, tracing).run(stopping)
    finally:
        if door is not None:
            await door.cleanup()
        await redis.aclose()
        if tracing is not None:
            await tracing.close()


class EngineProcess:
    """All ownerships of one process."""

    def __init__(
        self, redis: aioredis.Redis, settings: Settings, tracing: Tracing | None = None
    ) -> None:
        self._redis = redis
        self._settings = settings
        self._new_owner = RoomOwner if tracing is None else owner_traced_to(tracing)
        self.name = f"e-{secrets.token_hex(4)}"
        self._mail = ProviderMail(redis, Inbox(redis, f"p-{self.name}"), "sandbox")
        self._sandbox = Sandbox(self._mail.answer)
        self._provider: PaymentProvider = (
            External() if settings.payment_provider == "external" else self._sandbox
        )
        self._owned: dict[str, asyncio.Task[None]] = {}
        self._roster = Roster(redis, self.name)
        #: Rooms at rest for which a command waits, as of the last look.
        self._called: list[str] = []
        self._nudge = asyncio.Event()
        self._absence = Absence("engine.redis")
        #: Set while every place is taken.
        self._crowded = asyncio.Event()

    async def run(self, stopping: asyncio.Event) -> None:
        """Own rooms until `stopping` is set; then give all of them back. A helper that ends before
        is broken code, and is raised: an engine that no payment is heard of any more must not look
        alive.
        """
        await self._warn_about_redis()
        log.info("engine.started", engine=self.name)
        helpers = [
            asyncio.create_task(collector.tend()),
            asyncio.create_task(vitals.tell("engine")),
            asyncio.create_task(self._mail.run()),
            asyncio.create_task(self._hear_nudges()),
            asyncio.create_task(self._hear_calls()),
            asyncio.create_task(self._sweep()),
        ]
        try:
            while not stopping.is_set():
                for helper in helpers:
                    if helper.done():
                        helper.result()
                await self._look_for_rooms(stopping)
                self._nudge.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wait_any(stopping), LOOK_EVERY_S)
        finally:
            stopping.set()
            if self._owned:
                await asyncio.wait(self._owned.values())
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    async def _wait_any(self, stopping: asyncio.Event) -> None:
        waits = [asyncio.create_task(event.wait()) for event in (stopping, self._nudge)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _warn_about_redis(self) -> None:
        with suppress(RedisError, OSError):
            for warning in await inspect(self._redis):
                log.warning("redis.unsafe", reason=warning)

    async def _hear_nudges(self) -> None:
        async for _ in subscribe(self._redis, keys.ROOMS_CHANGED):
            self._nudge.set()

    async def _hear_calls(self) -> None:
        """Learn of rooms at rest that a command waits for, within a second of their coming to rest
        and at once from then on.
        """
        while True:
            try:
                self._called = await self._roster.called()
            except (RedisError, OSError) as error:
                log.debug("roster.away", error=str(error))
            if self._called:
                self._nudge.set()
            # While a called room is being taken over, by whichever engine, it is still found.
            await asyncio.sleep(RETRY_S)

    async def _sweep(self) -> None:
        """Nothing stays of rooms that were wiped."""
        wiping = Wiping(self._redis)
        while True:
            try:
                await wiping.sweep_all(now_ms())
            except (RedisError, OSError) as error:
                log.debug("wiping.away", error=str(error))
            await asyncio.sleep(SWEEP_EVERY_S)

    async def _look_for_rooms(self, stopping: asyncio.Event) -> None:
        """Start an ownership of every room that has no owner and needs one, as far as we have room
        for it; those that are awake come first.
        """
        for name in [name for name, task in self._owned.items() if task.done()]:
            del self._owned[name]
        self._crowded.clear()
        try:
            # Once each: a second cancellation would cut short what the first has it put away.
            known = [room for room, task in self._owned.items() if not task.cancelling()]
            for room in await self._roster.gone(known):
                log.info("room.wiped", room=room)
                self._owned[room].cancel()
            for room in [*await self._roster.awake(), *self._called]:
                if room in self._owned:
                    continue
                if len(self._owned) >= ROOMS_OWNED_MAX:
                    self._crowded.set()
                    break
                lease = Lease(self._redis, keys.owner(room), self.name, self._settings.lease_ms)
                if not await lease.hold():
                    continue
                if not await self._roster.needs_owner(room):
                    await lease.release()
                    continue
                self._owned[room] = asyncio.create_task(self._own(room, lease, stopping))
        except (RedisError, OSError) as error:
            self._absence.note(error)
        else:
            self._absence.over()
        self._called = []

    async def _own(self, room: str, lease: Lease, stopping: asyncio.Event) -> None:
        owner = self._new_owner(
            self._redis,
            room,
            self.name,
            self._provider,
            self._settings.snapshot_every_events,
            self._settings.pulse_ms,
            self._sandbox,
        )
        owned = catalog.ROOM_OWNED.labels(catalog.room_label(room))
        owned.inc()
        lost = asyncio.create_task(self._keep_lease(room, lease))
        work = asyncio.create_task(self._work_in(room, owner, stopping))
        try:
            await asyncio.wait({lost, work}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                log.warning("room.lost", room=room, reason="another engine has the lease")
                return
            error = work.exception()
            fenced = _fenced_in(error)
            if fenced is not None:
                catalog.APPENDS_REFUSED.inc()
                log.warning("room.lost", room=room, reason=str(fenced))
            elif error is not None:
                log.error("room.failed", room=room, exc_info=error)
                await asyncio.sleep(RETRY_S)
        finally:
            owned.dec()
            for task in (lost, work):
                task.cancel()
            await asyncio.gather(lost, work, return_exceptions=True)
            with suppress(RedisError, OSError):
                await lease.release()

    async def _work_in(self, room: str, owner: RoomOwner, stopping: asyncio.Event) -> None:
        """Own the room until it is at rest or `stopping` is set. The lease is given back after it
        is written down as at rest: whoever dies in between leaves it to be looked for.
        """
        duty = await self._roster.take(room)
        if await owner.run(stopping, self._crowded) and await self._roster.rest(room, duty):
            log.info("room.resting", room=room)

    async def _keep_lease(self, room: str, lease: Lease) -> None:
        """Renew until another engine has it. While Redis is away nobody else can take it either;
        and should one, the fence keeps us from writing.
        """
        while True:
            await asyncio.sleep(self._settings.lease_ms / 4_000)
            try:
                if not await lease.hold():
                    return
            except (RedisError, OSError) as error:
                log.debug("lease.away", room=room, error=str(error))


def _fenced_in(error: BaseException | None) -> FencedError | None:
    """The refusal of the log that ended an ownership, alone or among what its tasks raised."""
    if isinstance(error, BaseExceptionGroup):
        return next((found for one in error.exceptions if (found := _fenced_in(one))), None)
    return error if isinstance(error, FencedError) else None
