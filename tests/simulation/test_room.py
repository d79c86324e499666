"""Hypothesis plays a room: every command, time, the provider in any order, engines that die.

After each step the auditor, which keeps books of its own, must have found nothing; the state that
went through a snapshot and the state replayed from the log must be the state; the storefront that
followed the air must be the one that the engine would show. The examples are the same each time;
a failure prints the shortest story that leads to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec import structs

from cart import invitation, limits, settlement
from cart.access import AccessTerms
from cart.basket import Basket
from cart.bounds import PAYMENT_ATTEMPTS_MAX
from cart.counter import Counter
from cart.drop import Drop, DropStatus, DropTerms
from cart.money import Currency
from cart.order import Order
from cart.outcome import Refusal
from cart.perk import PerkTerms
from cart.personalisation import OptionTerms
from cart.price import FlashPrice
from cart.refund import Units
from cart.rules import RoomRules
from cart.slot import SlotTerms
from livestream import commands, messages, wire
from livestream.audit import Auditor
from livestream.facts import EpochStarted
from livestream.messages import Card, Stream
from livestream.room import RoomState
from livestream.storefront import Storefront
from tests.livestream.stage import HOLD_TTL_MS, PAY_TTL_MS, START_MS, Answer, Stage
from tests.properties import assert_finds_what_is_planted, stories

#: Few of everything, so that they meet.
VIEWERS = st.sampled_from(["wang", "li", "zhao"])
SKUS = st.sampled_from(["santos", "ring"])
DROPS = st.sampled_from(["d1", "d2", "d3"])
CHANNELS = st.sampled_from(["tmall", "wechat"])
#: None is a fresh id; the others are used again and again.
IDS = st.sampled_from([None, None, None, "id-1", "id-2"])
PERKS = st.sampled_from(
    [
        [],
        [PerkTerms("bellboy", "Bellboy", 1, "pass")],
        [PerkTerms("bellboy", "Bellboy", 2, "pass", slots=True)],
        [PerkTerms("bellboy", "Bellboy", 2, "stay", slots=True)],
        [PerkTerms("box", "Engraved box", 2, "stay"), PerkTerms("bellboy", "Bellboy", 1, "pass")],
    ]
)
SLOTS = st.sampled_from([None, "one", "two"])
TIERS = st.sampled_from(["", "gold", "silver"])
#: When each tier may buy, in ms from now, and whether only invited viewers may.
ACCESS = st.sampled_from(
    [
        None,
        ({}, True),
        ({"gold": 0, "silver": 249}, False),
        ({"gold": 0}, True),
    ]
)
RULES = st.sampled_from(
    [
        RoomRules(),
        RoomRules(),
        RoomRules(limit_per_viewer=2),
        RoomRules(one_product_per_order=True),
        RoomRules(invited_only=True),
    ]
)
#: From nothing, over one tick, to past every deadline.
SPANS_MS = st.sampled_from([0, 40, 250, 1_000, 9_999, 10_000, 60_000, HOLD_TTL_MS, PAY_TTL_MS])
OPTIONS = [
    OptionTerms("engraving", "engraving", 3, "cjk", price_minor=700),
    OptionTerms("wrap", "gift_wrap"),
]
#: A text that fits, none, one that does not.
WISHES = st.sampled_from(
    [{}, {}, {"santos": {"engraving": "小王", "wrap": ""}}, {"ring": {"engraving": "too long"}}]
)
RESERVE_ON = st.sampled_from(["cart", "checkout", "payment"])
CURRENCIES: st.SearchStrategy[Currency] = st.sampled_from(["CNY", "CNY", "EUR"])


class RoomMachine(RuleBasedStateMachine):
    """The room, an auditor that reads its log as it grows, and a memory of first answers."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage("simulated")
        self.auditor = Auditor("simulated")
        self.audited = 0
        self.orders: dict[tuple[str, str], str] = {}
        self.of_room: list[PerkTerms] = []

    def drops(self) -> list[Drop]:
        return list(self.stage.room.state.books.drops.values())

    def ask(self, actor: str, command: Any, channel: str = "tmall") -> Answer:
        return self.stage.ask(actor, command, channel)

    def desk(self, command: commands.HostCommand) -> Answer:
        return self.stage.desk(command)

    @initialize(
        supply=st.integers(1, 5),
        limit=st.integers(1, 3),
        perks=st.tuples(PERKS, PERKS),
        of_room=PERKS,
        numbered=st.booleans(),
        reserve_on=RESERVE_ON,
        currency=CURRENCIES,
        rules=RULES,
    )
    def begin(
        self,
        supply: int,
        limit: int,
        perks: tuple[list[PerkTerms], list[PerkTerms]],
        of_room: list[PerkTerms],
        numbered: bool,
        reserve_on: str,
        currency: Currency,
        rules: RoomRules,
    ) -> None:
        self.stage.begin()
        self.of_room = of_room
        self.desk(commands.RulesSet(structs.replace(rules, perks=of_room)))
        self.stage.sell(
            "d1",
            sku="santos",
            supply=supply,
            limit=limit,
            perks=perks[0],
            numbered=numbered,
            options=OPTIONS,
        )
        soon_ms = self.stage.now_ms + 250
        self.stage.sell(
            "d2",
            sku="ring",
            limit=limit,
            perks=perks[1],
            currency=currency,
            flash=[FlashPrice(soon_ms, soon_ms + 10_000, 333)],
            reserve_on=reserve_on,
        )
        self.stage.put_coupon(supply=2, percent_bp=1_111)

    # -- the desk ------------------------------------------------------------------------------

    @precondition(lambda self: any(d.status == "closed" for d in self.drops()))
    @rule(
        drop_id=DROPS,
        sku=SKUS,
        supply=st.integers(1, 4),
        limit=st.integers(1, 3),
        price_minor=st.sampled_from([0, 1, 100, 2_880_000]),
        currency=CURRENCIES,
        opens_in_ms=st.sampled_from([None, 0, 250, 10_000]),
        ttl_ms=st.sampled_from([1_000, 10_000]),
        pay_ttl_ms=st.sampled_from([1_000, 20_000]),
        perks=PERKS,
        access=ACCESS,
        open_now=st.booleans(),
    )
    def schedule(
        self,
        drop_id: str,
        sku: str,
        supply: int,
        limit: int,
        price_minor: int,
        currency: Currency,
        opens_in_ms: int | None,
        ttl_ms: int,
        pay_ttl_ms: int,
        perks: list[PerkTerms],
        access: tuple[dict[str, int], bool] | None,
        open_now: bool,
    ) -> None:
        now_ms = self.stage.now_ms
        opens_at_ms = None if opens_in_ms is None else now_ms + opens_in_ms
        tiers, invited_only = access or ({}, False)
        times = {tier: now_ms + in_ms for tier, in_ms in tiers.items()}
        terms = DropTerms(
            drop_id,
            sku,
            sku.title(),
            supply,
            price_minor,
            currency,
            opens_at_ms,
            limit,
            ttl_ms,
            pay_ttl_ms,
            perks,
            access=AccessTerms(times, invited_only) if access else None,
        )
        answer = self.desk(commands.DropSchedule(terms))
        if open_now and not isinstance(answer, Refusal):
            self.desk(commands.DropOpen(drop_id))

    @rule(
        drop_id=DROPS, sku=SKUS, how=st.sampled_from(["put", "put", "schedule", "discard", "open"])
    )
    def draft(self, drop_id: str, sku: str, how: str) -> None:
        """Prepare, think better of it, declare."""
        match how:
            case "put":
                terms = DropTerms(drop_id, sku, sku.title(), 2, 100, "CNY")
                self.desk(commands.DropDraft(terms))
            case "discard":
                self.desk(commands.DraftDiscard(drop_id))
            case _:
                answer = self.desk(commands.DraftSchedule(drop_id))
                if how == "open" and not isinstance(answer, Refusal):
                    self.desk(commands.DropOpen(drop_id))

    @rule(drop_id=DROPS, press=st.sampled_from([commands.DropOpen, commands.DropPause]))
    def press(self, drop_id: str, press: type[commands.DropOpen | commands.DropPause]) -> None:
        self.desk(press(drop_id))

    @precondition(lambda self: not any(d.stock.available for d in self.drops()))
    @rule(drop_id=DROPS, quantity=st.integers(1, 3))
    def restock(self, drop_id: str, quantity: int) -> None:
        self.desk(commands.DropRestock(drop_id, quantity))

    @precondition(lambda self: len(self.stage.log) > 30)
    @rule(drop_id=DROPS)
    def close(self, drop_id: str) -> None:
        self.desk(commands.DropClose(drop_id))

    @precondition(lambda self: self.stage.room.state.books.orders_paid > 0)
    @rule(data=st.data(), restock=st.booleans())
    def refund(self, data: st.DataObject, restock: bool) -> None:
        order = data.draw(self.orders_standing("paid"))
        self.desk(commands.OrderRefund(order.order_id, restock))

    @precondition(lambda self: self.stage.room.state.books.orders_paid > 0)
    @rule(
        data=st.data(),
        restock=st.booleans(),
        sku=SKUS,
        quantity=st.integers(0, 2),
        amount_minor=st.sampled_from([1, 33, 100_001, 2_880_000]),
        request_id=st.sampled_from(["", "r1", "r2", "r3"]),
    )
    def refund_a_part(
        self,
        data: st.DataObject,
        restock: bool,
        sku: str,
        quantity: int,
        amount_minor: int,
        request_id: str,
    ) -> None:
        """Units, or an amount; twice, as a host does whose first answer was lost."""
        order = data.draw(self.orders_standing("paid"))
        if quantity:
            units = [Units(sku, quantity)]
            asked = commands.OrderRefund(order.order_id, restock, units, request_id=request_id)
        else:
            asked = commands.OrderRefund(
                order.order_id, restock, amount_minor=amount_minor, request_id=request_id
            )
        first, again = self.desk(asked), self.desk(asked)
        assert first == again
        assert 0 <= order.refunded_minor <= order.total_minor

    @rule(
        viewer=VIEWERS,
        claims=st.tuples(TIERS, st.booleans()),
        rules=RULES,
        of_drop=st.none() | DROPS,
        tier=TIERS,
        on=st.booleans(),
    )
    def say_who_may(
        self,
        viewer: str,
        claims: tuple[str, bool],
        rules: RoomRules,
        of_drop: str | None,
        tier: str,
        on: bool,
    ) -> None:
        """A viewer comes with another ticket, a list is written, the room has other rules."""
        self.stage.claims[viewer] = claims
        # Mostly with the perks that stand: without them it is refused once an order is paid.
        perks = self.of_room if on else []
        self.desk(commands.RulesSet(structs.replace(rules, perks=perks)))
        if on:
            self.desk(commands.InvitationPut([viewer], of_drop, tier))
        else:
            self.desk(commands.InvitationWithdraw([viewer], of_drop))

    @rule(
        card_id=st.sampled_from(["c1", "c2"]),
        title=st.sampled_from(["A", "B"]),
        viewer=VIEWERS,
        on=st.booleans(),
        withdraw=st.booleans(),
    )
    def act(self, card_id: str, title: str, viewer: str, on: bool, withdraw: bool) -> None:
        """Everything that sells nothing."""
        self.desk(commands.CardPut(Card(card_id, title, "santos")))
        self.desk(commands.CardPin(card_id if on else None))
        if withdraw:
            self.desk(commands.CardWithdraw(card_id))
        self.desk(commands.ViewerMute(viewer, on))
        self.desk(commands.ViewerBan(viewer, not on))
        self.desk(commands.ChatSlowMode(500 * on))
        self.desk(commands.StreamSet(Stream(poster_url=f"/{title}.webp") if on else Stream()))
        self.desk(commands.ChatDelete("m-1"))
        self.desk(commands.Announce("Welcome"))

    @precondition(lambda self: len(self.stage.log) > 60)
    @rule()
    def end(self) -> None:
        self.desk(commands.RoomEnd())

    def carts(self) -> list[str]:
        """Who has something in the cart."""
        baskets = self.stage.room.state.books.baskets
        return sorted(viewer for viewer, basket in baskets.items() if basket.hold_ids)

    # -- viewers -------------------------------------------------------------------------------

    @rule(viewer=VIEWERS, sku=SKUS, quantity=st.integers(1, 3), command_id=IDS)
    def add(self, viewer: str, sku: str, quantity: int, command_id: str | None) -> None:
        command = messages.CartAdd(command_id or self.stage.next_id(), sku, quantity)
        first = self.ask(viewer, command)
        if not isinstance(first, Refusal):
            before = len(self.stage.log)
            assert self.ask(viewer, command) == first, "a repeat gets the first answer"
            assert len(self.stage.log) == before, "and changes nothing"

    @rule(viewer=VIEWERS, sku=SKUS, quantity=st.integers(1, 2), command_id=IDS)
    def join_the_line(self, viewer: str, sku: str, quantity: int, command_id: str | None) -> None:
        command = messages.LineJoin(command_id or self.stage.next_id(), sku, quantity)
        first = self.ask(viewer, command)
        if not isinstance(first, Refusal):
            before = len(self.stage.log)
            assert self.ask(viewer, command) == first, "a repeat gets the first answer"
            assert len(self.stage.log) == before, "and changes nothing"

    @rule(viewer=VIEWERS, sku=SKUS)
    def leave_the_line(self, viewer: str, sku: str) -> None:
        self.ask(viewer, messages.LineLeave(self.stage.next_id(), sku))

    @precondition(lambda self: self.carts())
    @rule(data=st.data(), sku=SKUS, quantity=st.sampled_from([None, 1, 2]), command_id=IDS)
    def remove(
        self, data: st.DataObject, sku: str, quantity: int | None, command_id: str | None
    ) -> None:
        viewer = data.draw(st.sampled_from(self.carts()))
        command = messages.CartRemove(command_id or self.stage.next_id(), sku, quantity)
        first = self.ask(viewer, command)
        if not isinstance(first, Refusal):
            assert self.ask(viewer, command) == first

    @precondition(lambda self: self.carts())
    @rule(
        data=st.data(),
        checkout_id=IDS,
        channel=CHANNELS,
        wishes=WISHES,
        coupon=st.sampled_from([None, None, None, "MAISON"]),
        slot_id=SLOTS,
    )
    def check_out(
        self,
        data: st.DataObject,
        checkout_id: str | None,
        channel: str,
        wishes: dict[str, dict[str, str]],
        coupon: str | None,
        slot_id: str | None,
    ) -> None:
        viewer = data.draw(st.sampled_from(self.carts()))
        checkout_id = checkout_id or self.stage.next_id()
        command = messages.Checkout(self.stage.next_id(), checkout_id, wishes, coupon, slot_id)
        answer = self.ask(viewer, command, channel)
        if not isinstance(answer, Refusal):
            order_id = self.orders.setdefault((viewer, checkout_id), answer["order_id"])
            assert answer["order_id"] == order_id, "one checkout_id, one order"

    @rule(viewer=VIEWERS, before=st.booleans())
    def fill_a_cart_with_both(self, viewer: str, before: bool) -> None:
        """For a while the room wants one product for each order: already, or only by then."""
        usual = self.stage.room.state.books.rules
        for_a_while = structs.replace(usual, one_product_per_order=True)
        if before:
            self.desk(commands.RulesSet(for_a_while))
        for sku in ("santos", "ring"):
            self.ask(viewer, messages.CartAdd(self.stage.next_id(), sku))
        self.desk(commands.RulesSet(for_a_while))
        self.ask(viewer, messages.Checkout("c", f"both-{self.stage.next_id()}"))
        self.desk(commands.RulesSet(usual))

    @rule(
        viewer=VIEWERS,
        skus=st.sampled_from([["santos"], ["ring"], ["santos", "ring"], ["ring", "ring"]]),
        channel=CHANNELS,
        approve=st.sampled_from([True, True, False]),
    )
    def buy(self, viewer: str, skus: list[str], channel: str, approve: bool) -> None:
        """A whole purchase at once, so that drops do sell out."""
        for sku in skus:
            self.ask(viewer, messages.CartAdd(self.stage.next_id(), sku), channel)
        checkout_id = f"buy-{self.stage.next_id()}"
        placed = self.ask(viewer, messages.Checkout("c", checkout_id), channel)
        if isinstance(placed, Refusal):
            return
        payment_id = self.starts_to_pay(viewer, placed["order_id"])
        if approve and payment_id is not None:
            self.stage.approve(payment_id)

    def starts_to_pay(self, viewer: str, order_id: str) -> str | None:
        """The payment; None for an order that holds nothing and would buy nothing any more."""
        pay = messages.OrderPay(self.stage.next_id(), order_id, "tok_approve")
        answer = self.ask(viewer, pay)
        order = self.stage.room.state.books.orders[order_id]
        if isinstance(answer, Refusal):
            assert not all(line.reserved for line in order.lines), answer
            return None
        return order.payment_ids[-1]

    @precondition(lambda self: self.stage.room.state.books.orders)
    @rule(data=st.data(), slot_id=SLOTS, capacity=st.integers(0, 2))
    def deliver(self, data: st.DataObject, slot_id: str | None, capacity: int) -> None:
        """The host gives a slot places, and somebody wants one of them."""
        slot_id, from_ms = slot_id or "one", 2 * START_MS
        terms = SlotTerms(slot_id, "bellboy", "Shanghai", from_ms, from_ms + 1, capacity)
        self.desk(commands.SlotPut(terms))
        order = data.draw(self.orders_standing(data.draw(st.sampled_from(["placed", "paid"]))))
        choose = messages.SlotChoose(self.stage.next_id(), order.order_id, slot_id)
        first = self.ask(order.viewer, choose)
        if not isinstance(first, Refusal):
            assert self.ask(order.viewer, choose) == first

    @precondition(lambda self: self.stage.room.state.books.orders)
    @rule(data=st.data())
    def pay_after_a_decline(self, data: st.DataObject) -> None:
        """Two payments for one order, and the provider has said of neither that it paid."""
        order = data.draw(self.orders_standing("placed"))
        if order.status == "placed" and len(order.payment_ids) < PAYMENT_ATTEMPTS_MAX:
            payment_id = self.starts_to_pay(order.viewer, order.order_id)
            if payment_id is None:
                return
            self.stage.provider(commands.PaymentDeclined(payment_id))
            pay = messages.OrderPay(self.stage.next_id(), order.order_id, "tok_approve")
            self.ask(order.viewer, pay)

    @precondition(lambda self: self.stage.room.state.books.orders)
    @rule(data=st.data(), stranger=VIEWERS, mine=st.sampled_from([True, True, False]))
    def pay(self, data: st.DataObject, stranger: str, mine: bool) -> None:
        order = data.draw(self.orders_standing("placed"))
        payer = order.viewer if mine else stranger
        command_id = self.stage.next_id()
        for _ in range(2):
            self.ask(payer, messages.OrderPay(command_id, order.order_id, "tok_approve"))

    def orders_standing(self, status: str) -> st.SearchStrategy[Order]:
        """Orders at this point of their life, if there are any."""
        orders = list(self.stage.room.state.books.orders.values())
        return st.sampled_from([order for order in orders if order.status == status] or orders)

    # -- the provider, in any order and number -------------------------------------------------

    @precondition(lambda self: self.stage.room.state.books.payments)
    @rule(
        data=st.data(),
        said=st.sampled_from(
            ["approved", "approved", "approved", "declined", "declined", "refunded", "wrong"]
        ),
        times=st.integers(1, 2),
    )
    def provider(
        self,
        data: st.DataObject,
        said: Literal["approved", "declined", "refunded", "wrong"],
        times: int,
    ) -> None:
        payments = list(self.stage.room.state.books.payments.values())
        waits = ("processing", "expired", "declined", "refunding")
        open_ones = [p for p in payments if p.status in waits]
        payment = data.draw(
            st.sampled_from(data.draw(st.sampled_from([open_ones, payments])) or payments)
        )
        payment_id, amount_minor = payment.payment_id, payment.amount_minor
        command: commands.ProviderCommand
        match said:
            case "approved":
                command = commands.PaymentApproved(payment_id, amount_minor, payment.currency)
            case "wrong":
                command = commands.PaymentApproved(payment_id, amount_minor + 1, payment.currency)
            case "declined":
                command = commands.PaymentDeclined(payment_id, "no cover")
            case "refunded":
                owed = [f"{payment_id}-r{number}" for number in range(1, payment.refunds + 2)]
                command = commands.RefundSettled(payment_id, data.draw(st.sampled_from(owed)))
        answers = [self.stage.provider(command) for _ in range(times)]
        assert answers[0] == answers[-1], "saying it again changes nothing"

    # -- time and death ------------------------------------------------------------------------

    @rule(ms=SPANS_MS)
    def wait(self, ms: int) -> None:
        self.stage.wait(ms)

    @precondition(lambda self: self.stage.room.state.books.unsettled)
    @rule()
    def provider_falls_silent(self) -> None:
        """Until no order waits any more; what it says later comes late."""
        self.stage.wait(PAY_TTL_MS)

    @rule(how=st.sampled_from(["restart", "replay", "gateway"]))
    def somebody_starts(self, how: str) -> None:
        match how:
            case "restart":
                self.restart()
            case "replay":
                self.replay()
            case "gateway":
                self.start_a_gateway()

    def restart(self) -> None:
        """The engine dies; the next one starts from a snapshot and must be the same room."""
        before = self.stage.room.state
        assert wire.decode_state(wire.encode_state(before), RoomState) == before
        self.stage.restart()

    def replay(self) -> None:
        """Somebody folds the log from nothing, without ever deciding."""
        assert self.stage.replayed() == self.stage.room.state

    def start_a_gateway(self) -> None:
        """A newcomer gets the engine's view, as JSON, and follows the air from there."""
        self.stage.view = wire.decode_state(
            wire.encode_state(Storefront.of(self.stage.room)), Storefront
        )

    # -- what must hold ------------------------------------------------------------------------

    @invariant()
    def the_auditor_finds_nothing(self) -> None:
        for seq, record in self.stage.log[self.audited :]:
            self.auditor.feed(seq, record)
        self.audited = len(self.stage.log)
        assert self.auditor.findings == []

    @invariant()
    def the_storefront_is_what_the_engine_would_show(self) -> None:
        ours = Storefront.of(self.stage.room)
        assert self.stage.view.seq <= ours.seq
        ours.seq = self.stage.view.seq
        assert self.stage.view == ours

    @invariant()
    def a_drop_that_still_sells_has_something_to_sell(self) -> None:
        for drop in self.stage.room.state.books.drops.values():
            assert drop.stock.balanced
            if drop.status is DropStatus.SOLD_OUT:
                assert drop.stock.exhausted
            if drop.status is DropStatus.OPEN:
                assert drop.stock.available
            if drop.status is DropStatus.ALL_HELD:
                assert not drop.stock.available
                assert drop.stock.held

    @invariant()
    def epochs_follow_one_another(self) -> None:
        started = [
            fact.epoch for fact in self.stage.log[-1][1].facts if isinstance(fact, EpochStarted)
        ]
        assert started in ([], [self.stage.room.state.epoch])

    def teardown(self) -> None:
        """When everything has had its time, nothing is open and every rule still holds."""
        books = self.stage.room.state.books
        # Whoever waits in line is offered what comes back, and may let it run out in turn.
        for _ in range(1 + sum(len(drop.line.places) for drop in self.drops())):
            self.stage.wait(PAY_TTL_MS)
        assert not books.holds
        self.the_auditor_finds_nothing()
        verdict = self.auditor.verdict()
        assert verdict.clean, verdict.findings
        self.replay()


