"""Takes README's pictures of the real pages, in the middle of `livestream demo`.

    python -m tests.browser.pictures [DIRECTORY]     (default: docs/images)

A viewer of ours walks in beside the demo's, reserves a piece of the first drop and waits. The
pictures are taken while that drop is being sold.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from livestream.serve import Addresses, read_addresses
from livestream.tickets import HostToken, issue_host_token
from tests.browser import chromium
from tests.browser.chromium import DESKTOP, Chromium
from tests.integration.programs import start_program
from tests.processes import within

SECRET = "for pictures only, and 32 characters or more"
IMAGES = Path(__file__).parents[2] / "docs" / "images"
ROOM = "santos-dumont"
#: The same crowd each time.
SEED = 7
#: Of 288: by then the stock bar has all three colours and the first perks are given.
SOLD_AT_LEAST = 60
WATCH: dict[str, Any] = {"width": 1280, "height": 800}
START_WITHIN_S = 60.0
AN_HOUR_MS = 3_600_000


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
    expires_at_ms = int(time.time() * 1000) + AN_HOUR_MS
    token = issue_host_token(SECRET, HostToken("claire", "host", expires_at_ms))
    async with chromium.started(program) as browser:
        people = Chromium(browser)
        desk = await people.page(f"{addresses.control_url}/#token={token}&room={ROOM}", **DESKTOP)
        viewer = await people.page(f"{addresses.control_url}/watch/{ROOM}", **WATCH)
        await viewer.sees(".stage .buy", "Reserve")
        await viewer.click(".stage .buy")
        await viewer.sees("#holds", "Santos-Dumont")
        await viewer.press("Escape")
        sold = "Number(document.querySelector('#drops').innerText.match(/(\\d+) sold/)?.[1])"
        await desk.until(f"{sold} >= {SOLD_AT_LEAST}")
        for page, name in ((desk, "panel"), (viewer, "watch")):
            await page.window.screenshot(path=directory / f"{name}.png", animations="disabled")
        await people.leave()


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
