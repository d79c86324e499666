"""The auditor's own books: five columns for each drop, and what every hold, order and payment is
at.

Kept from the facts alone, by arithmetic that shares nothing with `cart.counter`. Never raises and
never corrects: a fact that cannot be true is booked as it says, or left out when it speaks of
something unknown; saying so is a check's business.

Owns the second bookkeeping. Refuses to judge.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any, Literal

from msgspec import Struct

from cart import events
from cart.drop import DropTerms
from cart.fact import Fact
from cart.money import Currency
from cart.order import OrderLine, Part
from cart.rules import RoomRules
from livestream import facts


class DropAccount(Struct):
    """Units of one drop by where they are."""

    terms: DropTerms
    supplied: int
    available: int
    held: int = 0
    sold: int = 0
    withdrawn: int = 0
    status: Literal["scheduled", "open", "all_held", "paused", "sold_out", "closed"] = "scheduled"
    #: The host's last word was "pause".
    paused: bool = False
    #: What its presale or lottery left is sold as by any other drop.
    sells_rest: bool = False
    #: Who is in line, in the order of joining.
    waiting: dict[str, events.LineJoined] = {}
    #: Who entered its lottery, in the order of their numbers.
    entries: dict[str, events.LotteryEntered] = {}

    def columns(self) -> str:
        """The five numbers, in words."""
        return (
            f"{self.available} available, {self.held} held, {self.sold} sold, "
            f"{self.withdrawn} withdrawn of {self.supplied} supplied"
        )

    def set_aside(self, units: int) -> None:
        """Free units that are held from now on."""
        self.available -= units
        self.held += units

    def give_back(self, units: int) -> None:
        """Units that may be sold again, unless the drop has closed."""
        if self.status == "closed":
            self.withdrawn += units
        else:
            self.available += units


class HoldAccount(Struct, gc=False):
    """Units in a cart, or (with `order_id`) in an order that waits. `quantity` is what is left."""

    viewer: str
    drop_id: str
    sku: str
    quantity: int
    price_minor: int
    currency: Currency
    expires_at_ms: int
    order_id: str = ""
    reserved: bool = True


class OrderAccount(Struct):
    """An order and where it is in its life."""

    viewer: str
    channel: str
    checkout_id: str
    lines: list[OrderLine]
    total_minor: int
    currency: Currency
    expires_at_ms: int
    status: Literal[
        "placed", "paid", "expired", "refunded", "deposited", "defaulted", "cancelled"
    ] = "placed"
    paid_by: str = ""
    #: hold id -> units and money of that line that went back.
    units_back: dict[str, int] = {}
    minor_back: dict[str, int] = {}
    #: Of a presale: what is due first, and the payment that it came by.
    deposit_minor: int = 0
    deposited_by: str = ""

    def wishes(self) -> dict[str, int]:
        """Units for each drop that are not set aside for it: only its payment takes them."""
        units: dict[str, int] = {}
        for line in self.lines:
            if not line.reserved:
                units[line.drop_id] = units.get(line.drop_id, 0) + line.quantity
        return units

    def units(self) -> dict[str, int]:
        """Units of this order for each drop."""
        units: dict[str, int] = {}
        for line in self.lines:
            units[line.drop_id] = units.get(line.drop_id, 0) + line.quantity
        return units

    def units_left(self) -> dict[str, int]:
        """Of these, the ones that have not gone back."""
        units = self.units()
        for line in self.lines:
            units[line.drop_id] -= self.units_back.get(line.hold_id, 0)
        return units

    def minor_left(self) -> int:
        """What it cost, less what went back."""
        return self.total_minor - sum(self.minor_back.values())


class PaymentAccount(Struct, gc=False):
    """Money: asked for, kept for an order, owed back, or back with its owner."""

    order_id: str
    amount_minor: int
    currency: Currency
    state: Literal["asked", "declined", "kept", "owed", "back"] = "asked"
    #: Refunds of it that were made, and those of them that are not settled yet.
    refunds: int = 0
    unsettled: int = 0
    part: Part = "whole"


class RefundAccount(Struct, gc=False):
    """Money of one payment that goes back by a name of its own."""

    payment_id: str
    amount_minor: int
    currency: Currency
    settled: bool = False


class Ledger:
    """All accounts of a room at one point of its log: `seq` is the fact being looked at."""

    def __init__(self, room: str = "") -> None:
        self.room = room
        self.seq = 0
        self.at_ms = 0
        #: When the present owner took over: nobody was there to end anything before it did.
        self.epoch_at_ms = 0
        self.room_status: Literal["", "created", "live", "ended"] = ""
        #: The room's, as last declared.
        self.rules = RoomRules()
        self.drops: dict[str, DropAccount] = {}
        #: What is prepared and not declared; no unit of it is anywhere.
        self.drafts: dict[str, DropTerms] = {}
        self.holds: dict[str, HoldAccount] = {}
        #: hold id -> how it ended.
        self.ended: dict[str, str] = {}
        self.orders: dict[str, OrderAccount] = {}
        self.payments: dict[str, PaymentAccount] = {}
        self.refunds: dict[str, RefundAccount] = {}
        #: Drops whose units the last booked fact moved.
        self.touched: list[DropAccount] = []

    def book(self, fact: Fact) -> None:
        """Enter one fact."""
        self.touched = []
        enter = _ENTRIES.get(type(fact))
        if enter is not None:
            enter(self, fact)

    @staticmethod
    def opening_times(terms: DropTerms) -> list[tuple[str | None, int]]:
        """When whose time to buy comes: (tier, ms), None being everybody's."""
        times: list[tuple[str | None, int]] = []
        if terms.opens_at_ms is not None:
            times.append((None, terms.opens_at_ms))
        if terms.access is not None:
            times += terms.access.tiers.items()
        return times

    def touch(self, drop_id: str) -> DropAccount | None:
        """The account of a drop whose units are about to move."""
        account = self.drops.get(drop_id)
        if account is not None:
            self.touched.append(account)
        return account


