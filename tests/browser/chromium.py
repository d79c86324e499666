"""A Chromium without a screen, driven through the DevTools protocol over one websocket.

Owns the browser's process and what a person does at a page: open, read, click, type, wait. Clicks
and keys are real input events, not calls from script. Refuses to know our pages. A library for this
would bring a driver of 40 MB; these tests need a handful of commands.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from livestream import tether

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_S = 20.0
LOOK_AGAIN_S = 0.05
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)


def find() -> str | None:
    """The browser of this machine, if it has one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Chromium:
    """One browser with a profile of its own under `directory`; use as a context manager."""

    def __init__(self, program: str, directory: Path) -> None:
        self._program = program
        self._profile = directory / "profile"
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._pages: dict[str, Page] = {}

    def _start(self) -> subprocess.Popen[bytes]:
        """Tied to the test run, as everything that tests start."""
        tied = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid())]
        return subprocess.Popen(
            [*tied, self._program, *FLAGS, f"--user-data-dir={self._profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    async def __aenter__(self) -> Self:
        self._process = self._start()
        try:
            self._line: ClientConnection = await connect(
                await self._address(), max_size=None, ping_interval=None
            )
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        self._listener = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._line.send(json.dumps({"id": 0, "method": "Browser.close"}))
            await self._listener
            self._process.wait(PATIENCE_S)
        finally:
            await self._line.close()
            self._process.kill()
            self._process.wait()

    async def _address(self) -> str:
        """Where it listens: it writes port and path into its profile once it does."""
        told = self._profile / "DevToolsActivePort"
        deadline = time.monotonic() + PATIENCE_S
        while not (told.exists() and told.read_text().count("\n") >= 1):
            assert self._process.poll() is None, "the browser ended at once"
            assert time.monotonic() < deadline, "the browser does not listen"
            await asyncio.sleep(LOOK_AGAIN_S)
        port, path = told.read_text().split("\n")[:2]
        return f"ws://127.0.0.1:{port}{path}"

    async def call(self, method: str, session: str = "", **parameters: object) -> dict[str, Any]:
        """One command of the protocol and its result."""
        number = next(self._ids)
        message: dict[str, object] = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._line.send(json.dumps(message))
        return await asyncio.wait_for(answer, PATIENCE_S)

    async def _listen(self) -> None:
        with suppress(ConnectionClosed):  # a browser that ends does not say goodbye
            async for text in self._line:
                message = json.loads(text)
                if (answer := self._answers.pop(message.get("id", 0), None)) is not None:
                    self._take(answer, message)
                elif (page := self._pages.get(message.get("sessionId", ""))) is not None:
                    page.notice(message["method"], message["params"])

    @staticmethod
    def _take(answer: asyncio.Future[dict[str, Any]], message: dict[str, Any]) -> None:
        if answer.done():
            return
        if "error" in message:
            answer.set_exception(AssertionError(message["error"]["message"]))
        else:
            answer.set_result(message["result"])

    async def page(self, url: str, width: int = 1280, height: int = 900) -> Page:
        """A page of somebody who shares nothing with the other pages."""
        context = (await self.call("Target.createBrowserContext"))["browserContextId"]
        target = await self.call("Target.createTarget", url="about:blank", browserContextId=context)
        page = await self._attach(target["targetId"], width, height)
        await page.open(url)
        return page

    async def opened(self, part_of_url: str, width: int = 1280, height: int = 900) -> Page:
        """Wait for the page that another page has opened, as a link into a new tab does."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for target in (await self.call("Target.getTargets"))["targetInfos"]:
                if part_of_url in target["url"] and target["type"] == "page":
                    return await self._attach(target["targetId"], width, height)
            await asyncio.sleep(LOOK_AGAIN_S)
        raise AssertionError(f"no page opened {part_of_url}")

    async def _attach(self, target_id: str, width: int, height: int) -> Page:
        attached = await self.call("Target.attachToTarget", targetId=target_id, flatten=True)
        session = attached["sessionId"]
        page = self._pages[session] = Page(self, session)
        for domain in ("Runtime", "Log", "Page"):
            await self.call(f"{domain}.enable", session)
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            session,
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        return page


class Page:
    """One page, as somebody sits before it. `errors` holds all that its console complained of:
    exceptions, and what the content security policy refused.
    """

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser = browser
        self._session = session
        self.errors: list[str] = []

    def notice(self, method: str, parameters: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.errors.append(str(parameters["exceptionDetails"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.errors.append(f"{parameters['entry']['text']} {parameters['entry'].get('url')}")

    async def open(self, url: str) -> None:
        """Go to an address."""
        await self._browser.call("Page.navigate", self._session, url=url)

    async def ask(self, expression: str) -> Any:
        """The value of an expression of script."""
        result = await self._browser.call(
            "Runtime.evaluate",
            self._session,
            expression=expression,
            returnByValue=True,
            awaitPromise=True,
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    async def until(self, expression: str) -> None:
        """Wait until the expression is true; fail with what the page shows if it never is."""
        deadline = time.monotonic() + PATIENCE_S
        while not await self.ask(f"Boolean({expression})"):
            if time.monotonic() > deadline:
                shown = await self.ask("document.body.innerText")
                raise AssertionError(f"never true: {expression}\n{self.errors}\n{shown}")
            await asyncio.sleep(LOOK_AGAIN_S)

    async def sees(self, selector: str, text: str) -> None:
        """Wait until what `selector` names shows `text`."""
        found = f"[...document.querySelectorAll({json.dumps(selector)})]"
        await self.until(f"{found}.some((each) => each.innerText.includes({json.dumps(text)}))")

    async def text(self, selector: str) -> str:
        """What is to be read there."""
        return str(await self.ask(f"document.querySelector({json.dumps(selector)}).innerText"))

    async def click(self, selector: str, times: int = 1) -> None:
        """Wait until it can be pressed, then press it with the mouse, `times` in a row."""
        found = f"document.querySelector({json.dumps(selector)})"
        await self.until(f"{found}?.checkVisibility() && !{found}.disabled")
        x, y = await self.ask(
            f"(() => {{ const node = {found}; node.scrollIntoView({{block: 'center'}});"
            " const box = node.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for count in range(1, times + 1):
            for kind in ("mousePressed", "mouseReleased"):
                await self._browser.call(
                    "Input.dispatchMouseEvent",
                    self._session,
                    type=kind,
                    x=x,
                    y=y,
                    button="left",
                    clickCount=count,
                )

    async def type(self, selector: str, text: str) -> None:
        """Replace what a field holds, once it takes anything."""
        found = f"document.querySelector({json.dumps(selector)})"
        await self.until(f"{found}?.checkVisibility() && !{found}.disabled")
        await self.ask(f"{found}.focus(), {found}.select?.()")
        await self._browser.call("Input.insertText", self._session, text=text)
