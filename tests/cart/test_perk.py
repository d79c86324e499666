"""Perks: the first N paid orders, ranks 1...N without a gap, and what a refund does to them."""

from typing import Literal

import pytest

from cart.outcome import ErrorCode
from cart.perk import PerkTerms
from tests.cart.till import SANTOS, Till, ok, refusal


def perk(
    first_n: int = 2,
    on_refund: Literal["stay", "pass"] = "stay",
    perk_id: str = "bellboy",
    name: str = "Bellboy",
) -> PerkTerms:
    return PerkTerms(perk_id, name, first_n, on_refund)


@pytest.fixture
def till() -> Till:
    return Till()


def test_the_first_n_paid_orders_get_it_in_the_order_of_payment(till: Till) -> None:
    till.sell(supply=9, perks=[perk(2)])
    first, second, third = (till.place(viewer) for viewer in ("wang", "li", "zhao"))
    for viewer, order_id in (("zhao", third), ("wang", first), ("li", second)):
        till.pay(viewer, order_id)
        till.approve(f"{order_id}-p1")
    assert till.ranks() == {third: 1, first: 2}


def test_the_order_shows_what_it_won(till: Till) -> None:
    till.sell(perks=[perk()])
    till.buy("wang")
    (order,) = till.show("wang")["orders"]
    assert order["perks"] == [
        {"drop_id": SANTOS, "perk_id": "bellboy", "name": "Bellboy", "rank": 1}
    ]


def test_an_order_wins_once_for_a_drop_however_many_lines_it_has(till: Till) -> None:
    till.sell(supply=9, limit=9, perks=[perk(3)])
    till.add("wang")
    till.add("wang", quantity=2)
    ok(till.check_out("wang"))
    till.pay("wang", "o1")
    till.approve("o1-p1")
    assert till.ranks() == {"o1": 1}


def test_an_order_may_win_at_two_drops(till: Till) -> None:
    till.sell(perks=[perk()])
    till.sell("ring", perks=[perk(perk_id="box", name="Engraved box")])
    till.add("wang")
    till.add("wang", "ring")
    ok(till.check_out("wang"))
    till.pay("wang", "o1")
    till.approve("o1-p1")
    assert till.names() == ["order.paid", "perk.awarded", "perk.awarded"]
    assert (till.ranks(SANTOS), till.ranks("ring", "box")) == ({"o1": 1}, {"o1": 1})


def test_a_drop_gives_several_perks_each_by_ranks_of_its_own(till: Till) -> None:
    till.sell(supply=9, perks=[perk(1, "pass"), perk(2, "stay", "box", "Engraved box")])
    for viewer in ("wang", "li", "zhao"):
        till.buy(viewer)
    assert till.names() == ["order.paid"]
    assert (till.ranks(), till.ranks(perk_id="box")) == ({"o1": 1}, {"o1": 1, "o2": 2})
    till.refund("o1")
    assert till.names() == ["order.refunded", "perk.revoked", "perk.awarded"]
    assert (till.ranks(), till.ranks(perk_id="box")) == ({"o2": 1}, {"o1": 1, "o2": 2})
    (order,) = till.show("li")["orders"]
    assert [(won["perk_id"], won["rank"]) for won in order["perks"]] == [("bellboy", 1), ("box", 2)]


def test_two_perks_of_a_drop_cannot_have_one_name_on_the_books(till: Till) -> None:
    answer = till.schedule(perks=[perk(1), perk(2, name="Another bellboy")])
    assert refusal(answer) is ErrorCode.INVALID
    assert not till.facts


def test_a_late_payment_wins_like_any_other(till: Till) -> None:
    till.sell(perks=[perk(1)])
    order_id = till.place("wang")
    till.pay("wang", order_id)
    till.wait(300_000)
    till.approve(f"{order_id}-p1")
    assert till.ranks() == {order_id: 1}


def test_by_the_policy_stay_a_refunded_order_keeps_its_rank(till: Till) -> None:
    till.sell(supply=9, perks=[perk(2, "stay")])
    till.buy("wang")
    till.buy("li")
    till.buy("zhao")
    till.refund("o1")
    assert till.names() == ["order.refunded"]
    till.buy("wu")
    assert till.ranks() == {"o1": 1, "o2": 2}


def test_by_the_policy_pass_the_rank_goes_to_the_next_paid_order_without_one(till: Till) -> None:
    till.sell(supply=9, perks=[perk(2, "pass")])
    for viewer in ("wang", "li", "zhao", "wu"):
        till.buy(viewer)
    till.refund("o1")
    assert till.names() == ["order.refunded", "perk.revoked", "perk.awarded"]
    assert till.ranks() == {"o2": 2, "o3": 1}