PLAY = stories(examples=300, steps=60)


def test_no_story_of_a_room_breaks_an_invariant() -> None:
    run_state_machine_as_test(RoomMachine, settings=PLAY)


# -- the same machine must find what is planted ------------------------------------------------


def late_money_always_buys(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settlement, "_units_still_free", lambda counter, order: True)


def nobody_gets_a_perk(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settlement, "won", lambda counter, order: [])


def nobody_has_a_limit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(limits, "refusal", lambda books, drop, viewer, quantity: None)


def no_command_is_remembered(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Basket, "remember", lambda basket, command_id, done: None)


def wrong_amounts_are_taken(patch: pytest.MonkeyPatch) -> None:
    def any_amount(counter: Counter, order: Order, *_: object) -> None:
        return None

    patch.setattr(settlement, "_reason_to_return", any_amount)


def everybody_is_invited(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(invitation, "refusal", lambda *_: None)


def a_mixed_cart_is_one_product(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(limits, "is_other_product", lambda *_: False)


@pytest.mark.parametrize(
    "plant",
    [
        everybody_is_invited,
        a_mixed_cart_is_one_product,
        late_money_always_buys,
        nobody_gets_a_perk,
        nobody_has_a_limit,
        no_command_is_remembered,
        wrong_amounts_are_taken,
    ],
)
def test_the_machine_finds_a_planted_fault(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    assert_finds_what_is_planted(RoomMachine, PLAY)
