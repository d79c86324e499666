"""The sections of the page, one function for each, in the order in which people ask.

Owns words, tables and which plot says what. Refuses to compute figures and to draw.
"""

from __future__ import annotations

from typing import Final

from cart.money import format_minor
from livestream.report.figures import (
    UNIQUE_ERROR,
    Chances,
    PerkReport,
    Report,
    TakingsReport,
)
from livestream.report.markup import Markup, element
from livestream.report.pieces import Row, figure, folded, note, section, table, tiles
from livestream.report.plots import Bar, Names, bar_plot
from livestream.report.run_section import run_section
from livestream.report.words import (
    amount,
    between,
    clock,
    count,
    day,
    figure_name,
    percent,
    seconds,
    sources,
    span,
    taken_off,
)

#: Winners of a perk, coupons and gateways that are listed here; the CSV has all.
LISTED_MAX: Final = 100


def sections_of(report: Report) -> list[Markup]:
    """The page from top to bottom; what was not recorded has no section."""
    parts = (
        _head(report),
        _first_figures(report),
        run_section(report),
        _drops(report),
        _coupons(report),
        _funnel(report),
        _audience(report),
        _fairness(report),
        _takings(report),
        _orders(report),
        _reconciliation(report),
        _about(report),
    )
    return [part for part in parts if part is not None]


def _head(report: Report) -> Markup:
    when = [report.room, report.status]
    if report.started_at_ms is not None:
        when.append(day(report.started_at_ms))
    if report.duration_ms is not None:
        when.append(seconds(report.duration_ms))
    below = element("p", " · ".join(when), class_="quiet")
    return element("header", element("h1", report.name), below)


def _first_figures(report: Report) -> Markup:
    told = [
        (f"GMV net, {row.currency}", format_minor(row.net_minor, row.currency), _of_gross(row))
        for row in report.gmv
    ]
    paid = report.orders["paid"] + report.orders["refunded"]
    told.append(("Orders paid", f"{paid:,}", f"of {sum(report.orders.values()):,} placed"))
    told += [
        ("Sold out after", seconds(drop.sold_out_after_ms), drop.title)
        for drop in report.drops
        if drop.sold_out_after_ms is not None
    ][:1]
    if report.audience is not None:
        watched = report.audience.watched_ms_per_viewer
        told += [
            ("Peak viewers", f"{report.audience.peak:,}", "at once (PCU)"),
            ("Unique viewers", f"{report.audience.unique:,}", f"± {UNIQUE_ERROR}"),
            ("Watch time", span(watched), "a viewer, on average"),
        ]
    agrees = report.reconciliation.agrees
    told.append(("Adds up", "yes" if agrees else "NO", "orders = books = payments = metrics"))
    return tiles(told)


def _of_gross(row: TakingsReport) -> str:
    if not row.refunded_minor:
        return f"{row.units_sold:,} units, nothing refunded"
    return f"gross {format_minor(row.gross_minor, row.currency)}"


# -- what was sold -----------------------------------------------------------------------------


def _drops(report: Report) -> Markup | None:
    if not report.drops:
        return None
    columns = (
        *("Drop", "Price", "Supply", "Sold", "Withdrawn", "Holds", "Expired"),
        *("All held after", "Sold out after", "Status"),
    )
    rows = [
        (
            drop.title,
            format_minor(drop.price_minor, drop.currency),
            *(f"{n:,}" for n in (drop.supply, drop.sold, drop.withdrawn)),
            f"{drop.holds_placed:,}",
            f"{drop.holds_expired:,}",
            span(drop.all_held_after_ms),
            span(drop.sold_out_after_ms),
            drop.status,
        )
        for drop in report.drops
    ]
    perks = [_perk(drop.title, perk) for drop in report.drops for perk in drop.perks]
    perks += [_perk("the room", perk) for perk in report.perks]
    return section("drops", "Drops and perks", table("Drops", columns, rows), *perks)


def _coupons(report: Report) -> Markup | None:
    if not report.coupons:
        return None
    rows = [
        (one.code, f"{one.supply:,}", f"{one.held:,}", f"{one.redeemed:,}", taken_off(one))
        for one in report.coupons[:LISTED_MAX]
    ]
    columns = ("Coupon", "Supply", "Held", "Redeemed", "Taken off paid orders")
    told = "GMV is what is left after a coupon; a refund does not give its redemption back."
    below = note(told + _cut(len(report.coupons)))
    return section("coupons", "Coupons", table("Coupons", columns, rows), below)


def _cut(of: int) -> str:
    """That not all of so many are listed, if so it is."""
    return f" The first {LISTED_MAX} are listed; the CSV has all." if of > LISTED_MAX else ""


