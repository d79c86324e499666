"""Who is at the desk, and what each role may do.

    analyst    reads everything, hears the desk's feed
    moderator  that, and moderates: mute, ban, slow mode, delete a line
    host       everything

Somebody is known by a bearer host token (RFC 6750), as tools are, or by a session's cookie
(`sessions`), as browsers are. Where both come, the token counts: a browser adds none by itself, so
whoever sends it means it. A browser cannot set headers on a websocket, so there a token may come as
an offered subprotocol, `bearer.<token>`; it is never echoed.

Owns that. Refuses to know how tokens are signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal, TypeAlias

import structlog
from aiohttp import web

from cart.outcome import ErrorCode
from livestream.control import sessions
from livestream.control.context import Control
from livestream.control.problems import Problem, forbidden
from livestream.control.sign_in import too_often
from livestream.tickets import (
    BadTicket,
    DeskRole,
    DeskSession,
    HostToken,
    Ticket,
    read_host_token,
    read_session,
    read_ticket,
)

log = structlog.get_logger()

#: `viewer` is for the holder of a ticket for the room of the path, `bearer` for that of any host
#: token, who signs in with it.
Access: TypeAlias = Literal["public", "viewer", "bearer"] | DeskRole

RANK: dict[DeskRole, int] = {"analyst": 1, "moderator": 2, "host": 3}
_SUBPROTOCOL_PREFIX = "bearer."


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `session` is None for a bearer."""

    token: HostToken
    session: DeskSession | None = None


async def authorise(
    control: Control, request: web.Request, needs: DeskRole, now_ms: int
) -> Caller | Problem:
    """Who asks, if the role reaches `needs`.

    Raises:
        redis.exceptions.RedisError: Redis is away, so nobody knows who has signed out.
    """
    if bearer_of(request) is not None:
        caller = _by_token(control, request, now_ms)
    elif request.cookies.get(sessions.COOKIE):
        caller = await _by_session(control, request, now_ms)
    else:
        return _unauthorised("sign in, or send a host token: Authorization: Bearer <token>")
    if isinstance(caller, Caller) and RANK[caller.token.role] < RANK[needs]:
        return forbidden(f"this needs the role {needs}; yours is {caller.token.role}")
    return caller


def authorise_sign_in(control: Control, request: web.Request, now_ms: int) -> Caller | Problem:
    """Who wants to sign in. A session is not enough: it would never end."""
    if not control.sign_ins.admits(request):
        return too_often()
    caller = _by_token(control, request, now_ms)
    if isinstance(caller, Problem):
        control.sign_ins.count_refused(request)
        log.info("desk.sign_in_refused", reason=caller.detail)
    return caller


def admit(request: web.Request, room: str, secret: str, now_ms: int) -> Ticket | Problem:
    """The viewer's ticket of the request, if it is one for the room."""
    token = bearer_of(request)
    if token is None:
        return _unauthorised("a ticket is needed: Authorization: Bearer <ticket>")
    read = read_ticket(secret, token, room, now_ms)
    if isinstance(read, BadTicket):
        return _unauthorised(read.message, error="invalid_token")
    return read


def bearer_of(request: web.Request) -> str | None:
    """The token as it was sent, in the header or, to open a websocket, among the subprotocols."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    if _opens_websocket(request):
        for offered in request.headers.get("Sec-WebSocket-Protocol", "").split(","):
            if offered.strip().startswith(_SUBPROTOCOL_PREFIX):
                return offered.strip().removeprefix(_SUBPROTOCOL_PREFIX)
    return None


def _by_token(control: Control, request: web.Request, now_ms: int) -> Caller | Problem:
    token = bearer_of(request)
    if token is None:
        return _unauthorised("a host token is needed: Authorization: Bearer <token>")
    read = read_host_token(control.secret, token, now_ms)
    if isinstance(read, BadTicket):
        return _unauthorised(read.message, error="invalid_token")
    return Caller(read)


async def _by_session(control: Control, request: web.Request, now_ms: int) -> Caller | Problem:
    session = read_session(control.secret, request.cookies[sessions.COOKIE], now_ms)
    if isinstance(session, BadTicket):
        return _unauthorised(f"{session.message}: sign in again")
    if _opens_websocket(request):
        # Browsers always say where a websocket comes from, and let any page open it.
        if not sessions.is_own_origin(request.headers.get("Origin", ""), request.host):
            return forbidden("a session's websocket is opened by a page of this server")
    elif request.method not in sessions.SAFE_METHODS:
        if not sessions.is_own_page(request):
            return forbidden("a session's changes come from a page of this server")
        if not sessions.has_csrf_token(request, control.secret, session.session_id):
            return forbidden(f"{sessions.CSRF_HEADER} is not the session's: GET /api/v1/session")
    if await sessions.has_ended(control.redis, session.session_id):
        return _unauthorised("the session was ended: sign in again")
    return Caller(HostToken(session.name, session.role, session.expires_at_ms), session)


def _opens_websocket(request: web.Request) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


def _unauthorised(detail: str, error: str = "") -> Problem:
    challenge = 'Bearer realm="livestream"' + (f', error="{error}"' if error else "")
    return Problem(HTTPStatus.UNAUTHORIZED, detail, ErrorCode.FORBIDDEN, challenge=challenge)
