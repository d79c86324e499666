"""The pages: all that they load is served, under a policy that runs nothing else."""

import gzip
import re
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
import pytest
from redis import asyncio as aioredis

from livestream.control import pages
from livestream.control.pages import DIRECTORIES, SUFFIXES
from tests.livestream.control.desks import Desk, assert_problem

PAGES = ("/", "/watch/santos", "/certificate", "/report/santos")
FILES = sorted(
    path
    for directory in DIRECTORIES
    for path in (pages.ROOT / directory).iterdir()
    if path.suffix in SUFFIXES
)


async def text_of(desk: Desk, http: aiohttp.ClientSession, path: str) -> str:
    async with http.get(desk.base + path) as response:
        assert response.status == 200, path
        return await response.text()


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_comes_with_a_policy_and_without_a_token(desk: Desk, page: str) -> None:
    answered = await desk.as_(None).call("GET", page)
    assert (answered.status, answered.content_type) == (200, "text/html")
    policy = answered.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert ("trusted-types 'none'" in policy) == (not page.startswith("/report"))
    own = desk.base.replace("http", "ws")
    assert f"connect-src 'self' {own} ws://127.0.0.1:8081;" in policy


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_has_nothing_inline_that_the_policy_would_stop(
    desk: Desk, http: aiohttp.ClientSession, page: str
) -> None:
    html = await text_of(desk, http, page)
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", html)


@pytest.mark.parametrize("page", PAGES)
async def test_all_that_a_page_loads_is_served(
    desk: Desk, http: aiohttp.ClientSession, page: str
) -> None:
    """Followed from the page through every import, as a browser does."""
    waiting = re.findall(r"(?:src|href)=\"(/static/[^\"]+)\"", await text_of(desk, http, page))
    loaded: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path in loaded:
            continue
        loaded.add(path)
        script = await text_of(desk, http, path)
        for imported in re.findall(r"^(?:import|export) .*from \"([^\"]+)\";$", script, re.M):
            waiting.append(urljoin(path, imported))
    assert any(path.endswith(".js") for path in loaded)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
async def test_a_file_is_served_with_its_type_and_asked_for_again(desk: Desk, path: Path) -> None:
    address = f"/static/{path.parent.name}/{path.name}"
    answered = await desk.as_(None).call("GET", address)
    assert answered.status == 200
    assert answered.headers["Content-Type"] == SUFFIXES[path.suffix]
    assert answered.headers["Cache-Control"] == "no-cache"
    assert answered.headers["X-Content-Type-Options"] == "nosniff"
    assert answered.headers["Referrer-Policy"] == "no-referrer"
    again = await desk.call("GET", address, headers={"If-None-Match": answered.headers["ETag"]})
    assert again.status == 304


@pytest.mark.parametrize(
    "address",
    [
        "/static/panel/index.html",
        "/static/panel/..%2f..%2fserver.py",
        "/static/panel/%2e%2e/server.py",
        "/static/server.py",
        "/static/client/absent.js",
        "/static/panel/.js",
    ],
)
async def test_nothing_else_is_served(desk: Desk, address: str) -> None:
    assert_problem(await desk.call("GET", address), 404, "not_found")


@pytest.mark.parametrize("address", [*PAGES, "/openapi.json", "/livez", "/api/v1/rooms", "/x"])
async def test_every_answer_says_what_may_be_done_with_it(desk: Desk, address: str) -> None:
    headers = (await desk.call("GET", address)).headers
    for policy in ("default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert policy in headers["Content-Security-Policy"]
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"


async def test_answers_of_the_api_are_kept_by_nobody(desk: Desk, redis: aioredis.Redis) -> None:
    answered = await desk.get("/rooms")
    assert answered.headers["Cache-Control"] == "no-store"
    assert answered.headers["X-Content-Type-Options"] == "nosniff"
    assert "Server" not in answered.headers


async def test_a_script_is_packed_for_who_takes_it_so(desk: Desk) -> None:
    address = f"{desk.base}/static/client/livestream.js"
    async with aiohttp.ClientSession(auto_decompress=False) as http:
        async with http.get(address, headers={"Accept-Encoding": "identity"}) as answer:
            plain, tag = await answer.read(), answer.headers["ETag"]
            assert "Content-Encoding" not in answer.headers
        async with http.get(address, headers={"Accept-Encoding": "br, gzip"}) as answer:
            packed = await answer.read()
            assert answer.headers["Content-Encoding"] == "gzip"
            assert answer.headers["Vary"] == "Accept-Encoding"
            assert answer.headers["ETag"] != tag
    assert gzip.decompress(packed) == plain
    assert len(packed) < len(plain) / 2
