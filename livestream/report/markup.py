"""Elements of HTML and SVG as values that are safe by the way they are made.

    element("p", "a < b", class_="quiet")  ->  <p class="quiet">a &lt; b</p>

Whatever is not Markup is text and is escaped; only `element` and `join` make Markup, so that nobody
can forget to escape. Owns that. Refuses to know what a document means.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

#: Elements that have no content and no end tag in HTML.
_VOID = frozenset({"br", "col", "hr", "link", "meta"})

Attribute = str | int | float | None


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


#: What may stand in an element: None stands for nothing.
Child = str | Markup | None


def element(name: str, /, *children: Child, **attributes: Attribute) -> Markup:
    """An element. `class_` is `class`, `stroke_width` is `stroke-width`; None leaves one out.
    Numbers are written short, to a hundredth.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_short(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def join(children: Iterable[Child]) -> Markup:
    """Children one after the other."""
    return Markup(
        "".join(
            child if isinstance(child, Markup) else escape(child)
            for child in children
            if child is not None
        )
    )


def _short(value: str | int | float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
