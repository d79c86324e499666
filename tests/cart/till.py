"""A counter under test: one line for each thing that people do at it.

Every step folds the decision's facts and checks that the stock of every drop still adds up, so
that a test which only looks at its own outcome still notices broken books.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from cart import (
    clock,
    delivery,
    desk,
    drawing,
    invitation,
    redemption,
    rest,
    settlement,
    shopper,
    waiting,
)
from cart.access import AccessTerms
from cart.consequences import consequences
from cart.counter import Counter
from cart.coupon import CouponTerms
from cart.drop import Drop, DropStatus, DropTerms
from cart.fact import Fact, tag_of
from cart.folds import evolve
from cart.money import Currency
from cart.order import Order, OrderStatus
from cart.outcome import Decision, ErrorCode, Refusal
from cart.perk import PerkTerms
from cart.personalisation import Wishes
from cart.refunding import Asked
from cart.rules import RoomRules
from cart.slot import SlotTerms

Answer = Mapping[str, Any] | Refusal

SANTOS = "santos"
PRICE_MINOR = 2_880_000
HOLD_TTL_MS = 120_000
PAY_TTL_MS = 300_000


class Till:
    """A counter, a clock that stands until told otherwise, and everything that was decided."""

    def __init__(self) -> None:
        self.counter = Counter()
        self.now_ms = 1_000_000
        self.facts: list[Fact] = []
        self.last: list[Fact] = []
        self._ids = count(1)

    def settle(self, decision: Decision) -> Answer:
        """Fold what was decided; `last` holds the facts."""
        if isinstance(decision.answer, Refusal):
            assert not decision.facts, "a refusal never comes with facts"
        self._fold(list(decision.facts))
        return decision.answer

    def _fold(self, facts: list[Fact]) -> None:
        self.last = []
        while facts or (facts := consequences(self.counter, self.now_ms)):
            for fact in facts:
                evolve(self.counter, fact, self.now_ms)
            self.last += facts
            facts = []
        self.facts += self.last
        for drop in self.counter.books.drops.values():
            assert drop.stock.balanced, drop

    # -- the host ------------------------------------------------------------------------------

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
        access: AccessTerms | None = None,
        pay_ttl_ms: int = PAY_TTL_MS,
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
            pay_ttl_ms,
            list(perks),
            access=access,
            **terms_beside,
        )
        return self.settle(desk.schedule(self.counter, terms, self.now_ms, seed))

    def sell(self, drop_id: str = SANTOS, **terms: Any) -> None:
        """Schedule a drop and open it."""
        ok(self.schedule(drop_id, **terms))
        ok(self.open(drop_id))

    def open(self, drop_id: str = SANTOS) -> Answer:
        return self.settle(desk.open_now(self.counter, drop_id))

    def open_rest(self, drop_id: str = SANTOS) -> Answer:
        return self.settle(rest.open_rest(self.counter, drop_id, self.now_ms))

    def pause(self, drop_id: str = SANTOS) -> Answer:
        return self.settle(desk.pause(self.counter, drop_id))

    def restock(self, quantity: int, drop_id: str = SANTOS, *, channel: str = "") -> Answer:
        return self.settle(desk.restock(self.counter, drop_id, quantity, channel))

    def close(self, drop_id: str = SANTOS) -> Answer:
        return self.settle(desk.close(self.counter, drop_id))

    def refund(self, order_id: str, *, restock: bool = True) -> Answer:
        return self.refund_part(order_id, Asked(restock=restock))

    def refund_part(self, order_id: str, asked: Asked) -> Answer:
        return self.settle(desk.refund(self.counter, order_id, asked))

    def rules(self, **fields: Any) -> Answer:
        return self.settle(invitation.set_rules(self.counter, RoomRules(**fields)))

    def invite(self, *viewers: str, drop_id: str | None = None, tier: str = "") -> Answer:
        return self.settle(invitation.put(self.counter, drop_id, viewers, tier))

    def withdraw(self, *viewers: str, drop_id: str | None = None) -> Answer:
        return self.settle(invitation.withdraw(self.counter, drop_id, viewers))

    def put_coupon(self, code: str = "MAISON", **terms: Any) -> Answer:
        return self.settle(redemption.put(self.counter, CouponTerms(code, **terms)))

    def put_slot(
        self,
        slot_id: str,
        *,
        perk_id: str = "bellboy",
        city: str = "Shanghai",
        from_ms: int = 90_000_000,
        until_ms: int | None = None,
        capacity: int = 1,
    ) -> Answer:
        until_ms = from_ms + 3_600_000 if until_ms is None else until_ms
        terms = SlotTerms(slot_id, perk_id, city, from_ms, until_ms, capacity)
        return self.settle(delivery.put(self.counter, terms))

    # -- viewers -------------------------------------------------------------------------------

    def add(
        self,
        viewer: str,
        sku: str = SANTOS,
        quantity: int = 1,
        command_id: str | None = None,
        *,
        tier: str = "",
        invited: bool = False,
        channel: str = "tmall",
    ) -> Answer:
        """With a ticket that claims `tier` and `invited`."""
        command_id = command_id or f"c{next(self._ids)}"
        return self.settle(
            shopper.add(
                self.counter,
                viewer,
                sku,
                quantity,
                command_id,
                self.now_ms,
                tier,
                invited,
                channel,
            )
        )

    def remove(
        self,
        viewer: str,
        sku: str = SANTOS,
        quantity: int | None = None,
        command_id: str | None = None,
    ) -> Answer:
        command_id = command_id or f"c{next(self._ids)}"
        return self.settle(
            shopper.remove(self.counter, viewer, sku, quantity, command_id, self.now_ms)
        )

    def join(
        self,
        viewer: str,
        sku: str = SANTOS,
        quantity: int = 1,
        command_id: str | None = None,
        *,
        tier: str = "",
        invited: bool = False,
        channel: str = "tmall",
    ) -> Answer:
        command_id = command_id or f"c{next(self._ids)}"
        return self.settle(
            waiting.join(
                self.counter,
                viewer,
                sku,
                quantity,
                command_id,
                self.now_ms,
                tier,
                invited,
                channel,
            )
        )

    def enter(
        self, viewer: str, sku: str = SANTOS, *, tier: str = "", invited: bool = False
    ) -> Answer:
        return self.settle(drawing.enter(self.counter, viewer, sku, self.now_ms, tier, invited))

    def leave(self, viewer: str, sku: str = SANTOS, command_id: str | None = None) -> Answer:
        command_id = command_id or f"c{next(self._ids)}"
        return self.settle(waiting.leave(self.counter, viewer, sku, command_id))

    def show(self, viewer: str) -> Mapping[str, Any]:
        return ok(self.settle(shopper.show(self.counter, viewer)))

    def check_out(
        self,
        viewer: str,
        checkout_id: str | None = None,
        personalisation: Wishes | None = None,
        channel: str = "tmall",
        coupon: str = "",
        slot_id: str = "",
        command_id: str | None = None,
    ) -> Answer:
        checkout_id = checkout_id or f"co{next(self._ids)}"
        return self.settle(
            shopper.check_out(
                self.counter,
                viewer,
                channel,
                checkout_id,
                personalisation or {},
                self.now_ms,
                coupon,
                slot_id,
                command_id or f"c{next(self._ids)}",
            )
        )

    def pay(
        self,
        viewer: str,
        order_id: str,
        token: str = "tok_approve",
        command_id: str | None = None,
    ) -> Answer:
        command_id = command_id or f"c{next(self._ids)}"
        return self.settle(
            shopper.pay(self.counter, viewer, order_id, token, command_id, self.now_ms)
        )

    def place(
        self, viewer: str, sku: str = SANTOS, quantity: int = 1, channel: str = "tmall"
    ) -> str:
        """Add and check out; the order's id."""
        ok(self.add(viewer, sku, quantity, channel=channel))
        return str(ok(self.check_out(viewer, channel=channel))["order_id"])

    def place_as(self, viewer: str, checkout_id: str) -> Answer:
        """Add one and check out under this id."""
        ok(self.add(viewer))
        return self.check_out(viewer, checkout_id)

    def buy(self, viewer: str, sku: str = SANTOS, quantity: int = 1, channel: str = "tmall") -> str:
        """Add, check out and pay; the order's id."""
        order_id = self.place(viewer, sku, quantity, channel)
        ok(self.pay(viewer, order_id))
        ok(self.approve(f"{order_id}-p1"))
        return order_id

    def choose_slot(self, viewer: str, order_id: str, slot_id: str) -> Answer:
        return self.settle(delivery.choose(self.counter, viewer, order_id, slot_id, self.now_ms))

    def show_slots(
        self, perk_id: str = "bellboy", city: str | None = None, from_ms: int = 0
    ) -> Mapping[str, Any]:
        return ok(self.settle(delivery.show(self.counter, perk_id, city, from_ms, self.now_ms)))

    # -- the provider and time -----------------------------------------------------------------

    def approve(
        self, payment_id: str, amount_minor: int | None = None, currency: Currency | None = None
    ) -> Answer:
        """The provider captured the money: what was asked for, unless told otherwise."""
        payment = self.counter.books.payments.get(payment_id)
        asked = payment.amount_minor if payment else 0
        return self.settle(
            settlement.approved(
                self.counter,
                payment_id,
                asked if amount_minor is None else amount_minor,
                currency or (payment.currency if payment else "CNY"),
                self.now_ms,
            )
        )

    def decline(self, payment_id: str) -> Answer:
        return self.settle(settlement.declined(self.counter, payment_id, "no cover"))

    def settle_refund(self, payment_id: str, refund_id: str = "") -> Answer:
        return self.settle(settlement.refund_settled(self.counter, payment_id, refund_id))

    def wait(self, ms: int) -> list[Fact]:
        """Let time pass; what it did by itself."""
        self.now_ms += ms
        self._fold(clock.tick(self.counter, self.now_ms))
        return self.last

    def tell_stock(self) -> list[Fact]:
        """What viewers are told now."""
        self._fold(clock.stock_to_show(self.counter, self.now_ms))
        return self.last

    # -- the books -----------------------------------------------------------------------------

    def of(self, drop_id: str = SANTOS) -> Drop:
        return self.counter.books.drops[drop_id]

    def status(self, drop_id: str = SANTOS) -> DropStatus:
        return self.of(drop_id).status

    def stock(self, drop_id: str = SANTOS) -> tuple[int, int, int, int]:
        """available, held, sold, withdrawn."""
        stock = self.of(drop_id).stock
        return stock.available, stock.held, stock.sold, stock.withdrawn

    def in_line(self, drop_id: str = SANTOS) -> list[str]:
        """Who waits, first first."""
        return [place.viewer for place in self.of(drop_id).line]

    def order(self, order_id: str) -> Order:
        return self.counter.books.orders[order_id]

    def order_status(self, order_id: str) -> OrderStatus:
        return self.order(order_id).status

    def ranks(self, drop_id: str = SANTOS, perk_id: str = "bellboy") -> dict[str, int]:
        return self.of(drop_id).perks[perk_id].ranks

    def names(self) -> list[str]:
        """The tags of the last decision's facts."""
        return [tag(fact) for fact in self.last]


def ok(answer: Answer) -> Mapping[str, Any]:
    """The result of a command that must have succeeded."""
    assert not isinstance(answer, Refusal), answer
    return answer


def refusal(answer: Answer) -> ErrorCode:
    """The code of a command that must have been refused."""
    assert isinstance(answer, Refusal), answer
    assert answer.message
    return answer.code


def tag(fact: Fact) -> str:
    """The fact's name in the log."""
    return tag_of(type(fact))
