"""The picture of how the counter grows: what a decision costs, by the carts in the room, as SVG.

Owns what is drawn. Refuses to know how figures are measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadtest.picture import picture as picture_of
from loadtest.plots import Axis, Line, line_plot


def picture(document: Mapping[str, Any]) -> str:
    """The document of a run, drawn."""
    sizes, machine = document["sizes"], document["machine"]
    cost = Line("engine CPU", [(size["carts"], size["engine_us"]) for size in sizes])
    title = "What a decision costs, by the carts in the room"
    plot = line_plot("growth", title, Axis("carts", log=True), Axis("µs"), [cost])
    about = f"{machine['cores']} cores, Python {machine['python']}; made by {document['command']}"
    return picture_of(title, about, [("", plot)])
