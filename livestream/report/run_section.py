"""The run of the show on the page: what came in, who watched and what was said, step by step, with
cards and drops marked.

Owns this section. Refuses to compute figures and to draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from cart.money import MINOR_DIGITS, format_minor
from livestream.report.figures import Mark, Report, Timeline
from livestream.report.markup import Markup
from livestream.report.pieces import figure, folded, note, section, table
from livestream.report.plots import Names, time_plot
from livestream.report.words import clock, count

#: Marks drawn in a plot; more would be a hatching. The list below the plots has all.
MARKS_DRAWN_MAX: Final = 60

#: Marks with their numbers in the list.
Numbered = Sequence[tuple[int, Mark]]

_HAPPENED: Final = {
    "epoch.started": "another engine took over",
    "room.started": "the show began",
    "room.ended": "the show ended",
    "card.pushed": "card on screen",
    "card.pinned": "card pinned",
    "drop.opened": "drop opened",
    "drop.paused": "drop paused",
    "drop.restocked": "drop restocked",
    "drop.sold_out": "drop sold out",
    "drop.closed": "drop closed",
}


def run_section(report: Report) -> Markup | None:
    """Takings, viewers and chat over time; None for a show that has not begun."""
    timeline = report.timeline
    if timeline is None:
        return None
    marks = list(enumerate(report.marks, 1))
    left_out = report.marks_left_out
    return section(
        "run",
        "The run of the show",
        *_plots(timeline, marks),
        _marks_table(marks, timeline.from_ms),
        note(f"{left_out:,} later ones are left out.") if left_out else None,
        folded(f"Every {_step_name(timeline)} in figures", _steps_table(timeline)),
    )


def _plots(timeline: Timeline, marks: Numbered) -> list[Markup]:
    until_ms = timeline.from_ms + timeline.steps * timeline.step_ms
    within = [mark for mark in marks if timeline.from_ms <= mark[1].at_ms <= until_ms]
    draw = partial(
        time_plot,
        step_ms=timeline.step_ms,
        marks=within[:MARKS_DRAWN_MAX],
        from_ms=timeline.from_ms,
    )
    step = _step_name(timeline)
    plots = []
    for currency, values in timeline.gross_minor.items():
        about = "Gross merchandise value of the orders paid in each step since the start."
        names = Names(f"gmv-{currency}", f"GMV per {step}, {currency}", about)
        unit, tell = 10 ** MINOR_DIGITS[currency], partial(format_minor, currency=currency)
        plots.append(figure(names.title, draw(names, columns=values, unit=unit, tell=tell)))
    if timeline.viewers:
        about = "The most viewers at once in each step since the start."
        names = Names("viewers", "Viewers at once", about)
        plots.append(figure(names.title, draw(names, line=timeline.viewers)))
        about = "Lines of chat that viewers sent in each step since the start."
        names = Names("chat", f"Lines of chat per {step}", about)
        plots.append(figure(names.title, draw(names, columns=timeline.chat)))
    return plots


def _step_name(timeline: Timeline) -> str:
    minutes, rest = divmod(timeline.step_ms // 1_000, 60)
    if rest:
        return f"{rest} s"
    return "minute" if minutes == 1 else f"{minutes} minutes"


def _marks_table(marks: Numbered, from_ms: int) -> Markup:
    rows = [
        (str(number), clock(mark.at_ms - from_ms), _HAPPENED.get(mark.kind, mark.kind), mark.title)
        for number, mark in marks
    ]
    return table("What happened", ("No.", "Time", "What", "About"), rows, words=4)


def _steps_table(timeline: Timeline) -> Markup:
    columns: dict[str, Sequence[str]] = {
        "Time": [clock(step * timeline.step_ms) for step in range(timeline.steps)]
    }
    for currency, values in timeline.gross_minor.items():
        columns[f"GMV, {currency}"] = [format_minor(value, currency) for value in values]
    counted: dict[str, Sequence[int | None]] = {
        "Orders paid": timeline.orders_paid,
        "Viewers": timeline.viewers,
        "Joins": timeline.joined,
        "Attempts": timeline.attempts,
        "Chat": timeline.chat,
        "Likes": timeline.likes,
    }
    columns |= {name: [count(n) for n in values] for name, values in counted.items() if values}
    rows = zip(*columns.values(), strict=True)
    return table(f"Every {_step_name(timeline)}", list(columns), rows)
