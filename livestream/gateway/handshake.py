"""The opening handshake: the bytes of a request, and the bytes of its answer.

Owns HTTP between a request head and a verdict. Refuses to know sockets, tickets and rooms.

`websockets`' Sans-I/O core judges handshakes too, but not at the speed of a crowd: parsing with
`websockets.http11.Request.parse` and answering with `ServerProtocol.accept` take 39 µs together,
and the whole budget at 8,000 handshakes a second is 125 µs, of which the kernel takes 65 and a
ticket's signature 27. So one regular expression, which is the grammar of RFC 9112, recognises the
well-formed head (with the checks below about 9 µs). As with frames that path only ever says yes:
whatever it does not recognise is put before the library, whose verdict and words the client gets.
"""

from __future__ import annotations

import binascii
import http
import re
from collections.abc import Generator
from typing import NamedTuple

from websockets.exceptions import InvalidHeader
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.streams import StreamReader
from websockets.utils import accept_key

from livestream.gateway.deflate import negotiate
from livestream.gateway.door import HandshakeRequest, HttpReply
from livestream.gateway.limits import AudienceLimits
from livestream.messages import SUBPROTOCOL

_END = b"\r\n\r\n"
_HEAD = re.compile(
    rb"GET ([!-~]+) HTTP/1\.1\r\n"
    rb"((?:[-!#$%&'*+.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)+)\r\n"
)


def head_length(received: bytes, limits: AudienceLimits) -> int | HttpReply:
    """The size of the head at the front of `received`; 0 while it is not whole; or a refusal."""
    end = received.find(_END)
    if 0 <= end <= limits.request_bytes_max - len(_END):
        if received.count(b"\r\n", 0, end) > limits.request_headers_max:
            return _plain(431, "too many headers")
        return end + len(_END)
    if end < 0 and len(received) < limits.request_bytes_max:
        # Every method begins with a capital letter; a TLS hello, for one, does not.
        if not received[:1].isupper():
            return _plain(400, "not an HTTP request")
        return 0
    if b"\r\n" not in received[: limits.request_bytes_max]:
        return _plain(414, "request line too long")
    return _plain(431, "headers too large")


def parse(head: bytes, peer: str) -> HandshakeRequest | HttpReply:
    """A GET with headers and no body; or the refusal of whatever else it is."""
    match = _HEAD.fullmatch(head)
    if match is None:
        return judge(head)
    headers: dict[str, str] = {}
    for line in match[2].decode("iso-8859-1").split("\r\n")[:-1]:
        name, _, value = line.partition(":")
        name = name.lower()
        value = value.strip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if "transfer-encoding" in headers or headers.get("content-length", "0") != "0":
        return judge(head)
    path, _, query = match[1].decode("ascii").partition("?")
    return HandshakeRequest(path, query, headers, peer)


def wants_upgrade(request: HandshakeRequest) -> bool:
    return "upgrade" in request.headers


class Accepted(NamedTuple):
    """A 101, and the window of 2^n bytes that the peer inflates with; 0: nothing was negotiated."""

    answer: bytes
    window_bits: int


def accept(request: HandshakeRequest, compress: bool) -> Accepted | None:
    """The answer to a valid upgrade; None if the judge should look at it.

    `Sec-WebSocket-Protocol: livestream.v1` is echoed when offered. Of extensions permessage-deflate
    is accepted, if `compress`, as `deflate` has it; others are declined by silence.
    """
    headers = request.headers
    key = headers.get("sec-websocket-key", "")
    if (
        headers.get("upgrade", "").lower() != "websocket"
        or headers.get("sec-websocket-version") != "13"
        or not _has_token(headers.get("connection", "").lower(), "upgrade")
        or not _is_key(key)
    ):
        return None
    echo = ""
    if _has_token(headers.get("sec-websocket-protocol", ""), SUBPROTOCOL):
        echo = f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n"
    window_bits = 0
    if compress and (offered := headers.get("sec-websocket-extensions")) is not None:
        extension, window_bits = negotiate(offered)
        if extension:
            echo += f"Sec-WebSocket-Extensions: {extension}\r\n"
    answer = (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept_key(key)}\r\n{echo}\r\n"
    )
    return Accepted(answer.encode(), window_bits)


def judge(head: bytes) -> HttpReply:
    """The library's refusal of a request head that the quick path did not recognise."""
    reader = StreamReader()
    reader.feed_data(head)
    try:
        request = _run(Request.parse(reader.read_line))
    except Exception as error:  # the parser raises half a dozen kinds, all meaning the same
        return _plain(400, f"not a valid HTTP request: {error}")
    protocol = ServerProtocol()
    response = protocol.accept(request)
    reason = protocol.handshake_exc
    if isinstance(reason, InvalidHeader) and reason.name == "Sec-WebSocket-Version":
        body = b"websocket version 13 only\n"
        return HttpReply(426, body, headers=(("Sec-WebSocket-Version", "13"),))
    if response.status_code == http.HTTPStatus.SWITCHING_PROTOCOLS:
        return _plain(400, "not a handshake this server understands")
    return _from_library(response)


def reply_bytes(reply: HttpReply) -> bytes:
    """An HTTP answer after which the connection closes."""
    lines = [
        f"HTTP/1.1 {reply.status} {http.HTTPStatus(reply.status).phrase}",
        f"Content-Type: {reply.content_type}",
        f"Content-Length: {len(reply.body)}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in reply.headers),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("iso-8859-1") + reply.body


def _plain(status: int, message: str) -> HttpReply:
    return HttpReply(status, f"{message}\n".encode())


def _has_token(value: str, token: str) -> bool:
    """Whether a comma-separated header value holds `token`."""
    return value == token or token in [part.strip(" \t") for part in value.split(",")]


def _is_key(key: str) -> bool:
    """16 bytes in base64, RFC 6455 section 4.2.1."""
    try:
        return len(binascii.a2b_base64(key, strict_mode=True)) == 16
    except ValueError:
        return False


def _from_library(response: Response) -> HttpReply:
    kept = ("Allow", "Upgrade")
    headers = tuple((name, response.headers[name]) for name in kept if name in response.headers)
    return HttpReply(response.status_code, bytes(response.body), headers=headers)


def _run(parsing: Generator[None, None, Request]) -> Request:
    """Drive a Sans-I/O parser that has all the bytes it needs."""
    try:
        next(parsing)
    except StopIteration as done:
        request: Request = done.value
        return request
    raise ValueError("incomplete")