# -- the room and its drops --------------------------------------------------------------------


def _epoch_started(ledger: Ledger, fact: facts.EpochStarted) -> None:
    ledger.epoch_at_ms = ledger.at_ms


def _room_moved(
    ledger: Ledger, fact: facts.RoomCreated | facts.RoomStarted | facts.RoomEnded
) -> None:
    match fact:
        case facts.RoomCreated():
            ledger.room_status = "created"
        case facts.RoomStarted():
            ledger.room_status = "live"
        case facts.RoomEnded():
            ledger.room_status = "ended"


def _rules_set(ledger: Ledger, fact: events.RulesSet) -> None:
    ledger.rules = fact.rules


def _drop_drafted(ledger: Ledger, fact: events.DropDrafted) -> None:
    ledger.drafts[fact.terms.drop_id] = fact.terms


def _draft_discarded(ledger: Ledger, fact: events.DraftDiscarded) -> None:
    ledger.drafts.pop(fact.drop_id, None)


def _drop_scheduled(ledger: Ledger, fact: events.DropScheduled) -> None:
    terms = fact.terms
    account = DropAccount(terms, supplied=terms.supply, available=terms.supply)
    ledger.drops[terms.drop_id] = account
    ledger.drafts.pop(terms.drop_id, None)
    ledger.touched.append(account)


def _drop_opened(ledger: Ledger, fact: events.DropOpened) -> None:
    if account := ledger.drops.get(fact.drop_id):
        account.status = "open"
        account.paused = False
        account.sells_rest |= fact.reason == "rest"


def _drop_all_held(ledger: Ledger, fact: events.DropAllHeld) -> None:
    if account := ledger.drops.get(fact.drop_id):
        account.status = "all_held"


def _drop_paused(ledger: Ledger, fact: events.DropPaused) -> None:
    if account := ledger.drops.get(fact.drop_id):
        account.status = "paused"
        account.paused = True


def _drop_sold_out(ledger: Ledger, fact: events.DropSoldOut) -> None:
    if account := ledger.drops.get(fact.drop_id):
        account.status = "sold_out"
        if account.terms.lottery is None or account.sells_rest:
            account.waiting.clear()


def _drop_restocked(ledger: Ledger, fact: events.DropRestocked) -> None:
    if account := ledger.touch(fact.drop_id):
        account.supplied += fact.quantity
        account.available += fact.quantity


