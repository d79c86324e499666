"""permessage-deflate (RFC 7692), made for one message that goes to a crowd.

Owns the negotiation, and how a message is deflated. Refuses to know sockets and rooms; incoming
messages are inflated by the judge of all frames (`frames`).

Neither side keeps a context from one message to the next. So an idle viewer has no compressor and
no decompressor, only one byte in its group: the window that it negotiated, 0 for none. And so what
is deflated for one fits all others, and a broadcast is deflated once.

What does not repeat itself within a message does not shrink: an event of 146 bytes becomes 120, a
product card of 347 becomes 244, twenty lines of chat of 2,538 become 743; and chat is what fills a
room's wires. Deflating takes 5 to 23 µs for each message, as much as writing it to two viewers.
`python -m loadtest.bench.compression` prints all of it.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from websockets.exceptions import InvalidHeaderFormat
from websockets.headers import parse_extension

from livestream.gateway.frames import deflated_frame

_EXTENSION: Final = "permessage-deflate"
#: A window of 4 KiB and hash tables to match are set up in a tenth of the time that zlib's defaults
#: take (256 KiB to be cleared for each message), and no message here is long enough to shrink less.
WINDOW_BITS: Final = 12
_MEMORY_LEVEL: Final = 5
#: Windows are 2^8 to 2^15 bytes; 0 stands for a viewer who has not negotiated.
WINDOWS: Final = 16
_WINDOW_BITS_MAX: Final = 15
_WINDOW_SIZES: Final = {str(bits): bits for bits in range(8, _WINDOW_BITS_MAX + 1)}

#: Browsers of one make send the same offer; each is looked at once.
_OFFERS_KEPT: Final = 64

#: What a flush of zlib ends with, and a message goes without: RFC 7692 section 7.2.1.
_FLUSHED: Final = b"\x00\x00\xff\xff"
#: A deflate block that is stored as it is: RFC 1951 section 3.2.4.
_STORED_MAX: Final = 0xFFFF


@lru_cache(_OFFERS_KEPT)
def negotiate(offered: str) -> tuple[str, int]:
    """The answer to a `Sec-WebSocket-Extensions` header, and the window of 2^n bytes that the peer
    inflates with; ("", 0) to decline.

    Of several offers the first one that can be met counts. An offer with a parameter that RFC 7692
    does not know, or twice the same, is none.
    """
    try:
        offers = parse_extension(offered)
    except InvalidHeaderFormat:
        return "", 0
    for name, parameters in offers:
        if name == _EXTENSION and (window_bits := _window_of(parameters)):
            answer = f"{name}; server_no_context_takeover; client_no_context_takeover"
            if ("server_max_window_bits", str(window_bits)) in parameters:
                answer += f"; server_max_window_bits={window_bits}"
            return answer, window_bits
    return "", 0


def _window_of(parameters: Sequence[tuple[str, str | None]]) -> int:
    """The largest window that the peer inflates with; 0 if the offer is not valid."""
    given = dict(parameters)
    if len(given) < len(parameters):
        return 0
    window_bits = _WINDOW_BITS_MAX
    for name, value in parameters:
        match name, value:
            case (("server_no_context_takeover" | "client_no_context_takeover"), None):
                pass
            case "client_max_window_bits", None:
                pass
            case "client_max_window_bits", size if size in _WINDOW_SIZES:
                pass
            case "server_max_window_bits", str(size) if size in _WINDOW_SIZES:
                window_bits = _WINDOW_SIZES[size]
            case _:
                return 0
    return window_bits


def fits(payload_bytes: int) -> int:
    """The smallest window, as n of 2^n bytes, that inflates a deflated message of this size: ours,
    or any that holds the whole message.
    """
    return min(WINDOW_BITS, max(8, (payload_bytes - 1).bit_length()))


def deflate(payload: bytes) -> bytes:
    """The payload as whole blocks of deflate, without the last four bytes."""
    compressor = zlib.compressobj(wbits=-WINDOW_BITS, memLevel=_MEMORY_LEVEL)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[: -len(_FLUSHED)]


def stored(payload: bytes) -> bytes:
    """At most 64 KiB as they are, in blocks that others may follow: a beginning of one's own for an
    end that is deflated once for everybody.
    """
    size = len(payload)
    assert size <= _STORED_MAX
    return (
        b"\x00" + size.to_bytes(2, "little") + (size ^ _STORED_MAX).to_bytes(2, "little") + payload
    )


class Deflated:
    """One text message for those who negotiated: its frame, and the smallest window it fits."""

    __slots__ = ("frame", "window_bits")

    def __init__(self, frame: bytes, window_bits: int) -> None:
        self.frame = frame
        self.window_bits = window_bits


class Once:
    """Deflates each message once, however many groups it is broadcast to one after the other."""

    def __init__(self, bytes_min: int) -> None:
        self._bytes_min = bytes_min
        self._last: tuple[bytes, Deflated | None] = (b"", None)

    def of(self, frame: bytes) -> Deflated | None:
        """The text frame deflated; None if it is shorter than `bytes_min`, or would not shrink."""
        known, deflated = self._last
        if frame is not known:
            deflated = self._make(frame)
            self._last = (frame, deflated)
        return deflated

    def _make(self, frame: bytes) -> Deflated | None:
        payload = frame[{126: 4, 127: 10}.get(frame[1], 2) :]
        if len(payload) < self._bytes_min:
            return None
        made = deflated_frame(deflate(payload))
        return Deflated(made, fits(len(payload))) if len(made) < len(frame) else None