def _perk(of: str, perk: PerkReport) -> Markup:
    won = len(perk.winners)
    policy = "stays with" if perk.on_refund == "stay" else "passes on from"
    rows = [(str(one.rank), one.order_id, one.viewer) for one in perk.winners[:LISTED_MAX]]
    return element(
        "div",
        element("h3", f"{perk.name}: {won:,} of the first {perk.first_n:,} of {of}"),
        note(f"A rank {policy} an order that is refunded.{_cut(won)}"),
        folded("The winners", table(perk.name, ("Rank", "Order", "Viewer"), rows, words=3)),
    )


def _funnel(report: Report) -> Markup:
    funnel = report.funnel
    steps = [
        ("Saw", funnel.saw),
        ("Cart", funnel.cart),
        ("Checkout", funnel.checkout),
        ("Paid", funnel.paid),
    ]
    known = [(name, number) for name, number in steps if number is not None]
    most = max((number for _, number in known), default=0)
    bars = [Bar(name, number / most if most else 0, f"{number:,}") for name, number in known]
    rows = []
    before: int | None = None
    for name, number in steps:
        rate = percent(number / before) if number is not None and before else "–"
        rows.append((name, count(number), rate))
        before = number
    about = "Different viewers who saw the show, had a unit in the cart, ordered, and paid."
    saw = (
        f"Saw: different viewers with a ticket, an estimate with a standard error of "
        f"{UNIQUE_ERROR} (HyperLogLog). The other steps are exact."
        if funnel.saw is not None
        else "Nobody counted who saw the show."
    )
    return section(
        "funnel",
        "From seeing to paying",
        figure("Different viewers", bar_plot(Names("funnel-plot", "Funnel", about), bars)),
        table("Different viewers", ("Step", "Viewers", "Of the step before"), rows),
        note(saw),
    )


def _takings(report: Report) -> Markup | None:
    if not report.gmv:
        return None
    columns = ("Of", "Units sold", "Units refunded", "Gross", "Refunded", "Net")

    def rows(takings: list[TakingsReport]) -> list[Row]:
        return [
            (
                row.name or row.currency,
                f"{row.units_sold:,}",
                f"{row.units_refunded:,}",
                format_minor(row.gross_minor, row.currency),
                format_minor(row.refunded_minor, row.currency),
                format_minor(row.net_minor, row.currency),
            )
            for row in takings
        ]

    return section(
        "takings",
        "Takings",
        table("In all", columns, rows(report.gmv)),
        table("By product", columns, rows(report.by_product)),
        table("By channel", columns, rows(report.by_channel)),
        table("Orders by channel", ("Channel", "Orders as they stand"), _orders_of(report)),
        *_deposits(report.gmv),
    )


def _orders_of(report: Report) -> list[Row]:
    return [
        (channel, ", ".join(f"{count:,} {status}" for status, count in orders.items()))
        for channel, orders in report.orders_by_channel.items()
    ]


def _deposits(takings: list[TakingsReport]) -> list[Markup]:
    """What became of the deposits of presales, where there were any."""
    columns = ("Deposits", "Received", "In paid orders", "Forfeited", "Refunded")
    rows = [
        (
            row.currency,
            format_minor(row.deposits_minor, row.currency),
            format_minor(row.deposits_applied_minor, row.currency),
            format_minor(row.deposits_forfeited_minor, row.currency),
            format_minor(row.deposits_refunded_minor, row.currency),
        )
        for row in takings
        if row.deposits_minor
    ]
    return [table("Deposits", columns, rows)] if rows else []


def _orders(report: Report) -> Markup:
    first_paid, last_paid = report.first_paid_at_ms, report.last_paid_at_ms
    told = [
        *((f"Orders {status} now", f"{n:,}") for status, n in report.orders.items()),
        ("First order", _since_start(report, report.first_order_at_ms)),
        ("Last order", _since_start(report, report.last_order_at_ms)),
        ("First paid", _since_start(report, first_paid)),
        ("Last paid", _since_start(report, last_paid)),
        (
            "From the first to the last paid",
            span(None if first_paid is None or last_paid is None else last_paid - first_paid),
        ),
        *((f"Payments {status} now", f"{n:,}") for status, n in report.payments.items()),
        ("Payments ever declined", f"{report.payments_declined:,}"),
        ("Payments returned: they paid nothing", f"{report.payments_returned:,}"),
        ("Refunds that the provider has yet to confirm", f"{report.refunds_owed:,}"),
    ]
    return section(
        "orders", "Orders, payments, refunds", table("Counted", ("What", "Figure"), told)
    )


