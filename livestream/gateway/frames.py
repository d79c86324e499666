"""Websocket frames: ours going out, theirs coming in.

Owns RFC 6455 between whole frames and whole messages. Refuses to know sockets, viewers and JSON.

Coming in, `websockets`' Sans-I/O protocol is the judge of every frame but the plainest. One
instance serves every viewer who is not in the middle of a fragmented message (2.9 µs a frame; a
fresh one each time 8.4), as it is only ever given whole frames and so stands between two of them
afterwards. Who is in the middle of a frame keeps the bytes; who is in the middle of a message keeps
an instance for that while.

The plainest frame, which is nearly all of them, is one short masked text frame that came alone. It
is unmasked in place with the library's C function (0.2 µs). That path only ever says yes; any doubt
goes to the judge.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from websockets.frames import BINARY, CLOSE, CONT, TEXT, Close, Frame
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from livestream.gateway.limits import AudienceLimits
from livestream.messages import CloseCode

try:
    from websockets.speedups import apply_mask
except ImportError:  # no C extension on this platform: the library's own fallback
    from websockets.utils import apply_mask

_TEXT_FIN = 0x81
_MASKED = 0x80
_SHORT_MAX = 125
_REASON_BYTES_MAX = 123
_SPARE_PARSERS_MAX = 16

# The library logs every frame at DEBUG; its name here keeps that away from the application's
# loggers.
_log = logging.getLogger("livestream.gateway.frames")


def text_frame(payload: bytes) -> bytes:
    """A whole text frame from the server: unmasked, unfragmented."""
    size = len(payload)
    if size <= _SHORT_MAX:
        return bytes((_TEXT_FIN, size)) + payload
    if size <= 0xFFFF:
        return b"\x81\x7e" + size.to_bytes(2) + payload
    return b"\x81\x7f" + size.to_bytes(8) + payload


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame. ProtocolError if no peer may see `code`.

    A reason over 123 bytes is cut between characters.
    """
    cut = reason.encode()[:_REASON_BYTES_MAX].decode(errors="ignore")
    return Frame(CLOSE, Close(code, cut).serialize()).serialize(mask=False)


@dataclass(slots=True)
class Received:
    """What some bytes amounted to.

    messages: whole text messages, valid UTF-8, in order.
    frames: how many frames of any kind there were.
    answer: frames to send back at once: pongs, and the close frame if `close_code` is set.
    close_code: nonzero if this is the end; the messages before it still count.
    by_peer: whether the end is the peer's own close frame.
    """

    messages: list[bytes] = field(default_factory=list)
    frames: int = 0
    answer: bytes = b""
    close_code: int = 0
    by_peer: bool = False


class Unfinished:
    """What one viewer in the middle of a frame, or of a message, leaves behind until more comes."""

    __slots__ = ("count", "parser", "pieces", "tail")

    def __init__(self) -> None:
        self.tail = b""  # the beginning of a frame: at most message_bytes_max and a header
        self.parser: ServerProtocol | None = None  # only in the middle of a fragmented message
        self.pieces: list[bytes] = []  # its fragments so far: at most message_bytes_max in all
        self.count = 0  # fragments so far


class _RefusedError(Exception):
    """The peer broke a rule that the Sans-I/O core leaves to us: (close code, reason)."""


class FrameReader:
    """Turns bytes of all viewers into messages."""

    def __init__(self, limits: AudienceLimits) -> None:
        self._message_bytes_max = limits.message_bytes_max
        self._fragments_max = limits.fragments_max
        self._spare: list[ServerProtocol] = []

    def plain(self, data: bytes) -> bytes | None:
        """The message, if `data` is exactly one short whole masked text frame of ASCII; else None:
        ask `read`.

        Only for a viewer who has nothing unfinished.
        """
        size = len(data) - 6
        if size >= 0 and data[0] == _TEXT_FIN:
            second = data[1]
            if second == _MASKED | size and size <= _SHORT_MAX:
                payload = apply_mask(data[6:], data[2:6])
            elif second == _MASKED | 126 and size - 2 == data[2] << 8 | data[3]:
                if not _SHORT_MAX < size - 2 <= self._message_bytes_max:
                    return None
                payload = apply_mask(data[8:], data[4:8])
            else:
                return None
            if payload.isascii():
                return payload
        return None

    def read(
        self, unfinished: Unfinished | None, data: bytes
    ) -> tuple[Received, Unfinished | None]:
        """Take `data`, which follows on what was left `unfinished`.

        Returns what it amounts to, and what is left unfinished now.
        """
        received = Received()
        if unfinished is None:
            unfinished = Unfinished()
        elif unfinished.tail:
            data = unfinished.tail + data
        whole = self._whole_frames(data)
        unfinished.tail = data[whole:]
        if whole:
            parser = unfinished.parser or self._take_parser()
            parser.receive_data(data[:whole])
            try:
                self._collect(parser, unfinished, received)
            except _RefusedError as refused:
                code, reason = refused.args
                received.close_code = code
                received.answer = close_frame(code, reason)
            if received.close_code:
                return received, None  # the parser is spoiled: let it go
            unfinished.parser = parser if parser.current_size is not None else None
            if unfinished.parser is None and len(self._spare) < _SPARE_PARSERS_MAX:
                self._spare.append(parser)
        if not unfinished.tail and unfinished.parser is None:
            return received, None
        return received, unfinished

    def _take_parser(self) -> ServerProtocol:
        if self._spare:
            return self._spare.pop()
        return ServerProtocol(state=OPEN, max_size=self._message_bytes_max, logger=_log)

    def _whole_frames(self, data: bytes) -> int:
        """How many bytes of `data` are whole frames.

        A header that the judge refuses without seeing the payload (unmasked, too long) counts as
        whole with all that follows, so that nobody can make us wait for, or keep, what will be
        refused anyway.
        """
        size = len(data)
        at = 0
        while at + 2 <= size:
            second = data[at + 1]
            length = second & 0x7F
            head = 6
            if length == 126:
                if at + 4 > size:
                    break
                length = int.from_bytes(data[at + 2 : at + 4])
                head = 8
            elif length == 127:
                if at + 10 > size:
                    break
                length = int.from_bytes(data[at + 2 : at + 10])
                head = 14
            if not second & _MASKED or length > self._message_bytes_max:
                return size
            if at + head + length > size:
                break
            at += head + length
        return at

    def _collect(self, parser: ServerProtocol, unfinished: Unfinished, received: Received) -> None:
        """Sort what the parser made of whole frames; refuse what the core leaves to us."""
        events = parser.events_received()
        # Pongs, a close frame, and b"" for "half-close".
        received.answer = b"".join(parser.data_to_send())
        received.frames = len(events)
        for frame in events:
            assert isinstance(frame, Frame)
            if frame.opcode is TEXT or frame.opcode is CONT:
                self._collect_text(frame, unfinished, received)
            elif frame.opcode is BINARY:
                raise _RefusedError(CloseCode.UNSUPPORTED_DATA, "text frames only")
        if parser.close_sent is not None:
            received.close_code = int(parser.close_sent.code)
            received.by_peer = parser.close_rcvd is not None
            received.frames += not received.by_peer  # the frame that failed has no event

    def _collect_text(self, frame: Frame, unfinished: Unfinished, received: Received) -> None:
        payload = bytes(frame.data)
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
        try:
            payload.decode()
        except UnicodeDecodeError:
            raise _RefusedError(CloseCode.INVALID_TEXT, "text is not UTF-8") from None
        received.messages.append(payload)
