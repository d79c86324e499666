"""Lines over a common axis, as SVG, in the hand of the report's own plots.

Owns scales and marks; colours are the report's style sheet's. Lines are told apart by their dashes,
which the names at their ends show again, not by colour. Refuses to know what the figures mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from livestream.report.markup import Markup, element
from livestream.report.plots import value_ticks
from livestream.report.words import compact

WIDTH: Final = 960
HEIGHT: Final = 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 150, 30, 46
_DASHES: Final = (None, "7 4", "2 4", "10 3 2 3", "1 2")
_NAME_PX: Final = 16
_LETTER_PX: Final = 6.5


class Line(NamedTuple):
    """A name and its points, in the order of x."""

    name: str
    points: Sequence[tuple[float, float]]


class Axis(NamedTuple):
    """What is along an axis. `log`: equal steps are equal factors."""

    label: str
    tell: Callable[[float], str] = compact
    log: bool = False


def line_plot(
    plot_id: str,
    title: str,
    x_axis: Axis,
    y_axis: Axis,
    lines: Sequence[Line],
    marks: Sequence[tuple[float, str]] = (),
) -> Markup:
    """The plot; `marks` are places on the x axis with a word for each."""
    xs = [x for line in lines for x, _ in line.points]
    ys = [y for line in lines for _, y in line.points]
    y_ticks = value_ticks(max(ys, default=1) or 1)
    low, high = (min(xs, default=1), max(xs, default=2)) if x_axis.log else (0, max(xs, default=1))
    x_ticks = sorted(set(xs)) if x_axis.log else value_ticks(high, 8)
    scale = math.log if x_axis.log else float
    reach = (scale(max(high, x_ticks[-1])) - scale(low)) or 1

    def x(value: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * (scale(value) - scale(low)) / reach

    def y(value: float) -> float:
        return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * value / y_ticks[-1]

    base = HEIGHT - _BOTTOM
    parts = [_text(y_axis.label, "tick", 0, 14), _text(x_axis.label, "tick end", WIDTH, base + 38)]
    for tick in y_ticks:
        parts += [_rule("grid", _LEFT, WIDTH - _RIGHT, y(tick), y(tick))]
        parts += [_text(y_axis.tell(tick), "tick end", _LEFT - 8, y(tick) + 4)]
    for tick in x_ticks:
        parts += [_rule("axis", x(tick), x(tick), base, base + 5)]
        parts += [_text(x_axis.tell(tick), "tick middle", x(tick), base + 20)]
    for number, (place, word) in enumerate(marks):
        parts += [_rule("mark", x(place), x(place), _TOP - 8, base)]
        next_px = x(marks[number + 1][0]) if number + 1 < len(marks) else math.inf
        if x(place) + len(word) * _LETTER_PX < next_px:  # else the word is left out
            parts += [_text(word, "flag", x(place) + 3, _TOP - 10)]
    parts += _drawn(lines, x, y)
    return element(
        "svg",
        element("title", title, id=f"{plot_id}-title"),
        *parts,
        class_="plot",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_labelledby=f"{plot_id}-title",
    )


def _drawn(
    lines: Sequence[Line], x: Callable[[float], float], y: Callable[[float], float]
) -> list[Markup]:
    parts: list[Markup] = []
    names: list[tuple[float, str, str | None]] = []
    for number, line in enumerate(lines):
        if not line.points:
            continue
        path = " L".join(f"{x(px):.1f} {y(py):.1f}" for px, py in line.points)
        dash = _DASHES[number % len(_DASHES)]
        parts.append(element("path", class_="line", d=f"M{path}", stroke_dasharray=dash))
        if len(line.points) <= 12:
            parts += [
                element("circle", class_="point", cx=x(px), cy=y(py), r=3) for px, py in line.points
            ]
        names.append((y(line.points[-1][1]), line.name, dash))
    below, start = -math.inf, WIDTH - _RIGHT + 8  # names of one place stand under each other
    for place, name, dash in sorted(names, key=lambda each: each[0]):
        below = max(place, below + _NAME_PX)
        sample = f"M{start} {below:.1f} h24"
        parts.append(element("path", class_="line", d=sample, stroke_dasharray=dash))
        parts.append(_text(name, "name", start + 30, below + 4))
    return parts


def _rule(kind: str, x1: float, x2: float, y1: float, y2: float) -> Markup:
    return element("line", class_=kind, x1=x1, x2=x2, y1=y1, y2=y2)


def _text(words: str, kind: str, x: float, y: float) -> Markup:
    return element("text", words, class_=kind, x=x, y=y)
