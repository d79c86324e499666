"""One room's mail: how far its log was taken, what of it waits, and the orders it is about.

The orders are read anew, from the snapshot and the log, when they are needed first: every event
carries its order as it was placed. They stay while the room has news, about 1 KB each.

Owns one room between Redis and the outbox. Refuses to send.
"""

from __future__ import annotations

from redis import asyncio as aioredis

from cart.events import OrderPlaced
from livestream.courier.letters import Letter, OrderCard, is_about_orders, letters_of
from livestream.courier.outbox import WAITING_MAX, Outbox, Retry
from livestream.courier.store import Place, Store
from livestream.facts import Record, RoomCreated
from livestream.journal import Journal, read_creation, read_log
from livestream.snapshots import read_snapshot


class Rewritten(Exception):  # noqa: N818  # a turn in the way, not an error
    """The log is not a continuation of what was taken: Redis came back with less."""


class RoomMail:
    """The mail of one room. Every method may raise redis.exceptions.RedisError."""

    def __init__(self, redis: aioredis.Redis, store: Store, room: str, retry: Retry) -> None:
        self._redis = redis
        self._store = store
        self.room = room
        self.outbox = Outbox(retry)
        self.place = Place()
        self._cards: dict[str, OrderCard] | None = None
        self._sandbox = False
        self.sending = 0

    async def load(self) -> None:
        """Go on where the last courier was killed."""
        self.place = await self._store.place(self.room)
        created = await read_creation(self._redis, self.room)
        self._sandbox = created is not None and created.sandbox
        await self._find_place()
        for letter in await self._store.dead(self.room):
            self.outbox.joins_dead(letter.order_id)
        for letter in await self._store.waiting(self.room):
            self.outbox.put(letter)

    async def _find_place(self) -> None:
        """After a Redis that came back with less, the log may go on with other records under the
        same numbers: everything of a later epoch is news, and what was taken of earlier ones is
        not told again.
        """
        if self.place.seq == 0:
            return
        entry = f"{self.place.seq}-0"
        if await Journal(self._redis, self.room).is_record(
            entry, self.place.epoch, self.place.at_ms
        ):
            return
        last = Place()
        async for seq, record in read_log(self._redis, self.room):
            if record.epoch > self.place.epoch:
                break
            last = Place(seq, record.epoch, record.at_ms)
        await self._store.take(self.room, self.place, last, [], [])
        self.place = last

    @property
    def is_full(self) -> bool:
        """Whether the rest must wait in the log."""
        return self.outbox.waiting >= WAITING_MAX

    def forget_orders(self) -> None:
        """Nothing has happened for a while."""
        self._cards = None

    async def take(self, seq: int, record: Record) -> None:
        """The next record of the log.

        Raises:
            Rewritten: it does not follow on what was taken.
            PlaceMovedError: another courier has taken it.
        """
        if seq - len(record.facts) != self.place.seq:
            raise Rewritten(self.room)
        letters: list[Letter] = []
        self._sandbox = self._sandbox or any(
            isinstance(fact, RoomCreated) and fact.sandbox for fact in record.facts
        )
        # Nobody packs what was sold in a rehearsal.
        if is_about_orders(record.facts) and not self._sandbox:
            letters = list(letters_of(self.room, seq, record, await self._orders()))
        after = Place(seq, record.epoch, record.at_ms)
        dead = [letter for letter in letters if self.outbox.is_dead(letter.order_id)]
        waiting = [letter for letter in letters if not self.outbox.is_dead(letter.order_id)]
        await self._store.take(self.room, self.place, after, waiting, dead)
        self.place = after
        for letter in dead:
            self.outbox.joins_dead(letter.order_id)
        # An order may have been given up while this was written down.
        late = [letter for letter in waiting if self.outbox.is_dead(letter.order_id)]
        for letter in waiting:
            if letter not in late:
                self.outbox.put(letter)
        if late:
            for letter in late:
                self.outbox.joins_dead(letter.order_id)
            await self._store.bury(self.room, late)

    async def _orders(self) -> dict[str, OrderCard]:
        """Every order placed up to the place."""
        if self._cards is not None:
            return self._cards
        cards: dict[str, OrderCard] = {}
        after = 0
        state = await read_snapshot(self._redis, self.room)
        if state is not None and await Journal(self._redis, self.room).record_of(state) is not None:
            after = state.seq
            cards = {order_id: OrderCard.of(o) for order_id, o in state.books.orders.items()}
        async for seq, record in read_log(self._redis, self.room, after):
            if seq > self.place.seq:
                break
            for fact in record.facts:
                if isinstance(fact, OrderPlaced):
                    cards[fact.order_id] = OrderCard.of(fact)
        self._cards = cards
        return cards

    async def revive(self, order_ids: set[str]) -> None:
        """Replay the dead letters of these orders."""
        dead = await self._store.dead(self.room)
        for order_id in order_ids:
            letters = [letter for letter in dead if letter.order_id == order_id]
            self.outbox.revive(letters)
            await self._store.revive(self.room, order_id, letters)
