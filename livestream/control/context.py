"""What every handler of the control server works with.

Owns the shapes of a call and its answer, and the addresses that callers are given. Refuses to know
routes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web
from redis import asyncio as aioredis

from livestream.certificates import CertificateKeys
from livestream.commands import Once
from livestream.config import Settings
from livestream.control.orders import OrderBooks
from livestream.inbox import Asker
from livestream.peers import Network
from livestream.tickets import DeskSession, HostToken, Ticket

if TYPE_CHECKING:
    from livestream.control.rehearsals import Rehearsals
    from livestream.control.replays import Replays
    from livestream.control.reports import Reports
    from livestream.control.sign_in import SignIns

#: Panels at once: each takes two connections of the pool of 128 (redis_client.CONNECTIONS_MAX), and
#: the API needs a few.
DESKS_MAX = 48

_HOST = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Control:
    """The server's own: settings, Redis, the way to engines, order books, reports, open panels.

    `trusted` are the networks whose word about where a request comes from counts.
    """

    settings: Settings
    redis: aioredis.Redis
    asker: Asker
    secret: str
    books: OrderBooks
    reports: Reports
    replays: Replays
    rehearsals: Rehearsals
    certificates: CertificateKeys
    trusted: tuple[Network, ...]
    sign_ins: SignIns
    desks: set[web.WebSocketResponse] = field(default_factory=set)
    #: The places of viewers in the last few draws that somebody checked (`draws`).
    draws: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, taken apart: path names and the body are validated, the token is good.

    `body` and `query` are what the route declares (None if it declares none). `token` is there on
    routes of the desk, and `session` if it comes from one; `ticket` on those of viewers; `once`
    where the caller named the change.
    """

    request: web.Request
    path: dict[str, str]
    token: HostToken | None
    body: Any = None
    query: Any = None
    ticket: Ticket | None = None
    once: Once | None = None
    session: DeskSession | None = None

    @property
    def room(self) -> str:
        """The room of the path."""
        return self.path["room"]

    @property
    def actor(self) -> str:
        """The caller's name in the log."""
        return f"desk:{self.token.name if self.token is not None else 'nobody'}"


@dataclass(frozen=True, slots=True)
class Answer:
    """Done. `body` is a JSON object, or what is ready as bytes of the route's media type."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


CONTROL = web.AppKey("control", Control)


def is_host(value: str) -> bool:
    """Whether a Host header is one: only such go into addresses and policies."""
    return _HOST.fullmatch(value) is not None


def gateway_base(settings: Settings, request: web.Request) -> str:
    """Where viewers reach the gateways, `ws://host:port` without a slash at the end.

    Behind a proxy that ends TLS, or with gateways on other machines, `gateway_url` must be set:
    the request cannot tell.
    """
    if settings.gateway_url is not None:
        return settings.gateway_url.rstrip("/")
    scheme = "wss" if request.secure else "ws"
    host = request.host
    if not host.endswith("]"):
        host = host.rpartition(":")[0] or host
    return f"{scheme}://{host}:{settings.gateway_port}"
