"""What benchmarks say: JSON for machines, one table for people.

Owns where figures are kept and how they are printed. Refuses to know how they were measured.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

DIRECTORY = Path("var/bench")


class Mark(Struct, frozen=True):
    """What a figure should reach: not above (`most`), or not below (`least`), a value."""

    side: Literal["most", "least"]
    value: float

    def reached_by(self, value: float) -> bool:
        """Whether `value` is on the good side."""
        return value <= self.value if self.side == "most" else value >= self.value


class Figure(Struct, frozen=True):
    """One figure, with what was measured beside it in the same run, and its mark if it has one.

    `value` and `beside` are numbers of `unit`; `ratio` is value / beside. The mark is about the
    value, or about the ratio when `mark_on` says so.
    """

    what: str
    value: float
    unit: str
    beside: float | None = None
    beside_what: str = ""
    mark: Mark | None = None
    mark_on: Literal["value", "ratio"] = "value"

    @property
    def ratio(self) -> float | None:
        """How many times what stands beside it; None when nothing does."""
        return self.value / self.beside if self.beside else None

    @property
    def verdict(self) -> Literal["reached", "missed", ""]:
        """Whether the mark was reached; empty without one."""
        judged = self.value if self.mark_on == "value" else self.ratio
        if self.mark is None or judged is None:
            return ""
        return "reached" if self.mark.reached_by(judged) else "missed"


def machine() -> dict[str, Any]:
    """What the figures were measured on, as far as it matters to compare them."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "python": platform.python_version(),
        "system": platform.system(),
        "architecture": platform.machine(),
    }


def write(name: str, document: dict[str, Any]) -> Path:
    """Keep a benchmark's document as `<name>.json`; return where."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    path = DIRECTORY / f"{name}.json"
    text = msgspec.json.encode({"machine": machine(), **document})
    path.write_bytes(msgspec.json.format(text, indent=2) + b"\n")
    return path


def read(name: str) -> dict[str, Any]:
    """The document of a benchmark that was run."""
    document: dict[str, Any] = msgspec.json.decode((DIRECTORY / f"{name}.json").read_bytes())
    return document


def table(figures: Iterable[Figure]) -> str:
    """The figures as lines of text."""
    rows = [("figure", "ours", "beside it", "ratio", "mark", "")]
    rows += [
        (
            figure.what,
            f"{_number(figure.value)} {figure.unit}",
            f"{_number(figure.beside)}  {figure.beside_what}" if figure.beside else "",
            f"{figure.ratio:.2f}" if figure.ratio else "",
            _mark(figure),
            figure.verdict,
        )
        for figure in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "─" * max(map(len, lines)), *lines[1:]])


def _mark(figure: Figure) -> str:
    if figure.mark is None:
        return ""
    sign = "≤" if figure.mark.side == "most" else "≥"
    times = "× " if figure.mark_on == "ratio" else ""
    return f"{sign} {times}{_number(figure.mark.value)}"


def _number(value: float) -> str:
    """Three digits that mean something, or whole thousands."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
