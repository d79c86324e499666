"""A room's log, folded into what the report needs.

    reporter = Reporter(room); reporter.feed(seq, record) ...; reporter.report() -> Report

A pure fold of the records: the room's own state tells stock, orders and takings, and what the state
forgets (when it happened, who was there once) is noted on the way. Memory grows with shoppers and
orders, not with facts and not with viewers: some 3 KB for each order, most of it the state that an
engine has too (`python -m loadtest.bench.aftermath`).

Owns the notes. Refuses to judge: whether the log is to be believed is the auditor's business.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from cart import events
from cart.books import Books, Takings
from cart.drop import Drop
from cart.fact import Fact
from cart.money import CURRENCIES, Currency
from cart.order import Order, OrderStatus, PaymentStatus
from cart.perk import PerkBook, PerkTerms
from livestream import facts
from livestream.facts import Record
from livestream.report.audience import audience_of, chat_of, fairness_of
from livestream.report.figures import (
    CouponReport,
    DropReport,
    Funnel,
    PerkReport,
    Report,
    TakingsReport,
    Winner,
)
from livestream.report.reconcile import reconcile
from livestream.report.surroundings import Surroundings
from livestream.report.timeline import Run, timeline_of
from livestream.room import Room, RoomState, evolve


class Reporter:
    """Feed it a room's records from the first; ask for the report at any point."""

    def __init__(self, room: str) -> None:
        self._room = Room(RoomState(room))
        self._run = Run()
        self._ended_at_ms: int | None = None
        self._opened: dict[str, int] = {}
        self._all_held: dict[str, int] = {}
        self._sold_out: dict[str, int] = {}
        self._orders_at: list[int] = []  # the first and the last
        self._paid_at: list[int] = []
        self._holds_placed: Tally[str] = Tally()
        self._holds_expired: Tally[str] = Tally()
        self._happened: Tally[type[Fact]] = Tally()
        self._had_in_cart: set[str] = set()
        self._ordered: set[str] = set()
        self._paid: set[str] = set()
        self._paid_by_channel: Tally[str] = Tally()
        self._paying: set[str] = set()  # payments that paid an order, or a part of it
        # One look-up for each fact: a match over its type costs five times as much.
        self._notes: dict[type[Fact], Callable[[Any, int], None]] = {
            facts.RoomStarted: self._note_start,
            facts.RoomEnded: self._note_end,
            events.DropOpened: self._note_opening,
            events.DropAllHeld: self._note_all_held,
            events.DropSoldOut: self._note_sold_out,
            events.HoldPlaced: self._note_hold,
            events.HoldExpired: self._note_expiry,
            events.OrderPlaced: self._note_order,
            events.OrderPaid: self._note_payment,
        }

    @property
    def seq(self) -> int:
        """The seq of the last fact."""
        return self._room.state.seq

    def feed(self, seq: int, record: Record) -> None:
        """The next record; `seq` is that of its last fact.

        Raises:
            BrokenBooksError: the log cannot be true; the auditor says where and why.
        """
        at_ms, happened, notes = record.at_ms, self._happened, self._notes
        for fact in record.facts:
            kind = type(fact)
            happened[kind] += 1
            # Before it is folded: what a fact ends is still there, and its title with it.
            if (note := notes.get(kind)) is not None:
                note(fact, at_ms)
            if kind in Run.MARKED:
                self._run.mark(self._room.state, fact, at_ms)
            evolve(self._room, fact, at_ms)

    # -- what the state forgets ----------------------------------------------------------------

    def _note_start(self, fact: facts.RoomStarted, at_ms: int) -> None:
        self._run.begin(at_ms)

    def _note_end(self, fact: facts.RoomEnded, at_ms: int) -> None:
        self._ended_at_ms = at_ms

    def _note_opening(self, fact: events.DropOpened, at_ms: int) -> None:
        self._opened.setdefault(fact.drop_id, at_ms)

    def _note_sold_out(self, fact: events.DropSoldOut, at_ms: int) -> None:
        self._sold_out.setdefault(fact.drop_id, at_ms)

    def _note_hold(self, fact: events.HoldPlaced, at_ms: int) -> None:
        self._holds_placed[fact.drop_id] += 1
        self._had_in_cart.add(fact.viewer)

    def _note_all_held(self, fact: events.DropAllHeld, at_ms: int) -> None:
        self._all_held.setdefault(fact.drop_id, at_ms)

    def _note_expiry(self, fact: events.HoldExpired, at_ms: int) -> None:
        hold = self._room.state.books.holds.get(fact.hold_id)
        if hold is not None:
            self._holds_expired[hold.drop_id] += 1

    def _note_order(self, fact: events.OrderPlaced, at_ms: int) -> None:
        self._orders_at[1:] = [at_ms]
        self._ordered.add(fact.viewer)

    def _note_payment(self, fact: events.OrderPaid, at_ms: int) -> None:
        self._paid_at[1:] = [at_ms]
        self._paying.add(fact.payment_id)
        order = self._room.state.books.orders.get(fact.order_id)
        if order is not None:
            self._paid.add(order.viewer)
            if order.deposited_by:
                self._paying.add(order.deposited_by)
            self._paid_by_channel[order.channel] += 1
            self._run.pay(order.currency, order.total_minor, at_ms)

    # -- the report ----------------------------------------------------------------------------

    def report(self, surroundings: Surroundings | None = None) -> Report:
        """The room as it stands after the last record, with what is known beside the log."""
        beside = surroundings if surroundings is not None else Surroundings()
        state = self._room.state
        books = state.books
        orders = Tally(order.status for order in books.orders.values())
        payments = Tally(payment.status for payment in books.payments.values())
        ended_at_ms = self._ended_at_ms if self._ended_at_ms is not None else state.at_ms
        return Report(
            room=state.room,
            title=state.title,
            status=state.status,
            seq=state.seq,
            epochs=self._happened[facts.EpochStarted],
            started_at_ms=self._run.from_ms,
            ended_at_ms=self._ended_at_ms,
            duration_ms=_span(self._run.from_ms, ended_at_ms),
            drops=[self._drop(drop) for drop in books.drops.values()],
            perks=[self._perk(perk, books.perks[perk.perk_id]) for perk in books.rules.perks],
            coupons=_coupons(books),
            orders={status.value: orders[status] for status in OrderStatus},
            orders_by_channel=_orders_by_channel(books.orders.values()),
            first_order_at_ms=self._orders_at[0] if self._orders_at else None,
            last_order_at_ms=self._orders_at[-1] if self._orders_at else None,
            first_paid_at_ms=self._paid_at[0] if self._paid_at else None,
            last_paid_at_ms=self._paid_at[-1] if self._paid_at else None,
            payments={status.value: payments[status] for status in PaymentStatus},
            payments_declined=self._happened[events.PaymentDeclined],
            payments_returned=self._happened[events.PaymentReturned],
            refunds_owed=sum(not refund.settled for refund in books.refunds.values()),
            gmv=_takings_by(books.takings, lambda sku, channel: ""),
            by_product=_takings_by(books.takings, lambda sku, channel: sku),
            by_channel=_takings_by(books.takings, lambda sku, channel: channel),
            funnel=Funnel(
                saw=beside.unique if beside.was_counted else None,
                cart=len(self._had_in_cart),
                checkout=len(self._ordered),
                paid=len(self._paid),
            ),
            audience=audience_of(beside, self._paid_by_channel),
            chat=chat_of(beside),
            fairness=fairness_of(beside),
            timeline=timeline_of(self._run, max([ended_at_ms, *self._paid_at]), beside.moments),
            marks=list(self._run.marks),
            marks_left_out=self._run.marks_left_out,
            reconciliation=reconcile(books, state.seq, self._paying, beside),
        )

    def _drop(self, drop: Drop) -> DropReport:
        terms, stock, drop_id = drop.terms, drop.stock, drop.terms.drop_id
        opened = self._opened.get(drop_id)
        sold_out = self._sold_out.get(drop_id)
        return DropReport(
            drop_id=drop_id,
            sku=terms.sku,
            title=terms.title,
            status=drop.status.value,
            price_minor=terms.price_minor,
            currency=terms.currency,
            supply=stock.supplied,
            sold=stock.sold,
            withdrawn=stock.withdrawn,
            held=stock.held,
            available=stock.available,
            opened_at_ms=opened,
            all_held_after_ms=_span(opened, self._all_held.get(drop_id)),
            sold_out_at_ms=sold_out,
            sold_out_after_ms=_span(opened, sold_out),
            holds_placed=self._holds_placed[drop_id],
            holds_expired=self._holds_expired[drop_id],
            perks=[self._perk(perk, drop.perks[perk.perk_id]) for perk in terms.perks],
        )

    def _perk(self, perk: PerkTerms, book: PerkBook) -> PerkReport:
        orders = self._room.state.books.orders
        by_rank = sorted((rank, order_id) for order_id, rank in book.ranks.items())
        winners = [Winner(rank, order_id, orders[order_id].viewer) for rank, order_id in by_rank]
        return PerkReport(perk.perk_id, perk.name, perk.first_n, perk.on_refund, winners)


