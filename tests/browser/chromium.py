"""A Chromium without a screen, driven by Playwright, and what a person does at one of its windows.

Owns finding and starting the browser, and the sentences that these tests are made of: open, see,
read, click, type. Presses and taps are real input events, not calls from script, and wait until
their target stands still and nothing covers it. Refuses to know our pages.

Everybody has a browser context of their own and so shares no cookie, storage or cache with the
others. What a page's console complains of (an exception, a file that is not there, what the content
security policy refused) fails the test in which it was seen, unless the test said that it may.

The driver is a child of the test run and ends when its standard input does; the browser ends with
the driver. So nothing is left behind even if the test run is killed.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Locator,
    async_playwright,
)
from playwright.async_api import Page as Window

#: As distributions name it; Playwright's own has a place of its own.
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW_TO_GET_IT = "apt-get install chromium, or python -m playwright install chromium"
FLAGS = ("--disable-gpu", "--disable-quic")
PATIENCE_S = 20.0
LOOK_AGAIN_S = 0.05
#: From one press to the next; what comes sooner a page may take for the half of a double click.
A_PRESS_S = 0.45
#: A phone as most viewers hold it: touched, not clicked.
PHONE: dict[str, Any] = {"width": 360, "height": 740, "phone": True}
DESKTOP: dict[str, Any] = {"width": 1440, "height": 900}
#: What a browser writes into the console when nobody listens or the connection breaks.
OUTAGE = ("WebSocket connection to", "net::ERR_")
#: And of an answer that tells it to sign in.
SIGN_IN = "status of 401"
#: A text that would run, if a page took it for more than text.
SCRIPT = '<script>window.owned = 1</script><img src="/x" onerror="window.owned = 1">'
#: What is kept of a run, to be looked at; /var/ is ignored by git.
SCREENSHOTS = Path(__file__).parents[2] / "var" / "screenshots"

IN_SIGHT = """([selector, text]) => [...document.querySelectorAll(selector)]
    .some((each) => each.checkVisibility() && each.innerText.includes(text))"""
STICKING_OUT = """() => {
    const room = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= room) return [];
    const out = [...document.body.querySelectorAll("*")]
        .filter((each) => each.checkVisibility() && each.getBoundingClientRect().right > room + 0.5)
        .map((each) => each.tagName.toLowerCase() + (each.id && "#" + each.id)
            + [...each.classList].map((name) => "." + name).join(""));
    return out.length ? out : ["something"];
}"""


def find() -> str | None:
    """The browser of this machine, if it has one: on PATH, else Playwright's own."""
    if on_path := next(filter(None, map(shutil.which, NAMES)), None):
        return on_path
    own = asyncio.run(_where_playwright_puts_it())
    return own if Path(own).exists() else None


async def _where_playwright_puts_it() -> str:
    async with async_playwright() as playwright:
        return playwright.chromium.executable_path


@asynccontextmanager
async def started(program: str) -> AsyncIterator[Browser]:
    """The browser, until the block ends. It lives in the event loop that entered."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


class Chromium:
    """The browser for one test: whoever opens a `page` here is a person of their own."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._loop = asyncio.get_running_loop()
        self.pages: list[Page] = []

    async def page(
        self, url: str, width: int = 1280, height: int = 900, *, phone: bool = False, **more: Any
    ) -> Page:
        """Somebody new, who opens `url`; `more` is said to Playwright (locale, color_scheme, …)."""
        assert asyncio.get_running_loop() is self._loop, "not in the loop of the browser"
        person = await self._browser.new_context(
            viewport={"width": width, "height": height},
            is_mobile=phone,
            has_touch=phone,
            **{"reduced_motion": "reduce", **more},
        )
        person.set_default_timeout(PATIENCE_S * 1000)
        person.on("page", self._see)
        window = await person.new_page()
        page = next(each for each in self.pages if each.window is window)
        page.phone = phone
        await page.open(url)
        return page

    async def opened(self, part_of_url: str) -> Page:
        """The page that another page has opened, as a link into a new tab does."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for page in self.pages:
                if part_of_url in page.window.url:
                    return page
            await asyncio.sleep(LOOK_AGAIN_S)
        raise AssertionError(f"no page opened {part_of_url}")

    def complaints(self) -> list[str]:
        """What the pages' consoles complained of and no test foresaw."""
        return [f"{page.window.url}: {error}" for page in self.pages for error in page.errors]

    async def leave(self) -> None:
        """Everybody goes."""
        for context in {page.window.context for page in self.pages}:
            await context.close()

    def _see(self, window: Window) -> None:
        self.pages.append(Page(window))


