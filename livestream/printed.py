"""Tables as text: in colour for a terminal, plain and wide enough elsewhere.

Owns that choice. Refuses to know what is printed.
"""

from __future__ import annotations

import sys
from io import StringIO

from rich.console import Console, RenderableType

#: Columns when nobody's window says otherwise: in a pipe, in a file, in a CI log.
PLAIN_COLUMNS = 120


def to_text(table: RenderableType) -> str:
    """`table` as it should appear on this process's standard output, without the last newline."""
    if sys.stdout.isatty():
        console = Console(file=StringIO(), force_terminal=True, width=Console().width)
    else:
        console = Console(file=StringIO(), width=PLAIN_COLUMNS, color_system=None)
    with console.capture() as captured:
        console.print(table)
    return captured.get().rstrip("\n")
