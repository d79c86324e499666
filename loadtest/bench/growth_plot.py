"""The picture of how the counter grows: what a decision costs, by the carts in the room, as SVG.

Owns the sheet that it stands on. Refuses to know how figures are measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from livestream.report.markup import Markup, element
from loadtest.plots import WIDTH, Axis, Line, line_plot

_HEIGHT: Final = 320
_STYLE: Final = """
.sheet{fill:#fffdf9} text{fill:#1c1714;font:13px system-ui,sans-serif}
.title{font-size:18px;font-weight:600} .tick,.flag{fill:#675d53;font-size:12px}
.end{text-anchor:end} .middle{text-anchor:middle} .grid{stroke:#675d5322} .axis{stroke:#675d53}
.line{fill:none;stroke:#7a1428;stroke-width:2} .point{fill:#7a1428}
@media (prefers-color-scheme:dark){
.sheet{fill:#1b1815} text{fill:#f2ebdf} .tick,.flag{fill:#aaa093} .grid{stroke:#aaa09322}
.axis{stroke:#aaa093} .line{stroke:#d9b878} .point{fill:#d9b878}}
"""


def picture(document: Mapping[str, Any]) -> str:
    """The document of a run, drawn."""
    sizes, machine = document["sizes"], document["machine"]
    cost = Line("engine CPU", [(size["carts"], size["engine_us"]) for size in sizes])
    title = "What a decision costs, by the carts in the room"
    plot = line_plot("growth", title, Axis("carts", log=True), Axis("µs"), [cost])
    about = f"{machine['cores']} cores, Python {machine['python']}; made by {document['command']}"
    svg = element(
        "svg",
        element("title", title),
        element("desc", about),
        element("style", Markup(_STYLE)),
        element("rect", class_="sheet", width=WIDTH, height=_HEIGHT, rx=8),
        element("text", title, class_="title", x=20, y=30),
        element("svg", plot, x=0, y=46, width=WIDTH - 20, height=_HEIGHT - 50),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {_HEIGHT}",
        role="img",
    )
    return f"{svg}\n"
