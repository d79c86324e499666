"""The codecs: the one place where bytes become values and values become bytes.

msgspec decodes and validates what comes in, in one step; orjson encodes frames that go out. Inside
the engine's own streams (inbox, log, snapshot) msgspec does both, since those are typed on both
sides.

Owns formats. Refuses to know what a value means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
import orjson
from msgspec import Raw, Struct

from cart.outcome import ErrorCode, Refusal
from livestream.commands import Envelope
from livestream.facts import Record
from livestream.messages import AnyViewerMessage, ChatMessage

_State = TypeVar("_State", bound=Struct)

_encoder = msgspec.json.Encoder()
_viewer_message: msgspec.json.Decoder[AnyViewerMessage] = msgspec.json.Decoder(AnyViewerMessage)
_batch = msgspec.json.Decoder(list[Envelope])
_record = msgspec.json.Decoder(Record)
_replies = msgspec.json.Decoder(list[tuple[int, Raw]])
_private = msgspec.json.Decoder(list[tuple[str, Raw]])
_air = msgspec.json.Decoder(list[tuple[int, str, Raw]])


class _OnlyId(Struct):
    id: str


_only_id = msgspec.json.Decoder(_OnlyId)
_ID_ECHO_MAX = 64
#: What is wrong may quote what was sent: enough of it to find the mistake, not 8 KiB of it back.
_ERROR_ECHO_MAX = 200
#: Encoded refusals that are kept: 256 x at most 500 bytes = 128 KB.
REFUSALS_KEPT = 256


class Malformed(Struct, frozen=True, gc=False):
    """A message that could not be read. `to` is its id, where that much could be made out."""

    to: str | None
    refusal: Refusal


def read_message(payload: bytes) -> AnyViewerMessage | Malformed:
    """One viewer message, or what is wrong with it."""
    try:
        return _viewer_message.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Malformed(_id_of(payload), Refusal(ErrorCode.INVALID, str(error)[:_ERROR_ECHO_MAX]))
    except RecursionError:
        return Malformed(None, Refusal(ErrorCode.INVALID, "nested too deep"))


def _id_of(payload: bytes) -> str | None:
    try:
        return _only_id.decode(payload).id[:_ID_ECHO_MAX]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def encode(value: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """A frame, or a list of frames with their addresses, as UTF-8 JSON."""
    return orjson.dumps(value)


def reply_frame(to: str | None, answer: Mapping[str, Any] | Refusal) -> dict[str, Any]:
    """The frame that answers the command `to`."""
    if not isinstance(answer, Refusal):
        return {"type": "reply", "to": to, "ok": True, "result": answer}
    error: dict[str, Any] = {
        "code": answer.code,
        "message": answer.message,
        "retryable": answer.code.retryable,
    }
    if answer.retry_after_ms:
        error["retry_after_ms"] = answer.retry_after_ms
    return {"type": "reply", "to": to, "ok": False, "error": error}


def encode_reply(to: str | None, answer: Mapping[str, Any] | Refusal) -> bytes:
    """The same as UTF-8 JSON. Late-comers all get the same refusal: all of it that comes after
    `to` is encoded once.
    """
    if isinstance(answer, Refusal):
        return b'{"type":"reply","to":' + orjson.dumps(to) + _rest_of_refusal(answer)
    return orjson.dumps(reply_frame(to, answer))


@lru_cache(REFUSALS_KEPT)
def _rest_of_refusal(refusal: Refusal) -> bytes:
    frame = reply_frame(None, refusal)
    del frame["type"], frame["to"]
    return b"," + orjson.dumps(frame)[1:]


def encode_batch(envelopes: list[Envelope]) -> bytes:
    """An inbox entry."""
    return _encoder.encode(envelopes)


def decode_batch(payload: bytes) -> list[Envelope]:
    """The commands of an inbox entry.

    Raises:
        msgspec.DecodeError: somebody else wrote into the inbox.
    """
    return _batch.decode(payload)


def encode_record(record: Record) -> bytes:
    """A log record."""
    return _encoder.encode(record)


def decode_record(payload: bytes) -> Record:
    """A log record read back.

    Raises:
        msgspec.DecodeError: the log is damaged or newer than this code.
    """
    return _record.decode(payload)


def decode_replies(payload: bytes) -> list[tuple[int, Raw]]:
    """Replies to one sender: (conn, frame) pairs; a frame goes on as the bytes it came in."""
    return _replies.decode(payload)


def decode_private(payload: bytes) -> list[tuple[str, Raw]]:
    """Frames for single viewers: (viewer, frame) pairs."""
    return _private.decode(payload)


def decode_air(payload: bytes) -> list[tuple[int, str, Raw]]:
    """Public frames of one record: (seq, audience, frame) triples."""
    return _air.decode(payload)


def decode_frame(payload: bytes | Raw) -> dict[str, Any]:
    """A frame of our own making as a dict."""
    frame: dict[str, Any] = orjson.loads(memoryview(payload))
    return frame


def decode_chat(payload: bytes) -> list[ChatMessage]:
    """Chat lines on their way to the mixer, or the kept history."""
    return msgspec.json.decode(payload, type=list[ChatMessage])


def encode_state(state: Struct) -> bytes:
    """A snapshot of a typed state."""
    return _encoder.encode(state)


def decode_state(payload: bytes, kind: type[_State]) -> _State:
    """A snapshot read back.

    Raises:
        msgspec.DecodeError: it is damaged or of another version.
    """
    return msgspec.json.decode(payload, type=kind)
