"""Plots as SVG, drawn by plain functions from figures to markup.

    time_plot   columns or a line over the run of the show, with what happened marked on it
    bar_plot    a bar for each name, with an interval where there is one

Owns scales, ticks and marks. Colours are the style sheet's (report.css), so that one drawing serves
on light, on dark and on paper; nothing is told by colour alone. Every plot has a title and a
description, and stands beside a table of its figures. Refuses to know what they mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from livestream.report.figures import Mark
from livestream.report.markup import Markup, element, join
from livestream.report.words import clock, compact

WIDTH: Final = 960
_LEFT, _RIGHT = 76, 18
_TOP, _BOTTOM = 40, 30
_HEIGHT: Final = 250

_BAR_HEIGHT, _BAR_GAP = 22, 10
_BAR_LEFT, _BAR_RIGHT = 200, 150
#: Flags nearer to each other than this share one.
_FLAG_PX: Final = 26

_TIME_STEPS_S: Final = (
    *(5, 10, 15, 30),
    *(60 * minutes for minutes in (1, 2, 5, 10, 15, 30)),
    *(3_600 * hours for hours in (1, 2, 3, 6, 12, 24)),
)


class Names(NamedTuple):
    """What a plot is called: its id in the document, its title, and what it shows in words."""

    plot_id: str
    title: str
    description: str


class Bar(NamedTuple):
    """One bar: how far it goes, 0...1, and what stands at its end. An interval may lie over it."""

    name: str
    share: float
    text: str
    interval: tuple[float, float] | None = None


# -- over time ---------------------------------------------------------------------------------


def time_plot(
    names: Names,
    step_ms: int,
    columns: Sequence[int] = (),
    line: Sequence[int | None] = (),
    *,
    unit: float = 1,
    tell: Callable[[int], str] = lambda value: f"{value:,}",
    marks: Sequence[tuple[int, Mark]] = (),
    from_ms: int = 0,
) -> Markup:
    """Figures of the steps of a show, as columns, as a line with gaps where nothing is known, or
    both. `unit` is how many of the figures make one at the axis (100 fen), `tell` says one exactly.
    `marks` come with their numbers.
    """
    steps = max(len(columns), len(line), 1)
    figures = [value for value in (*columns, *line) if value is not None]
    ticks = value_ticks(max(figures, default=0) / unit)
    top = ticks[-1] * unit

    def x(ms: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * ms / (steps * step_ms)

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * value / top

    return _drawing(
        names,
        _HEIGHT,
        _value_axis(ticks, lambda tick: y(tick * unit)),
        _time_axis(steps * step_ms, x),
        _columns(columns, step_ms, x, y, tell),
        _line(line, step_ms, x, y),
        _flags([(number, mark, x(mark.at_ms - from_ms)) for number, mark in marks]),
    )


def _value_axis(ticks: Sequence[float], y: Callable[[float], float]) -> Markup:
    return join(
        join(
            (
                element("line", class_="grid", x1=_LEFT, x2=WIDTH - _RIGHT, y1=y(tick), y2=y(tick)),
                element("text", compact(tick), class_="tick end", x=_LEFT - 8, y=y(tick) + 4),
            )
        )
        for tick in ticks
    )


def _time_axis(span_ms: int, x: Callable[[float], float]) -> Markup:
    base = _HEIGHT - _BOTTOM
    return join(
        join(
            (
                element("line", class_="axis", x1=x(tick), x2=x(tick), y1=base, y2=base + 5),
                element("text", clock(tick), class_="tick middle", x=x(tick), y=base + 20),
            )
        )
        for tick in time_ticks(span_ms)
    )


def _columns(
    values: Sequence[int],
    step_ms: int,
    x: Callable[[float], float],
    y: Callable[[float], float],
    tell: Callable[[int], str],
) -> Markup:
    width = max(1.0, (x(step_ms) - x(0)) * 0.84)
    return join(
        element(
            "rect",
            element("title", f"{clock(step * step_ms)}: {tell(value)}"),
            class_="column",
            x=x((step + 0.08) * step_ms),
            y=y(value),
            width=width,
            height=max(1.0, y(0) - y(value)),
        )
        for step, value in enumerate(values)
        if value
    )


def _line(
    values: Sequence[int | None],
    step_ms: int,
    x: Callable[[float], float],
    y: Callable[[float], float],
) -> Markup:
    """A point in the middle of each step; a gap where a step has no figure."""
    runs: list[list[tuple[float, float]]] = [[]]
    for step, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((x((step + 0.5) * step_ms), y(value)))
    return join(_run(points, y(0)) for points in runs if points)


def _run(points: Sequence[tuple[float, float]], base: float) -> Markup:
    if len(points) == 1:
        ((px, py),) = points
        return element("circle", class_="point", cx=px, cy=py, r=3)
    path = " L".join(f"{px:.1f} {py:.1f}" for px, py in points)
    area = f"M{points[0][0]:.1f} {base:.1f} L{path} L{points[-1][0]:.1f} {base:.1f} Z"
    return join(
        (element("path", class_="area", d=area), element("path", class_="line", d=f"M{path}"))
    )


def _flags(marks: Sequence[tuple[int, Mark, float]]) -> Markup:
    """A line for each mark, drops whole and the rest dotted, and above it its number in the list of
    what happened; neighbours share a flag.
    """
    lines = [
        element(
            "line",
            element("title", f"{number}. {mark.kind}: {mark.title}"),
            class_="mark drop" if mark.kind.startswith("drop.") else "mark",
            x1=px,
            x2=px,
            y1=_TOP - 12,
            y2=_HEIGHT - _BOTTOM,
        )
        for number, mark, px in marks
    ]
    flags: list[tuple[int, int, float]] = []  # first and last number, place
    for number, _, px in marks:
        if flags and px - flags[-1][2] < _FLAG_PX:
            flags[-1] = (flags[-1][0], number, flags[-1][2])
        else:
            flags.append((number, number, px))
    texts = [
        element(
            "text",
            str(first) if first == last else f"{first}–{last}",
            class_="flag middle",
            x=px,
            y=_TOP - 18,
        )
        for first, last, px in flags
    ]
    return join([*lines, *texts])


# -- by name -----------------------------------------------------------------------------------


def bar_plot(names: Names, bars: Sequence[Bar]) -> Markup:
    """A bar for each, as long as its share; names on the left, figures at the end."""
    room = WIDTH - _BAR_LEFT - _BAR_RIGHT
    rows = []
    for index, bar in enumerate(bars):
        top = index * (_BAR_HEIGHT + _BAR_GAP)
        middle = top + _BAR_HEIGHT / 2
        width = room * min(1.0, max(0.0, bar.share))
        end = width if bar.interval is None else room * bar.interval[1]
        rows += [
            element("text", _shorter(bar.name), class_="name end", x=_BAR_LEFT - 10, y=middle + 5),
            element("rect", class_="bed", x=_BAR_LEFT, y=top, width=room, height=_BAR_HEIGHT),
            element("rect", class_="column", x=_BAR_LEFT, y=top, width=width, height=_BAR_HEIGHT),
        ]
        if bar.interval is not None:
            low, high = (_BAR_LEFT + room * bound for bound in bar.interval)
            path = (
                f"M{low:.1f} {middle - 6:.1f} v12 M{low:.1f} {middle:.1f} H{high:.1f} "
                f"M{high:.1f} {middle - 6:.1f} v12"
            )
            rows.append(element("path", class_="interval", d=path))
        rows.append(
            element(
                "text", bar.text, class_="name", x=_BAR_LEFT + max(end, width) + 8, y=middle + 5
            )
        )
    height = max(1, len(bars)) * (_BAR_HEIGHT + _BAR_GAP) - _BAR_GAP
    return _drawing(names, height, *rows)


# -- what all plots share ----------------------------------------------------------------------


def _drawing(names: Names, height: int, *parts: Markup) -> Markup:
    title_id, description_id = f"{names.plot_id}-title", f"{names.plot_id}-about"
    return element(
        "svg",
        element("title", names.title, id=title_id),
        element("desc", names.description, id=description_id),
        *parts,
        class_="plot",
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
        aria_labelledby=f"{title_id} {description_id}",
    )


def value_ticks(top: float, wanted: int = 4) -> list[float]:
    """Round numbers from 0 to `top` or a little above, some `wanted` of them: steps of 1, 2 or 5
    times a power of ten; of at least 1, as all figures are whole.
    """
    rough = max(1.0, top / wanted)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [step * index for index in range(max(1, math.ceil(top / step)) + 1)]


def time_ticks(span_ms: int, most: int = 9) -> list[int]:
    """Times since the start, in ms, of the finest step that gives no more than `most` of them."""
    whole_days_s = 86_400 * -(-span_ms // (86_400_000 * most))
    step_s = next((step for step in _TIME_STEPS_S if span_ms <= step * 1_000 * most), whole_days_s)
    return list(range(0, span_ms + 1, step_s * 1_000))


def _shorter(name: str, characters_max: int = 24) -> str:
    return name if len(name) <= characters_max else f"{name[: characters_max - 1]}…"
