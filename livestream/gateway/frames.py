"""Websocket frames: ours going out, theirs coming in.

Owns RFC 6455 between whole frames and whole messages. Refuses to know sockets, viewers and JSON.

Coming in, `websockets`' Sans-I/O protocol is the judge of every frame but the plainest. One
instance serves every viewer who is not in the middle of a fragmented message (2.9 µs a frame; a
fresh one each time 8.4), as it is only ever given whole frames and so stands between two of them
afterwards. Who is in the middle of a frame keeps the bytes; who is in the middle of a message keeps
an instance for that while.

The plainest frame, which is nearly all of them, is one short masked text frame that came alone. It
is unmasked in place with the library's C function (0.2 µs), and inflated if it is deflated (1 µs).
That path only ever says yes; any doubt goes to the judge.

What the core leaves to us is here too: text is checked as it comes, so that a message that can
never be UTF-8 any more ends the connection before it is whole (RFC 6455 section 8.1 asks for the
end, not for the wait).
"""

from __future__ import annotations

import codecs
import logging
import zlib
from dataclasses import dataclass, field

from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import BINARY, CLOSE, CONT, TEXT, Close, Frame, Opcode
from websockets.frames import CloseCode as StandardCode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from livestream.gateway.limits import AudienceLimits
from livestream.messages import CloseCode

try:
    from websockets.speedups import apply_mask
except ImportError:  # no C extension on this platform: the library's own fallback
    from websockets.utils import apply_mask

_TEXT_FIN = 0x81
_BINARY_FIN = 0x82
_FIN_DEFLATED = 0xC0
_TEXT_FIN_DEFLATED = 0xC1
_RSV1 = 0x40
_MASKED = 0x80
_SHORT_MAX = 125
_REASON_BYTES_MAX = 123
_SPARE_PARSERS_MAX = 16
#: A ping without a payload; a pong that comes back is nobody's business here.
PING_FRAME = b"\x89\x00"
_INFLATE_END = b"\x00\x00\xff\xff"  # RFC 7692 section 7.2.2
_new_utf8_decoder = codecs.getincrementaldecoder("utf-8")

# The library logs every frame at DEBUG; its name here keeps that away from the application's
# loggers.
_log = logging.getLogger("livestream.gateway.frames")


class Binary(bytes):
    """A binary message. A text message is plain bytes, valid UTF-8."""

    __slots__ = ()


def text_frame(payload: bytes) -> bytes:
    """A whole text frame from the server: unmasked, unfragmented."""
    return _frame(_TEXT_FIN, payload)


def binary_frame(payload: bytes) -> bytes:
    """A whole binary frame from the server."""
    return _frame(_BINARY_FIN, payload)


def deflated_frame(deflated: bytes, opcode: Opcode = TEXT) -> bytes:
    """A whole frame from the server around what `deflate` made of a message."""
    return _frame(_FIN_DEFLATED | opcode, deflated)


