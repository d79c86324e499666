"""Takes README's pictures of the real pages, in the middle of `livestream demo`.

    python -m tests.browser.pictures [DIRECTORY]     (default: docs/images)

`panel.png` is the desk while the first drop is being sold. `watch.png` is a phone, three times: a
viewer of ours walks in beside the demo's, reserves a piece of that drop and pays for it.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from livestream.serve import Addresses, read_addresses
from livestream.tickets import HostToken, issue_host_token
from tests.browser import chromium
from tests.browser.chromium import DESKTOP, Chromium, Page
from tests.integration.programs import start_program
from tests.processes import within

SECRET = "for pictures only, and 32 characters or more"
IMAGES = Path(__file__).parents[2] / "docs" / "images"
ROOM = "santos-dumont"
#: The same crowd each time.
SEED = 7
#: Of 288: by then the stock bar has all three colours and the first perks are given.
SOLD_AT_LEAST = 60
START_WITHIN_S = 60.0
AN_HOUR_MS = 3_600_000
#: As a phone, but pressed by a mouse, which leaves no mark of a finger on the picture.
SMALL: dict[str, Any] = {"width": 360, "height": 740}


@contextmanager
def demo() -> Iterator[Addresses]:
    """A demo that has begun, ended with the block."""
    with tempfile.TemporaryDirectory(prefix="livestream-pictures-") as place:
        program = start_program(
            Path(place),
            "demo",
            *("demo", "--seed", str(SEED)),
            var_dir=place,
            control_port=0,
            gateway_port=0,
            secret=SECRET,
        )
        try:
            found: list[Addresses] = []

            def is_up() -> bool:
                runs = [read_addresses(run) for run in Path(place).glob("demo-*")]
                found.extend(filter(None, runs))
                return bool(found)

            assert within(START_WITHIN_S, is_up), program.log_path.read_text()
            yield found[0]
            program.stop()
        finally:
            program.clear_away()


async def take(program: str, addresses: Addresses, directory: Path) -> None:
    """Both pictures."""
    async with chromium.started(program) as browser:
        people = Chromium(browser)
        desk = await people.page(f"{addresses.control_url}/#token={token()}&room={ROOM}", **DESKTOP)
        viewer = await people.page(f"{addresses.control_url}/watch/{ROOM}", **SMALL)
        _, moments = await asyncio.gather(show_panel(desk, directory), buy(viewer))
        table = await people.page("about:blank", **DESKTOP)
        await lay_out(table, moments, directory / "watch.png")
        await people.leave()


def token() -> str:
    """A host's."""
    expires_at_ms = int(time.time() * 1000) + AN_HOUR_MS
    return issue_host_token(SECRET, HostToken("claire", "host", expires_at_ms))


async def show_panel(desk: Page, directory: Path) -> None:
    """The desk, once enough is sold."""
    sold = "Number(document.querySelector('#drops').innerText.match(/(\\d+) sold/)?.[1])"
    await desk.until(f"{sold} >= {SOLD_AT_LEAST}")
    await desk.sees_no_more("#numbers", "0.0 %")  # conversion is counted a moment later
    await desk.window.screenshot(path=directory / "panel.png", animations="disabled")


async def buy(viewer: Page) -> list[bytes]:
    """What a viewer sees before the drop opens, after the first tap, and after the second."""

    async def moment() -> bytes:
        return await viewer.window.screenshot(animations="disabled")

    await viewer.sees(".stage .buy", "Not yet open")
    before = await moment()
    await viewer.sees(".stage .buy", "Reserve")
    await viewer.click(".stage .buy")
    await viewer.sees("#checkout", "Pay")
    held = await moment()
    await viewer.click("#checkout")
    await viewer.sees(".order .state", "Confirmed")
    return [before, held, await moment()]


async def lay_out(table: Page, moments: list[bytes], path: Path) -> None:
    """The moments side by side, from left to right."""
    images = "".join(
        f'<img alt="" src="data:image/png;base64,{b64encode(moment).decode()}">'
        for moment in moments
    )
    style = """body { margin: 0 } div { display: inline-flex; gap: 24px; padding: 24px;
        background: #e9e4da } img { border-radius: 18px }"""
    await table.window.set_content(f"<style>{style}</style><div>{images}</div>")
    await table.window.locator("div").screenshot(path=path)


def main() -> None:
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    program = chromium.find()
    assert program is not None, f"no Chromium: {chromium.HOW_TO_GET_IT}"
    with demo() as addresses:
        asyncio.run(take(program, addresses, directory))
    for name in ("panel", "watch"):
        path = directory / f"{name}.png"
        print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
