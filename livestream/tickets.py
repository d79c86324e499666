"""Signed tokens: a viewer's ticket into a room, a host token for the desk, a session at the desk.

All are JWTs signed with HMAC-SHA-256 (RFC 7519, RFC 7518 section 3.2) under the one secret of the
installation; each kind has its own audience (`aud`), so one can never stand for the other. A token
is read without a database, and is good until it expires: viewers' tickets are meant to be short.

PyJWT is the judge of every token but the plainest ticket: 65 µs, half of what a whole handshake may
cost at 8,000 a second. The plainest ticket, and nearly all are, is one as `issue_ticket` or another
JWT library writes it, with the right signature: that is recognised in 8 µs. As with frames and
requests, that path only ever says yes; whatever it doubts goes to the judge, whose words count.

Owns claims, their bounds and what is wrong with a bad token. Refuses to know clocks (`now_ms` is
given), HTTP and websockets.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Final, Literal, TypeVar

import jwt
import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from cart.access import TierOrNone
from cart.bounds import WORD, Channel, TimeMs, ViewerId

#: A ticket for any room, for rehearsals and load tests.
ANY_ROOM = "*"

RoomId = Annotated[str, Meta(min_length=1, max_length=64, pattern=WORD)]
#: The name other viewers read in the chat.
DisplayName = Annotated[str, Meta(min_length=1, max_length=40)]
DeskName = Annotated[str, Meta(min_length=1, max_length=40, pattern=WORD)]
DeskRole = Literal["host", "moderator", "analyst"]
#: 16 random bytes in base64url.
SessionId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{22}$(?!\n)")]

#: Header 36 + payload 4/3 x 860 + signature 43 characters, where 860 is the JSON of claims at their
#: bounds with a name of 40 characters that JSON escapes with 12 each. Anything longer is not read.
TOKEN_CHARACTERS_MAX = 1_300

_ALGORITHM = "HS256"
_VIEWERS = "livestream.viewer"
_DESK = "livestream.desk"
_SESSIONS = "livestream.session"
#: How far the clock of whoever issues may be ahead of ours: a ticket that is good from "now" must
#: not be refused for a second's difference.
_CLOCKS_APART_MS: Final = 30_000


class Ticket(Struct, frozen=True, gc=False):
    """Who may watch which room, shown under what name and counted under which channel; of which
    tier of clients ("": none), and whether invited to the room and all its drops.
    """

    viewer: ViewerId
    room: str
    channel: Channel
    name: DisplayName
    expires_at_ms: TimeMs
    tier: TierOrNone = ""
    invited: bool = False


class HostToken(Struct, frozen=True, gc=False):
    """Who sits at the desk, and what that person may do there."""

    name: DeskName
    role: DeskRole
    expires_at_ms: TimeMs


class DeskSession(Struct, frozen=True, gc=False):
    """Somebody who has signed in at the desk with a host token, and is known by a cookie since."""

    session_id: SessionId
    name: DeskName
    role: DeskRole
    expires_at_ms: TimeMs


class BadTicket(Struct, frozen=True, gc=False):
    """Why a token opens nothing.

    `invalid`: not ours, of the other kind, tampered with or malformed; `expired`; `not_yet`: good
    from a later time on; `wrong_room`: a ticket for another room. `message` is one English
    sentence, safe to show to its bearer.
    """

    reason: Literal["invalid", "expired", "not_yet", "wrong_room"]
    message: str


_TicketRoom = Annotated[str, Meta(max_length=64, pattern=rf"^\*$(?!\n)|{WORD}")]


# A NumericDate is in seconds, and RFC 7519 section 2 allows fractions: milliseconds survive.
_NumericDate = Annotated[float, Meta(ge=0, le=4_102_444_800)]


class _TicketClaims(Struct, frozen=True, gc=False):
    sub: ViewerId
    room: _TicketRoom
    channel: Channel
    name: DisplayName
    exp: _NumericDate
    nbf: _NumericDate = 0.0
    tier: TierOrNone = ""
    invited: bool = False


class _HostClaims(Struct, frozen=True, gc=False):
    sub: DeskName
    role: DeskRole
    exp: _NumericDate
    nbf: _NumericDate = 0.0


class _SessionClaims(_HostClaims, frozen=True, gc=False, kw_only=True):
    sid: SessionId


_Claims = TypeVar("_Claims", _TicketClaims, _HostClaims, _SessionClaims)


class _PlainClaims(_TicketClaims, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """The claims of a plain ticket, and the registered ones that the judge looks at no further."""

    aud: Literal["livestream.viewer"]
    iat: _NumericDate | UnsetType = UNSET
    iss: str | UnsetType = UNSET
    jti: str | UnsetType = UNSET


_plain_claims = msgspec.json.Decoder(_PlainClaims)


def warm_up() -> None:
    """Have OpenSSL make its tables, 0.4 MB, which processes that are forked after this share."""
    hmac.digest(b"", b"", "sha256")


def issue_ticket(secret: str, ticket: Ticket) -> str:
    """The ticket as a signed token, at most TOKEN_CHARACTERS_MAX characters.

    Raises:
        msgspec.ValidationError: a field is out of its bounds; nothing was signed.
    """
    claims: dict[str, object] = {
        "aud": _VIEWERS,
        "sub": ticket.viewer,
        "room": ticket.room,
        "channel": ticket.channel,
        "name": ticket.name,
        "exp": ticket.expires_at_ms / 1000,
    }
    # What most tickets would say "" and false about, they need not carry.
    if ticket.tier:
        claims["tier"] = ticket.tier
    if ticket.invited:
        claims["invited"] = True
    msgspec.convert(claims, _TicketClaims)
    return jwt.encode(claims, secret, _ALGORITHM)


def read_ticket(secret: str, token: str, room: str, now_ms: int) -> Ticket | BadTicket:
    """The ticket in `token` if it opens `room` at `now_ms`, else what is wrong with it."""
    claims = _read_plain(secret, token) or _read(secret, token, _VIEWERS, _TicketClaims)
    if isinstance(claims, BadTicket):
        return claims
    expires_at_ms = round(claims.exp * 1000)
    if expires_at_ms <= now_ms:
        return BadTicket("expired", "the ticket has expired")
    if claims.nbf * 1000 > now_ms + _CLOCKS_APART_MS:
        return BadTicket("not_yet", "the ticket is not good yet")
    if claims.room not in (room, ANY_ROOM):
        return BadTicket("wrong_room", f"the ticket is for room {claims.room}")
    return Ticket(
        claims.sub,
        claims.room,
        claims.channel,
        claims.name,
        expires_at_ms,
        claims.tier,
        claims.invited,
    )


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
    if claims.nbf * 1000 > now_ms + _CLOCKS_APART_MS:
        return BadTicket("not_yet", "the host token is not good yet")
    return HostToken(claims.sub, claims.role, expires_at_ms)


def issue_session(secret: str, session: DeskSession) -> str:
    """The session, signed, as a cookie keeps it.

    Raises:
        msgspec.ValidationError: a field is out of its bounds; nothing was signed.
    """
    claims = {
        "aud": _SESSIONS,
        "sid": session.session_id,
        "sub": session.name,
        "role": session.role,
        "exp": session.expires_at_ms / 1000,
    }
    msgspec.convert(claims, _SessionClaims)
    return jwt.encode(claims, secret, _ALGORITHM)


def read_session(secret: str, token: str, now_ms: int) -> DeskSession | BadTicket:
    """The session in `token` if it is good at `now_ms`, else what is wrong with it. Whether it was
    ended before its time is not in it.
    """
    claims = _read(secret, token, _SESSIONS, _SessionClaims)
    if isinstance(claims, BadTicket):
        return claims
    expires_at_ms = round(claims.exp * 1000)
    if expires_at_ms <= now_ms:
        return BadTicket("expired", "the session has run out")
    return DeskSession(claims.sid, claims.sub, claims.role, expires_at_ms)


def _base64url(data: bytes) -> bytes:
    """Without padding, as RFC 7515 section 2 has it."""
    return urlsafe_b64encode(data).rstrip(b"=")


#: The protected headers that PyJWT and most other libraries write, encoded. A header that names
#: another algorithm is none of them.
_PLAIN_HEADERS: Final = frozenset(
    _base64url(header)
    for header in (
        b'{"alg":"HS256","typ":"JWT"}',
        b'{"typ":"JWT","alg":"HS256"}',
        b'{"alg":"HS256"}',
    )
)


def _read_plain(secret: str, token: str) -> _PlainClaims | None:
    """The claims of a ticket that is beyond doubt; None: ask the judge."""
    if len(token) > TOKEN_CHARACTERS_MAX or not token.isascii():
        return None
    signed, _, signature = token.encode().rpartition(b".")
    header, _, payload = signed.partition(b".")
    if header not in _PLAIN_HEADERS:
        return None
    # What is compared is the encoded signature, of which there is one for each token.
    right = _base64url(hmac.digest(secret.encode(), signed, "sha256"))
    if not hmac.compare_digest(right, signature):
        return None
    try:
        decoded = urlsafe_b64decode(payload + b"==")
        # The decoder skips what is no base64; what was encoded differently comes out differently.
        return _plain_claims.decode(decoded) if _base64url(decoded) == payload else None
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError):
        return None


def _read(secret: str, token: str, audience: str, kind: type[_Claims]) -> _Claims | BadTicket:
    if len(token) > TOKEN_CHARACTERS_MAX:
        return BadTicket("invalid", "the token is too long to be one of ours")
    try:
        claims = msgspec.convert(
            jwt.decode(
                token,
                secret,
                algorithms=[_ALGORITHM],
                audience=audience,
                # The time is ours to check: `now_ms` is an argument here.
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
            ),
            kind,
        )
        # JSON may hold half a surrogate pair; what cannot be sent on as UTF-8 is no name.
        msgspec.json.encode(claims)
    except (jwt.InvalidTokenError, msgspec.ValidationError, UnicodeEncodeError):
        return BadTicket("invalid", "the token was not issued here or is damaged")
    return claims