def _drop_closed(ledger: Ledger, fact: events.DropClosed) -> None:
    if account := ledger.touch(fact.drop_id):
        account.available -= fact.withdrawn
        account.withdrawn += fact.withdrawn
        account.status = "closed"
        account.waiting.clear()


def _line_joined(ledger: Ledger, fact: events.LineJoined) -> None:
    if account := ledger.drops.get(fact.drop_id):
        account.waiting[fact.viewer] = fact


def _line_left(ledger: Ledger, fact: events.LineLeft) -> None:
    if account := ledger.drops.get(fact.drop_id):
        account.waiting.pop(fact.viewer, None)


def _lottery_entered(ledger: Ledger, fact: events.LotteryEntered) -> None:
    if account := ledger.drops.get(fact.drop_id):
        account.entries.setdefault(fact.viewer, fact)


def _lottery_drawn(ledger: Ledger, fact: events.LotteryDrawn) -> None:
    """Whoever entered waits in line, the smallest SHA-256 of the seed and the entry first."""
    account = ledger.drops.get(fact.drop_id)
    if account is None:
        return
    try:
        seed = bytes.fromhex(fact.seed)
    except ValueError:
        return  # no seed at all: saying so is a check's business
    ranked = sorted(
        (sha256(seed + sha256(viewer.encode()).digest()).hexdigest(), viewer)
        for viewer in account.entries
    )
    for number, (_, viewer) in enumerate(ranked, 1):
        entry = account.entries[viewer]
        account.waiting[viewer] = events.LineJoined(
            drop_id=fact.drop_id,
            sku=account.terms.sku,
            viewer=viewer,
            quantity=1,
            number=number,
            ahead=number - 1,
            held=account.held,
            command_id="",
            at_ms=ledger.at_ms,
            tier=entry.tier,
            invited=entry.invited,
        )


# -- holds -------------------------------------------------------------------------------------


def _hold_placed(ledger: Ledger, fact: events.HoldPlaced) -> None:
    ledger.holds[fact.hold_id] = HoldAccount(
        fact.viewer,
        fact.drop_id,
        fact.sku,
        fact.quantity,
        fact.price_minor,
        fact.currency,
        fact.expires_at_ms,
        reserved=fact.reserved,
    )
    if account := ledger.touch(fact.drop_id):
        if fact.reserved:
            account.set_aside(fact.quantity)
        if fact.offered:
            account.waiting.pop(fact.viewer, None)


def _hold_released(ledger: Ledger, fact: events.HoldReleased) -> None:
    hold = ledger.holds.get(fact.hold_id)
    if hold is None:
        return
    hold.quantity -= fact.quantity
    if hold.quantity <= 0:
        _end(ledger, fact.hold_id, "released")
    account = ledger.touch(hold.drop_id)
    if account and hold.reserved:
        account.held -= fact.quantity
        account.give_back(fact.quantity)


def _hold_expired(ledger: Ledger, fact: events.HoldExpired) -> None:
    hold = ledger.holds.get(fact.hold_id)
    if hold is None:
        return
    _end(ledger, fact.hold_id, "expired")
    account = ledger.touch(hold.drop_id)
    if account and hold.reserved:
        account.held -= hold.quantity
        account.give_back(hold.quantity)


def _end(ledger: Ledger, hold_id: str, how: str) -> None:
    if ledger.holds.pop(hold_id, None) is not None:
        ledger.ended[hold_id] = how


# -- orders and payments -----------------------------------------------------------------------


def _order_placed(ledger: Ledger, fact: events.OrderPlaced) -> None:
    ledger.orders[fact.order_id] = OrderAccount(
        fact.viewer,
        fact.channel,
        fact.checkout_id,
        fact.lines,
        fact.total_minor,
        fact.currency,
        fact.expires_at_ms,
        deposit_minor=fact.deposit_minor,
    )
    for line in fact.lines:
        hold = ledger.holds.get(line.hold_id)
        if hold is None:
            continue
        hold.order_id = fact.order_id
        account = ledger.touch(line.drop_id)
        if account and line.reserved and not hold.reserved:
            account.set_aside(line.quantity)
            hold.reserved = True


