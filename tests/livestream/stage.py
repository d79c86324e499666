"""A room under test, without Redis: commands in, records and frames out, as an engine would.

Each command is a record of its own unless told otherwise. Public frames go over the wire and into
a storefront, as they do at a gateway.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any, cast

from cart.coupon import CouponTerms
from cart.drop import DropTerms
from cart.fact import Fact
from cart.money import Currency
from cart.outcome import Refusal
from cart.perk import PerkTerms
from livestream import commands, messages, wire
from livestream.announcing import public_frame
from livestream.commands import Command, Envelope, Once
from livestream.facts import AnyFact, EpochStarted, Record
from livestream.messages import Card
from livestream.room import (
    Room,
    RoomState,
    consequences,
    decide,
    evolve,
    next_due_ms,
    stock_to_show,
    tick,
)
from livestream.storefront import Storefront
from tests.cart.till import ok as ok
from tests.cart.till import refusal as refusal
from tests.cart.till import tag as tag

Answer = Mapping[str, Any] | Refusal
Log = list[tuple[int, Record]]

SANTOS = "santos"
PRICE_MINOR = 2_880_000
HOLD_TTL_MS = 120_000
PAY_TTL_MS = 300_000
START_MS = 1_700_000_000_000


class Stage:
    """A room, its log, the air and a storefront that follows it."""

    def __init__(self, name: str = "evening") -> None:
        self.room = Room(RoomState(name))
        self.view = Storefront(name)
        self.log: Log = []
        self.air: list[tuple[int, str, dict[str, Any]]] = []
        self.now_ms = START_MS
        self.entries = 0
        #: What viewers' tickets claim: tier, invited.
        self.claims: dict[str, tuple[str, bool]] = {}
        self._ids = count(1)

    # -- the engine ----------------------------------------------------------------------------

    def take_over(self) -> None:
        """A new owner starts its epoch."""
        epoch = self.room.state.epoch + 1
        self.commit([EpochStarted(epoch, f"engine-{epoch}")], epoch)

    def restart(self) -> None:
        """The engine dies; the next one loads a snapshot that went over the wire."""
        kept = wire.encode_state(self.room.state)
        self.room = Room(wire.decode_state(kept, RoomState))
        self.take_over()

    def commit(self, facts: Iterable[Fact], epoch: int | None = None) -> None:
        """Fold facts, put them on the log as one record and on the air as frames."""
        facts = list(facts) or consequences(self.room, self.now_ms)
        if not facts:
            return
        for fact in facts:  # grows by what follows from those before
            evolve(self.room, fact, self.now_ms)
            frame = public_frame(fact, self.room.state.seq, self.now_ms)
            if frame is not None:
                on_air = wire.decode_air(wire.encode([(self.room.state.seq, *frame)]))
                for seq, audience, raw in on_air:
                    self.air.append((seq, audience, wire.decode_frame(raw)))
                    self.view.apply(wire.decode_frame(raw))
            if fact is facts[-1]:
                facts += consequences(self.room, self.now_ms)
        number = self.room.state.epoch if epoch is None else epoch
        record = Record(number, self.now_ms, f"{self.entries}-0", cast(list[AnyFact], facts))
        self.log.append((self.room.state.seq, record))

    def ask(
        self, actor: str, command: Command, channel: str = "tmall", once: Once | None = None
    ) -> Answer:
        """One command, decided and committed; its answer."""
        self.entries += 1
        claims = self.claims.get(actor, ("", False))
        envelope = Envelope(1, actor, channel, command, *claims, once=once)
        batch = wire.decode_batch(wire.encode_batch([envelope]))
        decision = decide(self.room, batch[0], self.now_ms)
        assert not (isinstance(decision.answer, Refusal) and decision.facts)
        self.commit(decision.facts)
        return decision.answer

    def wait(self, ms: int) -> None:
        """Let time pass; an engine that is awake does each thing when it is due."""
        until_ms = self.now_ms + ms
        while (due_ms := next_due_ms(self.room)) is not None and due_ms <= until_ms:
            self.now_ms = max(self.now_ms, due_ms)
            due = tick(self.room, self.now_ms)
            self.commit(due or consequences(self.room, self.now_ms))
            self.commit(stock_to_show(self.room, self.now_ms))
        self.now_ms = until_ms

    # -- the desk ------------------------------------------------------------------------------

    def desk(self, command: commands.HostCommand, once: Once | None = None) -> Answer:
        return self.ask("desk:host", command, "desk", once)

    def begin(self, title: str = "An evening in Paris", *, sandbox: bool = False) -> None:
        """An owner, a room, a live show."""
        self.take_over()
        ok(self.desk(commands.RoomCreate(title, sandbox)))
        ok(self.desk(commands.RoomStart()))

    def schedule(
        self,
        drop_id: str = SANTOS,
        *,
        sku: str | None = None,
        supply: int = 3,
        limit: int = 1,
        price_minor: int = PRICE_MINOR,
        currency: Currency = "CNY",
        opens_at_ms: int | None = None,
        perks: Sequence[PerkTerms] = (),
        seed: str = "",
        **terms_beside: Any,
    ) -> Answer:
        terms = DropTerms(
            drop_id,
            sku or drop_id,
            drop_id.title(),
            supply,
            price_minor,
            currency,
            opens_at_ms,
            limit,
            HOLD_TTL_MS,
            PAY_TTL_MS,
            list(perks),
            **terms_beside,
        )
        return self.desk(commands.DropSchedule(terms, seed))

    def sell(self, drop_id: str = SANTOS, **terms: Any) -> None:
        """Schedule a drop and open it."""
        ok(self.schedule(drop_id, **terms))
        ok(self.desk(commands.DropOpen(drop_id)))

    def put_coupon(self, code: str = "MAISON", **terms: Any) -> Answer:
        return self.desk(commands.CouponPut(CouponTerms(code, **terms)))

    def put_card(self, card_id: str = "card-1", **content: Any) -> Answer:
        return self.desk(commands.CardPut(Card(card_id, content.pop("title", "A card"), **content)))

    # -- viewers and the provider --------------------------------------------------------------

    def next_id(self) -> str:
        return f"c{next(self._ids)}"

    def add(
        self, viewer: str, sku: str = SANTOS, quantity: int = 1, channel: str = "tmall"
    ) -> Answer:
        return self.ask(viewer, messages.CartAdd(self.next_id(), sku, quantity), channel)

    def join(
        self, viewer: str, sku: str = SANTOS, quantity: int = 1, channel: str = "tmall"
    ) -> Answer:
        return self.ask(viewer, messages.LineJoin(self.next_id(), sku, quantity), channel)

    def enter(self, viewer: str, sku: str = SANTOS) -> Answer:
        return self.ask(viewer, messages.LotteryEnter(self.next_id(), sku))

    def leave(self, viewer: str, sku: str = SANTOS) -> Answer:
        return self.ask(viewer, messages.LineLeave(self.next_id(), sku))

    def check_out(
        self,
        viewer: str,
        checkout_id: str | None = None,
        channel: str = "tmall",
        **content: Any,
    ) -> Answer:
        checkout_id = checkout_id or f"co-{self.next_id()}"
        return self.ask(viewer, messages.Checkout(self.next_id(), checkout_id, **content), channel)

    def place(
        self,
        viewer: str,
        sku: str = SANTOS,
        quantity: int = 1,
        channel: str = "tmall",
        **content: Any,
    ) -> str:
        """Add and check out; the order's id."""
        ok(self.add(viewer, sku, quantity, channel))
        return str(ok(self.check_out(viewer, channel=channel, **content))["order_id"])

    def pay(self, viewer: str, order_id: str) -> str:
        """Ask to pay; the id of the payment that is in flight."""
        ok(self.ask(viewer, messages.OrderPay(self.next_id(), order_id, "tok_approve")))
        return self.room.state.books.orders[order_id].payment_ids[-1]

    def approve(self, payment_id: str) -> Answer:
        payment = self.room.state.books.payments[payment_id]
        return self.provider(
            commands.PaymentApproved(payment_id, payment.amount_minor, payment.currency)
        )

    def provider(self, command: commands.ProviderCommand) -> Answer:
        return self.ask("provider:sandbox", command, "provider")

    def buy(
        self,
        viewer: str,
        sku: str = SANTOS,
        quantity: int = 1,
        channel: str = "tmall",
        **content: Any,
    ) -> str:
        """Add, check out and pay; the order's id."""
        order_id = self.place(viewer, sku, quantity, channel, **content)
        ok(self.approve(self.pay(viewer, order_id)))
        return order_id

    # -- what came of it -----------------------------------------------------------------------

    def facts(self) -> list[Fact]:
        """The whole log, flat."""
        return [fact for _, record in self.log for fact in record.facts]

    def replayed(self) -> RoomState:
        """The state that a fold of the log from nothing gives."""
        room = Room(RoomState(self.room.state.room))
        for _, record in self.log:
            read_back = wire.decode_record(wire.encode_record(record))
            for fact in read_back.facts:
                evolve(room, fact, read_back.at_ms)
        return room.state
