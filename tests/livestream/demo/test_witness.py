"""What the crowd was told, held against the log: the detectors find what is planted."""

from collections.abc import Callable

import pytest

from cart.drop import DropTerms
from cart.fact import Fact
from cart.outcome import Refusal
from cart.perk import PerkTerms
from livestream import commands, messages, wire
from livestream.announcing import Frame, private_frame, public_frame
from livestream.commands import Command, Envelope
from livestream.demo.purse import Purse
from livestream.demo.verdict import Truth, compare
from livestream.demo.witness import OrderTold, Span, Witness, percentile
from livestream.room import Room, RoomState, consequences, decide, evolve

TERMS = DropTerms(
    *("drop", "sku", "Watch", 2, 500, "CNY"),
    limit_per_viewer=2,
    perks=[PerkTerms("bellboy", "Bellboy", 1)],
)
NOW_MS = 1_000


class Evening:
    """A room driven by hand, and one viewer who is told everything, as a gateway would tell it."""

    def __init__(self) -> None:
        self.witness = Witness()
        self.room = Room(RoomState("room"))
        self.frames: dict[int, Frame] = {}
        self.span = Span(start=0, last=0)
        self.witness.spans.append(("anna", self.span))
        self.purse = Purse("anna", self.witness)
        self.deaf_to: set[str] = set()
        for command in (commands.RoomCreate("Evening"), commands.RoomStart()):
            self.ask("desk:host", command)
        self.ask("desk:host", commands.DropSchedule(TERMS))
        self.ask("desk:host", commands.DropOpen("drop"))

    def ask(self, actor: str, command: Command) -> dict[str, object]:
        decision = decide(self.room, Envelope(1, actor, "tmall", command), NOW_MS)
        assert not isinstance(decision.answer, Refusal), decision.answer
        facts = list(decision.facts)
        while facts:
            for fact in facts:
                self._happen(fact)
            facts = consequences(self.room, NOW_MS)
        return dict(decision.answer)

    def _happen(self, fact: Fact) -> None:
        evolve(self.room, fact, NOW_MS)
        seq = self.room.state.seq
        public = public_frame(fact, seq, NOW_MS)
        if public is not None and public[0] == "viewers":
            self.frames[seq] = public[1]
            if public[1]["type"] not in self.deaf_to:
                self.witness.saw("anna", self.span, seq, wire.encode(public[1]))
        private = private_frame(self.room.counter, fact)
        if private is not None and private[1]["type"] not in self.deaf_to:
            self.purse.told(private[1]["type"], private[1])

    def buy(self, pay: bool = True) -> str:
        number = str(self.room.state.seq)
        self.ask("anna", messages.CartAdd(f"a{number}", "sku"))
        result = self.ask("anna", messages.Checkout(f"c{number}", f"co{number}"))
        order = self.purse.placed(result)
        self.witness.acknowledge(order.order_id, self.purse.as_told(order))
        self.ask("anna", messages.OrderPay(f"p{number}", order.order_id, "tok_approve"))
        if pay:
            paid = commands.PaymentApproved(f"{order.order_id}-p1", order.total_minor, "CNY")
            self.ask("provider:sandbox", paid)
        return order.order_id

    def findings(self) -> list[str]:
        return compare(self.witness, Truth(self.room, self.frames), {"drop": True})


@pytest.fixture
def evening() -> Evening:
    """A drop of two has opened."""
    return Evening()


def test_when_all_is_well_nothing_is_found(evening: Evening) -> None:
    evening.buy()
    evening.buy()
    assert evening.findings() == []


def test_a_unit_that_nobody_got_is_found(evening: Evening) -> None:
    evening.buy()
    assert evening.findings() == ["drop: 1 sold of 2, though more were wanted"]


@pytest.mark.parametrize(
    ("lost", "what"),
    [
        ("drop.opened", "anna saw 3 of 4 frames after 0"),
        ("order.paid", "is paid and its buyer was not told"),
        ("perk.awarded", "the log says 1"),
    ],
)
def test_what_a_viewer_was_not_told_is_found(lost: str, what: str) -> None:
    class Deaf(Evening):
        def _happen(self, fact: Fact) -> None:
            self.deaf_to = {lost}
            super()._happen(fact)

    evening = Deaf()
    evening.buy()
    evening.buy()
    assert any(what in finding for finding in evening.findings()), evening.findings()


def _other_text(evening: Evening) -> None:
    evening.frames[evening.span.last]["at_ms"] += 1


def _private_fact_in_public(evening: Evening) -> None:
    evening.witness.frames[999] = b"{}"


