"""Plots: their scales, their ticks, and drawings that hold what they were given."""

import xml.etree.ElementTree as ET
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from livestream.report.figures import Mark
from livestream.report.plots import (
    WIDTH,
    Bar,
    Names,
    bar_plot,
    time_plot,
    time_ticks,
    value_ticks,
)
from livestream.report.words import clock, compact

NAMES = Names("takings", "Takings <b>", "What came in & when.")
SVG = "{http://www.w3.org/2000/svg}"


def drawn(svg: str) -> ET.Element:
    """The drawing, read as XML: what is not well formed does not get so far."""
    return ET.fromstring(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def of_class(drawing: ET.Element, name: str) -> list[ET.Element]:
    return [each for each in drawing.iter() if name in each.get("class", "").split()]


def number(each: ET.Element, name: str) -> float:
    return float(each.attrib[name])


def test_value_ticks_are_round_and_reach_the_top() -> None:
    assert value_ticks(7) == [0, 2, 4, 6, 8]
    assert value_ticks(11_174_400) == [0, 5e6, 10e6, 15e6]
    assert value_ticks(0) == [0, 1]
    assert value_ticks(1) == [0, 1], "nobody is half a viewer"


@given(st.floats(0, 1e15))
def test_any_figure_fits_under_the_last_tick(top: float) -> None:
    ticks = value_ticks(top)
    assert ticks[0] == 0
    assert ticks[-1] >= top * (1 - 1e-9)
    assert 2 <= len(ticks) <= 7


@given(st.integers(1, 10 * 365 * 86_400_000))
def test_time_ticks_are_few_and_even(span_ms: int) -> None:
    ticks = time_ticks(span_ms)
    assert 1 <= len(ticks) <= 10
    assert ticks[0] == 0
    assert len({after - before for before, after in pairwise(ticks)}) <= 1


def test_times_and_values_are_written_as_people_do() -> None:
    assert [clock(ms) for ms in (0, 42_000, 3_847_000, -30_000, -1)] == [
        "0:00",
        "0:42",
        "1:04:07",
        "-0:30",
        "0:00",
    ]
    assert [compact(value) for value in (0, 500, 20_000, 1.5e6, 2e9)] == [
        "0",
        "500",
        "20 k",
        "1.5 M",
        "2 G",
    ]


def test_a_plot_says_what_it_is_to_those_who_do_not_see_it() -> None:
    drawing = drawn(time_plot(NAMES, 5_000, columns=[1]))
    title, description = list(drawing)[:2]
    assert (drawing.get("role"), title.text) == ("img", "Takings <b>")
    assert description.text == "What came in & when."
    assert drawing.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"


def test_columns_are_as_high_as_their_figures() -> None:
    drawing = drawn(time_plot(NAMES, 5_000, columns=[100, 0, 50, 200], unit=100))
    columns = of_class(drawing, "column")
    heights = [number(column, "height") for column in columns]
    assert len(columns) == 3, "nothing is drawn for nothing"
    assert heights[0] == 2 * heights[1]
    assert heights[2] == 2 * heights[0]
    assert columns[0].findtext(f"{SVG}title") == "0:00: 100"
    assert columns[2].findtext(f"{SVG}title") == "0:15: 200"


def test_a_line_has_a_gap_where_nobody_counted() -> None:
    drawing = drawn(time_plot(NAMES, 5_000, line=[1, 2, None, 4, 5, None, 7]))
    assert len(of_class(drawing, "line")) == 2
    assert len(of_class(drawing, "point")) == 1, "a figure by itself is a point"


def test_all_stays_within_the_drawing() -> None:
    marks = [(1, Mark(0, "drop.opened", "x")), (2, Mark(100_000, "room.ended", "y"))]
    drawing = drawn(time_plot(NAMES, 5_000, columns=list(range(20)), marks=marks))
    for each in drawing.iter():
        for name in ("x", "x1", "x2"):
            assert 0 <= float(each.get(name, 0)) <= WIDTH
        assert number(each, "x") + number(each, "width") <= WIDTH if each.get("width") else True


def test_marks_are_numbered_and_neighbours_share_a_flag() -> None:
    marks = [
        (1, Mark(1_000, "room.started", "An evening")),
        (2, Mark(50_000, "card.pushed", "Santos")),
        (3, Mark(50_000, "card.pinned", "Santos")),
        (4, Mark(51_000, "drop.opened", "Santos <script>")),
    ]
    drawing = drawn(time_plot(NAMES, 5_000, columns=[1] * 20, marks=marks, from_ms=1_000))
    assert [flag.text for flag in of_class(drawing, "flag")] == ["1", "2–4"]
    assert len(of_class(drawing, "mark")) == 4
    (drop,) = of_class(drawing, "drop")
    assert drop.findtext(f"{SVG}title") == "4. drop.opened: Santos <script>"


def test_nothing_at_all_is_still_a_drawing() -> None:
    assert of_class(drawn(time_plot(NAMES, 5_000)), "column") == []
    assert of_class(drawn(bar_plot(NAMES, [])), "column") == []


def test_bars_are_as_long_as_their_shares() -> None:
    bars = [Bar("tmall", 1.0, "500"), Bar("wechat & co", 0.5, "250"), Bar("too much", 7.0, "?")]
    drawing = drawn(bar_plot(NAMES, bars))
    long, half, bounded = (number(bar, "width") for bar in of_class(drawing, "column"))
    assert long == 2 * half
    assert bounded == long
    texts = [text.text for text in of_class(drawing, "name")]
    assert texts == ["tmall", "500", "wechat & co", "250", "too much", "?"]


def test_an_interval_lies_over_its_bar() -> None:
    drawing = drawn(bar_plot(NAMES, [Bar("g-1", 0.5, "50 %", (0.4, 0.6)), Bar("g-2", 0.1, "?")]))
    assert len(of_class(drawing, "interval")) == 1


def test_a_long_name_is_cut_where_it_would_leave_the_drawing() -> None:
    drawing = drawn(bar_plot(NAMES, [Bar("n" * 64, 1, "1")]))
    assert of_class(drawing, "name")[0].text == "n" * 23 + "…"