class Page:
    """One page, as somebody sits before it or holds it. Pressed and typed into is the first that is
    in sight of what a selector names.

    `errors` holds what its console complained of, but for what was foreseen.
    """

    def __init__(self, window: Window) -> None:
        self.window = window
        self.phone = False
        self.errors: list[str] = []
        self._foreseen: list[str] = []
        self._pressed_s = 0.0
        window.on("console", self._notice)
        window.on("pageerror", lambda error: self._complain(f"{error}\n{error.stack}"))
        window.on("crash", lambda _: self._complain("the page crashed"))

    @property
    def context(self) -> BrowserContext:
        """The person: what their pages share."""
        return self.window.context

    def may_complain(self, *parts: str) -> None:
        """Its console will say these words, before or after now, and that is as it should be."""
        self._foreseen += parts
        self.errors = [error for error in self.errors if not self._is_foreseen(error)]

    def _notice(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._complain(f"{message.text} {message.location.get('url', '')}")

    def _complain(self, error: str) -> None:
        if not self._is_foreseen(error):
            self.errors.append(error)

    def _is_foreseen(self, error: str) -> bool:
        return any(part in error for part in self._foreseen)

    async def open(self, url: str) -> None:
        """Go to an address."""
        await self.window.goto(url, wait_until="domcontentloaded")

    async def reload(self) -> None:
        """Load it again, as somebody does who is not sure."""
        await self.window.reload(wait_until="domcontentloaded")

    async def ask(self, expression: str, argument: object = None) -> Any:
        """The value of an expression of script, or of a function of `argument`."""
        return await self.window.evaluate(expression, argument)

    async def until(self, expression: str, argument: object = None) -> None:
        """Wait until it is true; fail with what the page shows if it never is."""
        deadline = time.monotonic() + PATIENCE_S
        while not await self._is_true(expression, argument):
            if time.monotonic() > deadline:
                said = expression if argument is None else argument
                shown = await self.ask("document.body.innerText")
                raise AssertionError(f"never true: {said}\n{self.errors}\n{shown}")
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _is_true(self, expression: str, argument: object) -> bool:
        try:
            return bool(await self.ask(expression, argument))
        except Error as error:
            if "context was destroyed" in error.message:  # it is on its way to another address
                return False
            raise

    async def sees(self, selector: str, text: str) -> None:
        """Wait until something that `selector` names is in sight and shows `text`."""
        await self.until(IN_SIGHT, [selector, text])

    async def sees_no_more(self, selector: str, text: str) -> None:
        """Wait until nothing that `selector` names shows `text`."""
        await self.until(f"(what) => !({IN_SIGHT})(what)", [selector, text])

    async def text(self, selector: str) -> str:
        """What is to be read there, if anything."""
        return await self.window.locator(selector).first.inner_text()

    async def click(self, selector: str, times: int = 1) -> None:
        """Wait until it can be pressed, then press it (or tap, on a phone), `times` in a row."""
        target = self._first(selector)
        await asyncio.sleep(self._pressed_s + A_PRESS_S - time.monotonic())
        try:
            await self._press(target, times)
        finally:
            self._pressed_s = time.monotonic()

    async def _press(self, target: Locator, times: int) -> None:
        if not self.phone:
            await target.click(click_count=times)
            return
        await target.tap(trial=True)  # all but the tap: it is in sight, still, and on top
        box = await target.bounding_box()
        assert box is not None, "it was there a moment ago"
        for _ in range(times):
            x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            await self.window.touchscreen.tap(x, y)

    async def type(self, selector: str, text: str) -> None:
        """Replace what a field holds, once it takes anything."""
        await self._first(selector).fill(text)

    async def choose(self, selector: str, option: str) -> None:
        """Take an option of a list, by its value or its words."""
        await self._first(selector).select_option(option)

    async def press(self, key: str) -> None:
        """One key, wherever the focus is: "Enter", "Escape", "Tab", "ArrowDown"."""
        await self.window.keyboard.press(key)

    async def resize(self, width: int, height: int) -> None:
        """Give the window another size."""
        await self.window.set_viewport_size({"width": width, "height": height})

    async def sticking_out(self) -> Sequence[str]:
        """What makes the page scroll sideways; nothing should."""
        found: list[str] = await self.ask(STICKING_OUT)
        return found

    async def picture(self, name: str, whole: bool = False) -> Path:
        """Keep what is in sight (or the `whole` page) under var/screenshots/."""
        path = SCREENSHOTS / f"{name}.png"
        await self.window.screenshot(path=path, full_page=whole, animations="disabled")
        return path

    def _first(self, selector: str) -> Locator:
        return self.window.locator(selector).filter(visible=True).first
