"""Hypothesis plays presales: deposits and balances in and out of their windows, a provider in any
order and any number of times, engines that die.

After each step the auditor must have found nothing, and every deposit must be accounted for. In the
end, when all windows have passed, nobody's unit is held and no money is left without a reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

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

from cart import clock, deposits, folds, rest
from cart.counter import Counter
from cart.events import OrderCancelled
from cart.fact import Fact
from cart.folds import order as order_folds
from cart.order import Order, OrderStatus, Payment, PaymentStatus
from cart.presale import PresaleTerms
from livestream import commands, messages, wire
from livestream.audit import Auditor
from livestream.room import RoomState
from tests.livestream.stage import HOLD_TTL_MS, PAY_TTL_MS, Stage
from tests.properties import assert_finds_what_is_planted, stories

VIEWERS = st.sampled_from(["wang", "li", "zhao"])
SKUS = st.sampled_from(["forfeits", "refunds"])
HOUR_MS = 3_600_000
#: From nothing, over the deadlines of holds and orders, to past a window.
SPANS_MS = st.sampled_from([0, 1_000, HOLD_TTL_MS, PAY_TTL_MS, HOUR_MS // 4, HOUR_MS, HOUR_MS])


class PresaleMachine(RuleBasedStateMachine):
    """A room with two presales of few units: one forfeits, one refunds."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage("presales")
        self.auditor = Auditor("presales")
        self.audited = 0

    @initialize(
        supplies=st.tuples(st.integers(1, 3), st.integers(1, 3)),
        gap_ms=st.sampled_from([0, HOUR_MS]),
        limit=st.integers(1, 2),
    )
    def begin(self, supplies: tuple[int, int], gap_ms: int, limit: int) -> None:
        self.stage.begin()
        at_ms = self.stage.now_ms + HOUR_MS
        defaults: tuple[Literal["forfeit", "refund"], ...] = ("forfeit", "refund")
        for supply, on_default in zip(supplies, defaults, strict=True):
            terms = PresaleTerms(
                700_000, at_ms, at_ms + gap_ms, at_ms + gap_ms + HOUR_MS, on_default
            )
            self.stage.sell(f"{on_default}s", supply=supply, limit=limit, presale=terms)

    def orders(self) -> list[Order]:
        return list(self.stage.room.state.books.orders.values())

    def standing(self, *statuses: str) -> list[Order]:
        return [order for order in self.orders() if order.status in statuses]

    @rule(viewer=VIEWERS, sku=SKUS, quantity=st.integers(1, 2), check_out=st.booleans())
    def order(self, viewer: str, sku: str, quantity: int, check_out: bool) -> None:
        self.stage.add(viewer, sku, quantity)
        if check_out:
            self.stage.check_out(viewer)

    @rule(viewer=VIEWERS, sku=SKUS, leave=st.booleans())
    def wait_in_line(self, viewer: str, sku: str, leave: bool) -> None:
        self.stage.join(viewer, sku)
        if leave:
            self.stage.leave(viewer, sku)

    @precondition(lambda self: self.standing("placed", "deposited"))
    @rule(data=st.data(), answer=st.sampled_from(["approve", "approve", "decline", None]))
    def pay(self, data: st.DataObject, answer: str | None) -> None:
        order = data.draw(st.sampled_from(self.standing("placed", "deposited")))
        self.stage.ask(
            order.viewer, messages.OrderPay(self.stage.next_id(), order.order_id, "tok_approve")
        )
        if order.payment_ids and answer is not None:
            self.provider_says(order.payment_ids[-1], answer)

    @precondition(lambda self: self.standing("placed"))
    @rule(data=st.data())
    def a_declined_payment_is_approved_after_all(self, data: st.DataObject) -> None:
        """Two deposits for one order, and the provider captured both."""
        order = data.draw(st.sampled_from(self.standing("placed")))
        for said in ("decline", "approve"):
            self.stage.ask(
                order.viewer, messages.OrderPay(self.stage.next_id(), order.order_id, "tok_approve")
            )
            self.provider_says(order.payment_ids[-1], said)
        self.provider_says(order.payment_ids[-2 if len(order.payment_ids) > 1 else -1], "approve")

    @precondition(lambda self: self.stage.room.state.books.payments)
    @rule(
        data=st.data(),
        said=st.sampled_from(["approve", "approve", "decline", "wrong", "settle"]),
        times=st.integers(1, 2),
    )
    def provider(self, data: st.DataObject, said: str, times: int) -> None:
        payment_ids = list(self.stage.room.state.books.payments)
        payment_id = data.draw(st.sampled_from(payment_ids))
        for _ in range(times):
            self.provider_says(payment_id, said)

    def provider_says(self, payment_id: str, said: str) -> None:
        payment = self.stage.room.state.books.payments[payment_id]
        amount_minor = payment.amount_minor + (said == "wrong")
        command: commands.ProviderCommand
        match said:
            case "decline":
                command = commands.PaymentDeclined(payment_id)
            case "settle":
                command = commands.RefundSettled(payment_id)
            case _:
                command = commands.PaymentApproved(payment_id, amount_minor, payment.currency)
        self.stage.provider(command)

    @precondition(lambda self: self.standing("paid"))
    @rule(
        data=st.data(),
        restock=st.booleans(),
        part=st.sampled_from([None, None, 1, 300_000, 700_001, 2_000_000]),
        request_id=st.sampled_from(["r1", "r2", "r3"]),
    )
    def refund(self, data: st.DataObject, restock: bool, part: int | None, request_id: str) -> None:
        order = data.draw(st.sampled_from(self.standing("paid")))
        asked = commands.OrderRefund(
            order.order_id, restock, amount_minor=part, request_id=request_id
        )
        first = self.stage.desk(asked)
        assert self.stage.desk(asked) == first, "a repeat gets the first answer"

    @precondition(lambda self: self.standing("deposited") and len(self.stage.log) > 10)
    @rule(
        data=st.data(),
        restock=st.booleans(),
        part=st.sampled_from([None, None, 1]),
        request_id=st.sampled_from(["", "r1"]),
    )
    def give_the_deposit_back(
        self, data: st.DataObject, restock: bool, part: int | None, request_id: str
    ) -> None:
        order = data.draw(st.sampled_from(self.standing("deposited")))
        asked = commands.OrderRefund(
            order.order_id, restock, amount_minor=part, request_id=request_id
        )
        first = self.stage.desk(asked)
        assert self.stage.desk(asked) == first, "a repeat gets the first answer"
        assert order.status is (OrderStatus.DEPOSITED if part else OrderStatus.CANCELLED)

    @rule(ms=SPANS_MS)
    def wait(self, ms: int) -> None:
        self.stage.wait(ms)

    @precondition(lambda self: self.standing("deposited"))
    @rule(overdue=st.booleans())
    def the_balances_are_due(self, overdue: bool) -> None:
        """Straight into the second window, or past it."""
        (order, *_) = self.standing("deposited")
        terms = deposits.terms_of(self.stage.room.state.books, order)
        at_ms = terms.balance_until_ms if overdue else terms.balance_from_ms
        self.stage.wait(max(0, at_ms - self.stage.now_ms))

    @precondition(lambda self: self.standing("deposited", "defaulted", "cancelled"))
    @rule(sku=SKUS)
    def open_the_rest(self, sku: str) -> None:
        """Which is refused as a rule."""
        self.stage.desk(commands.DropOpenRest(sku))

    @precondition(lambda self: len(self.stage.log) > 40)
    @rule()
    def end(self) -> None:
        self.stage.desk(commands.RoomEnd())

    @rule()
    def restart(self) -> None:
        before = self.stage.room.state
        assert wire.decode_state(wire.encode_state(before), RoomState) == before
        self.stage.restart()

    # -- what must hold ------------------------------------------------------------------------

    @invariant()
    def the_auditor_finds_nothing(self) -> None:
        for seq, record in self.stage.log[self.audited :]:
            self.auditor.feed(seq, record)
        self.audited = len(self.stage.log)
        assert self.auditor.findings == []

    @invariant()
    def every_captured_deposit_is_accounted_for(self) -> None:
        books = self.stage.room.state.books
        kept = sum(
            payment.amount_minor - sum(back.amount_minor for back in books.refunds_of(payment))
            for payment in books.payments.values()
            if payment.status is PaymentStatus.CONFIRMED
        )
        rows = [
            row
            for by_sku in books.takings.values()
            for by_channel in by_sku.values()
            for row in by_channel.values()
        ]
        assert kept == sum(row.net_minor + row.deposits_kept_minor for row in rows)
        assert all(row.deposits_forfeited_minor >= 0 for row in rows)

    @invariant()
    def units_are_held_exactly_for_those_who_may_still_pay(self) -> None:
        books = self.stage.room.state.books
        waiting = {
            line.hold_id for order in self.standing("placed", "deposited") for line in order.lines
        }
        in_orders = {hold.hold_id for hold in books.holds.values() if hold.order_id}
        assert in_orders == waiting

    def teardown(self) -> None:
        self.stage.wait(4 * HOUR_MS)
        books = self.stage.room.state.books
        assert not books.holds
        assert not any(drop.line.places for drop in books.drops.values())
        assert not self.standing("placed", "deposited")
        self.the_auditor_finds_nothing()
        verdict = self.auditor.verdict()
        assert verdict.clean, verdict.findings
        assert self.stage.replayed() == self.stage.room.state


