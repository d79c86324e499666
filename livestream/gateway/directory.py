"""Which rooms there are, which of them this gateway shows, and the tasks of each.

A room that is live, or about to be, is loaded as soon as it is known. One that has ended is loaded
when somebody asks for it, and let go a minute after the last viewer left, or sooner when another
needs its place.

Owns the life of room views. Refuses to know what happens in them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Literal, NamedTuple, cast

import msgspec
import structlog
from redis import asyncio as aioredis
from redis.exceptions import RedisError

from livestream import keys
from livestream.gateway.air import (
    AirReader,
    follow_channels,
    read_past,
    read_pulse,
    read_storefront,
)
from livestream.gateway.audience import Audience
from livestream.gateway.counts import RoomCounts
from livestream.gateway.outbox import Outbox
from livestream.gateway.ring import Ring
from livestream.gateway.rooms import RoomView
from livestream.inbox import subscribe
from livestream.messages import CloseCode
from livestream.storefront import Storefront

log = structlog.get_logger()

#: Rooms shown at once: each needs 2 connections of its own out of 128 (and an engine owns no more).
ROOMS_MAX: Final = 48
#: A room that no engine owns yet has no view.
VIEW_POLL_S: Final = 0.05
RETRY_S: Final = 0.5
#: Names that nobody told us of lead to one look at Redis in this time, however many ask.
LOOK_EVERY_MS: Final = 500
IDLE_MS_MAX: Final = 60_000
#: Who is in a room that is gone is sent away in slices of some 2 ms, between which others are
#: served.
GONE_BATCH: Final = 100


class _Kept(NamedTuple):
    """A room as it is kept for gateways that start: the view, what led to it, and the counts."""

    storefront: Storefront
    past: Ring
    pulse: bytes | None


class Directory:
    """All rooms of this gateway."""

    def __init__(
        self,
        redis: aioredis.Redis,
        audience: Audience,
        outbox: Outbox,
        now_ms: Callable[[], int],
    ) -> None:
        self._redis = redis
        self._audience = audience
        self._outbox = outbox
        self._now_ms = now_ms
        self._known: set[str] = set()
        self._views: dict[str, RoomView] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        # Not a view's own: what only grows must not begin anew when a view does.
        self._counts: dict[str, RoomCounts] = {}
        self._empty_since_ms: dict[str, int] = {}
        self._leaving: set[asyncio.Task[None]] = set()  # kept, or they may be collected unfinished
        self._look = asyncio.Event()
        self._looked_at_ms = 0
        #: Set once every room that was there at the start is shown.
        self.looked = asyncio.Event()

    def find(self, name: str) -> RoomView | Literal["loading", "unknown"]:
        """The room, as far as it is known now. Asking brings in what is not."""
        view = self._views.get(name)
        if view is not None:
            # Without a title the engine has not decided its creation yet; the air will tell.
            return view if view.storefront.title else "loading"
        if name in self._known:
            if name not in self._tasks and self._has_place():
                self._tasks[name] = asyncio.create_task(self._keep(name))
            return "loading"
        if self._now_ms() - self._looked_at_ms >= LOOK_EVERY_MS:
            self._look.set()
        return "unknown" if self.looked.is_set() else "loading"

    def views(self) -> list[RoomView]:
        """Every room that is shown."""
        return list(self._views.values())

    def shows(self, name: str) -> bool:
        """Whether viewers can be in this room now."""
        return name in self._views

    def counts(self) -> dict[str, RoomCounts]:
        """What was counted of each room, also of those no longer shown."""
        return self._counts

    # -- tasks ---------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Look for rooms at the start, when told of one, and when asked for one; for ever."""
        while True:
            self._look.clear()
            self._looked_at_ms = self._now_ms()
            try:
                await self._look_for_rooms()
                self.looked.set()
            except (RedisError, OSError):
                await asyncio.sleep(RETRY_S)
            else:
                await self._look.wait()

    async def hear_news(self) -> None:
        """Rooms were created, or may have been while nobody listened."""
        async for _ in subscribe(self._redis, keys.ROOMS_CHANGED):
            self._look.set()

    def let_go_idle(self) -> None:
        """Stop showing ended rooms that nobody has watched for a while."""
        now_ms = self._now_ms()
        for name, view in list(self._views.items()):
            if view.storefront.status != "ended" or view.counts.viewers:
                self._empty_since_ms.pop(name, None)
            elif now_ms - self._empty_since_ms.setdefault(name, now_ms) > IDLE_MS_MAX:
                self._let_go(name)

    async def close(self) -> None:
        """Stop every room's tasks."""
        tasks = [*self._tasks.values(), *self._leaving]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_for_rooms(self) -> None:
        names = {raw.decode() for raw in cast(set[bytes], await self._redis.smembers(keys.ROOMS))}
        for name in sorted(names - self._known):
            kept = await self._read(name)
            if kept is None or kept.storefront.status != "ended":
                if self._has_place():
                    self._tasks[name] = asyncio.create_task(self._keep(name))
                    if kept is not None:
                        self._show(kept)
                else:
                    log.warning("rooms.full", room=name, rooms_max=ROOMS_MAX)
            self._known.add(name)
        for name in sorted(self._known - names):
            self._known.remove(name)
            leaving = asyncio.create_task(self._lose(name))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    async def _lose(self, name: str) -> None:
        """The room is gone: nothing is written of it any more, and whoever is in it is sent away,
        a few at a time.
        """
        view = self._views.pop(name, None)
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()
        self._counts.pop(name, None)
        self._empty_since_ms.pop(name, None)
        if view is not None:
            log.info("room.gone", room=name)
            here = view.start_over(view.storefront)
            for start in range(0, len(here), GONE_BATCH):
                for viewer in here[start : start + GONE_BATCH]:
                    self._audience.close_viewer(viewer, CloseCode.ROOM_GONE, "the room is gone")
                await asyncio.sleep(0)
        self._outbox.forget(name)

    def _has_place(self) -> bool:
        """Whether one more room can be shown; an ended one that nobody watches makes room."""
        if len(self._tasks) < ROOMS_MAX:
            return True
        for name, view in self._views.items():
            if view.storefront.status == "ended" and not view.counts.viewers:
                self._let_go(name)
                return True
        return False

    def _let_go(self, name: str) -> None:
        del self._views[name]
        self._empty_since_ms.pop(name, None)
        self._tasks.pop(name).cancel()

    async def _read(self, name: str) -> _Kept | None:
        try:
            storefront = await read_storefront(self._redis, name)
            if storefront is None:
                return None
            past = await read_past(self._redis, storefront)
            return _Kept(storefront, past, await read_pulse(self._redis, name))
        except msgspec.DecodeError as error:
            log.error("storefront.unreadable", room=name, error=str(error))
            return None

    def _show(self, kept: _Kept) -> RoomView:
        storefront = kept.storefront
        name = storefront.room
        counts = self._counts.setdefault(name, RoomCounts())
        self._views[name] = view = RoomView(self._audience, storefront, counts, kept.past)
        if kept.pulse is not None:
            view.on_channel(kept.pulse)
        log.info("room.shown", room=name, seq=storefront.seq, epoch=storefront.epoch)
        return view

    async def _keep(self, name: str) -> None:
        """Show a room, from its first view on, until cancelled."""
        while name not in self._views:
            try:
                kept = await self._read(name)
                if kept is not None:
                    self._show(kept)
                    break
            except (RedisError, OSError):
                pass  # it is looked for again
            await asyncio.sleep(VIEW_POLL_S)
        view = self._views[name]
        while True:
            try:
                async with asyncio.TaskGroup() as tasks:
                    reader = AirReader(self._redis, view, self._audience)
                    tasks.create_task(reader.run())
                    tasks.create_task(follow_channels(self._redis, view))
                    tasks.create_task(self._outbox.carry(name))
            except Exception:
                # Broken code, or something in Redis that is not ours: one room must not take the
                # others with it.
                log.exception("room.failed", room=name)
                await asyncio.sleep(RETRY_S)
