"""Signing in and out: a host token for a session, and back to nothing.

Owns the three calls and how often they may be tried. Refuses to know how a session is kept
(`sessions`) and what a role may do (`auth`).
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web

from cart.outcome import ErrorCode
from livestream.clock import now_ms
from livestream.control import sessions
from livestream.control.context import Answer, Call, Control
from livestream.control.problems import STATUS_OF, Problem
from livestream.control.views import SessionView, SignedOut
from livestream.peers import Network, Rate, address_of
from livestream.tickets import DeskSession

log = structlog.get_logger()

#: Tokens that do not open, from one address: ten at once, then one in 6 s. Nobody guesses a key of
#: 256 bits; this is for the log's sake, and so that nobody gets used to trying.
REFUSED_PER_S: Final = 1 / 6
REFUSED_BURST: Final = 10
#: Sessions that one server gives. Each may be ended once and is then on a list until it would have
#: run out, a day at most: 86,400 s x 1/s x about 150 bytes = 13 MB in Redis, if somebody with a
#: token of ours does nothing else all day.
GIVEN_PER_S: Final = 1
GIVEN_BURST: Final = 60
#: 4,096 x about 250 bytes = 1 MB; over it, who came longest ago is forgotten: a full budget.
ADDRESSES_MAX: Final = 4_096


class SignIns:
    """How often one may try at this server. `now_us` is a clock that never goes back."""

    def __init__(
        self,
        trusted: tuple[Network, ...],
        now_us: Callable[[], int] = lambda: time.monotonic_ns() // 1_000,
    ) -> None:
        self._trusted = trusted
        self._now_us = now_us
        self._refused_rate = Rate(REFUSED_PER_S, REFUSED_BURST)
        self._given_rate = Rate(GIVEN_PER_S, GIVEN_BURST)
        #: Buckets' states (peers.Rate), by address; who came longest ago is first.
        self._refused: OrderedDict[str, int] = OrderedDict()
        self._given = 0

    def __len__(self) -> int:
        return len(self._refused)

    def admits(self, request: web.Request) -> bool:
        """Whether a token from there is looked at at all."""
        address = self._address(request)
        if address is None:
            return True
        state = self._refused.get(address, 0)
        return self._refused_rate.take(state, self._now_us()) >= 0

    def count_refused(self, request: web.Request) -> None:
        """A token from there did not open."""
        address = self._address(request)
        if address is None:
            return
        state = self._refused_rate.take(self._refused.pop(address, 0), self._now_us())
        self._refused[address] = state
        if len(self._refused) > ADDRESSES_MAX:
            self._refused.popitem(last=False)

    def may_give(self) -> bool:
        """Whether this server gives another session now; it counts if it does."""
        state = self._given_rate.take(self._given, self._now_us())
        if state < 0:
            return False
        self._given = state
        return True

    def _address(self, request: web.Request) -> str | None:
        """Who comes from a trusted network itself is not limited by address, as at the gateways."""
        forwarded = request.headers.get("X-Forwarded-For", "")
        return address_of(request.remote or "", forwarded, self._trusted)


def too_often() -> Problem:
    """Too many tokens were tried, or too many sessions given."""
    code = ErrorCode.RATE_LIMITED
    reason = "too many have signed in, or tried to: wait a moment"
    return Problem(STATUS_OF[code], reason, code, round(1_000 / REFUSED_PER_S))


async def sign_in(control: Control, call: Call) -> Answer | Problem:
    """Begin a session with a host token. The cookie is for browsers; `csrf` goes with each change.

    It lasts as long as the token, a day at most.
    """
    assert call.token is not None, "the route needs a token"
    if not control.sign_ins.may_give():
        return too_often()
    now = now_ms()
    session = sessions.begin(call.token, now)
    https = sessions.is_https(call.request, control.trusted)
    log.info("desk.signed_in", name=session.name, role=session.role)
    return Answer(
        _view(control, session),
        HTTPStatus.CREATED,
        {"Set-Cookie": sessions.cookie_of(control.secret, session, now, https)},
    )


async def show_session(control: Control, call: Call) -> Answer | Problem:
    """Who has signed in, until when, and what goes with each change (`csrf`; "" for a bearer)."""
    assert call.token is not None, "the route needs a token"
    if call.session is not None:
        return Answer(_view(control, call.session))
    token = call.token
    view: SessionView = {
        "name": token.name,
        "role": token.role,
        "expires_at_ms": token.expires_at_ms,
        "csrf": "",
    }
    return Answer(view)


async def sign_out(control: Control, call: Call) -> Answer | Problem:
    """End the session now, in every tab and for every server. A bearer token has none to end."""
    session = call.session
    if session is not None:
        await sessions.end(control.redis, session, now_ms())
        log.info("desk.signed_out", name=session.name, role=session.role)
    view: SignedOut = {"signed_out": session is not None}
    https = sessions.is_https(call.request, control.trusted)
    return Answer(view, headers={"Set-Cookie": sessions.no_cookie(https)})


def _view(control: Control, session: DeskSession) -> SessionView:
    return {
        "name": session.name,
        "role": session.role,
        "expires_at_ms": session.expires_at_ms,
        "csrf": sessions.csrf_token(control.secret, session.session_id),
    }
