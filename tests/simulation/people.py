"""People of a world, as they sit in front of their screens, and the gateway between them and the
house.

    Gateway   takes what people say, puts it into the inbox in batches, hands them what comes back,
              and follows the air with the real `Storefront`
    Person    says something and waits for the answer, but not for ever
    Witness   what people were told, as evidence for the auditor; notes every broken promise

Owns what can be seen from outside. Refuses to look into an engine.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from livestream import keys, wire
from livestream.audit import Acknowledged
from livestream.commands import Command, Envelope
from livestream.storefront import Storefront
from tests.simulation.clockwork import Clock, Nap, Script, Task
from tests.simulation.redis_model import AwayError, RedisModel, Weather

#: How long somebody waits for an answer before saying it again.
PATIENCE_MS = 3_000
#: How often; the weather is never that bad for so long, but an engine may be long in coming.
TRIES = 6
BATCH_EVERY_MS = 5


class Told(Struct, frozen=True):
    """An answer: `result` when `ok`, else the refusal's `code`."""

    ok: bool
    result: Mapping[str, Any] = {}
    code: str = ""


class Witness:
    """What anybody was told. `broken` are promises that were not kept, in sentences."""

    def __init__(self) -> None:
        self.orders: dict[str, Acknowledged] = {}
        self.broken: list[str] = []
        self.answers = 0
        self.refusals: dict[str, int] = {}
        self._first: dict[tuple[str, str], Mapping[str, Any]] = {}

    def replied(self, viewer: str, command: Command, told: Told) -> None:
        """Somebody got an answer to something."""
        self.answers += 1
        if not told.ok:
            self.refusals[told.code] = self.refusals.get(told.code, 0) + 1
            return
        kind, result = type(command).__name__, told.result
        if kind == "Checkout":
            order_id = str(result["order_id"])
            self.orders.setdefault(
                order_id,
                Acknowledged(viewer, result["checkout_id"], order_id, result["total_minor"]),
            )
            self._same_as_before(viewer, f"checkout {result['checkout_id']}", {"order": order_id})
        elif kind == "CartAdd":
            self._same_as_before(viewer, f"cart.add {getattr(command, 'id', '')}", result)
        if kind in ("Checkout", "OrderPay") and result["status"] == "paid":
            self._is_paid(str(result["order_id"]))

    def pushed(self, frame: Mapping[str, Any]) -> None:
        """A private frame reached somebody."""
        if frame["type"] == "order.paid":
            self._is_paid(str(frame["order_id"]))

    def _is_paid(self, order_id: str) -> None:
        told = self.orders.get(order_id)
        if told is not None and not told.paid:
            self.orders[order_id] = Acknowledged(
                told.viewer, told.checkout_id, order_id, told.total_minor, paid=True
            )

    def _same_as_before(self, viewer: str, what: str, result: Mapping[str, Any]) -> None:
        first = self._first.setdefault((viewer, what), result)
        if first != result:
            self.broken.append(f"{viewer} repeats {what} and is told {result}, first {first}")


class Person:
    """Somebody with a connection. `actor` is who the gateway says they are."""

    def __init__(
        self, actor: str, channel: str, gateway: Gateway, clock: Clock, rng: random.Random
    ) -> None:
        self.actor = actor
        self.channel = channel
        #: What the ticket claims.
        self.tier = ""
        self.invited = False
        self.gateway = gateway
        self.clock = clock
        self.rng = rng
        self.task: Task | None = None
        self.conn = gateway.seat(self)
        self._ids = 0
        self._asked: Command | None = None
        self._told: Told | None = None

    def begin(self, script: Script[None]) -> None:
        """Live by this script from now on, and by no other."""
        if self.task is not None:
            self.task.end()
        self.task = Task(self.clock, script)

    def next_id(self) -> str:
        """A fresh id for a command."""
        self._ids += 1
        return f"c{self._ids}"

    def say(self, command: Command) -> None:
        """Say it and do not wait for an answer."""
        self.gateway.say(
            Envelope(self.conn, self.actor, self.channel, command, self.tier, self.invited)
        )

    def ask(self, command: Command, tries: int = TRIES) -> Script[Told | None]:
        """Say it, and say it again while nobody answers; None if nobody ever does."""
        for _ in range(tries):
            self._asked = command
            self.say(command)
            yield Nap(PATIENCE_MS)
            if told := self._what_was_told():
                return told
        self._asked = None
        return None

    def _what_was_told(self) -> Told | None:
        told, self._told = self._told, None
        return told

    def hear(self, conn: int, frame: Mapping[str, Any]) -> None:
        """A reply that came over a connection."""
        error = frame.get("error", {})
        told = Told(frame["ok"], frame.get("result", {}), error.get("code", ""))
        asked = getattr(self._asked, "id", None)
        if self._asked is None or (conn, asked) != (self.conn, frame["to"]):
            return  # it had given up on that one, or did not want to know
        self.gateway.witness.replied(self.actor, self._asked, told)
        self._asked, self._told = None, told
        if self.task is not None:
            self.task.wake()


class Gateway:
    """One process between people and the inbox."""

    def __init__(
        self,
        number: int,
        room: str,
        clock: Clock,
        redis: RedisModel,
        weather: Weather,
        witness: Witness,
    ) -> None:
        self.witness = witness
        self.people: list[Person] = []
        self.view = Storefront(room)
        self._room = room
        self._sender = f"g-{number}"
        self._clock = clock
        self._redis = redis
        self._weather = weather
        self._waiting: list[Envelope] = []
        self._air_upto = 0
        redis.listeners.append(self._published)
        redis.watchers.append(self.follow)

    def seat(self, person: Person) -> int:
        """A connection for somebody; its number."""
        self.people.append(person)
        return len(self.people)

    def say(self, envelope: Envelope) -> None:
        """Take a command; it goes off with what else is said in these milliseconds."""
        self._waiting.append(envelope)
        if len(self._waiting) == 1:
            self._clock.after(BATCH_EVERY_MS, self._send)

    def _send(self) -> None:
        batch, self._waiting = wire.encode_batch(self._waiting), []
        Task(self._clock, self._put(batch))

    def _put(self, batch: bytes) -> Script[None]:
        try:
            yield from self._weather.call(lambda: self._redis.put(self._sender, batch))
        except AwayError:
            return  # they will say it again, or not

    # -- what comes back -----------------------------------------------------------------------

    def _published(self, channel: str, message: bytes) -> None:
        if channel == keys.replies(self._sender):
            for conn, frame in wire.decode_replies(message):
                self.people[conn - 1].hear(conn, wire.decode_frame(frame))
        elif channel == keys.private(self._room):
            for _, frame in wire.decode_private(message):
                self.witness.pushed(wire.decode_frame(frame))

    def follow(self) -> None:
        """Show everything new on the air."""
        for seq, frames in self._unseen():
            for number, _, frame in wire.decode_air(frames):
                if number <= self.view.seq:
                    self.witness.broken.append(f"seq {number} on screen after {self.view.seq}")
                self.view.apply(wire.decode_frame(frame))
            self._air_upto = seq

    def _unseen(self) -> list[tuple[int, bytes]]:
        unseen = []
        for entry in reversed(self._redis.air):
            if entry[0] <= self._air_upto:
                break
            unseen.append(entry)
        return unseen[::-1]

    def start_anew(self) -> None:
        """The process is replaced: it starts from the view that an engine kept, and follows the air
        from there.
        """
        kept = self._redis.storefront
        self.view = Storefront(self._room) if kept is None else wire.decode_state(kept, Storefront)
        self._air_upto = self.view.seq
        self.follow()