def _order_paid(ledger: Ledger, fact: events.OrderPaid) -> None:
    order = ledger.orders.get(fact.order_id)
    if order is None:
        return
    for line in order.lines:
        _end(ledger, line.hold_id, "paid")
        account = ledger.touch(line.drop_id)
        if account is None:
            continue
        if fact.late or not line.reserved:
            account.available -= line.quantity
        else:
            account.held -= line.quantity
        account.sold += line.quantity
    order.status = "paid"
    order.paid_by = fact.payment_id
    if payment := ledger.payments.get(fact.payment_id):
        payment.state = "kept"


def _order_expired(ledger: Ledger, fact: events.OrderExpired) -> None:
    order = ledger.orders.get(fact.order_id)
    if order is None:
        return
    for line in order.lines:
        _end(ledger, line.hold_id, "expired")
        account = ledger.touch(line.drop_id)
        if account and line.reserved:
            account.held -= line.quantity
            account.give_back(line.quantity)
    order.status = "expired"


def _order_refunded(ledger: Ledger, fact: events.OrderRefunded) -> None:
    order = ledger.orders.get(fact.order_id)
    if order is None:
        return
    for line in order.lines:
        units = line.quantity - order.units_back.get(line.hold_id, 0)
        minor = line.total_minor - order.minor_back.get(line.hold_id, 0)
        _give_back(ledger, order, line, units, minor, fact.restocked)
    order.status = "refunded"
    _owe(ledger, fact.refund_id, fact.payment_id, fact.amount_minor, order.currency)
    for payment_id in {fact.payment_id, order.paid_by, order.deposited_by}:
        if payment := ledger.payments.get(payment_id):
            payment.state = "owed" if payment.unsettled else "back"


def _order_refunded_partly(ledger: Ledger, fact: events.OrderRefundedPartly) -> None:
    order = ledger.orders.get(fact.order_id)
    if order is None:
        return
    for back in fact.lines:
        for line in order.lines:
            if line.hold_id == back.hold_id:
                _give_back(ledger, order, line, back.quantity, back.amount_minor, fact.restocked)
    _owe(ledger, fact.refund_id, fact.payment_id, fact.amount_minor, order.currency)


def _give_back(
    ledger: Ledger, order: OrderAccount, line: OrderLine, units: int, minor: int, restocked: bool
) -> None:
    order.units_back[line.hold_id] = order.units_back.get(line.hold_id, 0) + units
    order.minor_back[line.hold_id] = order.minor_back.get(line.hold_id, 0) + minor
    account = ledger.touch(line.drop_id)
    if account is None:
        return
    account.sold -= units
    if restocked:
        account.give_back(units)
    else:
        account.withdrawn += units


def _owe(
    ledger: Ledger, refund_id: str, payment_id: str, amount_minor: int, currency: Currency
) -> None:
    ledger.refunds[refund_id] = RefundAccount(payment_id, amount_minor, currency)
    if payment := ledger.payments.get(payment_id):
        payment.refunds += 1
        payment.unsettled += 1


def _payment_started(ledger: Ledger, fact: events.PaymentStarted) -> None:
    ledger.payments[fact.payment_id] = PaymentAccount(
        fact.order_id, fact.amount_minor, fact.currency, part=fact.part
    )


def _payment_declined(ledger: Ledger, fact: events.PaymentDeclined) -> None:
    if payment := ledger.payments.get(fact.payment_id):
        payment.state = "declined"


def _payment_returned(ledger: Ledger, fact: events.PaymentReturned) -> None:
    _owe(ledger, fact.refund_id, fact.payment_id, fact.amount_minor, fact.currency)
    if payment := ledger.payments.get(fact.payment_id):
        payment.state = "owed"


def _refund_settled(ledger: Ledger, fact: events.RefundSettled) -> None:
    refund = ledger.refunds.get(fact.refund_id)
    if refund is None or refund.settled:
        return
    refund.settled = True
    if payment := ledger.payments.get(refund.payment_id):
        payment.unsettled -= 1
        if payment.state == "owed" and payment.unsettled == 0:
            payment.state = "back"


