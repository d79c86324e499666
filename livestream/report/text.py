"""The report as tables for a terminal.

Owns the words and columns. Refuses to compute anything.
"""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cart.money import format_minor
from cart.order import OrderStatus
from livestream.printed import to_text
from livestream.report.figures import (
    CouponReport,
    DropReport,
    Report,
    TakingsReport,
    Winner,
)
from livestream.report.words import (
    amount,
    between,
    clock,
    day,
    figure_name,
    percent,
    seconds,
    sources,
    taken_off,
)


def text_of(report: Report) -> str:
    """The report as tables, for people at a terminal."""
    parts = [
        _headline(report),
        _drop_table(report.drops),
        _perk_lines(report),
        _coupons(report.coupons),
        _orders(report),
        *(
            _takings_table(name, rows)
            for name, rows in (
                ("GMV", report.gmv),
                ("by product", report.by_product),
                ("by channel", report.by_channel),
            )
            if rows
        ),
        _orders_by_channel(report),
        _deposits(report.gmv),
        _audience(report),
        _channels(report),
        _fairness(report),
        _reconciliation(report),
    ]
    return to_text(Group(*(part for part in parts if part is not None)))


def _headline(report: Report) -> RenderableType:
    parts = [report.status]
    if report.started_at_ms is not None:
        parts.append(f"began {day(report.started_at_ms)}")
    if report.duration_ms is not None:
        parts.append(f"lasted {seconds(report.duration_ms)}")
    return Text.assemble((report.name, "bold"), f" ({', '.join(parts)})\n")


def _table(*columns: str, right: int) -> Table:
    """A table whose last `right` columns are numbers."""
    table = Table(show_edge=False, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index >= len(columns) - right else "left")
    return table


def _drop_table(drops: list[DropReport]) -> RenderableType:
    names = ("price", "supply", "sold", "withdrawn", "holds", "expired", "sold out after")
    table = _table("drop", *names, right=len(names))
    for drop in drops:
        counts = (drop.supply, drop.sold, drop.withdrawn, drop.holds_placed, drop.holds_expired)
        table.add_row(
            drop.title,
            format_minor(drop.price_minor, drop.currency),
            *(f"{number:,}" for number in counts),
            drop.status if drop.sold_out_after_ms is None else seconds(drop.sold_out_after_ms),
        )
    return table


def _perk_lines(report: Report) -> RenderableType:
    told = [(drop.title, perk) for drop in report.drops for perk in drop.perks]
    told += [("the room", perk) for perk in report.perks]
    lines = [
        f"{perk.name}: {len(perk.winners):,} of the first {perk.first_n:,} "
        f"orders of {of} ({_some(perk.winners)})\n"
        for of, perk in told
        if perk.winners
    ]
    return Text("".join(lines))


def _coupons(coupons: list[CouponReport]) -> RenderableType | None:
    if not coupons:
        return None
    table = _table("coupon", "supply", "held", "redeemed", "taken off", right=4)
    for coupon in coupons:
        counts = (coupon.supply, coupon.held, coupon.redeemed)
        table.add_row(coupon.code, *(f"{number:,}" for number in counts), taken_off(coupon))
    return table


def _some(winners: list[Winner]) -> str:
    names = [winner.order_id for winner in winners]
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:3])} ... {names[-1]}"


#: Statuses that orders of presales have, told only where there are some.
_OF_PRESALES = (OrderStatus.DEPOSITED, OrderStatus.DEFAULTED, OrderStatus.CANCELLED)


def _orders(report: Report) -> RenderableType:
    counts = ", ".join(
        f"{number:,} {status}"
        for status, number in report.orders.items()
        if number or status not in _OF_PRESALES
    )
    lines = [
        f"orders: {counts}; payments: {report.payments_declined:,} declined, "
        f"{report.payments_returned:,} returned, {report.refunds_owed:,} refunds owed"
    ]
    first_ms, last_ms = report.first_order_at_ms, report.last_order_at_ms
    if report.started_at_ms is not None and first_ms is not None and last_ms is not None:
        lines.append(
            f"first order {clock(first_ms - report.started_at_ms)} into the show, "
            f"the last {seconds(last_ms - first_ms)} after it"
        )
    return Text("\n".join(lines) + "\n")


