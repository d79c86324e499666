"""What a room sold, from its log: the report after the show.

    reporter = Reporter(room); reporter.feed(seq, record) ...; reporter.report() -> Report

A pure fold of the records: the room's own state tells stock, orders and takings, and a few moments
(opened, sold out, first order) are noted on the way.

Owns the report and its two forms, JSON and tables. Refuses to judge: whether the log is to be
believed is the auditor's business.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal, Protocol

from msgspec import Struct
from redis import asyncio as aioredis
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cart import events
from cart.counter import Takings
from cart.drop import Drop
from cart.fact import Fact
from cart.money import CURRENCIES, Currency, format_minor
from cart.order import OrderStatus, PaymentStatus
from livestream import facts, wire
from livestream.facts import Record
from livestream.journal import read_log
from livestream.printed import to_text
from livestream.room import Room, RoomState, evolve


class Winner(Struct, frozen=True):
    """An order that has a perk: rank 1 was paid first."""

    rank: int
    order_id: str


class PerkReport(Struct, frozen=True):
    """A drop's perk and who has it, by rank."""

    name: str
    first_n: int
    on_refund: Literal["stay", "pass"]
    winners: list[Winner]


class DropReport(Struct, frozen=True):
    """One drop. `supply` counts restocks too; times are None for what did not happen."""

    drop_id: str
    sku: str
    title: str
    status: str
    price_minor: int
    currency: Currency
    supply: int
    sold: int
    withdrawn: int
    held: int
    available: int
    opened_at_ms: int | None
    sold_out_at_ms: int | None
    #: From the first opening to the first time that the last unit was paid for.
    sold_out_after_ms: int | None
    holds_placed: int
    holds_expired: int
    perk: PerkReport | None


class TakingsReport(Struct, frozen=True):
    """Money and units of one currency, or of one product or channel in it. Net is gross less
    refunded; all in minor units.
    """

    currency: Currency
    name: str
    gross_minor: int
    refunded_minor: int
    net_minor: int
    units_sold: int
    units_refunded: int


class Report(Struct, frozen=True):
    """Everything the desk wants to know after the show."""

    room: str
    title: str
    status: str
    seq: int
    epochs: int
    started_at_ms: int | None
    ended_at_ms: int | None
    #: From start to end, or to the last thing that happened.
    duration_ms: int | None
    drops: list[DropReport]
    #: How many orders stand at placed, paid, expired and refunded now.
    orders: dict[str, int]
    first_order_at_ms: int | None
    last_order_at_ms: int | None
    payments_declined: int
    payments_returned: int
    #: Refunds that the provider has not confirmed yet.
    refunds_owed: int
    gmv: list[TakingsReport]
    by_product: list[TakingsReport]
    by_channel: list[TakingsReport]

    def to_json(self) -> str:
        """The whole report, for machines."""
        return wire.encode_state(self).decode()

    def to_text(self) -> str:
        """The report as tables, for people."""
        return to_text(self)

    def __rich__(self) -> RenderableType:
        parts = [_headline(self), _drop_table(self.drops), _perk_lines(self.drops), _orders(self)]
        parts += [
            _takings_table(name, rows)
            for name, rows in (
                ("GMV", self.gmv),
                ("by product", self.by_product),
                ("by channel", self.by_channel),
            )
            if rows
        ]
        return Group(*parts)


class Reporter:
    """Feed it a room's records from the first; ask for the report at any point."""

    def __init__(self, room: str) -> None:
        self._room = Room(RoomState(room))
        self._started_at_ms: int | None = None
        self._ended_at_ms: int | None = None
        self._opened: dict[str, int] = {}
        self._sold_out: dict[str, int] = {}
        self._orders_at: list[int] = []
        self._holds_placed: Tally[str] = Tally()
        self._holds_expired: Tally[str] = Tally()
        self._happened: Tally[type[Fact]] = Tally()

    def feed(self, seq: int, record: Record) -> None:
        """The next record; `seq` is that of its last fact.

        Raises:
            BrokenBooksError: the log cannot be true; the auditor says where and why.
        """
        for fact in record.facts:
            self._notice(fact, record.at_ms)
            evolve(self._room, fact, record.at_ms)

    def _notice(self, fact: Fact, at_ms: int) -> None:
        self._happened[type(fact)] += 1
        match fact:
            case facts.RoomStarted():
                self._started_at_ms = at_ms
            case facts.RoomEnded():
                self._ended_at_ms = at_ms
            case events.DropOpened():
                self._opened.setdefault(fact.drop_id, at_ms)
            case events.DropSoldOut():
                self._sold_out.setdefault(fact.drop_id, at_ms)
            case events.HoldPlaced():
                self._holds_placed[fact.drop_id] += 1
            case events.HoldExpired():
                hold = self._room.state.books.holds.get(fact.hold_id)
                if hold is not None:
                    self._holds_expired[hold.drop_id] += 1
            case events.OrderPlaced():
                self._orders_at = [*self._orders_at[:1], at_ms]

    def report(self) -> Report:
        """The room as it stands after the last record."""
        state = self._room.state
        books = state.books
        statuses = Tally(order.status for order in books.orders.values())
        payments = Tally(payment.status for payment in books.payments.values())
        ended_at_ms = self._ended_at_ms if self._ended_at_ms is not None else state.at_ms
        return Report(
            room=state.room,
            title=state.title,
            status=state.status,
            seq=state.seq,
            epochs=self._happened[facts.EpochStarted],
            started_at_ms=self._started_at_ms,
            ended_at_ms=self._ended_at_ms,
            duration_ms=None if self._started_at_ms is None else ended_at_ms - self._started_at_ms,
            drops=[self._drop(drop) for drop in books.drops.values()],
            orders={status.value: statuses[status] for status in OrderStatus},
            first_order_at_ms=self._orders_at[0] if self._orders_at else None,
            last_order_at_ms=self._orders_at[-1] if self._orders_at else None,
            payments_declined=self._happened[events.PaymentDeclined],
            payments_returned=self._happened[events.PaymentReturned],
            refunds_owed=payments[PaymentStatus.REFUNDING],
            gmv=_takings_by(books.takings, lambda sku, channel: ""),
            by_product=_takings_by(books.takings, lambda sku, channel: sku),
            by_channel=_takings_by(books.takings, lambda sku, channel: channel),
        )

    def _drop(self, drop: Drop) -> DropReport:
        terms, stock, drop_id = drop.terms, drop.stock, drop.terms.drop_id
        opened, sold_out = self._opened.get(drop_id), self._sold_out.get(drop_id)
        perk = terms.perk
        ranks = sorted((rank, order_id) for order_id, rank in drop.perks.ranks.items())
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
            sold_out_at_ms=sold_out,
            sold_out_after_ms=None if opened is None or sold_out is None else sold_out - opened,
            holds_placed=self._holds_placed[drop_id],
            holds_expired=self._holds_expired[drop_id],
            perk=None
            if perk is None
            else PerkReport(
                perk.name, perk.first_n, perk.on_refund, [Winner(*winner) for winner in ranks]
            ),
        )


