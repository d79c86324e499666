"""One browser and one whole installation for all tests here, for each test a room, and the people.

Playwright's objects live in the event loop that made them. So the tests here share one loop, and so
must every async fixture here: `@pytest_asyncio.fixture(loop_scope="package")`.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser import chromium
from tests.browser.chromium import Chromium, Page
from tests.browser.house import House

HERE = Path(__file__).parent
FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE) and item.get_closest_marker("asyncio"):
            item.add_marker(pytest.mark.asyncio(loop_scope="package"), append=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "call" and call.excinfo is not None:
        item.stash[FAILED] = True
    if report.skipped and isinstance(report.longrepr, tuple) and item.path.is_relative_to(HERE):
        # One line for all that is left out for one reason, instead of one for each test.
        report.longrepr = (str(HERE), None, report.longrepr[2])  # type: ignore[assignment]  # no line
    return report


@pytest.fixture(scope="session", autouse=True)
def program() -> str:
    """The browser's program. Where there is none, this line leaves all tests of the pages out."""
    found = chromium.find()
    if found is None:
        pytest.skip(f"left out: no Chromium to open the pages in ({chromium.HOW_TO_GET_IT})")
    return found


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def _browser(program: str) -> AsyncIterator[Browser]:
    async with chromium.started(program) as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="package")
async def browser(_browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Chromium]:
    """The browser, in which nobody sits yet. In the end nothing may have been complained of; of a
    test that failed, what everybody saw is kept.
    """
    people = Chromium(_browser)
    yield people
    if request.node.stash.get(FAILED, False):
        for number, page in enumerate(people.pages, 1):
            await page.picture(f"failed/{request.node.name}-{number}")
    await people.leave()
    if complaints := people.complaints():
        pytest.fail("\n".join(["the pages complained:", *complaints]))


@pytest.fixture(scope="package")
def _served(program: str) -> Iterator[House]:
    directory = Path(tempfile.mkdtemp(prefix="livestream-test-"))
    house = House(directory)
    try:
        house.serve()
        yield house
        assert house.stop() == 0
    finally:
        house.clear_away()
        shutil.rmtree(directory)


@pytest.fixture
def house(_served: House, room: str) -> House:
    """The house, and in it a room that no other test has."""
    if not _served.runs:  # a test cut its power and did not get as far as starting it again
        _served.serve()
    _served.room = room
    return _served


@pytest_asyncio.fixture(loop_scope="package")
async def host(browser: Chromium, house: House) -> Page:
    """Somebody at the desk, in the list of rooms (where there is but one, it opens by itself)."""
    for other in ("salon", "atelier"):
        await house.call("POST", "/rooms", {"room": f"{house.room}-{other}", "title": other})
    return await browser.page(house.panel)
