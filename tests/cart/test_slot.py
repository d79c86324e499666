"""Delivery slots are stock: held with the order, taken when it wins, never overbooked."""

from collections.abc import Mapping
from typing import Any, Literal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec import json

from cart.books import Books
from cart.bounds import SLOTS_MAX, SLOTS_SHOWN_MAX
from cart.counter import Counter
from cart.events import SlotReleased
from cart.order import OrderStatus
from cart.outcome import ErrorCode, Refusal
from cart.perk import PerkTerms
from cart.presale import PresaleTerms
from cart.refund import Units
from cart.refunding import Asked
from cart.slot import Slot, SlotTerms
from cart.stock import BrokenBooksError
from tests.cart.till import SANTOS, Till, ok, refusal
from tests.properties import PROPERTY

TOMORROW_MS = 90_000_000
HOUR_MS = 3_600_000


def bellboy(first_n: int = 9, on_refund: Literal["stay", "pass"] = "pass") -> PerkTerms:
    return PerkTerms("bellboy", "Bellboy", first_n, on_refund, slots=True)


@pytest.fixture
def till() -> Till:
    """A drop with a bellboy, and two slots with a place each."""
    till = Till()
    till.sell(supply=9, limit=9, perks=[bellboy()])
    ok(till.put_slot("ten"))
    ok(till.put_slot("noon", from_ms=TOMORROW_MS + HOUR_MS))
    return till


def booked(till: Till, slot_id: str = "ten") -> tuple[list[str], list[str]]:
    """Who holds a place, and who has taken one."""
    slot = till.counter.books.slots[slot_id]
    return list(slot.held), list(slot.taken)


def pay(till: Till, order_id: str) -> None:
    till.pay(till.order(order_id).viewer, order_id)
    ok(till.approve(till.order(order_id).payment_ids[-1]))


def place(till: Till, viewer: str, slot_id: str = "ten") -> str:
    ok(till.add(viewer))
    return str(ok(till.check_out(viewer, slot_id=slot_id))["order_id"])


# -- from the checkout to the delivery ---------------------------------------------------------


def test_a_place_is_held_with_the_order_and_taken_when_it_is_paid(till: Till) -> None:
    ok(till.add("wang"))
    placed = ok(till.check_out("wang", slot_id="ten"))
    assert till.names() == ["order.placed", "slot.held"]
    place = {
        "slot_id": "ten",
        "perk_id": "bellboy",
        "city": "Shanghai",
        "from_ms": TOMORROW_MS,
        "until_ms": TOMORROW_MS + HOUR_MS,
    }
    assert placed["slots"] == [{**place, "status": "held"}]
    assert booked(till) == (["o1"], [])
    pay(till, "o1")
    assert till.names() == ["order.paid", "perk.awarded", "slot.taken"]
    assert booked(till) == ([], ["o1"])
    (order,) = till.show("wang")["orders"]
    assert order["slots"] == [{**place, "status": "taken"}]


def test_the_last_place_goes_to_one_order(till: Till) -> None:
    place(till, "wang")
    ok(till.add("li"))
    assert refusal(till.check_out("li", slot_id="ten")) is ErrorCode.SLOT_FULL
    assert ok(till.check_out("li", slot_id="noon"))["order_id"] == "o2"


def test_a_place_of_an_order_that_is_not_paid_is_free_again(till: Till) -> None:
    place(till, "wang")
    till.wait(300_000)
    assert till.names() == ["order.expired", "slot.released"]
    assert booked(till) == ([], [])
    assert place(till, "li") == "o2"


def test_who_pays_late_chooses_anew(till: Till) -> None:
    place(till, "wang")
    till.pay("wang", "o1")
    till.wait(300_000)
    place(till, "li")
    ok(till.approve("o1-p1"))
    assert till.names() == ["order.paid", "perk.awarded"]
    assert refusal(till.choose_slot("wang", "o1", "ten")) is ErrorCode.SLOT_FULL
    assert ok(till.choose_slot("wang", "o1", "noon"))["status"] == "taken"


def test_who_does_not_win_gives_the_place_back() -> None:
    till = Till()
    till.sell(supply=9, perks=[bellboy(1)])
    ok(till.put_slot("ten", capacity=9))
    slow, fast = place(till, "wang"), place(till, "li")
    pay(till, fast)
    pay(till, slow)
    assert till.names() == ["order.paid", "slot.released"]
    assert booked(till) == ([], [fast])


