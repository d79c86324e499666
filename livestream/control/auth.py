"""Who is at the desk: bearer host tokens (RFC 6750) and what each role may do.

    analyst    reads everything, hears the desk's feed
    moderator  that, and moderates: mute, ban, slow mode, delete a line
    host       everything

A browser cannot set headers on a websocket, so there the token may come as an offered subprotocol,
`bearer.<token>`; it is never echoed. Owns that. Refuses to know how tokens are signed.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal, TypeAlias

from aiohttp import web

from cart.outcome import ErrorCode
from livestream.control.problems import Problem, forbidden
from livestream.tickets import (
    BadTicket,
    DeskRole,
    HostToken,
    Ticket,
    read_host_token,
    read_ticket,
)

#: `viewer` is for the holder of a ticket for the room of the path.
Access: TypeAlias = Literal["public", "viewer"] | DeskRole

_RANK: dict[DeskRole, int] = {"analyst": 1, "moderator": 2, "host": 3}
_SUBPROTOCOL_PREFIX = "bearer."


def authorise(
    request: web.Request, needs: DeskRole, secret: str, now_ms: int
) -> HostToken | Problem:
    """The token of the request, if its role reaches `needs`."""
    token = bearer_of(request)
    if token is None:
        return _unauthorised("a host token is needed: Authorization: Bearer <token>")
    read = read_host_token(secret, token, now_ms)
    if isinstance(read, BadTicket):
        return _unauthorised(read.message, error="invalid_token")
    if _RANK[read.role] < _RANK[needs]:
        return forbidden(f"this needs the role {needs}; the token is for {read.role}")
    return read


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
    if request.headers.get("Upgrade", "").lower() == "websocket":
        for offered in request.headers.get("Sec-WebSocket-Protocol", "").split(","):
            if offered.strip().startswith(_SUBPROTOCOL_PREFIX):
                return offered.strip().removeprefix(_SUBPROTOCOL_PREFIX)
    return None


def _unauthorised(detail: str, error: str = "") -> Problem:
    challenge = 'Bearer realm="livestream"' + (f', error="{error}"' if error else "")
    return Problem(HTTPStatus.UNAUTHORIZED, detail, ErrorCode.FORBIDDEN, challenge=challenge)
