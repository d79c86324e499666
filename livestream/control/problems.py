"""Problem details (RFC 9457): what a caller of the API is told when something is not done.

Owns the one table from error codes to HTTP statuses. Refuses to know routes. A problem is a value
that handlers return; `code` is the closed list's, the same that viewers get.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Literal, NotRequired, TypedDict

import structlog
from aiohttp import web
from msgspec import Struct

from cart.outcome import ErrorCode
from livestream import wire

log = structlog.get_logger()

#: Seconds after which a caller may try again when the engine or Redis was away: as long as a
#: takeover with the usual lease.
RETRY_AFTER_MS = 2_000

STATUS_OF: dict[ErrorCode, HTTPStatus] = {
    ErrorCode.SOLD_OUT: HTTPStatus.CONFLICT,
    ErrorCode.ALL_HELD: HTTPStatus.CONFLICT,
    ErrorCode.LIMIT_REACHED: HTTPStatus.CONFLICT,
    ErrorCode.NOT_OPEN: HTTPStatus.CONFLICT,
    ErrorCode.NOT_INVITED: HTTPStatus.FORBIDDEN,
    ErrorCode.CLOSED: HTTPStatus.CONFLICT,
    ErrorCode.IN_LINE: HTTPStatus.CONFLICT,
    ErrorCode.EMPTY_CART: HTTPStatus.CONFLICT,
    ErrorCode.HOLD_EXPIRED: HTTPStatus.CONFLICT,
    ErrorCode.COUPON_REJECTED: HTTPStatus.CONFLICT,
    ErrorCode.SLOT_FULL: HTTPStatus.CONFLICT,
    ErrorCode.PAYMENT_DECLINED: HTTPStatus.PAYMENT_REQUIRED,
    ErrorCode.CONFLICT: HTTPStatus.CONFLICT,
    ErrorCode.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.FORBIDDEN: HTTPStatus.FORBIDDEN,
    ErrorCode.MUTED: HTTPStatus.FORBIDDEN,
    ErrorCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    ErrorCode.BUSY: HTTPStatus.SERVICE_UNAVAILABLE,
}


class ProblemDetails(TypedDict):
    """RFC 9457, with the closed list's code. Without `code` the fault is the server's own."""

    type: Literal["about:blank"]
    title: str
    status: int
    detail: str
    code: NotRequired[ErrorCode]
    retryable: NotRequired[bool]
    retry_after_ms: NotRequired[int]


class Problem(Struct, frozen=True):
    """Not done, and why. `challenge` is the WWW-Authenticate of a 401."""

    status: HTTPStatus
    detail: str
    code: ErrorCode | None = None
    retry_after_ms: int = 0
    challenge: str = ""

    def details(self) -> ProblemDetails:
        """The body."""
        details: ProblemDetails = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
        }
        if self.code is not None:
            details["code"] = self.code
            details["retryable"] = self.code.retryable
        if self.retry_after_ms:
            details["retry_after_ms"] = self.retry_after_ms
        return details

    def response(self) -> web.Response:
        """The answer as HTTP has it."""
        headers = {}
        if self.challenge:
            headers["WWW-Authenticate"] = self.challenge
        if self.retry_after_ms:
            headers["Retry-After"] = str(-(-self.retry_after_ms // 1000))
        return web.Response(
            status=self.status,
            body=wire.encode(self.details()),
            content_type="application/problem+json",
            headers=headers,
        )


def refused(error: dict[str, Any]) -> Problem:
    """The `error` of an engine's reply."""
    code = ErrorCode(error["code"])
    wait_ms = int(error.get("retry_after_ms", 0))
    if code is ErrorCode.BUSY:
        wait_ms = wait_ms or RETRY_AFTER_MS
    return Problem(STATUS_OF[code], error["message"], code, wait_ms)


def invalid(detail: str, status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY) -> Problem:
    """What was sent cannot be read, or is out of bounds."""
    return Problem(status, detail, ErrorCode.INVALID)


def not_found(detail: str) -> Problem:
    """There is no such thing."""
    return Problem(HTTPStatus.NOT_FOUND, detail, ErrorCode.NOT_FOUND)


def forbidden(detail: str) -> Problem:
    """The caller is known and may not do that."""
    return Problem(HTTPStatus.FORBIDDEN, detail, ErrorCode.FORBIDDEN)


def log_broken(room: str, error: Exception) -> Problem:
    """The log of a room cannot be folded."""
    log.error("log.broken", room=room, error=str(error))
    return Problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        f"the log of {room} does not make sense; livestream verify says where",
    )


def unavailable(detail: str) -> Problem:
    """The engine or Redis is away for the moment."""
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, ErrorCode.BUSY, RETRY_AFTER_MS)