PLAY = stories(examples=150, steps=40)


def test_no_story_of_a_presale_breaks_an_invariant() -> None:
    run_state_machine_as_test(PresaleMachine, settings=PLAY)


# -- the same machine must find what is planted ------------------------------------------------


def nobody_defaults(patch: pytest.MonkeyPatch) -> None:
    honest = clock.tick

    def lax(counter: Counter, now_ms: int) -> list[Fact]:
        counter.agenda = [entry for entry in counter.agenda if entry[1] != "balance"]
        return honest(counter, now_ms)

    patch.setattr("livestream.room.clock.tick", lax)


def every_default_forfeits(patch: pytest.MonkeyPatch) -> None:
    honest = deposits.defaulted

    def greedy(counter: Counter, order: Order) -> object:
        fact = honest(counter, order)
        return type(fact)(fact.order_id, fact.viewer, fact.payment_id, fact.amount_minor, True)

    patch.setattr(deposits, "defaulted", greedy)


def a_cancelled_order_keeps_its_deposit(patch: pytest.MonkeyPatch) -> None:
    honest = folds._FOLDS[OrderCancelled]

    def greedy(counter: Counter, fact: OrderCancelled, at_ms: int) -> None:
        honest(counter, fact, at_ms)
        order = counter.books.orders[fact.order_id]
        row = counter.takings_of(order.currency, order.lines[0].sku, order.channel)
        row.deposits_refunded_minor -= fact.amount_minor

    patch.setitem(folds._FOLDS, OrderCancelled, greedy)


def the_rest_is_opened_while_balances_are_due(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rest, "_refusal_to_open", lambda drop, now_ms: None)


def a_second_deposit_is_kept(patch: pytest.MonkeyPatch) -> None:
    honest = deposits.reason_to_return

    def lax(
        counter: Counter, order: Order, payment: Payment, free: bool, now_ms: int
    ) -> Literal["too_late", "already_paid", "order_refunded"] | None:
        if order.status is OrderStatus.DEPOSITED:
            return None
        return honest(counter, order, payment, free, now_ms)

    patch.setattr(deposits, "reason_to_return", lax)


def a_deposit_is_forgotten_when_the_order_is_paid(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(order_folds, "deposit_applied", lambda counter, order: None)


@pytest.mark.parametrize(
    "plant",
    [
        nobody_defaults,
        every_default_forfeits,
        a_cancelled_order_keeps_its_deposit,
        the_rest_is_opened_while_balances_are_due,
        a_second_deposit_is_kept,
        a_deposit_is_forgotten_when_the_order_is_paid,
    ],
)
def test_the_machine_finds_a_planted_fault(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    assert_finds_what_is_planted(PresaleMachine, PLAY)
