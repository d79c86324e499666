"""Plots as one SVG file that can be read wherever it is shown: with a sheet and colours of its own,
for light and for dark.

Owns that sheet. Refuses to know what is plotted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from livestream.report.markup import Markup, element
from loadtest.plots import HEIGHT, WIDTH

_HEAD: Final = 66
_GAP: Final = 40
_STYLE: Final = """
.sheet{fill:#fffdf9} text{fill:#1c1714;font:13px system-ui,sans-serif}
.title{font-size:18px;font-weight:600} .head{font-weight:600}
.tick,.flag,.quiet{fill:#675d53;font-size:12px}
.end{text-anchor:end} .middle{text-anchor:middle} .grid{stroke:#675d5322} .axis{stroke:#675d53}
.line{fill:none;stroke:#7a1428;stroke-width:2} .point{fill:#7a1428}
.mark{stroke:#8a6a33;stroke-dasharray:1 4}
@media (prefers-color-scheme:dark){
.sheet{fill:#1b1815} text{fill:#f2ebdf} .tick,.flag,.quiet{fill:#aaa093} .grid{stroke:#aaa09322}
.axis{stroke:#aaa093} .line{stroke:#d9b878} .point{fill:#d9b878} .mark{stroke:#b99a63}}
"""


def picture(title: str, about: str, plots: Sequence[tuple[str, Markup]]) -> str:
    """The plots under each other, each under its head; "" for one that needs none."""
    parts: list[Markup] = []
    y = _HEAD
    for head, plot in plots:
        if head:
            parts.append(element("text", head, class_="head", x=20, y=y + 12))
            y += 24
        parts.append(element("svg", plot, x=10, y=y, width=WIDTH - 20, height=HEIGHT))
        y += HEIGHT + _GAP
    y -= _GAP // 2
    svg = element(
        "svg",
        element("title", title),
        element("desc", about),
        element("style", Markup(_STYLE)),
        element("rect", class_="sheet", width=WIDTH, height=y, rx=8),
        element("text", title, class_="title", x=20, y=30),
        element("text", about, class_="quiet", x=20, y=50),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {y}",
        role="img",
    )
    return f"{svg}\n"