def test_a_refund_gives_the_place_back_and_the_heir_chooses_one() -> None:
    till = Till()
    till.sell(supply=9, perks=[bellboy(1)])
    ok(till.put_slot("ten"))
    pay(till, place(till, "wang"))
    till.buy("li")
    assert refusal(till.choose_slot("li", "o2", "ten")) is ErrorCode.CONFLICT
    ok(till.refund("o1"))
    assert till.names() == ["order.refunded", "perk.revoked", "perk.awarded", "slot.released"]
    assert ok(till.choose_slot("li", "o2", "ten"))["status"] == "taken"
    assert booked(till) == ([], ["o2"])


def test_a_refund_gives_the_place_back_though_the_rank_stays() -> None:
    till = Till()
    till.sell(supply=9, perks=[bellboy(1, "stay")])
    ok(till.put_slot("ten"))
    pay(till, place(till, "wang"))
    ok(till.refund("o1"))
    assert till.names() == ["order.refunded", "slot.released"]
    assert till.ranks() == {"o1": 1}


def test_a_refund_of_a_part_leaves_the_place(till: Till) -> None:
    ok(till.add("wang", quantity=2))
    ok(till.check_out("wang", slot_id="ten"))
    pay(till, "o1")
    ok(till.refund_part("o1", Asked([Units(SANTOS, 1)], request_id="one")))
    assert booked(till) == ([], ["o1"])


@pytest.mark.parametrize("pays", [True, False])
def test_a_place_is_held_between_the_deposit_and_the_balance(pays: bool) -> None:
    till = Till()
    presale = PresaleTerms(100, till.now_ms + HOUR_MS, till.now_ms + 2 * HOUR_MS, 3 * HOUR_MS)
    till.sell(supply=2, perks=[bellboy()], presale=presale)
    for slot_id in ("ten", "noon"):
        ok(till.put_slot(slot_id))
    pay(till, place(till, "wang"))
    assert till.order_status("o1") is OrderStatus.DEPOSITED
    ok(till.choose_slot("wang", "o1", "noon"))
    assert booked(till, "noon") == (["o1"], [])
    till.wait(2 * HOUR_MS)
    if pays:
        pay(till, "o1")
        assert till.names()[-1] == "slot.taken"
        assert booked(till, "noon") == ([], ["o1"])
    else:
        till.wait(2 * HOUR_MS)
        assert till.names() == ["order.defaulted", "slot.released"]
        assert booked(till, "noon") == ([], [])
        assert refusal(till.choose_slot("wang", "o1", "ten")) is ErrorCode.HOLD_EXPIRED


def test_a_place_of_an_order_whose_deposit_goes_back_is_free_again() -> None:
    till = Till()
    presale = PresaleTerms(100, till.now_ms + HOUR_MS, till.now_ms + 2 * HOUR_MS, 3 * HOUR_MS)
    till.sell(supply=2, perks=[bellboy()], presale=presale)
    ok(till.put_slot("noon"))
    pay(till, till.place("wang"))
    ok(till.choose_slot("wang", "o1", "noon"))
    ok(till.refund("o1"))
    assert till.last[-1] == SlotReleased("noon", "o1", "cancelled")
    assert booked(till, "noon") == ([], [])
    assert refusal(till.choose_slot("wang", "o1", "noon")) is ErrorCode.CONFLICT


def test_a_perk_of_the_room_is_delivered_in_slots_too() -> None:
    till = Till()
    ok(till.rules(perks=[bellboy(1)]))
    till.sell()
    ok(till.put_slot("ten"))
    pay(till, place(till, "wang"))
    assert till.names() == ["order.paid", "perk.awarded", "slot.taken"]


# -- choosing later ----------------------------------------------------------------------------


def test_another_slot_may_be_chosen_and_the_first_is_free_again(till: Till) -> None:
    place(till, "wang")
    answer = ok(till.choose_slot("wang", "o1", "noon"))
    assert (answer["slot_id"], answer["status"]) == ("noon", "held")
    assert till.names() == ["slot.released", "slot.held"]
    assert (booked(till), booked(till, "noon")) == (([], []), (["o1"], []))
    pay(till, "o1")
    ok(till.choose_slot("wang", "o1", "ten"))
    assert till.names() == ["slot.released", "slot.taken"]
    assert (booked(till), booked(till, "noon")) == (([], ["o1"]), ([], []))


def test_the_same_choice_again_changes_nothing(till: Till) -> None:
    place(till, "wang")
    first = ok(till.choose_slot("wang", "o1", "noon"))
    again = ok(till.choose_slot("wang", "o1", "noon"))
    assert again == first
    assert till.names() == []


def test_a_checkout_said_twice_holds_one_place_and_another_slot_is_other_content(
    till: Till,
) -> None:
    ok(till.add("wang"))
    first = ok(till.check_out("wang", "co", slot_id="ten"))
    assert ok(till.check_out("wang", "co", slot_id="ten")) == first
    assert booked(till) == (["o1"], [])
    assert refusal(till.check_out("wang", "co", slot_id="noon")) is ErrorCode.CONFLICT
    assert refusal(till.check_out("wang", "co")) is ErrorCode.CONFLICT