def _takings_table(name: str, rows: list[TakingsReport]) -> RenderableType:
    table = _table(name, "units", "gross", "refunded", "net", right=4)
    for row in rows:
        table.add_row(
            row.name or row.currency,
            f"{row.units_sold:,}",
            format_minor(row.gross_minor, row.currency),
            format_minor(row.refunded_minor, row.currency),
            format_minor(row.net_minor, row.currency),
        )
    return table


def _orders_by_channel(report: Report) -> RenderableType | None:
    if not report.orders_by_channel:
        return None
    table = _table("orders by channel", "as they stand", right=0)
    for channel, orders in report.orders_by_channel.items():
        table.add_row(channel, ", ".join(f"{count:,} {status}" for status, count in orders.items()))
    return table


def _deposits(rows: list[TakingsReport]) -> RenderableType:
    lines = [
        f"deposits: {format_minor(row.deposits_minor, row.currency)} received, "
        f"{format_minor(row.deposits_applied_minor, row.currency)} of it in paid orders, "
        f"{format_minor(row.deposits_forfeited_minor, row.currency)} forfeited, "
        f"{format_minor(row.deposits_refunded_minor, row.currency)} refunded\n"
        for row in rows
        if row.deposits_minor
    ]
    return Text("".join(lines))


def _audience(report: Report) -> RenderableType:
    audience, chat, funnel = report.audience, report.chat, report.funnel
    saw = "?" if funnel.saw is None else f"about {funnel.saw:,}"
    lines = [
        f"viewers: {saw} saw, {funnel.cart:,} had one in the cart, "
        f"{funnel.checkout:,} ordered, {funnel.paid:,} paid"
    ]
    if audience is None or chat is None:
        lines.append("the audience was not counted")
    else:
        watched = audience.watched_ms_per_viewer
        lines.append(
            f"at most {audience.peak:,} at once; {audience.joined:,} joins"
            + ("" if watched is None else f"; watched {seconds(watched)} on average")
        )
        lines.append(
            f"chat: {chat.accepted:,} lines, {chat.shown:,} shown, {chat.skipped:,} left out; "
            f"{audience.likes:,} likes"
        )
    return Text("\n" + "\n".join(lines) + "\n")


def _channels(report: Report) -> RenderableType | None:
    if report.audience is None:
        return None
    table = _table("channel", "joins", "watched per join", "orders paid", right=3)
    for channel in report.audience.by_channel:
        watched = channel.watched_ms_per_join
        table.add_row(
            channel.channel,
            f"{channel.joined:,}",
            "" if watched is None else seconds(watched),
            f"{channel.orders_paid:,}",
        )
    return table


def _fairness(report: Report) -> RenderableType | None:
    if report.fairness is None:
        return None
    table = _table("fairness", "attempts", "wins", "rate", "95 %", right=4)
    for chances in (*report.fairness.by_channel, *report.fairness.by_gateway):
        table.add_row(
            chances.name,
            f"{chances.attempts:,}",
            f"{chances.wins:,}",
            percent(chances.rate),
            between(chances),
        )
    return table


def _reconciliation(report: Report) -> RenderableType:
    told = report.reconciliation
    table = _table("adds up", "orders", "books", "payments", "provider", "metrics", "", right=6)
    for line in told.figures:
        table.add_row(
            figure_name(line),
            *(amount(line, value) for value in sources(line).values()),
            "=" if line.agrees else "DIFFERS",
            style="" if line.agrees else "bold red",
        )
    verdict = (
        Text("everything that was compared agrees", style="bold green")
        if told.agrees
        else Text("NOT EVERYTHING AGREES: livestream verify --compare says where", style="bold red")
    )
    missing = [Text(f"not compared: {what}") for what in told.not_compared]
    return Group(Text(), table, verdict, *missing)
