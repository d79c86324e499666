"""The pages: the panel, the watch page, a certificate's, the report, and what they load.

Owns which files are served, under which policy and how long a browser may keep them. Refuses to
know what is in them. Nothing is listed by name but the four pages: a file in one of DIRECTORIES
with a suffix of SUFFIXES is served, nothing else is.

No page runs a script that is not a file of ours, nor has a style that is not, but for the report's
own, which its policy knows by its hash; none may be framed, and none but the report's makes markup
of text. Files are asked for again each time and
answered 304 when unchanged: a release reaches every browser at once. Scripts go without their
comments (`livestream.control.scripts`), and packed to who takes them so.
"""

from __future__ import annotations

import gzip
from functools import cache
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from livestream.control import sessions
from livestream.control.context import CONTROL, gateway_base
from livestream.control.problems import not_found
from livestream.control.scripts import bare
from livestream.report import STYLE_SOURCE

#: On every answer that has no word of its own about it. What is no page may load nothing and be
#: framed by nobody; no other site may take it into its own process or hold our window; and no page
#: of ours has a use for what a device can sense or for payments by the browser.
PROTECTION: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(
        f"{feature}=()"
        for feature in (
            *("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "hid"),
            *("magnetometer", "microphone", "midi", "payment", "serial", "usb"),
            "xr-spatial-tracking",
        )
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

DIRECTORIES = ("panel", "watch", "report", "client")
SUFFIXES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
ROOT = Path(str(resources.files("livestream.control")))


def register(app: web.Application) -> None:
    """Serve the pages and their files."""
    app.router.add_get("/", _panel)
    app.router.add_get("/watch/{room}", _watch)
    app.router.add_get("/certificate", _certificate)
    app.router.add_get("/report/{room}", _report)
    app.router.add_get(
        f"/static/{{directory:{'|'.join(DIRECTORIES)}}}/{{file:[A-Za-z0-9_-]+(?:\\.[a-z0-9]+)+}}",
        _static,
    )


#: No text becomes markup or a script, whatever a page's own script does (Trusted Types).
NO_MARKUP: Final = ("require-trusted-types-for 'script'", "trusted-types 'none'")


def policy(
    request: web.Request,
    styles: str = "'self'",
    media: str = "'none'",
    more: tuple[str, ...] = NO_MARKUP,
) -> str:
    """The Content-Security-Policy of a page: it speaks to this server and to the gateways, takes
    its styles from `styles`, plays `media` and makes no markup of text unless `more` lets it.
    """
    base = gateway_base(request.app[CONTROL].settings, request)
    scheme, _, rest = base.partition("://")
    gateway = f"{scheme}://{rest.partition('/')[0]}"
    https = sessions.is_https(request, request.app[CONTROL].trusted)
    own = f"{'wss' if https else 'ws'}://{request.host}"
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src {styles}",
            # Pictures of products come from the merchant's https servers (messages.Card.image_url).
            "img-src 'self' https: data:",
            "font-src 'self'",
            f"media-src {media}",
            f"connect-src 'self' {own} {gateway}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            *more,
        )
    )


async def _panel(request: web.Request) -> web.StreamResponse:
    return _page(request, ROOT / "panel" / "index.html")


async def _watch(request: web.Request) -> web.StreamResponse:
    """The picture comes from wherever the house streams to (messages.Stream)."""
    return _page(request, ROOT / "watch" / "index.html", media="'self' https:")


async def _certificate(request: web.Request) -> web.StreamResponse:
    return _page(request, ROOT / "watch" / "certificate.html")


async def _report(request: web.Request) -> web.StreamResponse:
    """The report brings its style within it, known by its hash, and is parsed by the page."""
    page = ROOT / "report" / "index.html"
    return _page(request, page, styles=f"'self' {STYLE_SOURCE}", more=())


def _page(request: web.Request, path: Path, **of_policy: Any) -> web.StreamResponse:
    response = _file(path, "text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = policy(request, **of_policy)
    return response


async def _static(request: web.Request) -> web.StreamResponse:
    path = ROOT / request.match_info["directory"] / request.match_info["file"]
    content_type = SUFFIXES.get(path.suffix)
    if content_type is None or not path.is_file():
        return not_found(f"no file {path.name}").response()
    return _script(request, path) if path.suffix == ".js" else _file(path, content_type)


def _script(request: web.Request, path: Path) -> web.Response:
    plain, packed, tag = _read_script(path, path.stat().st_mtime_ns)
    packs = "gzip" in request.headers.get("Accept-Encoding", "")
    response = web.Response(body=packed if packs else plain)
    response.headers["Content-Type"] = SUFFIXES[".js"]
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Vary"] = "Accept-Encoding"
    response.etag = tag = f"{tag}-gzip" if packs else tag
    if packs:
        response.headers["Content-Encoding"] = "gzip"
    if any(known.value in (tag, "*") for known in request.if_none_match or ()):
        response.set_status(304)
        response.body = None
    return response


@cache
def _read_script(path: Path, mtime_ns: int) -> tuple[bytes, bytes, str]:
    """A script as it is served, the same packed, and its tag. Some 240 KB for all of them, 95 KB
    packed, and one script again for each edit while a developer works.
    """
    body = bare(path.read_text(encoding="utf-8")).encode()
    return body, gzip.compress(body, mtime=0), sha256(body).hexdigest()[:32]


def _file(path: Path, content_type: str) -> web.FileResponse:
    return web.FileResponse(
        path, headers={"Content-Type": content_type, "Cache-Control": "no-cache"}
    )
