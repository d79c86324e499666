"""RFC 6455 as far as a crowd needs it: the handshake's request, frames in, a message or a pong out.

Owns bytes. Refuses to know sockets. For `crowd`, which holds too many connections for a library's
object each; whoever holds one uses a library.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha1
from typing import Final

from livestream.messages import SUBPROTOCOL

TEXT: Final = 0x1
CLOSE: Final = 0x8
PING: Final = 0x9

_FIN: Final = 0x80
_MASKED: Final = 0x80
_ACCEPT_SALT: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


class ProtocolError(Exception):
    """The server sent what RFC 6455 does not allow, or what this client did not agree to."""


def new_key() -> bytes:
    """A fresh `Sec-WebSocket-Key`."""
    return b64encode(secrets.token_bytes(16))


def upgrade_request(host: str, target: str, key: bytes) -> bytes:
    """The handshake; no compression is offered."""
    return (
        f"GET {target} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key.decode()}\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    ).encode()


def upgraded(head: bytes, key: bytes) -> bool:
    """Whether the answer, up to its empty line, is the one upgrade that belongs to `key`."""
    accept = b64encode(sha1(key + _ACCEPT_SALT).digest())
    lines = [line.partition(b":") for line in head.split(b"\r\n")]
    given = {name.strip().lower(): value.strip() for name, _, value in lines}
    return head.startswith(b"HTTP/1.1 101 ") and given.get(b"sec-websocket-accept") == accept


def status_of(head: bytes) -> int:
    """The status of an HTTP answer, 0 if it is none."""
    words = head.split(b" ", 2)
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


def read_frames(buffer: bytes) -> Iterator[tuple[int, bytes, int]]:
    """The whole frames at the start of `buffer`: (opcode, payload, where the next one starts).

    Raises:
        ProtocolError: a fragment, a mask or a reserved bit; our server sends none of these.
    """
    at, size = 0, len(buffer)
    while size - at >= 2:
        first, length = buffer[at], buffer[at + 1]
        if first & 0xF0 != _FIN or length & _MASKED:
            raise ProtocolError(f"frame begins with {buffer[at : at + 2].hex()}")
        start = at + 2
        if length == 126:
            start, length = at + 4, int.from_bytes(buffer[at + 2 : at + 4])
        elif length == 127:
            start, length = at + 10, int.from_bytes(buffer[at + 2 : at + 10])
        end = start + length
        if size < end or size < start:
            return
        yield first & 0x0F, buffer[start:end], end
        at = end


def text(payload: bytes) -> bytes:
    """A message. A mask of zeros is a mask: nothing here passes through a proxy's cache, which is
    what masks are for (RFC 6455 section 10.3).
    """
    size = len(payload)
    if size < 126:
        return bytes((_FIN | TEXT, _MASKED | size)) + bytes(4) + payload
    return bytes((_FIN | TEXT, _MASKED | 126)) + size.to_bytes(2) + bytes(4) + payload


def pong(payload: bytes) -> bytes:
    """The answer to a ping, under the same mask."""
    return bytes((_FIN | 0xA, _MASKED | len(payload))) + bytes(4) + payload