# -- presales ----------------------------------------------------------------------------------


def _deposit_paid(ledger: Ledger, fact: events.DepositPaid) -> None:
    order = ledger.orders.get(fact.order_id)
    if order is None:
        return
    for line in order.lines:
        if fact.late:
            _hold_again(ledger, order, line, fact)
        elif hold := ledger.holds.get(line.hold_id):
            hold.expires_at_ms = fact.expires_at_ms
    order.status = "deposited"
    order.deposited_by = fact.payment_id
    order.expires_at_ms = fact.expires_at_ms
    if payment := ledger.payments.get(fact.payment_id):
        payment.state = "kept"


def _hold_again(
    ledger: Ledger, order: OrderAccount, line: OrderLine, fact: events.DepositPaid
) -> None:
    """The deposit came late: the hold that had expired stands again, with other units."""
    ledger.ended.pop(line.hold_id, None)
    ledger.holds[line.hold_id] = HoldAccount(
        order.viewer,
        line.drop_id,
        line.sku,
        line.quantity,
        line.price_minor,
        order.currency,
        fact.expires_at_ms,
        fact.order_id,
    )
    if account := ledger.touch(line.drop_id):
        account.available -= line.quantity
        account.held += line.quantity


def _order_defaulted(ledger: Ledger, fact: events.OrderDefaulted) -> None:
    order = ledger.orders.get(fact.order_id)
    if order is None:
        return
    for line in order.lines:
        _end(ledger, line.hold_id, "defaulted")
        if account := ledger.touch(line.drop_id):
            account.held -= line.quantity
            account.give_back(line.quantity)
    order.status = "defaulted"
    payment = ledger.payments.get(fact.payment_id)
    if payment is not None and not fact.forfeited:
        _owe(ledger, fact.refund_id, fact.payment_id, fact.amount_minor, order.currency)
        payment.state = "owed"


def _order_cancelled(ledger: Ledger, fact: events.OrderCancelled) -> None:
    order = ledger.orders.get(fact.order_id)
    if order is None:
        return
    for line in order.lines:
        _end(ledger, line.hold_id, "cancelled")
        account = ledger.touch(line.drop_id)
        if account is None:
            continue
        account.held -= line.quantity
        if fact.restocked:
            account.give_back(line.quantity)
        else:
            account.withdrawn += line.quantity
    order.status = "cancelled"
    _owe(ledger, fact.refund_id, fact.payment_id, fact.amount_minor, order.currency)
    if payment := ledger.payments.get(fact.payment_id):
        payment.state = "owed"


_ENTRIES: dict[type, Callable[[Ledger, Any], None]] = {
    facts.EpochStarted: _epoch_started,
    facts.RoomCreated: _room_moved,
    facts.RoomStarted: _room_moved,
    facts.RoomEnded: _room_moved,
    events.RulesSet: _rules_set,
    events.DropDrafted: _drop_drafted,
    events.DraftDiscarded: _draft_discarded,
    events.DropScheduled: _drop_scheduled,
    events.DropOpened: _drop_opened,
    events.DropAllHeld: _drop_all_held,
    events.DropPaused: _drop_paused,
    events.DropSoldOut: _drop_sold_out,
    events.DropRestocked: _drop_restocked,
    events.DropClosed: _drop_closed,
    events.LineJoined: _line_joined,
    events.LotteryEntered: _lottery_entered,
    events.LotteryDrawn: _lottery_drawn,
    events.LineLeft: _line_left,
    events.HoldPlaced: _hold_placed,
    events.HoldReleased: _hold_released,
    events.HoldExpired: _hold_expired,
    events.OrderPlaced: _order_placed,
    events.OrderPaid: _order_paid,
    events.OrderExpired: _order_expired,
    events.OrderRefunded: _order_refunded,
    events.OrderRefundedPartly: _order_refunded_partly,
    events.DepositPaid: _deposit_paid,
    events.OrderDefaulted: _order_defaulted,
    events.OrderCancelled: _order_cancelled,
    events.PaymentStarted: _payment_started,
    events.PaymentDeclined: _payment_declined,
    events.PaymentReturned: _payment_returned,
    events.RefundSettled: _refund_settled,
}
