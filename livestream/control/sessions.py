"""Sessions at the desk: what a browser keeps after somebody signed in with a host token.

    livestream_session   the cookie: who, in which role, until when, signed. No script can read it
                         (HttpOnly), no other site makes a browser send it (SameSite=Strict).
    X-CSRF-Token         in each call that changes something: a MAC of the session's id, which only
                         a page that could read our answer knows.
    Origin               and such a call comes from a page of this very server, so does a websocket.

Whoever sends a bearer token needs none of this: no browser adds that header by itself.

A session is good until it runs out, or until somebody signs out: then its id is on a list in Redis
for as long as it would have lived. The list cannot be filled: sign-ins have a budget, and a session
lasts a day at most.

Owns the cookie, the CSRF token, the question who asks and that list. Refuses to know what a session
may do (`auth`), and who gets one (`sign_in`).
"""

from __future__ import annotations

import hmac
import secrets
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from redis import asyncio as aioredis

from livestream import keys
from livestream.peers import Network, is_trusted
from livestream.tickets import DeskSession, HostToken, issue_session

COOKIE: Final = "livestream_session"
CSRF_HEADER: Final = "X-CSRF-Token"
#: Longer than any show; a token that is good for a year still signs in once a day. The list of
#: ended sessions counts on it (`sign_in.GIVEN_PER_S`).
SESSION_MS_MAX: Final = 24 * 3_600_000
#: What changes nothing (RFC 9110 section 9.2.1).
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def begin(token: HostToken, now_ms: int) -> DeskSession:
    """A new session of whoever holds the token. Its id is never one that a browser brought."""
    expires_at_ms = min(token.expires_at_ms, now_ms + SESSION_MS_MAX)
    return DeskSession(secrets.token_urlsafe(16), token.name, token.role, expires_at_ms)


def cookie_of(secret: str, session: DeskSession, now_ms: int, https: bool) -> str:
    """The Set-Cookie that begins the session (RFC 6265)."""
    left_s = max(1, (session.expires_at_ms - now_ms) // 1_000)
    return _cookie(issue_session(secret, session), left_s, https)


def no_cookie(https: bool) -> str:
    """The Set-Cookie after which the browser has none."""
    return _cookie("", 0, https)


def _cookie(value: str, max_age_s: int, https: bool) -> str:
    secure = "; Secure" if https else ""
    return f"{COOKIE}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Strict{secure}"


def csrf_token(secret: str, session_id: str) -> str:
    """What a page of ours sends with each change: a MAC of the session's id."""
    # No JWT has a zero byte, so neither kind of MAC can stand for the other.
    return hmac.new(secret.encode(), f"csrf\0{session_id}".encode(), "sha256").hexdigest()


def has_csrf_token(request: web.Request, secret: str, session_id: str) -> bool:
    """Whether the request brings the session's own."""
    sent = request.headers.get(CSRF_HEADER, "")
    right = csrf_token(secret, session_id).encode()
    return hmac.compare_digest(sent.encode("utf-8", "surrogateescape"), right)


def is_own_page(request: web.Request) -> bool:
    """Whether, as the browser says, a page of this very server asks (Fetch Metadata, and Origin as
    in RFC 6454). Nothing said: no.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site != "same-origin":
        return False
    origin = request.headers.get("Origin")
    return site is not None if origin is None else is_own_origin(origin, request.host)


def is_own_origin(origin: str, host: str) -> bool:
    """Whether a page's origin is the host that the request is for. The scheme is not compared: a
    proxy that ends TLS makes it another one.
    """
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()


def is_https(request: web.Request, trusted: tuple[Network, ...]) -> bool:
    """Whether the browser came by https, as far as we or a proxy that we trust can tell."""
    if request.secure:
        return True
    told = request.headers.get("X-Forwarded-Proto", "").partition(",")[0]
    return told.strip().lower() == "https" and is_trusted(request.remote or "", trusted)


async def end(redis: aioredis.Redis, session: DeskSession, now_ms: int) -> None:
    """The session is refused from now on, everywhere, and its panels are told.

    Raises:
        redis.exceptions.RedisError: Redis is away; it may go on until it runs out.
    """
    left_ms = max(1, session.expires_at_ms - now_ms)
    await redis.set(keys.signed_out(session.session_id), b"", px=left_ms)
    await redis.publish(keys.SIGNED_OUT, session.session_id)


async def has_ended(redis: aioredis.Redis, session_id: str) -> bool:
    """Whether somebody signed out of it.

    Raises:
        redis.exceptions.RedisError: Redis is away, so nobody knows.
    """
    return bool(await redis.exists(keys.signed_out(session_id)))
