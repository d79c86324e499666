"""Hypothesis plays a drop and its line: people join, take, give back, pay and vanish; the host
pauses, restocks, refunds and closes; time passes. A model beside it knows only who came before
whom.
"""

from __future__ import annotations

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

from cart import consequences as following
from cart import desk, settlement
from cart.counter import Counter
from cart.drop import DropStatus
from cart.events import HoldPlaced, LineJoined, LineLeft, OrderPaid
from cart.line import Line
from cart.order import OrderStatus
from cart.outcome import Decision, Refusal
from tests.cart.till import HOLD_TTL_MS, PAY_TTL_MS, SANTOS, Till
from tests.properties import assert_finds_what_is_planted, stories

VIEWERS = st.sampled_from(["wang", "li", "zhao", "qian", "sun"])
UNITS = st.integers(1, 2)
OPEN = (DropStatus.OPEN, DropStatus.ALL_HELD)


class DropMachine(RuleBasedStateMachine):
    """One drop of few units, and more people than units."""

    def __init__(self) -> None:
        super().__init__()
        self.till = Till()
        #: Who should be waiting, by the order of joining; kept from answers and facts alone.
        self.line: list[str] = []

    @initialize(supply=st.integers(1, 3), limit=st.integers(1, 2))
    def begin(self, supply: int, limit: int) -> None:
        self.till.sell(supply=supply, limit=limit)

    def follow(self) -> None:
        """Move the model by what was decided, and see that nobody overtook."""
        for fact in self.till.last:
            if isinstance(fact, LineJoined):
                self.line.append(fact.viewer)
            elif isinstance(fact, LineLeft):
                self.line.remove(fact.viewer)
            elif isinstance(fact, HoldPlaced) and fact.offered:
                assert self.line[0] == fact.viewer, "served out of turn"
                del self.line[0]
            elif isinstance(fact, HoldPlaced) or (isinstance(fact, OrderPaid) and fact.late):
                assert not self.line, "taken from those who wait"
        if self.till.status() in (DropStatus.SOLD_OUT, DropStatus.CLOSED):
            self.line.clear()

    # -- viewers -------------------------------------------------------------------------------

    @rule(viewer=VIEWERS, units=UNITS)
    def add(self, viewer: str, units: int) -> None:
        self.till.add(viewer, quantity=units)
        self.follow()

    @rule(viewer=VIEWERS, units=UNITS)
    def join(self, viewer: str, units: int) -> None:
        answer = self.till.join(viewer, quantity=units)
        self.follow()
        if not isinstance(answer, Refusal):
            held = bool(self.till.show(viewer)["holds"])
            assert held or viewer in self.line, "a unit, or a place"

    @rule(viewer=VIEWERS)
    def leave(self, viewer: str) -> None:
        self.till.leave(viewer)
        self.follow()
        assert viewer not in self.line

    @rule(viewer=VIEWERS, units=st.sampled_from([None, 1]))
    def remove(self, viewer: str, units: int | None) -> None:
        self.till.remove(viewer, quantity=units)
        self.follow()

    @rule(viewer=VIEWERS)
    def check_out(self, viewer: str) -> None:
        self.till.check_out(viewer)
        self.follow()

    @precondition(lambda self: self.till.counter.books.orders)
    @rule(data=st.data(), approve=st.sampled_from([True, True, False]))
    def pay(self, data: st.DataObject, approve: bool) -> None:
        """In time or late."""
        orders = list(self.till.counter.books.orders.values())
        order = data.draw(st.sampled_from(orders))
        self.till.pay(order.viewer, order.order_id)
        self.follow()
        if approve and order.payment_ids:
            self.till.approve(order.payment_ids[-1])
            self.follow()

    @rule(viewer=VIEWERS, rival=VIEWERS, pause=st.booleans())
    def pay_too_late(self, viewer: str, rival: str, pause: bool) -> None:
        """The provider is slower than the order's deadline, and somebody may wait by then."""
        order_id = self._placed_by(viewer)
        if order_id is None:
            return
        self.till.pay(viewer, order_id)
        self.till.join(rival)
        self.follow()
        if pause:
            self.press("pause")
        self.wait(PAY_TTL_MS)
        self.till.approve(self.till.order(order_id).payment_ids[-1])
        self.follow()

    def _placed_by(self, viewer: str) -> str | None:
        self.add(viewer, 1)
        answer = self.till.check_out(viewer)
        self.follow()
        return None if isinstance(answer, Refusal) else str(answer["order_id"])

    # -- the host and time ---------------------------------------------------------------------

    @rule(how=st.sampled_from(["pause", "open", "open"]))
    def press(self, how: str) -> None:
        self.till.pause() if how == "pause" else self.till.open()
        self.follow()

    @rule(units=UNITS)
    def restock(self, units: int) -> None:
        self.till.restock(units)
        self.follow()

    @precondition(lambda self: self.till.counter.books.orders_paid)
    @rule(restock=st.booleans())
    def refund(self, restock: bool) -> None:
        for order in self.till.counter.books.orders.values():
            if order.status is OrderStatus.PAID:
                self.till.refund(order.order_id, restock=restock)
                self.follow()
                return

    @precondition(lambda self: len(self.till.facts) > 40)
    @rule()
    def close(self) -> None:
        self.till.close()
        self.follow()

    @rule(ms=st.sampled_from([0, 1_000, HOLD_TTL_MS // 2, HOLD_TTL_MS, PAY_TTL_MS]))
    def wait(self, ms: int) -> None:
        self.till.wait(ms)
        self.follow()

    @rule()
    def restart(self) -> None:
        """Another engine takes the books over."""
        self.till.counter = Counter(self.till.counter.books)
        self.till.wait(0)
        self.follow()

    # -- what must hold ------------------------------------------------------------------------

    @invariant()
    def stock_adds_up_and_nothing_is_oversold(self) -> None:
        for drop in self.till.counter.books.drops.values():
            assert drop.stock.balanced
            assert drop.stock.held + drop.stock.sold <= drop.stock.supplied

    @invariant()
    def the_line_is_who_joined_in_that_order(self) -> None:
        if not self.till.counter.books.drops:
            return
        assert self.till.in_line() == self.line
        line = self.till.of().line
        numbers = [place.number for place in line]
        assert numbers == sorted(numbers)
        assert line.next == (numbers[0] if numbers else 0)
        assert all(line.ahead_of(n) >= at for at, n in enumerate(numbers))

    @invariant()
    def nobody_waits_while_a_unit_is_free(self) -> None:
        for drop in self.till.counter.books.drops.values():
            if drop.status in OPEN:
                assert not (drop.line.places and drop.stock.available)
            assert (drop.status is DropStatus.ALL_HELD) == (
                drop.status in OPEN and drop.stock.available == 0
            )

    @invariant()
    def nobody_has_more_than_the_limit(self) -> None:
        books = self.till.counter.books
        for drop in books.drops.values():
            assert all(units <= drop.terms.limit_per_viewer for units in drop.taken.values())

    def teardown(self) -> None:
        """When all time has passed, whoever waited and could still buy was offered a unit."""
        if not self.till.counter.books.drops:
            return
        self.till.open()
        self.follow()
        for _ in range(len(self.line) + 1):
            self.till.wait(PAY_TTL_MS)
            self.follow()
        assert self.line == []
        assert self.till.of(SANTOS).stock.held == 0


PLAY = stories(examples=150, steps=40)


def test_no_story_of_a_drop_lets_anybody_overtake_or_wait_in_vain() -> None:
    run_state_machine_as_test(DropMachine, settings=PLAY)


# -- the same machine must find what is planted ------------------------------------------------


def the_last_is_served_first(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Line, "__iter__", lambda line: reversed(list(line.places.values())))


def late_money_overtakes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settlement, "_units_still_free", lambda counter, order: True)


def free_units_are_for_everybody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(following, "offers", lambda counter, drop, now_ms: [])


def a_pause_loses_the_line(patch: pytest.MonkeyPatch) -> None:
    honest = desk.pause

    def pause(counter: Counter, drop_id: str) -> Decision:
        counter.books.drops[drop_id].line.end()
        return honest(counter, drop_id)

    patch.setattr(desk, "pause", pause)


@pytest.mark.parametrize(
    "plant",
    [
        the_last_is_served_first,
        late_money_overtakes,
        free_units_are_for_everybody,
        a_pause_loses_the_line,
    ],
)
def test_the_machine_finds_a_planted_fault(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    assert_finds_what_is_planted(DropMachine, PLAY)
