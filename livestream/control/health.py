"""What machines ask: is it alive, can it serve, and how does it do.

Owns /livez, /readyz and /metrics. Refuses to know what is measured (`metrics.catalog`). They carry
no token, as scrapers and orchestrators expect: on a public address let the proxy keep them inside,
for /metrics tells the takings.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import structlog
from aiohttp import web
from redis.exceptions import RedisError

from livestream import keys, vitals, wire
from livestream.control.context import CONTROL
from livestream.control.rooms import awake_names, read_inbox_lengths, read_ledgers, room_names
from livestream.control.views import Readiness
from metrics import catalog, exposition

log = structlog.get_logger()

#: An answer later than this is none: orchestrators ask every few seconds.
PATIENCE_S = 2.0


def register(app: web.Application) -> None:
    """Serve the three, and tell of the process while the application runs."""
    app.router.add_get("/livez", _livez)
    app.router.add_get("/readyz", _readyz)
    app.router.add_get("/metrics", _metrics)
    app.cleanup_ctx.append(_sampled)


async def _livez(request: web.Request) -> web.StreamResponse:
    return web.json_response({"alive": True})


async def _readyz(request: web.Request) -> web.StreamResponse:
    """Ready: Redis answers, and no room needs an owner or at least one has one. One room between
    two owners is no reason to turn the desks of all others away.
    """
    redis = request.app[CONTROL].redis
    state: Readiness = {
        "ready": False,
        "redis": False,
        "rooms": 0,
        "rooms_resting": 0,
        "rooms_without_owner": [],
    }
    try:
        async with asyncio.timeout(PATIENCE_S):
            rooms = await redis.scard(keys.ROOMS)
            names = await awake_names(redis)
            async with redis.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.exists(keys.owner(name))
                owned = await pipe.execute() if names else []
    except (RedisError, OSError, TimeoutError) as error:
        log.warning("readiness.redis_away", error=str(error))
    else:
        orphans = [name for name, has_owner in zip(names, owned, strict=True) if not has_owner]
        state = {
            "ready": len(orphans) < len(names) or not names,
            "redis": True,
            "rooms": rooms,
            "rooms_resting": rooms - len(names),
            "rooms_without_owner": orphans,
        }
    return web.Response(
        status=200 if state["ready"] else 503,
        body=wire.encode(state),
        content_type="application/json",
    )


async def _metrics(request: web.Request) -> web.StreamResponse:
    """All instruments; the rooms' numbers too, as long as Redis answers."""
    redis = request.app[CONTROL].redis
    ledgers = []
    inboxes: dict[str, int] = {}
    try:
        async with asyncio.timeout(PATIENCE_S):
            names = await room_names(redis)
            kept = await read_ledgers(redis, names)
            ledgers = [ledger for ledger in kept if ledger is not None]
            inboxes = await read_inbox_lengths(redis, names)
    except (RedisError, OSError, TimeoutError) as error:
        log.warning("metrics.redis_away", error=str(error))
    text = await asyncio.to_thread(exposition.render, ledgers, inboxes)
    return web.Response(body=text, headers={"Content-Type": exposition.CONTENT_TYPE})


@web.middleware
async def measured(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Count and time each request under its route's pattern."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    response = await handler(request)
    resource = request.match_info.route.resource
    route = catalog.OTHER if resource is None else resource.canonical
    method = request.method if resource is not None else catalog.OTHER
    catalog.HTTP_REQUESTS.labels(method, route, str(response.status)).inc()
    catalog.HTTP_REQUEST_SECONDS.labels(route).observe(loop.time() - began)
    return response


async def _sampled(_: web.Application) -> AsyncIterator[None]:
    task = asyncio.create_task(vitals.tell("control"))
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
