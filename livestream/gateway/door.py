"""The door: what the transport asks of its owner, and what it hands over.

Owns the shapes between the two. Refuses to know why anybody is let in.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from livestream.gateway.groups import Group
from livestream.gateway.viewer import Viewer


@dataclass(slots=True)
class HandshakeRequest:
    """A GET as it came. Nothing is percent-decoded yet.

    `headers` has lower-case names; a header that came several times is joined with ", ". `peer` is
    the address of the other end of the socket ("" on a unix socket), which may be a proxy.
    """

    path: str
    query: str
    headers: Mapping[str, str]
    peer: str


@dataclass(slots=True)
class Admission:
    """Let this viewer in, as a member of `group`. `state` becomes `viewer.state`."""

    group: Group
    viewer_id: str
    channel: str
    state: object = None


@dataclass(slots=True)
class HttpReply:
    """A plain HTTP answer; the connection closes after it. Also how an upgrade is refused."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


def refusal(status: int, message: str, retry_after_s: int | None = None) -> HttpReply:
    """A refused upgrade: 401, 403, 404, or 503 with the seconds to wait."""
    headers = () if retry_after_s is None else (("Retry-After", str(retry_after_s)),)
    return HttpReply(status, f"{message}\n".encode(), headers=headers)


class Door(Protocol):
    """What the owner supplies. All of it is called on the loop, synchronous, and must not block.

    An exception out of it is broken code: it goes to the loop's exception handler, and the
    connection it concerns ends (500 before the handshake is done, close code 1011 after). Nobody
    else is touched.
    """

    def answer(self, request: HandshakeRequest) -> HttpReply | Future[HttpReply]:
        """A GET without an upgrade: /livez, /readyz, /metrics, or 404. What takes its time is
        promised; the asker waits for it like for a handshake, at most `handshake_ms_max`.
        """

    def admit(self, request: HandshakeRequest) -> Admission | HttpReply:
        """A valid websocket upgrade. Check and answer; nothing has happened yet."""

    def joined(self, viewer: Viewer) -> None:
        """The viewer is in.

        What is sent to it in here goes before any broadcast and leaves with the handshake's answer
        in one write.
        """

    def heard(self, viewer: Viewer, payload: bytes) -> None:
        """One whole text message, valid UTF-8, at most `message_bytes_max` bytes."""

    def left(self, viewer: Viewer, code: int) -> None:
        """The viewer is gone.

        `code` is as in RFC 6455; 1006 if the connection broke. Called once for each `joined`, from
        the loop, never from inside a call of the owner's own; `viewer.group` and `state` still
        stand.
        """