def report_of(room: str, records: Iterable[tuple[int, Record]]) -> Report:
    """The report on a whole log, given as (last seq of the record, record) pairs.

    Raises:
        BrokenBooksError: the log cannot be true.
    """
    reporter = Reporter(room)
    for seq, record in records:
        reporter.feed(seq, record)
    return reporter.report()


async def report_room(redis: aioredis.Redis, room: str) -> Report:
    """The report on a room as its log in Redis tells it.

    Raises:
        BrokenBooksError: the log cannot be true.
        msgspec.DecodeError: the log is damaged or newer than this code.
        redis.exceptions.RedisError: Redis is away.
    """
    reporter = Reporter(room)
    async for seq, record in read_log(redis, room):
        reporter.feed(seq, record)
    return reporter.report()


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
    return [
        TakingsReport(
            currency,
            name,
            total.gross_minor,
            total.refunded_minor,
            total.net_minor,
            total.units_sold,
            total.units_refunded,
        )
        for (currency, name), total in sorted(sums.items())
    ]


# -- tables ------------------------------------------------------------------------------------


def _headline(report: Report) -> RenderableType:
    parts = [report.status]
    if report.started_at_ms is not None:
        started = datetime.fromtimestamp(report.started_at_ms / 1_000, UTC)
        parts.append(f"began {started.isoformat(sep=' ', timespec='seconds')}")
    if report.duration_ms is not None:
        parts.append(f"lasted {_seconds(report.duration_ms)}")
    return Text.assemble((report.title or report.room, "bold"), f" ({', '.join(parts)})\n")


def _seconds(ms: int) -> str:
    minutes, seconds = divmod(ms / 1_000, 60)
    return f"{minutes:.0f} min {seconds:.1f} s" if minutes else f"{seconds:.1f} s"


def _drop_table(drops: list[DropReport]) -> RenderableType:
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("drop")
    table.add_column("price", justify="right")
    for name in ("supply", "sold", "withdrawn", "holds", "expired"):
        table.add_column(name, justify="right")
    table.add_column("sold out after")
    for drop in drops:
        counts = (drop.supply, drop.sold, drop.withdrawn, drop.holds_placed, drop.holds_expired)
        table.add_row(
            drop.title,
            format_minor(drop.price_minor, drop.currency),
            *(f"{number:,}" for number in counts),
            drop.status if drop.sold_out_after_ms is None else _seconds(drop.sold_out_after_ms),
        )
    return table


def _perk_lines(drops: list[DropReport]) -> RenderableType:
    lines = [
        f"{drop.perk.name}: {len(drop.perk.winners):,} of the first {drop.perk.first_n:,} "
        f"orders of {drop.title} ({_some(drop.perk.winners)})\n"
        for drop in drops
        if drop.perk is not None and drop.perk.winners
    ]
    return Text("".join(lines))


def _some(winners: list[Winner]) -> str:
    names = [winner.order_id for winner in winners]
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:3])} ... {names[-1]}"


def _orders(report: Report) -> RenderableType:
    counts = ", ".join(f"{number:,} {status}" for status, number in report.orders.items())
    return Text(
        f"orders: {counts}; payments: {report.payments_declined:,} declined, "
        f"{report.payments_returned:,} returned, {report.refunds_owed:,} refunds owed\n"
    )


def _takings_table(name: str, rows: list[TakingsReport]) -> RenderableType:
    table = Table(show_edge=False, pad_edge=False)
    table.add_column(name)
    for column in ("units", "gross", "refunded", "net"):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(
            row.name or row.currency,
            f"{row.units_sold:,}",
            format_minor(row.gross_minor, row.currency),
            format_minor(row.refunded_minor, row.currency),
            format_minor(row.net_minor, row.currency),
        )
    return table
