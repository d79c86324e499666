"""The report as CSV: one figure a row, so that a spreadsheet or a notebook can pivot it.

    part,item,figure,unit,value
    drop,santos,sold,units,288
    step,2026-01-01T12:00:05+00:00,gross,CNY minor,28800000

Owns the rows. Values are whole numbers (money in minor units, times in milliseconds) but for rates
and texts. RFC 4180 with a byte order mark, without which Excel takes Chinese titles for Latin-1. A
text that a spreadsheet would take for a formula gets an apostrophe before it, as OWASP advises.

Refuses to compute figures.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from livestream.report.figures import (
    DEPOSITS,
    AudienceReport,
    CouponReport,
    DropReport,
    PerkReport,
    Report,
    TakingsReport,
    Timeline,
)
from livestream.report.words import sources

HEADER: Final = ("part", "item", "figure", "unit", "value")
_BYTE_ORDER_MARK: Final = "\ufeff"
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")

Value = str | int | float | None
Row = tuple[str, str, str, str, Value]


def csv_of(report: Report) -> str:
    """All figures; what did not happen or was not recorded has no row."""
    text = io.StringIO()
    text.write(_BYTE_ORDER_MARK)
    writer = csv.writer(text)
    writer.writerow(HEADER)
    writer.writerows([_safe(cell) for cell in row] for row in _rows(report) if row[-1] is not None)
    return text.getvalue()


def _safe(cell: Value) -> Value:
    if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS):
        return f"'{cell}"
    return cell


def _rows(report: Report) -> Iterator[Row]:
    yield from _show(report)
    for part, takings in (
        ("takings", report.gmv),
        ("takings by product", report.by_product),
        ("takings by channel", report.by_channel),
    ):
        for row in takings:
            yield from _takings(part, row)
    for channel, orders in report.orders_by_channel.items():
        for status, count in orders.items():
            yield "orders by channel", channel, status, "count", count
    for drop in report.drops:
        yield from _drop(drop)
    for perk in report.perks:
        yield from _perk(f"(room) {perk.perk_id}", perk)
    for coupon in report.coupons:
        yield from _coupon(coupon)
    if report.audience is not None:
        yield from _audience(report.audience)
    if report.chat is not None:
        for figure in ("accepted", "shown", "skipped"):
            yield "chat", "", figure, "lines", getattr(report.chat, figure)
    yield from _fairness(report)
    if report.timeline is not None:
        yield from _timeline(report.timeline)
    for number, mark in enumerate(report.marks, 1):
        yield "mark", str(number), mark.kind, "ms", mark.at_ms
        yield "mark", str(number), "title", "text", mark.title
    for line in report.reconciliation.figures:
        item = line.figure if line.currency is None else f"{line.figure} {line.currency}"
        unit = "count" if line.currency is None else f"{line.currency} minor"
        for source, value in sources(line).items():
            yield "reconciliation", item, source, unit, value
        yield "reconciliation", item, "agrees", "0 or 1", int(line.agrees)


def _show(report: Report) -> Iterator[Row]:
    yield "show", report.room, "title", "text", report.title
    yield "show", report.room, "status", "text", report.status
    yield "show", report.room, "seq", "count", report.seq
    for figure in (
        *("started_at_ms", "ended_at_ms", "first_order_at_ms", "last_order_at_ms"),
        *("first_paid_at_ms", "last_paid_at_ms"),
    ):
        yield "show", report.room, figure, "ms", getattr(report, figure)
    yield "show", report.room, "duration_ms", "ms", report.duration_ms
    for status, number in report.orders.items():
        yield "orders", status, "now", "count", number
    for status, number in report.payments.items():
        yield "payments", status, "now", "count", number
    for step in ("saw", "cart", "checkout", "paid"):
        yield "funnel", step, "viewers", "count", getattr(report.funnel, step)


def _takings(part: str, row: TakingsReport) -> Iterator[Row]:
    item = row.name or row.currency
    for figure in ("gross_minor", "refunded_minor", "net_minor"):
        yield part, item, figure, f"{row.currency} minor", getattr(row, figure)
    for figure in ("units_sold", "units_refunded"):
        yield part, item, figure, "units", getattr(row, figure)
    if row.deposits_minor:
        for figure in DEPOSITS:
            yield part, item, figure, f"{row.currency} minor", getattr(row, figure)


def _drop(drop: DropReport) -> Iterator[Row]:
    item = drop.drop_id
    for figure in ("sku", "title", "status"):
        yield "drop", item, figure, "text", getattr(drop, figure)
    yield "drop", item, "price_minor", f"{drop.currency} minor", drop.price_minor
    for figure in ("supply", "sold", "withdrawn", "held", "available"):
        yield "drop", item, figure, "units", getattr(drop, figure)
    for figure in ("holds_placed", "holds_expired"):
        yield "drop", item, figure, "count", getattr(drop, figure)
    for figure in ("opened_at_ms", "all_held_after_ms", "sold_out_at_ms", "sold_out_after_ms"):
        yield "drop", item, figure, "ms", getattr(drop, figure)
    for perk in drop.perks:
        yield from _perk(f"{item} {perk.perk_id}", perk)


def _perk(item: str, perk: PerkReport) -> Iterator[Row]:
    for winner in perk.winners:
        yield "perk", item, winner.order_id, "rank", winner.rank


def _coupon(coupon: CouponReport) -> Iterator[Row]:
    for figure in ("supply", "held", "redeemed"):
        yield "coupon", coupon.code, figure, "count", getattr(coupon, figure)
    for currency, minor in coupon.discount_minor.items():
        yield "coupon", coupon.code, "taken_off", f"{currency} minor", minor


def _audience(audience: AudienceReport) -> Iterator[Row]:
    for figure in ("peak", "unique", "joined", "left", "guests_joined", "likes"):
        yield "audience", "", figure, "count", getattr(audience, figure)
    for figure in ("peak_at_ms", "watched_ms", "watched_ms_per_viewer"):
        yield "audience", "", figure, "ms", getattr(audience, figure)
    for channel in audience.by_channel:
        yield "channel", channel.channel, "joined", "count", channel.joined
        yield "channel", channel.channel, "watched_ms", "ms", channel.watched_ms
        yield "channel", channel.channel, "orders_paid", "count", channel.orders_paid


def _fairness(report: Report) -> Iterator[Row]:
    if report.fairness is None:
        return
    for part, chances in (
        ("fairness by channel", report.fairness.by_channel),
        ("fairness by gateway", report.fairness.by_gateway),
    ):
        for one in chances:
            yield part, one.name, "attempts", "count", one.attempts
            yield part, one.name, "wins", "count", one.wins
            yield part, one.name, "rate", "share", round(one.rate, 6)


def _timeline(timeline: Timeline) -> Iterator[Row]:
    counted: dict[str, Sequence[int | None]] = {
        "orders_paid": timeline.orders_paid,
        "viewers": timeline.viewers,
        "joined": timeline.joined,
        "attempts": timeline.attempts,
        "chat": timeline.chat,
        "likes": timeline.likes,
    }
    for step in range(timeline.steps):
        at_ms = timeline.from_ms + step * timeline.step_ms
        item = datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(timespec="seconds")
        for currency, gross in timeline.gross_minor.items():
            yield "step", item, "gross", f"{currency} minor", gross[step]
        for figure, values in counted.items():
            if values:
                yield "step", item, figure, "count", values[step]
