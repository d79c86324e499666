"""axe-core, which finds much of what keeps people with other eyes and hands from using a page.

Owns putting it to a page, as the page is just now. It comes from npm as the AsyncAPI parser does;
a page that it finds nothing in may still be hard to use, one that it finds something in is.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import Page

SCRIPT = Path(__file__).parents[1] / "tools/node_modules/axe-core/axe.min.js"
HOW_TO_GET_IT = "npm install --prefix tests/tools"
#: Of minor, moderate, serious and critical.
GRAVE = ("serious", "critical")
RUN = """async (rules) => {
    const only = rules.length ? {runOnly: rules} : {};
    const found = await axe.run(document, {resultTypes: ["violations"], preload: false, ...only});
    return found.violations.flatMap(({id, impact, help, nodes}) => nodes.map(
        ({target, any}) =>
            [impact, `${id}: ${help} (${target.join(" ")}) ${any[0]?.message ?? ""}`]));
}"""


def require() -> None:
    """Leave the test out where axe-core is not installed."""
    if not SCRIPT.exists():
        pytest.skip(f"left out: no axe-core to judge the pages ({HOW_TO_GET_IT})")


async def faults(page: Page) -> list[str]:
    """What is gravely wrong with the page in this state, by day and by night."""
    if not await page.ask("'axe' in window"):
        await page.ask(SCRIPT.read_text())
    found = []
    for scheme, rules in (("light", []), ("dark", ["color-contrast"])):
        await page.window.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of its words
        told = await page.ask(RUN, rules)
        found += [f"{scheme}: {fault}" for impact, fault in told if impact in GRAVE]
    await page.window.emulate_media(color_scheme="light")
    return found
