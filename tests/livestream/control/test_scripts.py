"""Scripts without comments: what is taken away, and that nothing else of ours is."""

from pathlib import Path

import pytest

from livestream.control import pages
from livestream.control.scripts import bare

SCRIPTS = sorted(
    path for directory in pages.DIRECTORIES for path in (pages.ROOT / directory).glob("*.js")
)


def test_comments_and_indentation_go_and_code_stays() -> None:
    source = """/**
 * What this owns.
 */

import { a } from "./a.js";

/** One line. */
export function f() {
  // why
  return a / 2 /* of them */ + "// not a comment"; // nor this
}
"""
    assert bare(source) == (
        'import { a } from "./a.js";\n'
        "export function f() {\n"
        'return a / 2 /* of them */ + "// not a comment"; // nor this\n'
        "}\n"
    )


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_line_of_ours_is_taken_for_a_comment_and_none_needs_its_indentation(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    for line in bare(source).splitlines():
        assert line.count("`") % 2 == 0, f"a literal of more than one line: {line}"
    for line in map(str.strip, source.splitlines()):
        if line.startswith("/*") and "*/" in line:
            assert line.endswith("*/"), f"code after a comment: {line}"
