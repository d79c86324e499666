"""What these tests look through: they do see what is wrong, and press what a person could press."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import accessibility
from tests.browser.chromium import PHONE, Chromium, Page
from tests.processes import eventually

pytestmark = [pytest.mark.browser, pytest.mark.slow]

STRICT = "default-src 'none'; script-src 'unsafe-inline'"


async def page_of(browser: Chromium, path: Path, body: str, policy: str = "") -> Page:
    """A page of our own, from a file."""
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">' if policy else ""
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width">{meta}'
    file = path / "page.html"
    file.write_text(
        f'<!doctype html><html lang="en"><head>{head}<title>A page</title></head>{body}'
    )
    return await browser.page(file.as_uri(), **PHONE)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("<script>setTimeout(() => { throw new Error('alas'); })</script>", "alas"),
        ("<script>console.error('something is amiss')</script>", "something is amiss"),
        ("<p style='color: red'>Red</p>", "Content Security Policy"),
        ("<script>eval('1')</script>", "unsafe-eval"),
        ("<img src='there-is-no-such-picture.png' alt=''>", "there-is-no-such-picture.png"),
    ],
    ids=["exception", "console", "inline style", "eval", "missing file"],
)
async def test_a_complaint_is_heard_unless_it_was_foreseen(
    browser: Chromium, tmp_path: Path, body: str, complaint: str
) -> None:
    page = await page_of(browser, tmp_path, body, STRICT)

    async def heard() -> bool:
        return any(complaint in error for error in browser.complaints())

    assert await eventually(10, heard), browser.complaints()
    page.may_complain("something else")
    assert browser.complaints()
    page.may_complain(complaint, "unsafe-eval")
    assert not browser.complaints()


async def test_a_press_waits_until_nothing_covers_its_button_and_a_double_tap_is_two(
    browser: Chromium, tmp_path: Path
) -> None:
    cover = "position: fixed; inset: 0"
    body = f"""<button onclick="this.textContent += '!'">Buy</button><div style="{cover}"></div>
        <script>setTimeout(() => document.querySelector("div").remove(), 300)</script>"""
    page = await page_of(browser, tmp_path, body)
    await page.click("button", times=2)
    assert await page.text("button") == "Buy!!"


async def test_what_is_not_in_sight_is_not_seen(browser: Chromium, tmp_path: Path) -> None:
    body = "<p hidden>Sold out</p><p>Open</p><details><summary>More</summary>Sold out</details>"
    page = await page_of(browser, tmp_path, body)
    await page.sees("p", "Open")
    await page.sees_no_more("p, details", "Sold out")


async def test_what_sticks_out_is_named(browser: Chromium, tmp_path: Path) -> None:
    page = await page_of(browser, tmp_path, "<p id='wide' style='width: 2000px'>Far</p>")
    assert await page.sticking_out() == ["p#wide"]


async def test_axe_core_finds_what_is_wrong_by_day_and_by_night(
    browser: Chromium, tmp_path: Path
) -> None:
    accessibility.require()
    style = """<style>p { color: #000; background: #fff }
        @media (prefers-color-scheme: dark) { p { color: #444; background: #333 } }</style>"""
    page = await page_of(browser, tmp_path, f"{style}<main><input><p>Dim</p></main>")
    by_day, by_night = await accessibility.faults(page)
    assert by_day.startswith("light: label")
    assert by_night.startswith("dark: color-contrast")
