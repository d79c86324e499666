"""What every section of the page is made of: headings, tables, figures, folds.

Owns their markup, and that each can be reached and understood without seeing or pointing. Refuses
to know what they are about.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from livestream.report.markup import Child, Markup, element

Row = Sequence[str]


def section(section_id: str, title: str, *parts: Child) -> Markup:
    """A part of the page under a heading."""
    heading_id = f"{section_id}-heading"
    heading = element("h2", title, id=heading_id)
    return element("section", heading, *parts, id=section_id, aria_labelledby=heading_id)


def note(text: str) -> Markup:
    """A quiet sentence below what it is about."""
    return element("p", text, class_="quiet")


def table(caption: str, columns: Row, rows: Iterable[Row], *, words: int = 1) -> Markup:
    """A table whose first `words` columns are words and the rest figures. It scrolls by itself when
    the page is too narrow for it.
    """

    def kind(index: int) -> str | None:
        return None if index < words else "number"

    def cell(index: int, text: str) -> Markup:
        if index == 0:
            return element("th", text, scope="row")
        return element("td", text, class_=kind(index))

    head = [element("th", name, scope="col", class_=kind(i)) for i, name in enumerate(columns)]
    body = [element("tr", *(cell(i, text) for i, text in enumerate(row))) for row in rows]
    whole = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *head)),
        element("tbody", *body),
    )
    return element("div", whole, class_="scroll", tabindex=0, role="region", aria_label=caption)


def folded(summary: str, *parts: Child) -> Markup:
    """What only some want to read; it opens with a click or a key."""
    return element("details", element("summary", summary), *parts)


def figure(caption: str, plot: Markup) -> Markup:
    """A plot under its caption. On a narrow page it keeps its size and scrolls."""
    inner = element("div", plot, class_="scroll", tabindex=0, role="region", aria_label=caption)
    return element("figure", element("figcaption", caption), inner)


def tiles(figures: Iterable[tuple[str, str, str]]) -> Markup:
    """Name, figure and a word about it, for each of the few that people ask for first."""
    return element(
        "dl",
        *(
            element(
                "div",
                element("dt", name),
                element("dd", value, class_="value"),
                element("dd", about, class_="quiet"),
            )
            for name, value, about in figures
        ),
        class_="tiles",
    )
