"""Checks about orders and money: 3 one checkout one order, 6 no payment without an order or a
refund, 7 GMV to the fen, 10 the price frozen at the hold.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from cart import events
from cart.drop import DropTerms
from cart.money import Currency
from cart.order import OrderLine
from livestream.audit.check import Check, Checks, Rule, before
from livestream.audit.evidence import Evidence
from livestream.audit.ledger import Ledger, OrderAccount, PaymentAccount
from livestream.audit.refunds import lines_wrong
from livestream.audit.shelves import ShelvesAddUp


class OneCheckoutOneOrder(Check):
    """Invariant 3."""

    rule = Rule(
        3,
        "one checkout, one order",
        "a viewer's checkout_id makes one order, however often it is sent",
    )

    def __init__(self, ledger: Ledger, evidence: Evidence) -> None:
        super().__init__(ledger, evidence)
        self._order_of: dict[tuple[str, str], str] = {}

    @before(events.OrderPlaced)
    def placed_once(self, fact: events.OrderPlaced) -> Iterator[str]:
        if fact.order_id in self.ledger.orders:
            yield f"order {fact.order_id} is placed a second time"
        known = self._order_of.setdefault((fact.viewer, fact.checkout_id), fact.order_id)
        if known != fact.order_id:
            yield (
                f"checkout {fact.checkout_id} of {fact.viewer} made order {known} "
                f"and makes order {fact.order_id} too"
            )


class MoneyFindsItsOrder(Check):
    """Invariant 6."""

    rule = Rule(
        6,
        "no payment without an order or a refund",
        "money that was captured pays one order or goes back: never neither, never both",
    )

    def meet(self, others: Checks) -> None:
        self._shelves = others.one(ShelvesAddUp)

    def __init__(self, ledger: Ledger, evidence: Evidence) -> None:
        super().__init__(ledger, evidence)
        #: (order, request_id, payment) -> the refund that it made.
        self._requests: dict[tuple[str, str, str], str] = {}
        #: Payments that went back, with what came.
        self._returned: dict[str, tuple[int, Currency]] = {}

    @before(events.PaymentStarted)
    def asked_for_an_order(self, fact: events.PaymentStarted) -> Iterator[str]:
        if fact.payment_id in self.ledger.payments:
            yield f"payment {fact.payment_id} is started a second time"
        order = self.ledger.orders.get(fact.order_id)
        if order is None:
            yield f"payment {fact.payment_id} is for order {fact.order_id}, which is not there"
        elif order.status != ("deposited" if fact.part == "balance" else "placed"):
            yield f"payment {fact.payment_id} is started for an order that is {order.status}"

    @before(events.PaymentDeclined)
    def declined_while_asked(self, fact: events.PaymentDeclined) -> Iterator[str]:
        payment = self.ledger.payments.get(fact.payment_id)
        if payment is None:
            yield f"payment {fact.payment_id} is declined and was never started"
        elif payment.state != "asked":
            yield f"payment {fact.payment_id} is declined while its money is {payment.state}"

    @before(events.OrderPaid)
    def pays_its_order_once(self, fact: events.OrderPaid) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        if order is None:
            yield f"payment {fact.payment_id} pays order {fact.order_id}, which is not there"
        elif order.status in ("paid", "refunded"):
            yield (
                f"order {fact.order_id} was paid by {order.paid_by} "
                f"and is paid again by {fact.payment_id}"
            )
        payment = self.ledger.payments.get(fact.payment_id)
        if payment is None:
            yield f"order {fact.order_id} is paid by {fact.payment_id}, which was never started"
        elif payment.order_id != fact.order_id:
            yield f"payment {fact.payment_id} of {payment.order_id} pays order {fact.order_id}"
        elif payment.state not in ("asked", "declined"):
            yield f"payment {fact.payment_id} pays an order while its money is {payment.state}"

    @before(events.PaymentReturned)
    def returned_for_a_reason(self, fact: events.PaymentReturned) -> Iterator[str]:
        payment = self.ledger.payments.get(fact.payment_id)
        order = self.ledger.orders.get(fact.order_id)
        if payment is None or order is None or payment.order_id != fact.order_id:
            yield f"payment {fact.payment_id} of order {fact.order_id} goes back and is not there"
            return
        self._returned[fact.payment_id] = (fact.amount_minor, fact.currency)
        if payment.state not in ("asked", "declined"):
            yield f"payment {fact.payment_id} goes back while its money is {payment.state}"
        reason = _reason_to_return(fact, payment, order, self.ledger, self._shelves)
        if reason != fact.reason:
            yield (
                f"payment {fact.payment_id} goes back as {fact.reason}; "
                f"by the books: {reason or 'it pays its order'}"
            )
        yield from self._has_its_own_name(fact.refund_id, fact.payment_id)

    def _has_its_own_name(self, refund_id: str, payment_id: str) -> Iterator[str]:
        """The provider knows repeats by it: a name given twice is money that never goes back."""
        payment = self.ledger.payments.get(payment_id)
        number = 1 if payment is None else payment.refunds + 1
        if refund_id != f"{payment_id}-r{number}" or refund_id in self.ledger.refunds:
            yield f"refund {number} of payment {payment_id} is named {refund_id}"

    @before(events.OrderRefunded, events.OrderRefundedPartly)
    def refunds_what_was_paid(
        self, fact: events.OrderRefunded | events.OrderRefundedPartly
    ) -> Iterator[str]:
        yield from self._has_its_own_name(fact.refund_id, fact.payment_id)
        yield from self._asked_for_once(fact)
        order = self.ledger.orders.get(fact.order_id)
        if order is None or order.status != "paid":
            state = "not there" if order is None else order.status
            yield f"order {fact.order_id} is refunded and is {state}, not paid"
        elif fact.payment_id not in (order.paid_by, order.deposited_by):
            yield (
                f"order {fact.order_id} was paid by {order.paid_by}; "
                f"what is refunded is {fact.payment_id}"
            )

    def _asked_for_once(
        self, fact: events.OrderRefunded | events.OrderRefundedPartly | events.OrderCancelled
    ) -> Iterator[str]:
        if not fact.request_id:
            return
        # All of a presale goes back by one request and both of its payments.
        asked = fact.order_id, fact.request_id, fact.payment_id
        known = self._requests.setdefault(asked, fact.refund_id)
        if known != fact.refund_id:
            yield (
                f"request {fact.request_id} of order {fact.order_id} made refund {known} "
                f"and makes refund {fact.refund_id} too"
            )

    @before(events.OrderCancelled)
    def gives_back_the_deposit_that_was_paid(self, fact: events.OrderCancelled) -> Iterator[str]:
        yield from self._has_its_own_name(fact.refund_id, fact.payment_id)
        yield from self._asked_for_once(fact)
        payment = self.ledger.payments.get(fact.payment_id)
        if payment is None or payment.state != "kept":
            state = "not there" if payment is None else payment.state
            yield f"payment {fact.payment_id} goes back as a deposit while its money is {state}"

    @before(events.OrderDefaulted)
    def gives_a_deposit_back(self, fact: events.OrderDefaulted) -> Iterator[str]:
        if not fact.forfeited:
            yield from self._has_its_own_name(fact.refund_id, fact.payment_id)

    @before(events.RefundSettled)
    def settles_what_is_owed(self, fact: events.RefundSettled) -> Iterator[str]:
        refund = self.ledger.refunds.get(fact.refund_id)
        if refund is None:
            yield f"refund {fact.refund_id} is settled and was never made"
        elif refund.settled:
            yield f"refund {fact.refund_id} is settled a second time"
        elif refund.payment_id != fact.payment_id:
            yield (
                f"refund {fact.refund_id} is of payment {refund.payment_id} "
                f"and settled for {fact.payment_id}"
            )

    def log_ends(self) -> Iterator[str]:
        for captured in self.evidence.captured:
            payment = self.ledger.payments.get(captured.payment_id)
            state = "not there" if payment is None else payment.state
            if payment is None or state not in ("kept", "owed", "back"):
                yield (
                    f"the provider captured payment {captured.payment_id}, and in the log it is "
                    f"{state}: neither an order nor a refund"
                )
                continue
            known = self._returned.get(
                captured.payment_id, (payment.amount_minor, payment.currency)
            )
            if (captured.amount_minor, captured.currency) != known:
                yield (
                    f"the provider captured {captured.amount_minor} {captured.currency} with "
                    f"payment {captured.payment_id}, the log has it as {known[0]} {known[1]}"
                )
        for returned in self.evidence.returned:
            refund = self.ledger.refunds.get(returned.refund_id)
            theirs = (returned.amount_minor, returned.currency)
            if refund is None or (refund.amount_minor, refund.currency) != theirs:
                ours = "none" if refund is None else f"{refund.amount_minor} {refund.currency}"
                yield (
                    f"the provider gave back {returned.amount_minor} {returned.currency} for "
                    f"refund {returned.refund_id}, and in the log it is {ours}"
                )

    def note(self) -> str:
        states = [payment.state for payment in self.ledger.payments.values()]
        owed = sum(not refund.settled for refund in self.ledger.refunds.values())
        notes = [
            f"{states.count('asked')} unanswered" if "asked" in states else "",
            f"{owed} refunds owed" if owed else "",
            "" if self.evidence.captured else "no provider's statement given",
        ]
        return ", ".join(note for note in notes if note)


def _reason_to_return(
    fact: events.PaymentReturned,
    payment: PaymentAccount,
    order: OrderAccount,
    ledger: Ledger,
    shelves: ShelvesAddUp,
) -> str:
    """Why the money cannot be kept, by these books; empty when it could."""
    if (fact.amount_minor, fact.currency) != (payment.amount_minor, payment.currency):
        return "wrong_amount"
    match order.status:
        case "paid":
            return "already_paid"
        case "deposited":
            return "already_paid" if payment.part == "deposit" else ""
        case "defaulted":
            return "too_late"
        case "refunded" | "cancelled":
            return "order_refunded"
        case "expired":
            return "too_late"
        case "placed":
            short = any(
                drop_id not in ledger.drops or units > ledger.drops[drop_id].available
                for drop_id, units in order.wishes().items()
            )
            return "sold_out" if short or shelves.lacks(order.lines) else ""


class Row(Struct, gc=False):
    """One line of the takings."""

    gross_minor: int = 0
    refunded_minor: int = 0
    units_sold: int = 0
    units_refunded: int = 0


def _cost(line: OrderLine) -> int:
    """What a line counts for: its pieces, what is asked for on top, less its discount."""
    return line.quantity * line.price_minor + line.extras_minor - line.discount_minor


class GmvToTheFen(Check):
    """Invariant 7. The takings are added up twice: by the lines of paid orders, and by the money
    of the payments that paid them; in the end both must agree.
    """

    rule = Rule(
        7,
        "GMV to the fen",
        "GMV is the sum of paid orders by currency, product and channel; net is gross less refunds",
    )

    def __init__(self, ledger: Ledger, evidence: Evidence) -> None:
        super().__init__(ledger, evidence)
        #: (currency, sku, channel) -> takings by order lines.
        self.rows: dict[tuple[Currency, str, str], Row] = {}
        #: currency -> takings by payments.
        self._money: dict[Currency, Row] = {}
        self._paid = 0

    @before(events.OrderPlaced)
    def total_is_the_sum_of_its_lines(self, fact: events.OrderPlaced) -> Iterator[str]:
        total_minor = sum(_cost(line) for line in fact.lines)
        if total_minor != fact.total_minor:
            yield (
                f"order {fact.order_id} has a total of {fact.total_minor}, "
                f"its lines add up to {total_minor}"
            )
        for line in fact.lines:
            hold = self.ledger.holds.get(line.hold_id)
            if hold is not None and hold.currency != fact.currency:
                yield (
                    f"order {fact.order_id} in {fact.currency} takes hold {line.hold_id}, "
                    f"which is in {hold.currency}"
                )

    @before(events.OrderPaid)
    def paid(self, fact: events.OrderPaid) -> Iterator[str]:
        self._paid += 1
        if fact.paid_seq != self._paid:
            yield f"order {fact.order_id} is paid as number {fact.paid_seq}, it is {self._paid}"
        order = self.ledger.orders.get(fact.order_id)
        payment = self.ledger.payments.get(fact.payment_id)
        if order is not None:
            for line in order.lines:
                row = self._row(order, line.sku)
                row.gross_minor += _cost(line)
                row.units_sold += line.quantity
        if payment is not None:
            money = self._money.setdefault(payment.currency, Row())
            money.gross_minor += payment.amount_minor
        if order is not None and (deposit := self.ledger.payments.get(order.deposited_by)):
            money = self._money.setdefault(deposit.currency, Row())
            money.gross_minor += deposit.amount_minor

    @before(events.OrderRefunded)
    def refunded(self, fact: events.OrderRefunded) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        if order is None:
            return
        if fact.amount_minor != order.minor_left():
            yield (
                f"order {fact.order_id} has {order.minor_left()} left of {order.total_minor} "
                f"and is refunded with {fact.amount_minor}"
            )
        for line in order.lines:
            row = self._row(order, line.sku)
            row.refunded_minor += line.total_minor - order.minor_back.get(line.hold_id, 0)
            row.units_refunded += line.quantity - order.units_back.get(line.hold_id, 0)
        money = self._money.setdefault(order.currency, Row())
        money.refunded_minor += fact.amount_minor

    @before(events.OrderRefundedPartly)
    def refunded_partly(self, fact: events.OrderRefundedPartly) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        if order is None:
            return
        yield from lines_wrong(order, fact)
        if fact.amount_minor > order.minor_left():
            yield (
                f"refund {fact.refund_id} gives back {fact.amount_minor} of order "
                f"{fact.order_id}, which has {order.minor_left()} left"
            )
        sku_of = {line.hold_id: line.sku for line in order.lines}
        for back in fact.lines:
            row = self._row(order, sku_of.get(back.hold_id, ""))
            row.refunded_minor += back.amount_minor
            row.units_refunded += back.quantity
        money = self._money.setdefault(order.currency, Row())
        money.refunded_minor += fact.amount_minor

    def _row(self, order: OrderAccount, sku: str) -> Row:
        return self.rows.setdefault((order.currency, sku, order.channel), Row())

    def totals(self) -> dict[Currency, Row]:
        """Takings by currency, from order lines."""
        totals: dict[Currency, Row] = {}
        for (currency, _, _), row in self.rows.items():
            total = totals.setdefault(currency, Row())
            total.gross_minor += row.gross_minor
            total.refunded_minor += row.refunded_minor
            total.units_sold += row.units_sold
            total.units_refunded += row.units_refunded
        return totals

    def log_ends(self) -> Iterator[str]:
        totals = self.totals()
        for currency in sorted(totals.keys() | self._money.keys()):
            sold, money = totals.get(currency, Row()), self._money.get(currency, Row())
            if sold.gross_minor != money.gross_minor:
                yield (
                    f"orders in {currency} add up to {sold.gross_minor}, "
                    f"the payments for them to {money.gross_minor}"
                )
            if sold.refunded_minor != money.refunded_minor:
                yield (
                    f"refunded orders in {currency} add up to {sold.refunded_minor}, "
                    f"their refunds to {money.refunded_minor}"
                )


class PriceIsFrozen(Check):
    """Invariant 10."""

    rule = Rule(
        10,
        "the price is the one of the hold",
        "a hold takes the drop's price, the order takes the hold's (or the drop's, if only the "
        "checkout reserves), the payment takes the order's",
    )

    @before(events.HoldPlaced)
    def hold_takes_the_drops(self, fact: events.HoldPlaced) -> Iterator[str]:
        drop = self.ledger.drops.get(fact.drop_id)
        if drop is None:
            return
        terms = drop.terms
        price_minor = self._price_of_now(terms)
        declared = (terms.sku, price_minor, terms.currency)
        if (fact.sku, fact.price_minor, fact.currency) != declared:
            yield (
                f"hold {fact.hold_id} has {fact.sku} at {fact.price_minor} {fact.currency}; drop "
                f"{fact.drop_id} sells {terms.sku} at {price_minor} {terms.currency}"
            )

    def _price_of_now(self, terms: DropTerms) -> int:
        """The price at the time of this record, with the flash prices read once more."""
        at_ms = self.ledger.at_ms
        flash = [p.price_minor for p in terms.flash if p.from_ms <= at_ms < p.until_ms]
        return flash[0] if flash else terms.price_minor

    @before(events.OrderPlaced)
    def order_takes_the_holds(self, fact: events.OrderPlaced) -> Iterator[str]:
        for line in fact.lines:
            hold = self.ledger.holds.get(line.hold_id)
            if hold is None:
                continue
            frozen, by = hold.price_minor, f"hold {line.hold_id}"
            drop = self.ledger.drops.get(line.drop_id)
            if line.reserved and not hold.reserved and drop is not None:
                frozen, by = self._price_of_now(drop.terms), "the checkout that reserves it"
            if frozen != line.price_minor:
                yield (
                    f"order {fact.order_id} charges {line.price_minor} for {line.sku}, "
                    f"frozen at {frozen} by {by}"
                )

    @before(events.PaymentStarted)
    def payment_takes_the_orders(self, fact: events.PaymentStarted) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        if order is None:
            return
        due_minor = {
            "whole": 0 if order.deposit_minor else order.total_minor,
            "deposit": order.deposit_minor,
            "balance": order.total_minor - order.deposit_minor,
        }[fact.part]
        if (fact.amount_minor, fact.currency) != (due_minor, order.currency):
            yield (
                f"payment {fact.payment_id} asks {fact.amount_minor} {fact.currency} for order "
                f"{fact.order_id}, of which {due_minor} {order.currency} is due"
            )
