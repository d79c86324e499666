"""Serves the two documents, made once when first asked for.

Owns their addresses. Refuses to know their contents.
"""

from __future__ import annotations

from functools import cache

from aiohttp import web

from livestream import wire
from livestream.control import asyncapi, openapi
from livestream.control.context import CONTROL, gateway_base


def register(app: web.Application) -> None:
    """Serve /openapi.json and /asyncapi.json."""
    app.router.add_get("/openapi.json", _openapi)
    app.router.add_get("/asyncapi.json", _asyncapi)


async def _openapi(request: web.Request) -> web.StreamResponse:
    return _json(_openapi_bytes())


async def _asyncapi(request: web.Request) -> web.StreamResponse:
    """The servers in it are those of this installation, as the caller reaches them."""
    gateway = gateway_base(request.app[CONTROL].settings, request)
    desk = f"{'wss' if request.secure else 'ws'}://{request.host}"
    return _json(wire.encode(asyncapi.document(gateway, desk)))


@cache
def _openapi_bytes() -> bytes:
    return wire.encode(openapi.document())


def _json(body: bytes) -> web.Response:
    return web.Response(
        body=body, content_type="application/json", headers={"Cache-Control": "no-cache"}
    )
