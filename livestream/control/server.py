"""The control server: the application put together, and the process it runs in.

Owns middleware (problems, headers, the Host check), start and stop. Refuses to know what any route
does.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

import structlog
import uvloop
from aiohttp import web
from redis import asyncio as aioredis
from redis.exceptions import RedisError

from livestream.certificates import BadKeysError, CertificateKeys, new_keys
from livestream.config import Settings, SettingsError
from livestream.control import api, desk_feed, documents, health, pages, rehearsals
from livestream.control.context import CONTROL, Control, is_host
from livestream.control.orders import OrderBooks
from livestream.control.problems import Problem, invalid, not_found, unavailable
from livestream.control.rehearsals import Rehearsals
from livestream.control.replays import Replays
from livestream.control.reports import Reports
from livestream.control.routes import BODY_BYTES_MAX
from livestream.control.sign_in import SignIns
from livestream.inbox import Asker, EngineSilentError
from livestream.redis_client import open_redis
from livestream.stopping import stop_event

log = structlog.get_logger()

#: Requests under way at SIGTERM have this long: an engine's answer takes 5 s at most.
FINISH_S: Final = 8.0
#: Connections the kernel keeps until they are accepted; net.core.somaxconn has the last word. Shops
#: ask for tickets for everybody who comes when the doors open.
LISTEN_BACKLOG: Final = 4_096

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def run(settings: Settings, on_listening: Callable[[], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT, finish the requests under way, return. `on_listening` is
    called once, when requests are taken.

    `settings.redis_url` must be set. Raises OSError when the address is taken.
    """
    uvloop.run(_serve(settings, on_listening))


async def _serve(settings: Settings, on_listening: Callable[[], None] | None) -> None:
    stopping = stop_event()
    assert settings.redis_url is not None, "the command line fills it in"
    redis = open_redis(settings.redis_url, "control")
    asker = Asker(redis, f"c-{secrets.token_hex(4)}")
    await asker.start()
    runner = web.AppRunner(
        create_app(settings, redis, asker), access_log=None, shutdown_timeout=FINISH_S
    )
    try:
        await runner.setup()
        await web.TCPSite(
            runner, settings.control_host, settings.control_port, backlog=LISTEN_BACKLOG
        ).start()
        host, port = runner.addresses[0][:2]
        log.info("control.listening", host=host, port=port)
        if on_listening is not None:
            on_listening()
        await stopping.wait()
    finally:
        await runner.cleanup()
        await asker.close()
        await redis.aclose()


def create_app(settings: Settings, redis: aioredis.Redis, asker: Asker) -> web.Application:
    """The application. `asker` is started, and closed, by the caller; so is `redis`."""
    app = web.Application(
        middlewares=[health.measured, _answer_problems], client_max_size=BODY_BYTES_MAX
    )
    trusted = tuple(settings.proxy_networks())
    app[CONTROL] = Control(
        settings=settings,
        redis=redis,
        asker=asker,
        secret=settings.signing_key(),
        books=OrderBooks(redis),
        reports=Reports(redis),
        replays=Replays(redis),
        rehearsals=Rehearsals(),
        certificates=_certificate_keys(settings),
        trusted=trusted,
        sign_ins=SignIns(trusted),
    )
    api.register(app)
    desk_feed.register(app)
    rehearsals.register(app)
    documents.register(app)
    health.register(app)
    pages.register(app)
    app.on_response_prepare.append(_protect)
    return app


def _certificate_keys(settings: Settings) -> CertificateKeys:
    try:
        return CertificateKeys.parse(settings.certificate_key_set(new_keys))
    except BadKeysError as error:
        raise SettingsError(f"certificate_keys: {error}") from None


@web.middleware
async def _answer_problems(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Whatever went wrong, the caller gets a problem of the one shape."""
    if not is_host(request.host):
        return invalid("the Host header is not a host", HTTPStatus.BAD_REQUEST).response()
    try:
        return await handler(request)
    except EngineSilentError:
        return unavailable(
            "the room's engine did not answer in time; it may still do what was asked"
        ).response()
    except RedisError as error:
        log.warning("control.redis_away", error=str(error))
        return unavailable("the store is away; what was asked may or may not be done").response()
    except web.HTTPException as refusal:
        return _problem_of(refusal, request)
    except ConnectionResetError:
        return web.Response()  # for nobody: who asked has hung up before all of it was said
    except Exception:
        log.exception("control.failed", method=request.method, path=request.path)
        return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of this server's").response()


def _problem_of(refusal: web.HTTPException, request: web.Request) -> web.StreamResponse:
    match refusal:
        case web.HTTPNotFound():
            return not_found(f"nothing is at {request.path[:200]}").response()
        case web.HTTPMethodNotAllowed():
            response = invalid(
                f"{request.method} is not possible here", HTTPStatus.METHOD_NOT_ALLOWED
            ).response()
            response.headers["Allow"] = ", ".join(sorted(refusal.allowed_methods))
            return response
        case web.HTTPRequestEntityTooLarge():
            return invalid(
                "the body is larger than it may be here", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            ).response()
        case _:
            return invalid(refusal.reason, HTTPStatus(refusal.status)).response()


async def _protect(_: web.Request, response: web.StreamResponse) -> None:
    for name, value in pages.PROTECTION.items():
        response.headers.setdefault(name, value)
    response.headers.pop("Server", None)
