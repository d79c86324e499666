"""Hypothesis plays with the payments of a drop: approved, declined, late, twice, in a wrong amount,
given back in parts and whole, settled in any order.

Beside the counter stands a purse: what the provider took and gave back, told by its own calls and
by nothing else. At every step what the buyers are out of pocket is what the books say they paid,
less what goes back; in the end, when the provider has settled all, the purse and the books agree.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable

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

from cart import refunding, settlement, shopper
from cart.books import Books
from cart.clock import is_settled
from cart.order import Order, OrderStatus, Payment, PaymentStatus
from cart.outcome import ErrorCode, Refusal
from cart.personalisation import Wishes
from cart.refund import Units, left_of
from cart.refunding import Asked
from cart.repeat import is_same_checkout
from tests.cart.till import HOLD_TTL_MS, PAY_TTL_MS, SANTOS, Till, ok, refusal
from tests.properties import assert_finds_what_is_planted, stories

VIEWERS = st.sampled_from(["wang", "li", "zhao"])
SKUS = st.sampled_from([SANTOS, "ring"])
BACK = (PaymentStatus.REFUNDING, PaymentStatus.REFUNDED)
KEPT = (PaymentStatus.CONFIRMED, *BACK)


class PaymentMachine(RuleBasedStateMachine):
    """The counter, and a purse."""

    def __init__(self) -> None:
        super().__init__()
        self.till = Till()
        #: payment -> what the provider captured of it; refund -> what it gave back.
        self.captured: dict[str, int] = {}
        self.returned: dict[str, int] = {}

    @initialize(supply=st.integers(1, 4), price_minor=st.sampled_from([0, 1, 100, 33_333]))
    def begin(self, supply: int, price_minor: int) -> None:
        self.till.sell(supply=supply, limit=3, price_minor=price_minor)
        self.till.sell("ring", supply=3, limit=3, price_minor=500_001)

    @property
    def orders(self) -> list[Order]:
        return list(self.till.counter.books.orders.values())

    @property
    def payments(self) -> list[Payment]:
        return list(self.till.counter.books.payments.values())

    # -- the buyers ----------------------------------------------------------------------------

    @rule(viewer=VIEWERS, sku=SKUS, quantity=st.integers(1, 2), more=st.booleans())
    def order(self, viewer: str, sku: str, quantity: int, more: bool) -> None:
        self.till.add(viewer, sku, quantity)
        if more:
            self.till.add(viewer, "ring")
        self.till.check_out(viewer)

    @rule(viewer=VIEWERS, sku=SKUS, quantity=st.integers(1, 2))
    def buy(self, viewer: str, sku: str, quantity: int) -> None:
        """As most do: the provider says yes at once."""
        self.till.add(viewer, sku, quantity)
        order = self.till.check_out(viewer)
        if not isinstance(order, Refusal):
            payment_id = f"{order['order_id']}-p1"
            ok(self.till.pay(viewer, order["order_id"]))
            payment = self.till.counter.books.payments[payment_id]
            self.captured[payment_id] = payment.amount_minor
            ok(self.till.approve(payment_id))

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), sku=SKUS, more=st.booleans(), same_command=st.booleans())
    def check_out_again(
        self, data: st.DataObject, sku: str, more: bool, same_command: bool
    ) -> None:
        """A retry, or another cart under a used id."""
        order = data.draw(st.sampled_from(self.orders))
        if more:
            self.till.add(order.viewer, sku)
        cart: Tally[str] = Tally()
        for hold in self.till.show(order.viewer)["holds"]:
            cart[hold["sku"]] += hold["quantity"]
        ordered: Tally[str] = Tally()
        for line in order.lines:
            ordered[line.sku] += line.quantity
        command_id = order.command_id if same_command else None
        answer = self.till.check_out(order.viewer, order.checkout_id, command_id=command_id)
        assert self.till.last == []
        if same_command or not cart or cart == ordered:
            assert ok(answer)["order_id"] == order.order_id
        else:
            assert refusal(answer) is ErrorCode.CONFLICT

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), twice=st.booleans())
    def pay(self, data: st.DataObject, twice: bool) -> None:
        order = data.draw(st.sampled_from(self.orders))
        self.till.pay(order.viewer, order.order_id, command_id=f"p{len(order.payment_ids)}")
        if twice:
            self.till.pay(order.viewer, order.order_id, command_id=f"p{len(order.payment_ids) - 1}")

    # -- the provider --------------------------------------------------------------------------

    @precondition(lambda self: self.payments)
    @rule(
        data=st.data(),
        off_by=st.sampled_from([0, 0, 0, 0, 1, -1]),
        times=st.integers(1, 3),
        declined_too=st.sampled_from(["no", "before", "after"]),
    )
    def approve(self, data: st.DataObject, off_by: int, times: int, declined_too: str) -> None:
        """It captures once, and says so in any order and number."""
        payment = data.draw(st.sampled_from(self.payments))
        name = payment.payment_id
        amount = self.captured.setdefault(name, max(0, payment.amount_minor + off_by))
        if declined_too == "before":
            self.till.decline(name)
        for _ in range(times):
            ok(self.till.approve(name, amount))
        if declined_too == "after":
            self.till.decline(name)

    @precondition(lambda self: self.payments)
    @rule(data=st.data())
    def decline(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.payments)).payment_id
        if name not in self.captured:
            ok(self.till.decline(name))

    @precondition(lambda self: self.till.counter.books.refunds)
    @rule(data=st.data(), times=st.integers(1, 2))
    def settle(self, data: st.DataObject, times: int) -> None:
        refunds = list(self.till.counter.books.refunds.values())
        refund = data.draw(st.sampled_from(refunds))
        self.returned[refund.refund_id] = refund.amount_minor
        for _ in range(times):
            ok(self.till.settle_refund(refund.payment_id, refund.refund_id))

    # -- the host and time ---------------------------------------------------------------------

    @precondition(lambda self: any(o.status is OrderStatus.PAID for o in self.orders))
    @rule(
        data=st.data(),
        asked=st.sampled_from(["units", "amount", "whole"]),
        sku=SKUS,
        amount_minor=st.sampled_from([1, 50, 33_333, 400_000]),
        restock=st.booleans(),
        request_id=st.sampled_from(["r1", "r2", "r3", "r4"]),
    )
    def refund(
        self,
        data: st.DataObject,
        asked: str,
        sku: str,
        amount_minor: int,
        restock: bool,
        request_id: str,
    ) -> None:
        """Twice: the first answer was lost."""
        paid = [order for order in self.orders if order.status is OrderStatus.PAID]
        order = data.draw(st.sampled_from(paid))
        request = {
            "units": Asked([Units(sku, 1)], None, restock, request_id),
            "amount": Asked((), amount_minor, restock, request_id),
            "whole": Asked((), None, restock),
        }[asked]
        first = self.till.refund_part(order.order_id, request)
        before = order.refunded_minor
        again = self.till.refund_part(order.order_id, request)
        assert (first, before) == (again, order.refunded_minor)

    @rule(ms=st.sampled_from([0, 1_000, HOLD_TTL_MS, PAY_TTL_MS]))
    def wait(self, ms: int) -> None:
        self.till.wait(ms)

    # -- what must hold ------------------------------------------------------------------------

    @invariant()
    def captured_money_is_an_order_or_goes_back(self) -> None:
        for payment in self.payments:
            if payment.payment_id in self.captured:
                assert payment.status in KEPT
            else:
                assert payment.status not in KEPT

    @invariant()
    def no_more_goes_back_than_came(self) -> None:
        books = self.till.counter.books
        for payment in self.payments:
            back = sum(refund.amount_minor for refund in books.refunds_of(payment))
            assert back <= self.captured.get(payment.payment_id, 0)
            if payment.status in BACK:
                assert back == self.captured[payment.payment_id]

    @invariant()
    def one_payment_pays_an_order(self) -> None:
        books = self.till.counter.books
        for order in self.orders:
            stays = [p for p in order.payment_ids if books.payments[p].status in KEPT]
            pays = [
                p
                for p in stays
                if not any(not r.lines for r in books.refunds_of(books.payments[p]))
            ]
            assert len(pays) == (order.status in (OrderStatus.PAID, OrderStatus.REFUNDED))

    @invariant()
    def the_takings_are_what_buyers_paid_less_what_goes_back(self) -> None:
        books = self.till.counter.books
        taken: Tally[str] = Tally()
        for by_sku in books.takings.values():
            for sku, by_channel in by_sku.items():
                taken[sku] += sum(row.net_minor for row in by_channel.values())
        owed = sum(
            refund.amount_minor
            for refund in books.refunds.values()
            if refund.refund_id not in self.returned
        )
        out_of_pocket = sum(self.captured.values()) - sum(self.returned.values())
        assert sum(taken.values()) == out_of_pocket - owed
        assert all(minor >= 0 for minor in taken.values())

    @invariant()
    def a_line_gives_back_what_it_cost_at_most(self) -> None:
        for order in self.orders:
            assert 0 <= order.refunded_minor <= order.total_minor
            if order.status is OrderStatus.REFUNDED:
                assert order.refunded_minor == order.total_minor

    def teardown(self) -> None:
        """Nobody owes anybody anything once the provider has answered everything."""
        self.till.wait(HOLD_TTL_MS)
        self.till.wait(PAY_TTL_MS)
        for payment in self.payments:
            if payment.payment_id not in self.captured:
                self.till.decline(payment.payment_id)
        for refund in list(self.till.counter.books.refunds.values()):
            self.returned[refund.refund_id] = refund.amount_minor
            self.till.settle_refund(refund.payment_id, refund.refund_id)
        self.the_takings_are_what_buyers_paid_less_what_goes_back()
        assert is_settled(self.till.counter)


PLAY = stories(examples=150, steps=40)


def test_no_story_of_payments_loses_or_makes_money() -> None:
    run_state_machine_as_test(PaymentMachine, settings=PLAY)


# -- the same machine must find what is planted ------------------------------------------------


def late_money_vanishes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settlement, "_CAPTURED", (*KEPT, PaymentStatus.EXPIRED))


def what_went_back_before_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(refunding, "left_of", lambda order, refunds: left_of(order, []))


def a_repeated_request_gives_back_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(refunding, "_answered_before", lambda books, order, asked: None)


def another_cart_is_answered_with_the_old_order(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(shopper, "is_same_checkout", lambda *_: True)


def a_retry_is_another_checkout(patch: pytest.MonkeyPatch) -> None:
    def forgetful(books: Books, order: Order, asked: tuple[Wishes, str, str], _: str) -> bool:
        return is_same_checkout(books, order, asked, "")

    patch.setattr(shopper, "is_same_checkout", forgetful)


@pytest.mark.parametrize(
    "plant",
    [
        late_money_vanishes,
        what_went_back_before_is_forgotten,
        a_repeated_request_gives_back_again,
        another_cart_is_answered_with_the_old_order,
        a_retry_is_another_checkout,
    ],
)
def test_the_machine_finds_a_planted_fault(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    assert_finds_what_is_planted(PaymentMachine, PLAY)
