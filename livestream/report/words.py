"""Figures as people read them, the same on a terminal, on a page and in a plot.

Owns their spelling. Refuses to know where they stand.
"""

from __future__ import annotations

from datetime import UTC, datetime

from cart.money import format_minor
from livestream.report.figures import Chances, Comparison, CouponReport


def day(at_ms: int) -> str:
    """A moment, in UTC to the second: `2023-11-14 22:13:20 UTC`."""
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def seconds(ms: int) -> str:
    """A span as people say it: `42.0 s`, `2 min 8.0 s`, `1 h 2 min 8.0 s`."""
    minutes, rest = divmod(ms / 1_000, 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours:.0f} h"] if hours else []
    parts += [f"{minutes:.0f} min"] if hours or minutes else []
    return " ".join([*parts, f"{rest:.1f} s"])


def span(ms: int | None) -> str:
    """A span, or a dash for what did not happen."""
    return "–" if ms is None else seconds(ms)


def count(value: int | None) -> str:
    """A count, or a dash for what nobody counted."""
    return "–" if value is None else f"{value:,}"


def clock(ms: int) -> str:
    """A time since the start of the show: `0:42`, `1:04:07`; `-0:30` before it."""
    minutes, rest = divmod(abs(ms) // 1_000, 60)
    hours, minutes = divmod(minutes, 60)
    told = f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
    return f"-{told}" if ms <= -1_000 else told


def compact(value: float) -> str:
    """A round number at an axis: `0`, `500`, `20 k`, `1.5 M`."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if unit == 'k' else size):g} {unit}"
    return f"{value:g}"


def percent(rate: float) -> str:
    """`0.1234` as `12.3 %`."""
    return f"{rate:.1%}".replace("%", " %")


def between(chances: Chances) -> str:
    """The interval of a rate."""
    return f"{percent(chances.low)} to {percent(chances.high)}"


def figure_name(line: Comparison) -> str:
    """`GMV gross, CNY`, `deposits kept, CNY` or `orders paid`."""
    if line.currency is None:
        return line.figure
    name = "deposits kept" if line.figure == "deposits" else f"GMV {line.figure}"
    return f"{name}, {line.currency}"


def sources(line: Comparison) -> dict[str, int | None]:
    """The figure as each source has it, in the order of the columns."""
    return {
        "orders": line.orders,
        "books": line.books,
        "payments": line.payments,
        "provider": line.provider,
        "metrics": line.metrics,
    }


def taken_off(coupon: CouponReport) -> str:
    """What a coupon took off, by currency; a dash for nothing."""
    sums = coupon.discount_minor.items()
    return ", ".join(format_minor(minor, currency) for currency, minor in sums) or "–"


def amount(line: Comparison, value: int | None) -> str:
    """A figure of a comparison, whose name says the currency; nothing where the source knows
    none.
    """
    if value is None:
        return ""
    if line.currency is None:
        return f"{value:,}"
    return format_minor(value, line.currency).removeprefix(f"{line.currency} ")