def _order_not_in_the_log(evening: Evening) -> None:
    told = OrderTold("anna", "co", 500, "CNY")
    evening.witness.acknowledge("o99", told)


def _paid_but_not_in_the_log(evening: Evening) -> None:
    order_id = evening.buy(pay=False)
    evening.witness.heard_paid(order_id, evening.witness.orders[order_id])


def _another_amount(evening: Evening) -> None:
    order_id = next(iter(evening.witness.orders))
    evening.witness.orders[order_id] = OrderTold("anna", "co", 499, "CNY")


def _another_rank(evening: Evening) -> None:
    evening.witness.ranks[next(iter(evening.witness.ranks))] = 2


def _still_held(evening: Evening) -> None:
    evening.ask("bob", messages.CartAdd("1", "sku"))


@pytest.mark.parametrize(
    ("plant", "what"),
    [
        (_other_text, "the log says"),
        (_private_fact_in_public, "which the log does not make public"),
        (_order_not_in_the_log, "was acknowledged and is not in the log"),
        (_paid_but_not_in_the_log, "was told as paid and is not"),
        (_paid_but_not_in_the_log, "viewers were told of {'CNY': 1000} paid"),
        (_another_amount, "was told as OrderTold"),
        (_another_rank, "told 2, the log says 1"),
        (_still_held, "still held, owed or waited for"),
    ],
)
def test_a_planted_contradiction_is_found(
    evening: Evening, plant: Callable[[Evening], None], what: str
) -> None:
    evening.buy()
    before = evening.findings()
    plant(evening)
    new = set(evening.findings()) - set(before)
    assert any(what in finding for finding in new), new


# -- the common memory -------------------------------------------------------------------------


def test_two_viewers_with_different_texts_under_one_seq_are_found() -> None:
    witness = Witness()
    witness.saw("anna", Span(0, 0), 1, b"one")
    witness.saw("bob", Span(0, 0), 1, b"two")
    assert witness.findings == ["bob was told b'two' under seq 1, others b'one'"]


@pytest.mark.parametrize("seq", [4, 5])
def test_a_seq_that_does_not_go_up_is_found(seq: int) -> None:
    witness = Witness()
    span = Span(start=0, last=5, count=3)
    witness.saw("anna", span, seq, b"frame")
    assert witness.findings == [f"anna saw seq {seq} after 5"]
    assert span.last == 5


def test_an_order_acknowledged_in_two_ways_is_found() -> None:
    witness = Witness()
    for total_minor in (1, 1, 2):
        witness.acknowledge("o1", OrderTold("anna", "co", total_minor, "CNY"))
    assert len(witness.findings) == 1


def test_the_peak_is_the_most_that_were_there_at_once() -> None:
    witness = Witness()
    witness.arrive()
    witness.arrive()
    witness.here -= 2
    witness.arrive()
    assert (witness.connections, witness.here, witness.peak) == (3, 1, 2)


@pytest.mark.parametrize(
    ("values", "percent", "value"),
    [([], 50, None), ([3.0], 99, 3.0), ([4.0, 1.0, 3.0, 2.0], 50, 2.0), ([1.0, 2.0], 99, 2.0)],
)
def test_a_percentile_is_one_of_the_values(
    values: list[float], percent: float, value: float | None
) -> None:
    assert percentile(values, percent) == value


# -- one viewer's orders -----------------------------------------------------------------------


def test_an_order_only_moves_forward(evening: Evening) -> None:
    """A reply that was overtaken by a push says less, and changes nothing."""
    order_id = evening.buy()
    order = evening.purse.orders[order_id]
    stale = {
        "order_id": order_id,
        "checkout_id": order.checkout_id,
        "status": "placed",
        "lines": [{"sku": "sku", "quantity": 1, "price_minor": 500}],
        "total_minor": 500,
        "currency": "CNY",
        "expires_at_ms": order.expires_at_ms,
    }
    evening.purse.placed(stale)
    assert order.paid
    assert evening.witness.findings == []


def test_an_order_that_goes_back_in_a_later_look_is_found(evening: Evening) -> None:
    order_id = evening.buy()
    known = evening.purse.statuses()
    cart = evening.ask("anna", messages.CartShow("s"))
    evening.purse.shown(cart, dict(known))
    assert evening.witness.findings == []

    evening.purse.shown({"holds": [], "orders": []}, dict(known))
    assert evening.witness.findings == [f"anna's order {order_id} is not shown any more"]


def test_a_total_that_changes_is_found(evening: Evening) -> None:
    order_id = evening.buy()
    evening.purse.told("order.paid", {"order_id": order_id, "total_minor": 1})
    assert evening.witness.findings == [f"order {order_id} was 500, then 1"]
