"""The owner of a room in an engine that traces: what a checkout waits for here.

    engine.turn         from the begin of the turn to everybody's answers
      decide            all commands of the turn
      journal.append    one append for all of them, durable when it ends

Owns these spans. Refuses to know where they go, and what a gateway adds (`gateway.traced`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType

from redis import asyncio as aioredis

from livestream.engine.owner import RoomOwner
from livestream.engine.turn import Entries, Turn
from livestream.inbox import InboxReader
from livestream.tracing import Tracing


class TracedInboxReader(InboxReader):
    """An `InboxReader` that keeps the addresses of traces until their entry is decided."""

    def __init__(self, redis: aioredis.Redis, room: str) -> None:
        super().__init__(redis, room)
        self._addresses: dict[str, list[str]] = {}

    def addresses_of(self, entries: Entries) -> list[tuple[str, str]]:
        """(entry id, address) of each trace in these entries; asked once."""
        return [
            (entry_id, address)
            for entry_id, _, _ in entries
            for address in self._addresses.pop(entry_id, ())
        ]

    def _take(self, entry_id: bytes, fields: dict[bytes, bytes]) -> tuple[str, str, bytes]:
        entry = super()._take(entry_id, fields)
        if b"t" in fields:
            self._addresses[entry[0]] = fields[b"t"].decode().split()
        return entry


class TracedOwner(RoomOwner):
    """A `RoomOwner` with spans for the checkouts that gateways trace."""

    _tracing: Tracing
    _inbox: TracedInboxReader
    _inbox_reader = TracedInboxReader
    _append_ns = (0, 0)
    _about: Mapping[str, str | int | float | bool] = MappingProxyType({})

    async def _turn(self, entries: Entries) -> None:
        traced = self._inbox.addresses_of(entries)
        began_ns = time.time_ns()
        await super()._turn(entries)
        for entry_id, address in traced:
            self._record(entry_id, address, began_ns, time.time_ns())

    async def _commit(self, turn: Turn, epoch: int) -> None:
        began_ns = time.time_ns()
        await super()._commit(turn, epoch)
        self._append_ns = (began_ns, time.time_ns())
        self._about = {
            "livestream.room": self._name,
            "livestream.epoch": epoch,
            "livestream.seq": turn.last_seq,
            "livestream.facts": len(turn.facts),
            "livestream.commands": turn.outcomes.total(),
        }

    def _record(self, entry_id: str, address: str, began_ns: int, ended_ns: int) -> None:
        tracing = self._tracing
        put_ms = int(entry_id.split("-", 1)[0])
        about = {**self._about, "livestream.inbox_wait_ms": max(0, began_ns // 1_000_000 - put_ms)}
        turn = tracing.record("engine.turn", tracing.consumer, address, (began_ns, ended_ns), about)
        append_began_ns, append_ended_ns = self._append_ns
        tracing.record("decide", tracing.internal, turn, (began_ns, append_began_ns), {})
        tracing.record(
            "journal.append", tracing.internal, turn, (append_began_ns, append_ended_ns), {}
        )


def owner_traced_to(tracing: Tracing) -> type[RoomOwner]:
    """The kind of owner whose spans go there."""

    class Owner(TracedOwner):
        _tracing = tracing

    return Owner
