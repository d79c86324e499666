"""Hypothesis plays with perks: orders over one drop or two are paid in time and late, given back in
parts and whole. Who has which rank must follow from the order of payment alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

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

from cart import awards, settlement
from cart.events import OrderPaid, OrderRefunded
from cart.order import OrderStatus
from cart.perk import PerkBook, PerkTerms
from cart.refunding import Asked
from tests.cart.till import PAY_TTL_MS, SANTOS, Till, ok
from tests.properties import assert_finds_what_is_planted, stories

CARTS = st.sampled_from([[SANTOS], ["ring"], [SANTOS, "ring"], [SANTOS, SANTOS]])
FIRST_N = st.integers(1, 3)


class PerkMachine(RuleBasedStateMachine):
    """Perks of a drop by both policies, one of another drop, and one of the room."""

    def __init__(self) -> None:
        super().__init__()
        self.till = Till()
        #: Orders in the order of payment, and those of them that were given back whole.
        self.paid: list[str] = []
        self.refunded: set[str] = set()
        self.followed = 0

    @initialize(first_n=st.tuples(FIRST_N, FIRST_N, FIRST_N, FIRST_N))
    def begin(self, first_n: tuple[int, int, int, int]) -> None:
        passes, stays, of_ring, of_room = first_n
        self.till.rules(perks=[PerkTerms("welcome", "A gift", of_room, "pass")])
        box, bellboy = ("box", "Engraved box"), ("bellboy", "Bellboy")
        self.till.sell(
            supply=1_000,
            limit=16,
            perks=[PerkTerms(*bellboy, passes, "pass"), PerkTerms(*box, stays, "stay")],
        )
        ring = PerkTerms(*bellboy, of_ring, "pass")
        self.till.sell("ring", supply=1_000, limit=16, perks=[ring])

    # -- what happens --------------------------------------------------------------------------

    @rule(cart=CARTS, late=st.booleans())
    def buy(self, cart: list[str], late: bool) -> None:
        """Each time somebody else, so that no limit stands in the way."""
        viewer = f"v{len(self.till.facts)}"
        for sku in cart:
            ok(self.till.add(viewer, sku))
        order_id = str(ok(self.till.check_out(viewer))["order_id"])
        ok(self.till.pay(viewer, order_id))
        if late:
            self.till.wait(PAY_TTL_MS)
        ok(self.till.approve(f"{order_id}-p1"))
        self.follow()

    @precondition(lambda self: self.standing(self.paid))
    @rule(data=st.data(), restock=st.booleans(), whole=st.booleans())
    def refund(self, data: st.DataObject, restock: bool, whole: bool) -> None:
        """All of it, or a fen, by which nobody loses anything but the fen."""
        order_id = data.draw(st.sampled_from(self.standing(self.paid)))
        part = Asked((), 1, restock, f"r{len(self.till.facts)}")
        ok(self.till.refund_part(order_id, Asked(restock=restock) if whole else part))
        self.follow()

    # -- what must follow ----------------------------------------------------------------------

    def follow(self) -> None:
        facts, self.followed = self.till.facts[self.followed :], len(self.till.facts)
        self.paid += [fact.order_id for fact in facts if isinstance(fact, OrderPaid)]
        self.refunded |= {fact.order_id for fact in facts if isinstance(fact, OrderRefunded)}

    def standing(self, orders: Iterable[str]) -> list[str]:
        return [order_id for order_id in orders if order_id not in self.refunded]

    def books(self) -> Iterable[tuple[PerkTerms, PerkBook, list[str]]]:
        """Each perk, its ranks, and the orders that could win it, in the order of payment."""
        books = self.till.counter.books
        for drop in books.drops.values():
            skus = {
                order_id: {line.sku for line in books.orders[order_id].lines}
                for order_id in self.paid
            }
            eligible = [order_id for order_id in self.paid if drop.terms.sku in skus[order_id]]
            for perk in drop.terms.perks:
                yield perk, drop.perks[perk.perk_id], eligible
        for perk in books.rules.perks:
            yield perk, books.perks[perk.perk_id], self.paid

    @invariant()
    def who_has_a_perk_follows_from_the_order_of_payment(self) -> None:
        for perk, book, eligible in self.books():
            if perk.on_refund == "stay":
                first = {order_id: n for n, order_id in enumerate(eligible[: perk.first_n], 1)}
                assert book.ranks == first, "whoever was among the first stays so"
            else:
                assert set(book.ranks) == set(self.standing(eligible)[: perk.first_n])

    @invariant()
    def ranks_are_dense_and_each_is_given_once(self) -> None:
        for perk, book, _ in self.books():
            given = [*book.ranks.values(), *book.freed]
            assert sorted(given) == [*range(1, len(given) + 1)]
            assert len(given) <= perk.first_n
            if book.freed:
                assert perk.on_refund == "pass"

    @invariant()
    def an_order_that_was_given_back_in_part_is_still_paid(self) -> None:
        for order_id in self.standing(self.paid):
            assert self.till.order_status(order_id) is OrderStatus.PAID


PLAY = stories(examples=60, steps=30)


def test_no_story_of_perks_gives_one_to_the_wrong_order() -> None:
    run_state_machine_as_test(PerkMachine, settings=PLAY)


# -- the same machine must find what is planted ------------------------------------------------


def nobody_gets_a_perk(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settlement, "won", lambda counter, order: [])


def a_perk_never_passes_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(awards, "_passed_on", lambda *_: [])


def what_was_freed_is_never_given_again(patch: pytest.MonkeyPatch) -> None:
    def next_free(book: PerkBook, first_n: int) -> int | None:
        return book.next_rank if book.next_rank <= first_n else None

    patch.setattr(PerkBook, "next_free", next_free)


@pytest.mark.parametrize(
    "plant", [nobody_gets_a_perk, a_perk_never_passes_on, what_was_freed_is_never_given_again]
)
def test_the_machine_finds_a_planted_fault(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    assert_finds_what_is_planted(PerkMachine, PLAY)
