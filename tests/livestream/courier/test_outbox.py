"""The outbox by itself: whatever fails, an order's events go in their order, and none is lost."""

import random

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from livestream.courier import outbox as module
from livestream.courier.letters import Letter
from livestream.courier.outbox import Outbox, Retry
from tests.properties import PROPERTY

RETRY = Retry(first_ms=100, longest_ms=1_000, attempts_max=3)


def letter(number: int, order_id: str = "o1") -> Letter:
    return Letter(f"evt_{number}", order_id, number, number, "order.paid", "{}")


def test_attempts_are_twice_as_far_apart_each_time_and_half_by_lot() -> None:
    assert [RETRY.delay_ms(n, 0.0) for n in (1, 2, 3, 4, 5, 40)] == [50, 100, 200, 400, 500, 500]
    assert [RETRY.delay_ms(n, 0.999999) for n in (1, 5)] == [100, 1_000]


def test_the_usual_attempts_take_some_four_hours() -> None:
    retry, rng = Retry(), random.Random(1)
    hours = sum(retry.delay_ms(n, rng.random()) for n in range(1, retry.attempts_max)) / 3_600_000
    assert 2 < hours < 5


def test_while_one_of_an_order_is_on_its_way_the_next_waits_and_other_orders_go() -> None:
    outbox = Outbox(RETRY)
    for one in (letter(1), letter(2), letter(3, "o2")):
        outbox.put(one)
    first, other = outbox.next(0), outbox.next(0)
    assert first is not None
    assert other is not None
    assert (first.number, other.number, outbox.next(0)) == (1, 3, None)
    outbox.delivered(first)
    second = outbox.next(0)
    assert second is not None
    assert second.number == 2


def test_a_receiver_that_asks_for_time_gets_it_within_bounds() -> None:
    outbox = Outbox(RETRY)
    outbox.put(letter(1))
    first = outbox.next(0)
    assert first is not None
    assert outbox.failed(first, 0, "status 503", 0.5, wait_ms=700)
    assert outbox.next_due_ms() == 700
    again = outbox.next(700)
    assert again is not None
    assert outbox.failed(again, 700, "status 503", 0.5, wait_ms=86_400_000)
    assert outbox.next_due_ms() == 1_700


def test_when_there_are_too_many_dead_letters_no_more_are_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "DEAD_MAX", 1)
    outbox = Outbox(Retry(1, 1, attempts_max=1))
    for one in (letter(1), letter(2, "o2")):
        outbox.put(one)
    first = outbox.next(0)
    assert first is not None
    assert not outbox.failed(first, 0, "no", 0.0, 0)
    outbox.bury(first)
    other = outbox.next(0)
    assert other is not None
    assert outbox.failed(other, 0, "no", 0.0, 0), "kept, and tried again"


class OutboxMachine(RuleBasedStateMachine):
    """Events come, arrive, fail, are given up and replayed; each order's arrive in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox(RETRY)
        self.now_ms = 0
        self.number = 0
        self.on_its_way: list[Letter] = []
        self.dead: list[Letter] = []
        self.arrived: list[Letter] = []
        self.all: list[Letter] = []

    @rule(order_id=st.sampled_from(["o1", "o2", "o3"]))
    def happens(self, order_id: str) -> None:
        self.number += 1
        new = letter(self.number, order_id)
        self.all.append(new)
        if self.outbox.is_dead(order_id):
            self.dead.append(new)
            self.outbox.joins_dead(order_id)
        else:
            self.outbox.put(new)

    @rule(ms=st.sampled_from([0, 100, 1_000]))
    def time_passes(self, ms: int) -> None:
        self.now_ms += ms
        while (due := self.outbox.next(self.now_ms)) is not None:
            self.on_its_way.append(due)

    @rule(data=st.data(), arrives=st.booleans(), lot=st.floats(0, 0.99))
    def answered(self, data: st.DataObject, arrives: bool, lot: float) -> None:
        if not self.on_its_way:
            return
        one = data.draw(st.sampled_from(self.on_its_way))
        self.on_its_way.remove(one)
        if arrives:
            self.outbox.delivered(one)
            self.arrived.append(one)
        elif not self.outbox.failed(one, self.now_ms, "status 500", lot, 0):
            self.dead += self.outbox.bury(one)

    @rule(order_id=st.sampled_from(["o1", "o2", "o3"]))
    def replayed(self, order_id: str) -> None:
        mine = [one for one in self.dead if one.order_id == order_id]
        self.dead = [one for one in self.dead if one.order_id != order_id]
        self.outbox.revive(mine)

    @invariant()
    def none_is_lost(self) -> None:
        assert self.outbox.waiting + len(self.dead) + len(self.arrived) == len(self.all)
        assert self.outbox.dead == len(self.dead)

    @invariant()
    def each_order_in_its_order(self) -> None:
        for order_id in ("o1", "o2", "o3"):
            numbers = [one.number for one in self.arrived if one.order_id == order_id]
            expected = [one.number for one in self.all if one.order_id == order_id]
            assert numbers == expected[: len(numbers)]

    @invariant()
    def never_two_of_one_order(self) -> None:
        orders = [one.order_id for one in self.on_its_way]
        assert len(set(orders)) == len(orders)

    def teardown(self) -> None:
        for order_id in ("o1", "o2", "o3"):
            self.replayed(order_id)
        while self.outbox.waiting:
            self.time_passes(1_000)
            for one in self.on_its_way:
                self.outbox.delivered(one)
            self.arrived += self.on_its_way
            self.on_its_way = []
        assert len(self.arrived) == len(self.all)
        self.each_order_in_its_order()


def test_no_story_of_an_outbox_breaks_its_order_or_loses_a_letter() -> None:
    run_state_machine_as_test(OutboxMachine, settings=PROPERTY)
