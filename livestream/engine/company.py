"""The company in a room: what people say, and how many they are. Beside the log, best effort.

Owns the tasks that carry chat lines to the mixer, its frames to the gateways, and the gateways'
counts to the pulse and to the book of attendance. Refuses to know stock and money. What is lost
here in a crash is a line of chat, and a moment of attendance.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, cast

import msgspec
import structlog
from msgspec import structs
from redis import asyncio as aioredis
from redis.exceptions import RedisError, WatchError

from cart.events import OrderPaid
from cart.fact import Fact
from livestream import keys, wire
from livestream.attendance import (
    EARLIER,
    MOMENT_EVERY_MS,
    MOMENTS_AFTER_END_MS,
    MOMENTS_MAX,
    GatewayCounts,
    added_up,
    read_counts,
    surplus_of,
)
from livestream.blocked_words import BlockedWords
from livestream.clock import now_ms
from livestream.engine.ledger import ChatCounts
from livestream.engine.mixer import TICK_MS, Mixer
from livestream.engine.pulse import (
    AudienceTotals,
    arrivals_of,
    moment_of,
    silent_gateways,
    total,
)
from livestream.engine.recent import Growth
from livestream.facts import (
    ChatDeleted,
    ChatRestored,
    ChatWordsSet,
    ViewerBanned,
    ViewerMuted,
)
from livestream.flight import RedisLine, Watch
from livestream.inbox import subscribe
from livestream.messages import Pulse
from livestream.redis_client import look_at
from livestream.room import RoomState
from metrics import catalog

log = structlog.get_logger()

#: The gateways' numbers, for the desk and for the pulse; gateways tell them as often.
COUNT_EVERY_S: Final = 1.0
#: Redis' memory and disk, for the desk: no faster than they change, and 48 rooms ask.
REDIS_EVERY_MS: Final = 10_000
#: Facts that are of the company's business; the others, nearly all, are known by their type alone.
_HEEDED: Final = frozenset(
    {OrderPaid, ChatDeleted, ChatRestored, ChatWordsSet, ViewerMuted, ViewerBanned}
)


class Company:
    """Chat and audience of one room, for one ownership. A pulse is sent every `pulse_ms`."""

    def __init__(self, redis: aioredis.Redis, state: RoomState, pulse_ms: int = 1_000) -> None:
        self._redis = redis
        self._pulse_ms = pulse_ms
        self._pulsed_ms = 0  # when the last one was sent
        self._state = state
        self._room = state.room
        self._mixer = Mixer(random.Random(), lambda viewer: viewer in state.books.checkouts)
        self.audience: AudienceTotals = total({}, 0, 0, 0)
        self.watch = Watch()
        #: Who has a paid order: the ids that the orders hold, 64 bytes each for their places.
        self._buyers: set[str] = set()
        self._evictions = Growth()
        self._redis_line: RedisLine | None = None
        self._redis_ms = 0  # when it was looked at last
        self._moment_ms = 0  # of the last one in the book of attendance
        # What the owners before this one counted.
        self._chat_before: ChatCounts = {"shown": 0, "skipped": 0, "blocked": 0}

    @property
    def chat(self) -> ChatCounts:
        """Lines shown, skipped and blocked so far, by this owner and those before it."""
        before, mixer = self._chat_before, self._mixer
        return {
            "shown": before["shown"] + mixer.shown,
            "skipped": before["skipped"] + mixer.skipped,
            "blocked": before["blocked"] + mixer.blocked,
        }

    async def restore(self) -> dict[str, int]:
        """Take over the chat's history and numbers, and the peak, from the last owner; returns the
        refusals that it counted.

        Raises:
            redis.exceptions.RedisError: Redis is away.
        """
        self._mixer.words = BlockedWords(self._state.blocked_words)
        orders = self._state.books.orders.values()
        self._buyers.update(order.viewer for order in orders if order.paid_seq)
        history = cast(bytes | None, await self._redis.get(keys.history(self._room)))
        if history:
            self._mixer.history.extend(wire.decode_chat(history))
        kept = cast(bytes | None, await self._redis.get(keys.ledger(self._room)))
        if not kept:
            return {}
        ledger = wire.decode_frame(kept)
        # Its gateways are told anew at the first count, for another version may have kept them.
        self.audience = ledger["audience"]
        self.audience["gateways"] = []
        self._chat_before |= ledger["chat"]
        refusals: dict[str, int] = ledger.get("refusals", {})
        return refusals

    def heed(self, facts: Iterable[Fact]) -> None:
        """Moderation that was just decided holds for what has not been shown yet, too; and who has
        paid is a buyer from now on.
        """
        for fact in facts:
            if type(fact) not in _HEEDED:
                continue
            match fact:
                case OrderPaid():
                    self._buyers.add(self._state.books.orders[fact.order_id].viewer)
                case ChatDeleted():
                    self._mixer.delete(fact.message_id)
                case ChatRestored():
                    self._mixer.restore(fact.message_id)
                case ChatWordsSet():
                    self._mixer.words = BlockedWords(fact.words)
                case ViewerMuted(viewer=viewer) | ViewerBanned(viewer=viewer):
                    self._mixer.silence(viewer)

    async def keep(self) -> None:
        """Carry chat and counts until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hear())
            tasks.create_task(self._mix())
            tasks.create_task(self._beat())

    async def _hear(self) -> None:
        async for heard in subscribe(self._redis, keys.said(self._room)):
            if heard is None:
                continue
            try:
                lines = wire.decode_chat(heard[1])
            except msgspec.DecodeError:
                log.warning("chat.unreadable", room=self._room)
                continue
            self._mixer.add([line for line in lines if self._has_the_word(line["viewer"])])

    def _has_the_word(self, viewer: str) -> bool:
        return viewer not in self._state.muted and viewer not in self._state.banned

    async def _mix(self) -> None:
        while True:
            await asyncio.sleep(TICK_MS / 1_000)
            blocked = self._mixer.blocked
            frame = self._mixer.mix()
            catalog.CHAT_LINES.labels("blocked").inc(self._mixer.blocked - blocked)
            if frame is None:
                continue
            catalog.CHAT_LINES.labels("shown").inc(len(frame["messages"]))
            catalog.CHAT_LINES.labels("skipped").inc(frame["skipped"])
            history = wire.encode(list(self._mixer.history))
            with suppress(RedisError, OSError):
                async with self._redis.pipeline(transaction=False) as pipe:
                    pipe.publish(keys.chat(self._room), wire.encode(frame))
                    pipe.set(keys.history(self._room), history)
                    await pipe.execute()

    async def _beat(self) -> None:
        while True:
            with suppress(RedisError, OSError):
                await self._count()
            await asyncio.sleep(COUNT_EVERY_S)

    async def _count(self) -> None:
        fields = cast(dict[bytes, bytes], await self._redis.hgetall(keys.audience(self._room)))
        unique = await self._redis.pfcount(keys.unique(self._room))
        at_ms = now_ms()
        counts = read_counts(fields)
        self.audience = total(counts, unique, self.audience["peak"], at_ms)
        await self._look_at_redis(at_ms)
        self.watch = Watch(
            at_ms,
            arrivals_of(counts, at_ms),
            silent_gateways(counts, at_ms),
            self._evictions.note(sum(one.slow_evictions for one in counts.values()), at_ms),
            self._redis_line,
            len(self._buyers),
        )
        # Half a count early rather than a whole one late.
        if at_ms - self._pulsed_ms >= self._pulse_ms - COUNT_EVERY_S * 500:
            await self._pulse(at_ms)
        await self._keep_moment(counts, at_ms)
        if surplus_of(counts) or any(line.is_spent(at_ms) for line in counts.values()):
            await self._fold_ended(at_ms)

    async def _look_at_redis(self, at_ms: int) -> None:
        if at_ms - self._redis_ms < REDIS_EVERY_MS:
            return
        self._redis_ms = at_ms
        state = await look_at(self._redis)
        self._redis_line = None if state is None else {"at_ms": at_ms, **state}

    async def _pulse(self, at_ms: int) -> None:
        pulse: Pulse = {
            "type": "pulse",
            "viewers": self.audience["viewers"],
            "likes": self.audience["likes"],
            "server_time_ms": at_ms,
        }
        await self._redis.publish(keys.chat(self._room), wire.encode(pulse))
        self._pulsed_ms = at_ms

    async def _fold_ended(self, at_ms: int) -> None:
        """Add up in one line those of gateways that ended long ago, and leave of those that fell
        silent only what they had counted: all of it or, if anybody wrote into the hash meanwhile,
        nothing until the next time.
        """
        audience = keys.audience(self._room)
        async with self._redis.pipeline(transaction=True) as pipe:
            await pipe.watch(audience)
            counts = read_counts(cast(dict[bytes, bytes], await pipe.hgetall(audience)))
            surplus = surplus_of(counts)
            lines = [counts[name] for name in (*surplus, EARLIER) if name in counts]
            pipe.multi()
            if surplus:
                pipe.hset(audience, EARLIER, wire.encode_state(added_up(lines)))
                pipe.hdel(audience, *surplus)
            for name, line in counts.items():
                if line.is_spent(at_ms) and name not in surplus:
                    pipe.hset(audience, name, wire.encode_state(line.without_state()))
            with suppress(WatchError):
                await pipe.execute()

    async def _keep_moment(self, counts: dict[str, GatewayCounts], at_ms: int) -> None:
        """Write the book of attendance: one entry in each 5 s by the clock."""
        if at_ms // MOMENT_EVERY_MS == self._moment_ms // MOMENT_EVERY_MS:
            return
        state = self._state
        if state.status == "ended" and at_ms - state.at_ms > MOMENTS_AFTER_END_MS:
            return
        if self.audience["joined"] == 0:
            return  # nobody has come yet: a room may be made days before its show
        chat = self.chat
        orders_paid, net_minor = await self._read_takings()
        moment = moment_of(counts, self.audience, chat["shown"], chat["skipped"], at_ms)
        moment = structs.replace(
            moment, buyers=len(self._buyers), orders_paid=orders_paid, net_minor=net_minor
        )
        await self._redis.xadd(
            keys.attendance(self._room),
            {b"m": wire.encode_state(moment)},
            maxlen=MOMENTS_MAX,
            approximate=False,
        )
        self._moment_ms = at_ms

    async def _read_takings(self) -> tuple[int, dict[str, int]]:
        """Paid orders and net by currency as the last ledger told them: unlike the state in memory,
        which may be a turn ahead of the log, they stand.
        """
        kept = cast(bytes | None, await self._redis.get(keys.ledger(self._room)))
        if not kept:
            return 0, {}
        ledger = wire.decode_frame(kept)
        net_minor = {line["currency"]: line["net_minor"] for line in ledger.get("totals", ())}
        return ledger.get("orders", {}).get("paid", 0), net_minor