def _since_start(report: Report, at_ms: int | None) -> str:
    if at_ms is None or report.started_at_ms is None:
        return "–"
    return clock(at_ms - report.started_at_ms)


# -- who came ----------------------------------------------------------------------------------


def _audience(report: Report) -> Markup:
    audience, chat = report.audience, report.chat
    if audience is None or chat is None:
        return section("audience", "Audience", note("Nobody counted the audience of this room."))
    most = max((channel.joined for channel in audience.by_channel), default=0)
    bars = [
        Bar(one.channel, one.joined / most if most else 0, f"{one.joined:,}")
        for one in audience.by_channel
    ]
    told = [
        ("Most viewers at once (PCU)", f"{audience.peak:,}"),
        ("Unique viewers", f"about {audience.unique:,}"),
        ("Joins, returns included", f"{audience.joined:,}"),
        ("of them guests", f"{audience.guests_joined:,}"),
        ("Average watch time of a viewer", span(audience.watched_ms_per_viewer)),
        ("Likes", f"{audience.likes:,}"),
        ("Chat lines sent", f"{chat.accepted:,}"),
        ("shown", f"{chat.shown:,}"),
        ("left out, too many to read", f"{chat.skipped:,}"),
    ]
    rows = [
        (
            one.channel,
            f"{one.joined:,}",
            span(one.watched_ms_per_join),
            f"{one.orders_paid:,}",
        )
        for one in audience.by_channel
    ]
    about = "Connections to the room by the channel that the ticket names."
    return section(
        "audience",
        "Audience and chat",
        table("Counted", ("What", "Figure"), told),
        figure("Joins by channel", bar_plot(Names("joins", "Joins by channel", about), bars)),
        table("By channel", ("Channel", "Joins", "Watched per join", "Orders paid"), rows),
        note(
            "Unique viewers are an estimate with a standard error of "
            f"{UNIQUE_ERROR}; average watch time is the time watched by viewers with a "
            "ticket, divided by them."
        ),
    )


def _fairness(report: Report) -> Markup | None:
    fairness = report.fairness
    if fairness is None:
        return None
    gateways = fairness.by_gateway[:LISTED_MAX]
    return section(
        "fairness",
        "Fairness",
        _chances("Attempts that won, by channel", "chances-channel", fairness.by_channel),
        _chances("Attempts that won, by gateway", "chances-gateway", gateways),
        note(
            "An attempt is a request for a unit that was answered, a win is a unit in the cart. "
            "The whiskers hold the true rate 19 times of 20 (Wilson); where they overlap, chance "
            "may explain the difference. Latecomers to a drop that is gone lose wherever they ask, "
            "so that a gateway which got them late shows a lower rate."
        ),
    )


def _chances(caption: str, plot_id: str, chances: list[Chances]) -> Markup:
    bars = [Bar(one.name, one.rate, percent(one.rate), (one.low, one.high)) for one in chances]
    about = "The share of attempts to get a unit that were won, with 95 % intervals."
    rows = [
        (one.name, f"{one.attempts:,}", f"{one.wins:,}", percent(one.rate), between(one))
        for one in chances
    ]
    plot = figure(caption, bar_plot(Names(plot_id, caption, about), bars))
    columns = ("Name", "Attempts", "Wins", "Rate", "95 % interval")
    return element("div", plot, table(caption, columns, rows))


# -- whether it adds up ------------------------------------------------------------------------


def _reconciliation(report: Report) -> Markup:
    told = report.reconciliation
    rows = [
        (
            figure_name(line),
            *(amount(line, value) or "–" for value in sources(line).values()),
            "equal" if line.agrees else "DIFFERS",
        )
        for line in told.figures
    ]
    verdict = (
        "Everything that was compared agrees."
        if told.agrees
        else "NOT EVERYTHING AGREES. `livestream verify --compare` says where it stops."
    )
    columns = ("Figure", "Orders", "Books", "Payments", "Provider", "Metrics", "")
    return section(
        "reconciliation",
        "Whether it adds up",
        element("p", verdict, class_="verdict" if told.agrees else "verdict bad"),
        table("Orders = books = payments = provider = metrics", columns, rows),
        note(
            "Orders and payments are added up one by one, books are the engine's running sums, "
            "the provider's figures are its own account, and metrics are what Prometheus is given."
        ),
        element("p", "Not compared:"),
        element("ul", *(element("li", what) for what in told.not_compared)),
    )


def _about(report: Report) -> Markup:
    engines = "one engine" if report.epochs == 1 else f"{report.epochs:,} engines one after another"
    return element(
        "footer",
        note(
            f"Made from the log of room {report.room} up to seq {report.seq:,}, written by "
            f"{engines}. Money is exact, in minor units; times are since the start of the show."
        ),
    )