def test_what_cannot_be_chosen(till: Till) -> None:
    till.sell("ring")
    ok(till.add("li", "ring"))
    ring = str(ok(till.check_out("li"))["order_id"])
    place(till, "wang")
    for viewer, order_id, slot_id, code in (
        ("wang", "o9", "noon", ErrorCode.NOT_FOUND),
        ("li", "o2", "noon", ErrorCode.NOT_FOUND),
        ("wang", "o2", "midnight", ErrorCode.NOT_FOUND),
        ("li", ring, "noon", ErrorCode.CONFLICT),
    ):
        assert refusal(till.choose_slot(viewer, order_id, slot_id)) is code
    ok(till.add("zhao", "ring"))
    assert refusal(till.check_out("zhao", slot_id="noon")) is ErrorCode.CONFLICT
    assert refusal(till.check_out("zhao", slot_id="midnight")) is ErrorCode.NOT_FOUND


def test_orders_that_ended_choose_nothing(till: Till) -> None:
    place(till, "wang")
    till.wait(300_000)
    assert refusal(till.choose_slot("wang", "o1", "noon")) is ErrorCode.HOLD_EXPIRED
    till.buy("li")
    ok(till.refund("o2"))
    assert refusal(till.choose_slot("li", "o2", "noon")) is ErrorCode.CONFLICT


def test_when_the_last_rank_is_given_nothing_is_held_for_it() -> None:
    till = Till()
    till.sell(supply=9, perks=[bellboy(1)])
    ok(till.put_slot("ten"))
    till.buy("wang")
    ok(till.add("li"))
    assert refusal(till.check_out("li", slot_id="ten")) is ErrorCode.CONFLICT


def test_a_slot_that_has_begun_is_closed(till: Till) -> None:
    place(till, "wang", "noon")
    pay(till, "o1")
    till.now_ms = TOMORROW_MS
    assert refusal(till.choose_slot("wang", "o1", "ten")) is ErrorCode.CLOSED
    ok(till.add("li"))
    assert refusal(till.check_out("li", slot_id="ten")) is ErrorCode.CLOSED


# -- the host ----------------------------------------------------------------------------------


def test_a_slot_may_grow_and_shrink_to_what_is_booked(till: Till) -> None:
    ok(till.put_slot("ten", capacity=3))
    place(till, "wang")
    place(till, "li")
    assert refusal(till.put_slot("ten", capacity=1)) is ErrorCode.CONFLICT
    assert ok(till.put_slot("ten", capacity=2))["free"] == 0
    ok(till.put_slot("ten", capacity=2))
    assert till.names() == []


def test_what_is_booked_keeps_its_time_and_place(till: Till) -> None:
    ok(till.put_slot("ten", from_ms=TOMORROW_MS + 1))
    place(till, "wang")
    assert refusal(till.put_slot("ten", from_ms=TOMORROW_MS)) is ErrorCode.CONFLICT
    assert refusal(till.put_slot("ten", city="Beijing")) is ErrorCode.CONFLICT
    ok(till.put_slot("noon", city="Beijing"))


def test_slots_that_cannot_be(till: Till) -> None:
    assert refusal(till.put_slot("x", until_ms=TOMORROW_MS)) is ErrorCode.INVALID
    assert refusal(till.put_slot("x", perk_id="box")) is ErrorCode.NOT_FOUND
    till.sell("ring", perks=[PerkTerms("box", "Box", 1)])
    assert refusal(till.put_slot("x", perk_id="box")) is ErrorCode.NOT_FOUND
    till.sell("tank", perks=[PerkTerms("hand", "By hand", 1, slots=True)])
    assert refusal(till.put_slot("ten", perk_id="hand")) is ErrorCode.CONFLICT
    ok(till.put_slot("x", perk_id="hand", capacity=0))


def test_a_room_has_so_many_slots(till: Till) -> None:
    for number in range(SLOTS_MAX - 2):
        ok(till.put_slot(f"slot-{number}"))
    assert refusal(till.put_slot("one-more")) is ErrorCode.LIMIT_REACHED
    ok(till.put_slot("slot-1", capacity=5))
    shown = till.show_slots()
    assert (len(shown["slots"]), shown["more"]) == (SLOTS_SHOWN_MAX, True)


