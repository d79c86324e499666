"""The fan-out benchmark's picture: a bar for each server, as one SVG file.

Owns the drawing. It carries its own sheet and colours, for light and for dark, so that it can be
read wherever it is shown; nothing is told by colour alone. Refuses to know how figures
are measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from livestream.report.markup import Markup, element
from loadtest.bench.fanout_figures import TITLES

_WIDTH: Final = 960
_LEFT, _RIGHT, _TOP = 222, 110, 88
_BAR, _STEP = 18, 26
_HEAD, _GAP = 24, 22
_STYLE: Final = """
.sheet{fill:#fffdf9} text{fill:#1c1714;font:14px system-ui,sans-serif}
.title{font-size:18px;font-weight:600} .head{font-weight:600} .quiet{fill:#675d53;font-size:12px}
.end{text-anchor:end} .bed{fill:#675d5318} .peer{fill:#a3968a} .floor{fill:none;stroke:#675d53}
.ours{fill:#7a1428} .own{font-weight:600}
@media (prefers-color-scheme:dark){
.sheet{fill:#1b1815} text{fill:#f2ebdf} .quiet{fill:#aaa093} .bed{fill:#aaa09322}
.peer{fill:#82786d} .floor{stroke:#aaa093} .ours{fill:#d9b878}}
"""


class _Panel(NamedTuple):
    figure: str
    head: str
    tell: Callable[[float], str]


_PANELS: Final = (
    _Panel("delivery_us", "CPU of one delivery, µs", lambda value: f"{value:.1f}"),
    _Panel(
        "viewer_bytes", "Memory of one viewer in the server, bytes", lambda value: f"{value:,.0f}"
    ),
    _Panel("handshakes_per_s", "Handshakes in a second of CPU", lambda value: f"{value:,.0f}"),
    _Panel(
        "spread_last_ms",
        "From the first viewer to the last who has a frame, ms",
        lambda value: f"{value:.0f}",
    ),
)


def picture(document: Mapping[str, Any]) -> str:
    """The document of a run, drawn: a panel of bars for each figure."""
    parts: list[Markup] = []
    y = _TOP
    for panel in _PANELS:
        rows = _rows(document["servers"], panel.figure)
        if rows:
            parts += _drawn(panel, rows, y)
            y += _HEAD + _STEP * len(rows) + _GAP
    peers = ", ".join(f"{name} {version}" for name, version in document["versions"].items())
    machine = document["machine"]
    about = (
        f"{document['viewers']:,} viewers, a frame of {document['payload_bytes']} bytes, "
        f"medians of {document['rounds']} rounds; {machine['cores']} cores, "
        f"Python {machine['python']}"
    )
    title = "One frame to everybody: ours, the floor and peers"
    svg = element(
        "svg",
        element("title", title),
        element("desc", f"{about}; {peers}. Made by make bench-fanout."),
        element("style", Markup(_STYLE)),
        element("rect", class_="sheet", width=_WIDTH, height=y, rx=8),
        _text(title, "title", 20, 30),
        _text(about, "quiet", 20, 50),
        _text(peers, "quiet", 20, 66),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_WIDTH} {y}",
        role="img",
    )
    return f"{svg}\n"


def _rows(
    servers: Mapping[str, Mapping[str, float | None]], figure: str
) -> list[tuple[str, float]]:
    found = ((kind, row[figure]) for kind, row in servers.items())
    return [(kind, value) for kind, value in found if value is not None]


def _drawn(panel: _Panel, rows: Sequence[tuple[str, float]], top: float) -> list[Markup]:
    most = max(value for _, value in rows) or 1.0
    across = _WIDTH - _LEFT - _RIGHT
    parts = [_text(panel.head, "head", 20, top + 12)]
    for number, (kind, value) in enumerate(rows):
        y = top + _HEAD + number * _STEP
        side = "ours" if kind.startswith("ours") else "floor" if kind == "floor" else "peer"
        own = " own" if side == "ours" else ""
        width = across * value / most
        parts += [
            _text(TITLES[kind].strip(), f"end{own}", _LEFT - 10, y + 14),
            element("rect", class_="bed", x=_LEFT, y=y, width=across, height=_BAR),
            element("rect", class_=side, x=_LEFT, y=y, width=max(1.0, width), height=_BAR),
            _text(panel.tell(value), own.strip() or None, _LEFT + width + 8, y + 14),
        ]
    return parts


def _text(words: str, kind: str | None, x: float, y: float) -> Markup:
    return element("text", words, class_=kind, x=x, y=y)
