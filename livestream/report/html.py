"""The report as one HTML file: no script, nothing loaded from anywhere, plots drawn in place.

    html_of(report)   the whole document, to be opened, kept, printed or sent
    POLICY            what such a document may do: nothing but its own style
    STYLE_SOURCE      that style, as a policy names it

Owns the document. Texts from outside become text by the way markup is made (`markup.element`);
should that ever fail, the document's own policy still runs no script. The desk shows the same
document's <main> in a frame of its own. Refuses to know what is in it (`sections`).
"""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import Final

from livestream.report.figures import Report
from livestream.report.markup import Markup, element
from livestream.report.sections import sections_of

STYLE: Final = resources.files("livestream.report").joinpath("report.css").read_text()
_DIGEST: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
STYLE_SOURCE: Final = f"'sha256-{_DIGEST}'"
POLICY: Final = f"default-src 'none'; style-src {STYLE_SOURCE}; base-uri 'none'; form-action 'none'"


def html_of(report: Report) -> str:
    """The whole document."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{report.name}: the report"),
        # As it is in the file: the policy names its hash.
        Markup(f"<style>{STYLE}</style>"),
    )
    main = element("main", *sections_of(report), class_="report")
    document = element("html", head, element("body", main), lang="en")
    return f"<!doctype html>\n{document}\n"