def test_slots_are_shown_earliest_first_while_they_are_to_come(till: Till) -> None:
    ok(till.put_slot("beijing", city="Beijing", from_ms=TOMORROW_MS - 1))
    place(till, "wang")
    shown = till.show_slots()
    assert [(slot["slot_id"], slot["free"]) for slot in shown["slots"]] == [
        ("beijing", 1),
        ("ten", 0),
        ("noon", 1),
    ]
    assert not shown["more"]
    assert [s["slot_id"] for s in till.show_slots(city="Shanghai")["slots"]] == ["ten", "noon"]
    later = till.show_slots(from_ms=TOMORROW_MS + 1)
    assert [slot["slot_id"] for slot in later["slots"]] == ["noon"]
    till.now_ms = TOMORROW_MS
    assert [slot["slot_id"] for slot in till.show_slots()["slots"]] == ["noon"]
    assert till.show_slots("box")["slots"] == []


def test_a_place_too_many_is_a_broken_log() -> None:
    slot = Slot(SlotTerms("ten", "bellboy", "Shanghai", 1, 2, 1))
    slot.hold("o1")
    slot.take("o1")
    for order_id in ("o1", "o2"):
        with pytest.raises(BrokenBooksError, match=f"no place for {order_id}"):
            slot.take(order_id)


# -- any story ---------------------------------------------------------------------------------


class Slots(RuleBasedStateMachine):
    """Orders with and without a slot are placed, paid, refunded and forgotten in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.till = Till()
        ok(self.till.rules(perks=[bellboy(3)]))
        self.till.sell(supply=12, limit=99, perks=[bellboy(2, "stay")])
        for number, slot_id in enumerate(("one", "two")):
            ok(self.till.put_slot(slot_id, from_ms=TOMORROW_MS + number, capacity=2))

    def books(self) -> Books:
        return self.till.counter.books

    def some_order(self, data: st.DataObject) -> str:
        return str(data.draw(st.sampled_from(sorted(self.books().orders))))

    @precondition(lambda self: self.till.stock()[0])
    @rule(viewer=st.sampled_from(["wang", "li"]), slot_id=st.sampled_from(["", "one", "two"]))
    def place(self, viewer: str, slot_id: str) -> None:
        ok(self.till.add(viewer))
        if isinstance(self.till.check_out(viewer, slot_id=slot_id), Refusal):
            ok(self.till.check_out(viewer))

    @precondition(lambda self: self.books().orders)
    @rule(data=st.data(), late=st.booleans())
    def pay(self, data: st.DataObject, late: bool) -> None:
        order_id = self.some_order(data)
        self.till.pay(self.till.order(order_id).viewer, order_id)
        if late:
            self.till.wait(300_000)
        for payment_id in self.till.order(order_id).payment_ids[-1:]:
            self.till.approve(payment_id)

    @precondition(lambda self: self.books().orders)
    @rule(data=st.data(), slot_id=st.sampled_from(["one", "two"]))
    def choose(self, data: st.DataObject, slot_id: str) -> None:
        order_id = self.some_order(data)
        self.till.choose_slot(self.till.order(order_id).viewer, order_id, slot_id)

    @precondition(lambda self: self.books().orders)
    @rule(data=st.data())
    def refund(self, data: st.DataObject) -> None:
        self.till.refund(self.some_order(data))

    @rule(slot_id=st.sampled_from(["one", "two"]), capacity=st.integers(0, 3))
    def resize(self, slot_id: str, capacity: int) -> None:
        from_ms = self.books().slots[slot_id].terms.from_ms
        self.till.put_slot(slot_id, from_ms=from_ms, capacity=capacity)

    @rule()
    def restart(self) -> None:
        kept = json.decode(json.encode(self.books()), type=Books)
        assert kept == self.books()
        self.till.counter = Counter(kept)

    @invariant()
    def no_slot_is_overbooked(self) -> None:
        for slot in self.books().slots.values():
            assert len({*slot.held, *slot.taken}) == slot.booked <= slot.terms.capacity

    @invariant()
    def a_place_is_of_an_order_that_may_have_it(self) -> None:
        books = self.books()
        places: dict[str, list[str]] = {}
        for slot_id, slot in books.slots.items():
            for order_id in slot.held:
                assert self.till.order_status(order_id) is OrderStatus.PLACED
                places.setdefault(order_id, []).append(slot_id)
            for order_id in slot.taken:
                assert self.till.order_status(order_id) is OrderStatus.PAID
                assert order_id in self.till.ranks() or order_id in books.perks["bellboy"].ranks
                places.setdefault(order_id, []).append(slot_id)
        mine: Mapping[str, Any] = books.slots_of
        assert places == {order_id: list(one.values()) for order_id, one in mine.items()}
        assert all(len(one) == 1 for one in places.values())


Slots.TestCase.settings = settings(PROPERTY, max_examples=80, stateful_step_count=30)
TestSlots = Slots.TestCase
