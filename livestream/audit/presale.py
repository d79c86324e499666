"""Check 22: a presale keeps its word, to the buyer and about the money.

Owns what is due in which window by the drop's own terms, and an account of the deposits: received,
applied to paid orders, forfeited, refunded. Refuses to know how the engine keeps them.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from cart import events
from cart.money import Currency
from cart.presale import PresaleTerms
from livestream.audit.check import Check, Rule, before
from livestream.audit.evidence import Evidence
from livestream.audit.ledger import Ledger, OrderAccount


class Deposits(Struct, gc=False):
    """What became of the deposits for one product through one channel."""

    received_minor: int = 0
    applied_minor: int = 0
    forfeited_minor: int = 0
    refunded_minor: int = 0


class PresaleKeepsItsWord(Check):
    """Rule 22."""

    rule = Rule(
        22,
        "a presale keeps its word",
        "deposits and balances are what was declared, each in its window; a default takes what was "
        "declared; every deposit is in a paid order, forfeited, refunded or waits for its balance",
    )

    def __init__(self, ledger: Ledger, evidence: Evidence) -> None:
        super().__init__(ledger, evidence)
        #: (currency, sku, channel) -> deposits.
        self.rows: dict[tuple[Currency, str, str], Deposits] = {}

    def columns(self, key: tuple[Currency, str, str]) -> tuple[int, int, int, int]:
        """Received, applied, forfeited, refunded."""
        row = self.rows.get(key, Deposits())
        return row.received_minor, row.applied_minor, row.forfeited_minor, row.refunded_minor

    def _terms(self, order: OrderAccount) -> PresaleTerms | None:
        """The presale that the order is of; one of the rest is of none."""
        if not order.deposit_minor:
            return None
        drops = [self.ledger.drops.get(line.drop_id) for line in order.lines]
        return next((drop.terms.presale for drop in drops if drop is not None), None)

    def _row(self, order: OrderAccount) -> Deposits:
        sku = order.lines[0].sku if order.lines else ""
        return self.rows.setdefault((order.currency, sku, order.channel), Deposits())

    @before(events.DropScheduled)
    def declared(self, fact: events.DropScheduled) -> Iterator[str]:
        terms = fact.terms.presale
        if terms is None:
            return
        if terms.deposit_minor >= fact.terms.price_minor:
            yield f"the deposit of drop {fact.terms.drop_id} is its whole price or more"
        if not terms.deposit_until_ms <= terms.balance_from_ms < terms.balance_until_ms:
            yield f"the windows of drop {fact.terms.drop_id} do not follow one another"

    @before(events.DropOpened)
    def opens_its_rest(self, fact: events.DropOpened) -> Iterator[str]:
        drop = self.ledger.drops.get(fact.drop_id)
        terms = None if drop is None or fact.reason != "rest" else drop.terms.presale
        if terms is not None and self.ledger.at_ms < terms.balance_until_ms:
            yield f"drop {fact.drop_id} opens its rest while balances may still be paid"

    @before(events.HoldPlaced)
    def held_in_the_window(self, fact: events.HoldPlaced) -> Iterator[str]:
        drop = self.ledger.drops.get(fact.drop_id)
        terms = None if drop is None or drop.sells_rest else drop.terms.presale
        if terms is None:
            return
        if self.ledger.at_ms >= terms.deposit_until_ms:
            yield f"hold {fact.hold_id} is placed after the deposits of drop {fact.drop_id} ended"
        if fact.expires_at_ms > terms.deposit_until_ms:
            yield f"hold {fact.hold_id} outlasts the window for its deposit"

    @before(events.OrderPlaced)
    def asks_for_the_deposit(self, fact: events.OrderPlaced) -> Iterator[str]:
        drops = {line.drop_id: self.ledger.drops.get(line.drop_id) for line in fact.lines}
        presales = [
            drop.terms.presale
            for drop in drops.values()
            if drop is not None and not drop.sells_rest
        ]
        terms = next((terms for terms in presales if terms is not None), None)
        if terms is None:
            if fact.deposit_minor:
                yield f"order {fact.order_id} asks for a deposit and is of no presale"
            return
        if len(drops) > 1:
            yield f"order {fact.order_id} has a product of a presale and others"
        due_minor = terms.deposit_minor * sum(line.quantity for line in fact.lines)
        if fact.deposit_minor != due_minor:
            yield (
                f"order {fact.order_id} asks for a deposit of {fact.deposit_minor}, "
                f"declared was {due_minor}"
            )
        if fact.expires_at_ms > terms.deposit_until_ms:
            yield f"order {fact.order_id} outlasts the window for its deposit"

    @before(events.PaymentStarted)
    def asked_for_in_the_window(self, fact: events.PaymentStarted) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        terms = None if order is None else self._terms(order)
        if (fact.part == "whole") != (terms is None):
            yield f"payment {fact.payment_id} is for the {fact.part} of order {fact.order_id}"
        if terms is not None and fact.part == "balance":
            at_ms = self.ledger.at_ms
            if not terms.balance_from_ms <= at_ms < terms.balance_until_ms:
                yield f"payment {fact.payment_id} is started outside the window for balances"

    @before(events.DepositPaid)
    def deposited(self, fact: events.DepositPaid) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        terms = None if order is None else self._terms(order)
        if order is None or terms is None:
            yield f"order {fact.order_id} has a deposit paid and is of no presale"
            return
        if order.status not in ("placed", "expired"):
            yield f"order {fact.order_id} has a deposit paid and is {order.status}"
        payment = self.ledger.payments.get(fact.payment_id)
        if payment is None or payment.order_id != fact.order_id or payment.part != "deposit":
            yield f"payment {fact.payment_id} is not for the deposit of order {fact.order_id}"
        elif payment.state not in ("asked", "declined"):
            yield f"payment {fact.payment_id} is a deposit while its money is {payment.state}"
        if fact.amount_minor != order.deposit_minor:
            yield (
                f"the deposit of order {fact.order_id} is {order.deposit_minor}, "
                f"not {fact.amount_minor}"
            )
        if fact.expires_at_ms != terms.balance_until_ms:
            yield (
                f"the balance of order {fact.order_id} is due by {fact.expires_at_ms}, "
                f"declared was {terms.balance_until_ms}"
            )
        if fact.late and self.ledger.at_ms >= terms.balance_until_ms:
            yield f"the deposit of order {fact.order_id} is kept when no balance can follow"
        self._row(order).received_minor += fact.amount_minor

    @before(events.OrderDefaulted)
    def defaulted(self, fact: events.OrderDefaulted) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        terms = None if order is None else self._terms(order)
        if order is None or terms is None:
            yield f"order {fact.order_id} defaults and is of no presale"
            return
        if fact.forfeited != (terms.on_default == "forfeit"):
            yield f"the default of order {fact.order_id} is not treated as declared"
        if (fact.payment_id, fact.amount_minor) != (order.deposited_by, order.deposit_minor):
            yield (
                f"order {fact.order_id} has its deposit of {order.deposit_minor} from "
                f"{order.deposited_by or 'nobody'}; what its default takes is {fact.amount_minor} "
                f"from {fact.payment_id}"
            )
        row = self._row(order)
        if fact.forfeited:
            row.forfeited_minor += fact.amount_minor
        else:
            row.refunded_minor += fact.amount_minor

    @before(events.OrderCancelled)
    def cancelled(self, fact: events.OrderCancelled) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        if order is None or self._terms(order) is None:
            yield f"order {fact.order_id} is cancelled and is of no presale"
            return
        if (fact.payment_id, fact.amount_minor) != (order.deposited_by, order.deposit_minor):
            yield (
                f"order {fact.order_id} has its deposit of {order.deposit_minor} from "
                f"{order.deposited_by or 'nobody'}; what goes back is {fact.amount_minor} "
                f"from {fact.payment_id}"
            )
        self._row(order).refunded_minor += fact.amount_minor

    @before(events.OrderPaid)
    def paid_in_two_parts(self, fact: events.OrderPaid) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        if order is None or not order.deposit_minor:
            return
        payment = self.ledger.payments.get(fact.payment_id)
        if not order.deposited_by or payment is None or payment.part != "balance":
            yield f"order {fact.order_id} of a presale is paid without its deposit or its balance"
        row = self._row(order)
        row.applied_minor += order.deposit_minor
        if order.status == "defaulted":
            deposit = self.ledger.payments.get(order.deposited_by)
            if deposit is None or deposit.state != "kept":
                yield f"order {fact.order_id} is paid though its deposit went back"
            row.forfeited_minor -= order.deposit_minor

    def log_ends(self) -> Iterator[str]:
        waiting: dict[tuple[Currency, str, str], int] = {}
        for order in self.ledger.orders.values():
            if order.status == "deposited" and order.lines:
                key = (order.currency, order.lines[0].sku, order.channel)
                waiting[key] = waiting.get(key, 0) + order.deposit_minor
        for key in sorted(self.rows.keys() | waiting.keys()):
            row = self.rows.get(key, Deposits())
            ended = row.applied_minor + row.forfeited_minor + row.refunded_minor
            if row.received_minor - ended != waiting.get(key, 0):
                yield (
                    f"deposits of {key}: {row.received_minor} received, {ended} accounted for, "
                    f"and orders that wait have {waiting.get(key, 0)}"
                )

    def note(self) -> str:
        waiting = [order for order in self.ledger.orders.values() if order.status == "deposited"]
        return f"{len(waiting)} balances to come" if waiting else ""