def _frame(first: int, payload: bytes) -> bytes:
    size = len(payload)
    if size <= _SHORT_MAX:
        return bytes((first, size)) + payload
    if size <= 0xFFFF:
        return bytes((first, 126)) + size.to_bytes(2) + payload
    return bytes((first, 127)) + size.to_bytes(8) + payload


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame. ProtocolError if no peer may see `code`.

    A reason over 123 bytes is cut between characters.
    """
    cut = reason.encode()[:_REASON_BYTES_MAX].decode(errors="ignore")
    return Frame(CLOSE, Close(code, cut).serialize()).serialize(mask=False)


@dataclass(slots=True)
class Received:
    """What some bytes amounted to.

    messages: whole messages in order: text as bytes of valid UTF-8, and `Binary`.
    frames: how many frames of any kind there were.
    pongs: frames to send back at once, before anything that the messages bring about.
    close_code: nonzero if this is the end; the messages before it still count.
    goodbye: then, the close frame to send back after all that.
    by_peer: whether the end is the peer's own close frame.
    """

    messages: list[bytes] = field(default_factory=list)
    frames: int = 0
    pongs: bytes = b""
    close_code: int = 0
    goodbye: bytes = b""
    by_peer: bool = False


class Unfinished:
    """What one viewer in the middle of a frame, or of a message, leaves behind until more comes."""

    __slots__ = ("binary", "count", "parser", "pieces", "tail", "text", "text_seen")

    def __init__(self) -> None:
        #: The beginning of a frame: at most message_bytes_max and a header.
        self.tail = bytearray()
        #: Only in the middle of a fragmented message, which is `binary` or not.
        self.parser: ServerProtocol | None = None
        self.binary = False
        self.pieces: list[bytes] = []  # its fragments so far: at most message_bytes_max in all
        self.count = 0  # fragments so far
        #: Has seen all text of the message so far, and `text_seen` bytes of the frame in `tail`.
        self.text: codecs.IncrementalDecoder | None = None
        self.text_seen = 0


class _RefusedError(Exception):
    """The peer broke a rule that the Sans-I/O core leaves to us: (close code, reason)."""


def _not_utf8() -> _RefusedError:
    return _RefusedError(CloseCode.INVALID_TEXT, "text is not UTF-8")


class FrameReader:
    """Turns bytes of all viewers into messages."""

    def __init__(self, limits: AudienceLimits) -> None:
        self._message_bytes_max = limits.message_bytes_max
        self._fragments_max = limits.fragments_max
        self._takes_binary = limits.takes_binary
        # By whether they inflate.
        self._spare: dict[bool, list[ServerProtocol]] = {False: [], True: []}

    def plain(self, data: bytes) -> bytes | None:
        """The message, if `data` is exactly one short whole masked text frame of ASCII; else None:
        ask `read`.

        Only for a viewer who has nothing unfinished.
        """
        payload = self._alone(data, _TEXT_FIN)
        return payload if payload is not None and payload.isascii() else None

    def plain_deflated(self, data: bytes) -> bytes | None:
        """The same for one deflated frame, of a viewer who negotiated."""
        deflated = self._alone(data, _TEXT_FIN_DEFLATED)
        if deflated is None:
            return None
        inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        try:
            payload = inflater.decompress(deflated + _INFLATE_END, self._message_bytes_max)
        except zlib.error:
            return None
        if inflater.unconsumed_tail or inflater.eof or not payload.isascii():
            return None
        # At its bound a message may have more to say than was asked for.
        return payload if len(payload) < self._message_bytes_max else None

    def read(
        self, unfinished: Unfinished | None, data: bytes, inflates: bool = False
    ) -> tuple[Received, Unfinished | None]:
        """Take `data`, which follows on what was left `unfinished`. `inflates`: the viewer has
        negotiated permessage-deflate.

        Returns what it amounts to, and what is left unfinished now.
        """
        received = Received()
        taken: bytes | bytearray = data
        if unfinished is None:
            unfinished = Unfinished()
        elif unfinished.tail:
            unfinished.tail += data
            taken = unfinished.tail
        whole = self._whole_frames(taken)
        try:
            if whole:
                parser = unfinished.parser or self._take_parser(inflates)
                parser.receive_data(bytes(taken[:whole]))
                unfinished.tail = bytearray(taken[whole:])
                self._collect(parser, unfinished, received)
                if received.close_code:
                    return received, None  # the parser is spoiled: let it go
                unfinished.parser = parser if parser.current_size is not None else None
                spare = self._spare[inflates]
                if unfinished.parser is None and len(spare) < _SPARE_PARSERS_MAX:
                    spare.append(parser)
            elif taken is data:
                unfinished.tail = bytearray(data)
            self._look_ahead(unfinished)
        except _RefusedError as refused:
            received.close_code, reason = refused.args
            received.goodbye = close_frame(received.close_code, reason)
            return received, None
        if not unfinished.tail and unfinished.parser is None:
            return received, None
        return received, unfinished

    def _take_parser(self, inflates: bool) -> ServerProtocol:
        if self._spare[inflates]:
            return self._spare[inflates].pop()
        parser = ServerProtocol(state=OPEN, max_size=self._message_bytes_max, logger=_log)
        if inflates:
            # Without a context from one message to the next, it can serve anybody in between.
            parser.extensions = [PerMessageDeflate(True, True, zlib.MAX_WBITS, zlib.MAX_WBITS)]
        return parser

    def _alone(self, data: bytes, first: int) -> bytes | None:
        """The payload, if `data` is exactly one short masked frame that begins with `first`."""
        size = len(data) - 6
        if size < 0 or data[0] != first:
            return None
        second = data[1]
        if second == _MASKED | size and size <= _SHORT_MAX:
            return apply_mask(data[6:], data[2:6])
        size -= 2
        if second != _MASKED | 126 or size != data[2] << 8 | data[3]:
            return None
        if not _SHORT_MAX < size <= self._message_bytes_max:
            return None
        return apply_mask(data[8:], data[4:8])

    def _whole_frames(self, data: bytes | bytearray) -> int:
        """How many bytes of `data` are whole frames.

        A header that the judge refuses without seeing the payload (unmasked, too long) counts as
        whole with all that follows, so that nobody can make us wait for, or keep, what will be
        refused anyway.
        """
        size = len(data)
        at = 0
        while at + 2 <= size:
            header = _header(data, at)
            if header is None:
                break
            head, length = header
            if not data[at + 1] & _MASKED or length > self._message_bytes_max:
                return size
            if at + head + length > size:
                break
            at += head + length
        return at

    def _collect(self, parser: ServerProtocol, unfinished: Unfinished, received: Received) -> None:
        """Sort what the parser made of whole frames; refuse what the core leaves to us."""
        events = parser.events_received()
        answers = parser.data_to_send()
        if parser.close_sent is not None:
            *answers, received.goodbye, _half_close = answers
        received.pongs = b"".join(answers)
        received.frames = len(events)
        for frame in events:
            assert isinstance(frame, Frame)
            if frame.opcode in (TEXT, BINARY, CONT):
                self._collect_data(frame, unfinished, received)
        said, heard = parser.close_sent, parser.close_rcvd
        if said is not None:
            received.close_code = int(said.code)
            received.by_peer = heard is not None
            received.frames += not received.by_peer  # the frame that failed has no event
            if heard is not None and heard is not said:
                # A close frame between the fragments of a message, which the core calls an error;
                # but control frames may come there (RFC 6455 section 5.4).
                received.close_code = int(heard.code)
                received.goodbye = _close_echo(heard)

    def _collect_data(self, frame: Frame, unfinished: Unfinished, received: Received) -> None:
        payload = bytes(frame.data)
        if frame.opcode is not CONT:
            unfinished.binary = frame.opcode is BINARY
            if unfinished.binary and not self._takes_binary:
                raise _RefusedError(CloseCode.UNSUPPORTED_DATA, "text frames only")
        if not unfinished.binary:
            self._check_text(unfinished, payload, frame.fin)
        if frame.opcode is CONT or not frame.fin:
            unfinished.count += 1
            if unfinished.count > self._fragments_max:
                raise _RefusedError(CloseCode.MISUSE, "too many fragments")
            if payload:
                unfinished.pieces.append(payload)
            if not frame.fin:
                return
            payload = b"".join(unfinished.pieces)
            unfinished.pieces = []
            unfinished.count = 0
        received.messages.append(Binary(payload) if unfinished.binary else payload)

    def _check_text(self, unfinished: Unfinished, payload: bytes, last: bool) -> None:
        """The payload of a whole frame of text, of which `_look_ahead` may have seen some."""
        text = unfinished.text or _new_utf8_decoder()
        try:
            text.decode(payload[unfinished.text_seen :], last)
        except UnicodeDecodeError:
            raise _not_utf8() from None
        unfinished.text = None if last else text
        unfinished.text_seen = 0

    def _look_ahead(self, unfinished: Unfinished) -> None:
        """Text of a frame that is not whole yet. What is deflated cannot be looked at so early."""
        tail, parser = unfinished.tail, unfinished.parser
        header = _header(tail, 0)
        opcode = tail[0] & 0x0F if tail else None
        if header is None or tail[0] & _RSV1 or len(tail) <= header[0] + unfinished.text_seen:
            return
        if opcode == TEXT and parser is None:
            unfinished.text = unfinished.text or _new_utf8_decoder()
        elif opcode != CONT or unfinished.text is None or _inflating(parser):
            return
        assert unfinished.text is not None
        start, seen = header[0], unfinished.text_seen
        mask = bytes(tail[start - 4 : start])
        turned = mask[seen % 4 :] + mask[: seen % 4]
        piece = apply_mask(bytes(tail[start + seen :]), turned)
        try:
            unfinished.text.decode(piece)
        except UnicodeDecodeError:
            raise _not_utf8() from None
        unfinished.text_seen += len(piece)


def _header(data: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """The sizes of a masked frame's header and payload; None if not enough of it is there."""
    have = len(data) - at
    if have < 2:
        return None
    length = data[at + 1] & 0x7F
    if length < 126:
        return 6, length
    if length == 126:
        return None if have < 4 else (8, int.from_bytes(data[at + 2 : at + 4]))
    return None if have < 10 else (14, int.from_bytes(data[at + 2 : at + 10]))


def _inflating(parser: ServerProtocol | None) -> bool:
    """Whether the parser is in the middle of a deflated message."""
    return parser is not None and any(
        isinstance(extension, PerMessageDeflate) and extension.decode_cont_data
        for extension in parser.extensions
    )


def _close_echo(heard: Close) -> bytes:
    """What RFC 6455 section 5.5.1 answers a close frame with: the same."""
    if heard.code == StandardCode.NO_STATUS_RCVD:
        return Frame(CLOSE, b"").serialize(mask=False)
    return close_frame(heard.code, heard.reason)
