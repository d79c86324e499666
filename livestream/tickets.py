"""Signed tokens: a viewer's ticket into a room, and a host token for the desk.

Both are JWTs signed with HMAC-SHA-256 (RFC 7519, RFC 7518 section 3.2) under the one secret of the
installation; each kind has its own audience (`aud`), so one can never stand for the other. A token
is read without a database, and is good until it expires: viewers' tickets are meant to be short.

Owns claims, their bounds and what is wrong with a bad token. Refuses to know clocks (`now_ms` is
given), HTTP and websockets.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import jwt
import msgspec
from msgspec import Meta, Struct

from cart.bounds import WORD, Channel, TimeMs, ViewerId

#: A ticket for any room, for rehearsals and load tests.
ANY_ROOM = "*"

RoomId = Annotated[str, Meta(min_length=1, max_length=64, pattern=WORD)]
#: The name other viewers read in the chat.
DisplayName = Annotated[str, Meta(min_length=1, max_length=40)]
DeskName = Annotated[str, Meta(min_length=1, max_length=40, pattern=WORD)]
DeskRole = Literal["host", "moderator", "analyst"]

#: Header 36 + payload 4/3 x 760 + signature 43 characters, where 760 is the JSON of claims at their
#: bounds with a name of 40 characters that JSON escapes with 12 each. Anything longer is not read.
TOKEN_CHARACTERS_MAX = 1_200

_ALGORITHM = "HS256"
_VIEWERS = "livestream.viewer"
_DESK = "livestream.desk"


class Ticket(Struct, frozen=True, gc=False):
    """Who may watch which room, shown under what name and counted under which channel."""

    viewer: ViewerId
    room: str
    channel: Channel
    name: DisplayName
    expires_at_ms: TimeMs


class HostToken(Struct, frozen=True, gc=False):
    """Who sits at the desk, and what that person may do there."""

    name: DeskName
    role: DeskRole
    expires_at_ms: TimeMs


class BadTicket(Struct, frozen=True, gc=False):
    """Why a token opens nothing.

    `invalid`: not ours, of the other kind, tampered with or malformed; `expired`; `wrong_room`: a
    ticket for another room. `message` is one English sentence, safe to show to its bearer.
    """

    reason: Literal["invalid", "expired", "wrong_room"]
    message: str


_TicketRoom = Annotated[str, Meta(max_length=64, pattern=rf"^\*$(?!\n)|{WORD}")]


# `exp` is a NumericDate: seconds, of which RFC 7519 section 2 allows fractions, so milliseconds
# survive.


class _TicketClaims(Struct, frozen=True, gc=False):
    sub: ViewerId
    room: _TicketRoom
    channel: Channel
    name: DisplayName
    exp: Annotated[float, Meta(ge=0, le=4_102_444_800)]


class _HostClaims(Struct, frozen=True, gc=False):
    sub: DeskName
    role: DeskRole
    exp: Annotated[float, Meta(ge=0, le=4_102_444_800)]


_Claims = TypeVar("_Claims", _TicketClaims, _HostClaims)


def issue_ticket(secret: str, ticket: Ticket) -> str:
    """The ticket as a signed token, at most TOKEN_CHARACTERS_MAX characters.

    Raises:
        msgspec.ValidationError: a field is out of its bounds; nothing was signed.
    """
    claims = {
        "aud": _VIEWERS,
        "sub": ticket.viewer,
        "room": ticket.room,
        "channel": ticket.channel,
        "name": ticket.name,
        "exp": ticket.expires_at_ms / 1000,
    }
    msgspec.convert(claims, _TicketClaims)
    return jwt.encode(claims, secret, _ALGORITHM)


def read_ticket(secret: str, token: str, room: str, now_ms: int) -> Ticket | BadTicket:
    """The ticket in `token` if it opens `room` at `now_ms`, else what is wrong with it."""
    claims = _read(secret, token, _VIEWERS, _TicketClaims)
    if isinstance(claims, BadTicket):
        return claims
    expires_at_ms = round(claims.exp * 1000)
    if expires_at_ms <= now_ms:
        return BadTicket("expired", "the ticket has expired")
    if claims.room not in (room, ANY_ROOM):
        return BadTicket("wrong_room", f"the ticket is for room {claims.room}")
    return Ticket(claims.sub, claims.room, claims.channel, claims.name, expires_at_ms)


def issue_host_token(secret: str, token: HostToken) -> str:
    """The host token, signed.

    Raises:
        msgspec.ValidationError: a field is out of its bounds; nothing was signed.
    """
    claims = {
        "aud": _DESK,
        "sub": token.name,
        "role": token.role,
        "exp": token.expires_at_ms / 1000,
    }
    msgspec.convert(claims, _HostClaims)
    return jwt.encode(claims, secret, _ALGORITHM)


def read_host_token(secret: str, token: str, now_ms: int) -> HostToken | BadTicket:
    """The host token in `token` if it is good at `now_ms`, else what is wrong with it."""
    claims = _read(secret, token, _DESK, _HostClaims)
    if isinstance(claims, BadTicket):
        return claims
    expires_at_ms = round(claims.exp * 1000)
    if expires_at_ms <= now_ms:
        return BadTicket("expired", "the host token has expired")
    return HostToken(claims.sub, claims.role, expires_at_ms)


def _read(secret: str, token: str, audience: str, kind: type[_Claims]) -> _Claims | BadTicket:
    if len(token) > TOKEN_CHARACTERS_MAX:
        return BadTicket("invalid", "the token is too long to be one of ours")
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=[_ALGORITHM],
            audience=audience,
            # The time is ours to check: `now_ms` is an argument here.
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
        return msgspec.convert(claims, kind)
    except (jwt.InvalidTokenError, msgspec.ValidationError):
        return BadTicket("invalid", "the token was not issued here or is damaged")
