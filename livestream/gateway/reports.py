"""What this gateway tells about itself, once a second: its audience to the engines, its numbers to
the metrics.

Nothing is counted here for each viewer: what is counted anyway, as plain ints, is copied.

Owns the copying. Refuses to know what the numbers mean.
"""

from __future__ import annotations

import asyncio
import time
from asyncio import Task
from collections import Counter
from typing import Final, get_args

from prometheus_client import Counter as Instrument
from redis import asyncio as aioredis
from redis.exceptions import RedisError

from cart.fact import tag_of
from cart.outcome import ErrorCode
from livestream import clock, keys, wire
from livestream.attendance import GatewayLoad
from livestream.gateway.audience import Audience
from livestream.gateway.conversation import Conversation
from livestream.gateway.directory import Directory
from livestream.gateway.door import HttpReply
from livestream.gateway.doorkeeper import Doorkeeper
from livestream.gateway.lanes import Lane
from livestream.gateway.outbox import Outbox
from livestream.messages import ShoppingMessage
from metrics import catalog, exposition
from metrics.batches import observe_times

EVERY_S: Final = 1.0


async def report_audience(
    redis: aioredis.Redis,
    gateway: str,
    directory: Directory,
    load: GatewayLoad | None = None,
    *,
    last: bool = False,
) -> None:
    """Tell each room's engine who is here, how long they have been, how they fared, and how this
    process does; with `last` for the last time.

    Raises:
        redis.exceptions.RedisError: Redis is away; distinct viewers are kept for the next time.
    """
    for counts in directory.counts().values():
        counts.watch_until(time.monotonic_ns() // 1_000_000)
    for view in directory.views():
        view.counts.behind = view.behind
    # A copy: while one room is told of, another may open.
    for name, counts in list(directory.counts().items()):
        told = wire.encode_state(counts.line(0))
        if told == counts.told and not directory.shows(name) and not last:
            continue  # let go, and told of: rooms of the past must not cost a write a second each
        uncounted, counts.uncounted = counts.uncounted, set()
        line = wire.encode_state(counts.line(clock.now_ms(), last, load))
        try:
            async with redis.pipeline(transaction=False) as pipe:
                pipe.hset(keys.audience(name), gateway, line)
                if uncounted:
                    pipe.pfadd(keys.unique(name), *uncounted)
                await pipe.execute()
        except (RedisError, OSError):
            counts.uncounted |= uncounted
            raise
        counts.told = told


def broadcast_done(lane: Lane, seconds: float, born_ms: int) -> None:
    """A broadcast has reached everybody. `born_ms`: when its fact was decided; 0: it tells none."""
    catalog.BROADCAST_SECONDS.labels(lane.name.lower()).observe(seconds)
    if born_ms:
        catalog.ARRIVAL_SECONDS.observe(max(0, clock.now_ms() - born_ms) / 1_000)


class Meter:
    """Copies what has been counted to the instruments."""

    def __init__(
        self,
        audience: Audience,
        directory: Directory,
        doorkeeper: Doorkeeper,
        conversation: Conversation,
        outbox: Outbox,
    ) -> None:
        self._audience = audience
        self._directory = directory
        self._doorkeeper = doorkeeper
        self._conversation = conversation
        self._outbox = outbox
        self._told: dict[object, int] = {}
        self._rooms_told: set[str] = set()  # those with viewers, as they were told last
        # From 0 on: a series that begins with its first rise hides that rise from `rate`, and the
        # first of these may be the evening's fault.
        for status in catalog.HANDSHAKE_STATUSES:
            catalog.HANDSHAKES.labels(catalog.handshake_status_label(status))
        for code in catalog.CLOSE_CODES:
            catalog.LEAVES.labels(catalog.close_code_label(code))
        for kind in get_args(ShoppingMessage):
            catalog.MESSAGES_RECEIVED.labels(tag_of(kind), ErrorCode.BUSY)
            catalog.COMMAND_SECONDS.labels(tag_of(kind), "unanswered")

    def copy(self) -> None:
        """Bring every instrument up to date."""
        stats = self._audience.stats
        catalog.BEHIND.set(self._audience.behind)
        catalog.COMMANDS_IN_FLIGHT.set(len(self._outbox))
        self._copy_connections()
        self._copy_answers()
        for status, count in stats.handshakes.items():
            label = catalog.handshake_status_label(status)
            self._add(catalog.HANDSHAKES.labels(label), ("handshake", status), count)
        for code, count in stats.closed.items():
            label = catalog.close_code_label(code)
            self._add(catalog.LEAVES.labels(label), ("leave", code), count)
        for lane, count in stats.broadcasts.items():
            label = lane.name.lower()
            self._add(catalog.BROADCASTS.labels(label), ("broadcast", label), count)
        for labels, count in self._conversation.heard_by_type.items():
            self._add(catalog.MESSAGES_RECEIVED.labels(*labels), labels, count)
        for reason, count in (
            ("expired", stats.handshakes_expired),
            ("evicted", stats.handshakes_evicted),
            ("abandoned", stats.handshakes_abandoned),
        ):
            self._add(catalog.HANDSHAKES_LOST.labels(reason), reason, count)
        for kind, count in (
            ("new", self._doorkeeper.joined_new),
            ("resumed", self._doorkeeper.joined_resumed),
        ):
            self._add(catalog.JOINS.labels(kind), kind, count)
        for counter, count in (
            (catalog.ACCEPT_PAUSES, stats.accept_pauses),
            (catalog.SLOW_EVICTIONS, stats.slow_evictions),
            (catalog.PROTOCOL_ERRORS, stats.protocol_errors),
            (catalog.PINGS, stats.pings),
            (catalog.FRAMES_SENT, stats.frames_out),
            (catalog.BYTES_SENT, stats.bytes_out),
            (catalog.BYTES_RECEIVED, stats.bytes_in),
            (catalog.CHAT_FRAMES_SKIPPED, stats.chat_skipped),
            (catalog.PULSE_FRAMES_REPLACED, stats.pulse_replaced),
        ):
            self._add(counter, counter, count)

    def _copy_connections(self) -> None:
        # Rooms over the bound share a label; of one that was wiped nobody is left.
        viewers: Counter[str] = Counter(dict.fromkeys(self._rooms_told, 0))
        for name, counts in self._directory.counts().items():
            viewers[catalog.room_label(name)] += counts.viewers
        for label, count in viewers.items():
            catalog.CONNECTIONS.labels(label).set(count)
        self._rooms_told = {label for label, count in viewers.items() if count}

    def _copy_answers(self) -> None:
        answered, self._outbox.answered = self._outbox.answered, Counter()
        for (command, result, took_ms), times in answered.items():
            seconds = catalog.COMMAND_SECONDS.labels(command, result)
            observe_times(seconds, took_ms / 1_000, times)

    def _add(self, instrument: Instrument, key: object, count: int) -> None:
        """Bring a counter from what it was told last to `count`."""
        instrument.inc(count - self._told.get(key, 0))
        self._told[key] = count


class MetricsPage:
    """What a scrape gets."""

    def __init__(self) -> None:
        self._promised: Task[HttpReply] | None = None

    def answer(self) -> HttpReply | Task[HttpReply]:
        """This gateway's own text at once: it takes the audience less time than 50 of its frames.

        Where the machine's processes share one, all of them, soon: reading their files takes 20 ms
        and more, in a thread that fights with the audience for the interpreter. There the control
        server is the one to be scraped. Those who ask while it is being made get the same.
        """
        if not exposition.is_shared():
            return HttpReply(200, exposition.own_text(), exposition.CONTENT_TYPE)
        if self._promised is None or self._promised.done():
            self._promised = asyncio.create_task(self._make())
        return self._promised

    async def _make(self) -> HttpReply:
        text = await asyncio.to_thread(exposition.render)
        return HttpReply(200, text, exposition.CONTENT_TYPE)