def report_of(
    room: str, records: Iterable[tuple[int, Record]], surroundings: Surroundings | None = None
) -> Report:
    """The report on a whole log, given as (last seq of the record, record) pairs.

    Raises:
        BrokenBooksError: the log cannot be true.
    """
    reporter = Reporter(room)
    for seq, record in records:
        reporter.feed(seq, record)
    return reporter.report(surroundings)


def _coupons(books: Books) -> list[CouponReport]:
    taken_off: dict[str, Tally[Currency]] = {code: Tally() for code in books.coupons}
    for order in books.orders.values():
        if order.coupon and order.paid_seq:
            off_minor = sum(line.discount_minor for line in order.lines)
            taken_off[order.coupon][order.currency] += off_minor
    return [
        CouponReport(code, coupon.terms.supply, coupon.held, coupon.redeemed, dict(taken_off[code]))
        for code, coupon in books.coupons.items()
    ]


def _orders_by_channel(orders: Iterable[Order]) -> dict[str, dict[str, int]]:
    counts: dict[str, Tally[str]] = {}
    for order in orders:
        counts.setdefault(order.channel, Tally())[order.status.value] += 1
    return {channel: dict(sorted(counts[channel].items())) for channel in sorted(counts)}


def _span(from_ms: int | None, to_ms: int | None) -> int | None:
    return None if from_ms is None or to_ms is None else to_ms - from_ms


