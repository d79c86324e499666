"""Scripts as a browser gets them: without comments and indentation. Pure.

A comment is for whoever reads the repository; a slow phone would load and parse it, and all the
indentation, for nobody: a quarter of all bytes.

Owns which lines of a script are comments: those that begin with `//`, and from one that begins with
`/*` to the next that ends with `*/`. So no line within a template literal may begin like that, or
count on its indentation; tests/livestream/control/test_scripts.py keeps watch. Refuses to know
JavaScript beyond this, and files.
"""

from __future__ import annotations


def bare(source: str) -> str:
    """The script without its comments and indentation."""
    lines = []
    in_comment = False
    for line in map(str.strip, source.splitlines()):
        begins = not in_comment and line.startswith("/*")
        comment = in_comment or begins or line.startswith("//")
        if line and not comment:
            lines.append(line)
        in_comment = (in_comment or begins) and not line.endswith("*/")
    return "\n".join(lines) + "\n"