def test_by_the_policy_pass_a_rank_without_an_heir_waits_for_the_next_payment(till: Till) -> None:
    till.sell(supply=9, perks=[perk(3, "pass")])
    till.buy("wang")
    till.buy("li")
    till.refund("o1")
    assert till.ranks() == {"o2": 2}
    till.buy("zhao")
    till.buy("wu")
    assert till.ranks() == {"o2": 2, "o3": 1, "o4": 3}


def test_several_ranks_that_wait_are_given_lowest_first(till: Till) -> None:
    till.sell(supply=9, perks=[perk(3, "pass")])
    for viewer in ("wang", "li", "zhao"):
        till.buy(viewer)
    till.refund("o3")
    till.refund("o1")
    till.buy("wu")
    till.buy("sun")
    assert till.ranks() == {"o2": 2, "o4": 1, "o5": 3}


def test_an_heir_that_was_refunded_itself_is_passed_over(till: Till) -> None:
    till.sell(supply=9, perks=[perk(1, "pass")])
    for viewer in ("wang", "li", "zhao"):
        till.buy(viewer)
    till.refund("o2")
    till.refund("o1")
    assert till.ranks() == {"o3": 1}


def test_a_refund_of_an_order_without_a_rank_moves_none(till: Till) -> None:
    till.sell(supply=9, perks=[perk(1, "pass")])
    till.buy("wang")
    till.buy("li")
    till.refund("o2")
    assert till.names() == ["order.refunded"]
    assert till.ranks() == {"o1": 1}


def test_a_drop_without_a_perk_gives_none(till: Till) -> None:
    till.sell()
    till.buy("wang")
    assert till.names() == ["order.paid"]
    assert till.of().perks == {}


def test_more_ranks_than_units_is_no_harm(till: Till) -> None:
    till.sell(supply=1, perks=[perk(88)])
    till.buy("wang")
    assert till.ranks() == {"o1": 1}


# -- perks of the room -----------------------------------------------------------------------------


def room_ranks(till: Till, perk_id: str = "bellboy") -> dict[str, int]:
    return till.counter.books.perks[perk_id].ranks


def test_a_perk_of_the_room_is_for_the_first_orders_whatever_they_buy(till: Till) -> None:
    ok(till.rules(perks=[perk(2)]))
    till.sell(supply=9, perks=[perk(1, perk_id="box", name="Box")])
    till.sell("ring", supply=9)
    till.buy("wang", "ring")
    till.buy("li")
    till.buy("zhao")
    assert room_ranks(till) == {"o1": 1, "o2": 2}
    assert till.ranks(perk_id="box") == {"o2": 1}
    (order,) = till.show("li")["orders"]
    assert order["perks"] == [
        {"drop_id": SANTOS, "perk_id": "box", "name": "Box", "rank": 1},
        {"drop_id": None, "perk_id": "bellboy", "name": "Bellboy", "rank": 2},
    ]


def test_an_order_over_two_drops_wins_a_perk_of_the_room_once(till: Till) -> None:
    ok(till.rules(perks=[perk(2)]))
    till.sell()
    till.sell("ring")
    till.add("wang")
    till.add("wang", "ring")
    ok(till.check_out("wang"))
    till.pay("wang", "o1")
    till.approve("o1-p1")
    assert till.names() == ["order.paid", "perk.awarded"]


def test_a_perk_of_the_room_passes_on_over_all_drops(till: Till) -> None:
    ok(till.rules(perks=[perk(1, "pass")]))
    till.sell(supply=9)
    till.sell("ring", supply=9)
    for viewer, sku in (("wang", SANTOS), ("li", "ring"), ("zhao", SANTOS)):
        till.buy(viewer, sku)
    till.refund("o1")
    assert room_ranks(till) == {"o2": 1}


def test_perks_of_the_room_stand_once_an_order_is_paid(till: Till) -> None:
    ok(till.rules(perks=[perk(1)]))
    ok(till.rules(perks=[perk(2, "pass")]))
    till.sell(supply=9)
    till.buy("wang")
    assert room_ranks(till) == {"o1": 1}
    for perks in ([], [perk(3, "pass")], [perk(2, "pass"), perk(1, perk_id="box")]):
        assert refusal(till.rules(perks=perks)) is ErrorCode.CONFLICT
    ok(till.rules(perks=[perk(2, "pass")], limit_per_viewer=2))
    assert room_ranks(till) == {"o1": 1}


def test_two_perks_of_the_room_cannot_have_one_name_on_the_books(till: Till) -> None:
    assert refusal(till.rules(perks=[perk(1), perk(2)])) is ErrorCode.INVALID
