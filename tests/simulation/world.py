"""One world: a room, a house that runs it, a crowd, a host, a provider, weather; all from one seed.

    world = World(seed)      everything that will be is drawn from the seed
    world.play()             hours of virtual time, in a fraction of a second
    world.problems()         what does not hold, in sentences; none in a world that is in order

Owns how big and how bad worlds are, and what must hold at their end. Refuses to know how anybody
behaves: see `habits`, `hosts`, `provider`, `engines`, `redis_model`.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter as Tally
from collections.abc import Iterator

from msgspec import Struct

from cart.clock import is_settled
from cart.order import PaymentStatus
from livestream import commands, wire
from livestream.audit import Evidence, Verdict, audit_log
from livestream.commands import Envelope, ProviderCommand
from livestream.facts import Record
from livestream.room import Room, RoomState, evolve
from livestream.storefront import Storefront
from tests.simulation import habits, hosts
from tests.simulation.clockwork import Clock, Script, Task
from tests.simulation.engines import Committed, Engine
from tests.simulation.habits import HABITS, Shopper
from tests.simulation.hosts import Host
from tests.simulation.people import Gateway, Witness
from tests.simulation.provider import Provider
from tests.simulation.redis_model import (
    DOWN_MS_MAX,
    AwayError,
    Climate,
    RedisModel,
    Weather,
)

ROOM = "world"
START_MS = 1_700_000_000_000
CHANNELS = ("tmall", "wechat", "xiaohongshu")
#: The provider's latest answer comes two hours late.
AFTER_THE_SHOW_MS = 4 * 3_600_000
FAIR = Climate()
CLIMATES = (
    FAIR,
    Climate(request_lost=0.02, answer_lost=0.02, slow=0.02),
    Climate(request_lost=0.08, answer_lost=0.08, slow=0.05),
    Climate(answer_lost=0.15),
    Climate(slow=0.2),
)


class Scale(Struct, frozen=True):
    """How big a world is. `calm`: the host neither pauses for long nor closes nor refunds, and in
    the end more people come than units are left: nothing may stay unsold.
    """

    shoppers: int
    drops: int
    supply_max: int
    show_ms: int
    calm: bool = False


def draw_scale(rng: random.Random) -> Scale:
    """Most worlds are small and tight, where everything meets; one in a hundred is a full house."""
    size = rng.random()
    show_ms = rng.randint(15_000, 120_000)
    if size < 0.01:
        return Scale(rng.randint(1_000, 3_000), rng.randint(1, 4), 400, show_ms)
    if size < 0.2:
        return Scale(rng.randint(40, 150), rng.randint(1, 4), 40, show_ms)
    if size < 0.4:
        return Scale(rng.randint(5, 40), 1, 12, show_ms, calm=True)
    return Scale(rng.randint(3, 30), rng.randint(1, 3), 6, show_ms)


class World:
    """Everything there is, at one point of its virtual time."""

    def __init__(
        self, seed: int, scale: Scale | None = None, climate: Climate | None = None
    ) -> None:
        self.seed = seed
        self.rng = rng = random.Random(f"world {seed}")
        self.scale = scale or draw_scale(rng)
        self.clock = Clock(START_MS)
        self.redis = RedisModel(self.clock)
        self.weather = Weather(self.clock, rng, climate or rng.choice(CLIMATES))
        self.provider = Provider(self.clock, rng, self._provider_says)
        self.witness = Witness()
        self.engines: list[Engine] = []
        self.history: list[Committed] = []
        self.gateways = [
            Gateway(number, ROOM, self.clock, self.redis, self.weather, self.witness)
            for number in range(rng.choice((1, 1, 2, 3)))
        ]
        self.host = self._seat_host()
        self.shoppers = [self._seat_shopper(number) for number in range(self.scale.shoppers)]
        self._snapshot_every_facts = rng.choice((5, 20, 100, 1_000))
        self._mail: list[ProviderCommand] = []

    # -- who is there --------------------------------------------------------------------------

    def _seat_host(self) -> Host:
        host = Host("desk:host", "desk", self.gateways[0], self.clock, self.rng)
        host.calm = self.scale.calm
        return host

    def _seat_shopper(self, number: int) -> Shopper:
        rng = self.rng
        shopper = Shopper(
            f"v{number}", rng.choice(CHANNELS), rng.choice(self.gateways), self.clock, rng
        )
        shopper.tier = rng.choice(("", "", "gold", "maison"))
        shopper.invited = rng.random() < 0.5
        return shopper

    def _start_engine(self) -> None:
        self.engines.append(
            Engine(
                f"engine-{len(self.engines) + 1}",
                ROOM,
                self.clock,
                self.redis,
                self.weather,
                self.provider,
                self._snapshot_every_facts,
                self.history,
                skew_ms=self.rng.choice((0, 0, -300, 250)),
            )
        )
        engine = self.engines[-1]
        self.redis.readers.append(engine.task)

    def _provider_says(self, says: ProviderCommand) -> None:
        self._mail.append(says)
        if len(self._mail) == 1:
            Task(self.clock, self._deliver_mail())

    def _deliver_mail(self) -> Script[None]:
        """At least once: what may be lost is said again."""
        while self._mail:
            letters = list(self._mail)
            batch = wire.encode_batch(
                [Envelope(0, "provider:outside", "provider", letter) for letter in letters]
            )
            try:
                yield from self.weather.call(lambda: self.redis.put("p-1", batch))  # noqa: B023
            except AwayError:
                yield 200
            else:
                del self._mail[: len(letters)]

    # -- what happens to the house -------------------------------------------------------------

    def _supervise(self) -> Script[None]:
        """An engine that is gone is replaced."""
        while True:
            if all(engine.task.done for engine in self.engines):
                self._start_engine()
            on = self.clock.now_ms < START_MS + self.scale.show_ms
            yield self.rng.choice((200, 1_000)) if on else 20_000

    def _misfortunes(self) -> Script[None]:
        """What happens in the course of a show, sooner or later, in any order."""
        rng, show_ms = self.rng, self.scale.show_ms
        accidents = [
            self._an_engine_dies,
            self._two_engines_at_once,
            self._redis_falls,
            self._a_gateway_is_replaced,
        ]
        for _ in range(rng.choice((0, 1, 3, 8))):
            yield rng.randint(0, max(1, show_ms // 4))
            rng.choice(accidents)()

    def _an_engine_dies(self) -> None:
        for engine in self.engines:
            engine.task.end()

    def _two_engines_at_once(self) -> None:
        """The first was only stalled; it goes on until the log tells it off."""
        self._start_engine()

    def _redis_falls(self) -> None:
        """What it had written is there when it is back; who listened must subscribe again."""
        back_ms = self.clock.now_ms + self.rng.randint(50, DOWN_MS_MAX)
        self.weather.down_until_ms = back_ms
        self.redis.unheard_until_ms = back_ms + self.rng.choice((0, 50, 1_000))

    def _a_gateway_is_replaced(self) -> None:
        self.rng.choice(self.gateways).start_anew()

    # -- the evening ---------------------------------------------------------------------------

    def play(self) -> None:
        """The show, then all the time that it takes until nothing is open any more."""
        rng, scale, clock = self.rng, self.scale, self.clock
        supervisor = Task(clock, self._supervise())
        Task(clock, self._misfortunes())
        self.host.begin(hosts.one_evening(self.host, scale.drops, scale.supply_max, scale.show_ms))
        drawn = rng.choices(list(HABITS), list(HABITS.values()), k=scale.shoppers)
        for shopper, habit in zip(self.shoppers, drawn, strict=True):
            comes_after_ms = rng.randint(0, scale.show_ms)
            shopper.begin(habits.one_evening(shopper, habit, comes_after_ms))
        clock.run(START_MS + scale.show_ms)
        self.weather.climate = FAIR
        if scale.calm:
            clock.run(clock.now_ms + 400_000)
            self._let_everybody_in_who_wants_one()
        self.host.begin(self._the_end())
        clock.run(clock.now_ms + AFTER_THE_SHOW_MS)
        supervisor.end()

    def _the_end(self) -> Script[None]:
        yield from self.host.press(commands.RoomEnd())

    def _let_everybody_in_who_wants_one(self) -> None:
        """More people than units, who all come back until there is nothing left to come for."""
        for _ in range(60):
            self.gateways[0].follow()
            wanted = [
                drop["sku"]
                for drop in self.gateways[0].view.drops.values()
                if drop["status"] not in ("sold_out", "closed")
            ]
            if not wanted:
                return
            self.host.begin(self._open_all())
            self.clock.run(self.clock.now_ms + 30_000)
            for sku in wanted * 4:
                late = self._seat_shopper(len(self.shoppers))
                self.shoppers.append(late)
                late.begin(habits.takes_what_is_left(late, sku))
            self.clock.run(self.clock.now_ms + 400_000)

    def _open_all(self) -> Script[None]:
        for drop_id in self.host.drop_ids():
            yield from self.host.press(commands.DropOpen(drop_id))

    # -- what must hold ------------------------------------------------------------------------

    @property
    def engine(self) -> Engine:
        """The owner: of those who are still alive (one may be stalled and not know) the last to
        have taken over.
        """
        alive = [engine for engine in self.engines if not engine.task.done]
        return max(alive or self.engines, key=lambda engine: engine.room.state.epoch)

    def records(self) -> list[tuple[int, Record]]:
        """The log."""
        return [(seq, wire.decode_record(kept)) for seq, kept in self.redis.log]

    def digest(self) -> str:
        """The same for the same world, byte by byte."""
        return hashlib.sha256(b"\n".join(record for _, record in self.redis.log)).hexdigest()

    def verdict(self) -> Verdict:
        """The auditor's, given everything that people and the provider know."""
        evidence = Evidence(
            acknowledged=list(self.witness.orders.values()),
            captured=list(self.provider.captured.values()),
            returned=list(self.provider.returned.values()),
            demand_exceeded=self.scale.calm,
            snapshot=self.engine.room.state,
        )
        return audit_log(self.records(), ROOM, evidence)

    def problems(self) -> list[str]:
        """What does not hold at the end."""
        return [
            *self.witness.broken,
            *(finding.told() for finding in self.verdict().findings),
            *self._replayed(),
            *self._shown(),
            *self._settled(),
        ]

    def _replayed(self) -> Iterator[str]:
        """State is a fold of the log, with and without a snapshot in between."""
        room = Room(RoomState(ROOM))
        for _, record in self.records():
            for fact in record.facts:
                evolve(room, fact, record.at_ms)
        live = self.engine.room.state
        if room.state != live:
            yield "the log folds to another state than the engine's"
        if wire.decode_state(wire.encode_state(live), RoomState) != live:
            yield "a snapshot does not bring back the state"

    def _shown(self) -> Iterator[str]:
        ours = Storefront.of(self.engine.room)
        for number, gateway in enumerate(self.gateways):
            gateway.follow()
            ours.seq = gateway.view.seq
            if gateway.view != ours:
                yield f"gateway {number} shows something else than the engine"

    def _settled(self) -> Iterator[str]:
        """Nothing is left open, and the money is where the provider says it is."""
        room = self.engine.room
        books = room.state.books
        if room.state.status != "ended" or not is_settled(room.counter):
            yield f"not settled: {len(books.holds)} holds, {list(books.unsettled)} open"
        went_back = {refund.payment_id for refund in books.refunds.values()}
        for payment_id, payment in books.payments.items():
            captured = payment_id in self.provider.captured
            kept = payment.status is PaymentStatus.CONFIRMED
            if captured != (kept or payment_id in went_back):
                yield f"payment {payment_id} is {payment.status.value}, captured: {captured}"
        if self.provider.returned.keys() != books.refunds.keys():
            yield f"the provider gave back {list(self.provider.returned)}, owed were others"

    # -- what is told --------------------------------------------------------------------------

    def figures(self) -> Tally[str]:
        """How much happened."""
        books = self.engine.room.state.books
        return Tally(
            worlds=1,
            shoppers=len(self.shoppers),
            answers=self.witness.answers,
            facts=self.redis.seq,
            records=len(self.redis.log),
            engines=len(self.engines),
            fenced=sum(engine.fenced for engine in self.engines),
            troubles=self.weather.troubles,
            orders=books.orders_placed,
            paid=books.orders_paid,
            virtual_s=(self.clock.now_ms - START_MS) // 1_000,
        )

    def story(self, facts: int = 20) -> str:
        """The end of the log, a fact to a line."""
        lines = [
            f"{seq} {record.at_ms - START_MS} {fact}"
            for seq, record in self.records()
            for fact in record.facts
        ]
        return "\n".join(lines[-facts:])


def played(seed: int, scale: Scale | None = None) -> World:
    """The world of this seed, at its end."""
    world = World(seed, scale)
    world.play()
    return world