class _Grouping(Protocol):
    def __call__(self, sku: str, channel: str) -> str: ...


def _takings_by(
    takings: dict[str, dict[str, dict[str, Takings]]], name_of: _Grouping
) -> list[TakingsReport]:
    """Rows of the ledger added up under the names that `name_of` gives them."""
    sums: dict[tuple[Currency, str], Takings] = {}
    for currency in CURRENCIES:
        for sku, by_channel in takings.get(currency, {}).items():
            for channel, row in by_channel.items():
                total = sums.setdefault((currency, name_of(sku, channel)), Takings())
                total.gross_minor += row.gross_minor
                total.refunded_minor += row.refunded_minor
                total.units_sold += row.units_sold
                total.units_refunded += row.units_refunded
                total.deposits_minor += row.deposits_minor
                total.deposits_applied_minor += row.deposits_applied_minor
                total.deposits_forfeited_minor += row.deposits_forfeited_minor
                total.deposits_refunded_minor += row.deposits_refunded_minor
    return [
        TakingsReport(
            currency,
            name,
            total.gross_minor,
            total.refunded_minor,
            total.net_minor,
            total.units_sold,
            total.units_refunded,
            total.deposits_minor,
            total.deposits_applied_minor,
            total.deposits_forfeited_minor,
            total.deposits_refunded_minor,
        )
        for (currency, name), total in sorted(sums.items())
    ]
