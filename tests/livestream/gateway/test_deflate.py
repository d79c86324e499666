"""permessage-deflate without sockets: what is agreed on, and that what is made once fits all."""

from __future__ import annotations

import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    PerMessageDeflate,
)
from websockets.frames import Frame, Opcode
from websockets.headers import build_extension, parse_extension

from livestream.gateway.deflate import Once, deflate, fits, negotiate, stored
from livestream.gateway.frames import FrameReader, text_frame
from livestream.gateway.limits import AudienceLimits
from tests.livestream.gateway.house import deflated, masked
from tests.properties import PROPERTY

LIMITS = AudienceLimits(message_bytes_max=300, fragments_max=8, deflate_bytes_min=20)
NEVER = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"


def inflate(data: bytes, window_bits: int) -> bytes:
    return zlib.decompressobj(-window_bits).decompress(data + b"\x00\x00\xff\xff")


@pytest.mark.parametrize(
    ("offered", "answer", "window_bits"),
    [
        ("permessage-deflate", NEVER, 15),
        ("permessage-deflate; client_max_window_bits", NEVER, 15),
        ("permessage-deflate; client_max_window_bits=10", NEVER, 15),
        ("permessage-deflate; server_no_context_takeover", NEVER, 15),
        ("x-webkit-deflate-frame, permessage-deflate", NEVER, 15),
        ("permessage-deflate; server_max_window_bits=8", f"{NEVER}; server_max_window_bits=8", 8),
        (
            'permessage-deflate; server_max_window_bits="15"',
            f"{NEVER}; server_max_window_bits=15",
            15,
        ),
        ("permessage-deflate; server_max_window_bits=16, permessage-deflate", NEVER, 15),
        ("permessage-deflate; server_max_window_bits", "", 0),
        ("permessage-deflate; server_max_window_bits=7", "", 0),
        ("permessage-deflate; server_max_window_bits=09", "", 0),
        ("permessage-deflate; client_max_window_bits=16", "", 0),
        ("permessage-deflate; server_no_context_takeover=1", "", 0),
        ("permessage-deflate; client_no_context_takeover; client_no_context_takeover", "", 0),
        ("permessage-deflate; unknown", "", 0),
        ("permessage-bzip2", "", 0),
        ("", "", 0),
        ("; ;", "", 0),
    ],
)
def test_an_offer_gets_what_rfc_7692_has_for_it(
    offered: str, answer: str, window_bits: int
) -> None:
    assert negotiate(offered) == (answer, window_bits)


@given(
    st.booleans(),
    st.booleans(),
    st.none() | st.integers(9, 15),
    st.none() | st.just(True) | st.integers(9, 15),
)
def test_whatever_a_client_of_the_library_offers_it_accepts_the_answer(
    server_forgets: bool, client_forgets: bool, server_bits: int | None, client_bits: int | None
) -> None:
    client = ClientPerMessageDeflateFactory(
        server_forgets, client_forgets, server_bits, client_bits
    )
    offered = build_extension([(client.name, client.get_request_params())])
    answer, window_bits = negotiate(offered)
    ((_, parameters),) = parse_extension(answer)
    agreed = client.process_response_params(parameters, [])
    assert agreed.remote_no_context_takeover
    assert agreed.local_no_context_takeover
    assert window_bits == (server_bits or 15)


payloads = st.binary(max_size=9_000) | st.builds(
    lambda piece, times: piece * times, st.binary(min_size=1, max_size=60), st.integers(1, 200)
)


@PROPERTY
@given(payloads, st.integers(8, 15))
def test_what_is_deflated_once_is_inflated_by_every_window_it_fits(
    payload: bytes, window_bits: int
) -> None:
    if window_bits >= fits(len(payload)):
        assert inflate(deflate(payload), window_bits) == payload


@PROPERTY
@given(st.binary(max_size=1_000), payloads)
def test_an_end_that_was_deflated_once_follows_any_beginning(beginning: bytes, end: bytes) -> None:
    assert inflate(stored(beginning) + deflate(end), 15) == beginning + end


def test_a_message_is_deflated_once_for_all_its_groups() -> None:
    once, frame = Once(bytes_min=20), text_frame(b"all at once " * 10)
    first = once.of(frame)
    assert first is not None
    assert once.of(frame) is first
    assert len(first.frame) < len(frame)
    assert once.of(text_frame(b"another " * 10)) is not first


@pytest.mark.parametrize("size", [20, 125, 126, 65_535, 65_536])
def test_a_frame_of_any_size_is_deflated_with_what_is_in_it(size: int) -> None:
    made = Once(bytes_min=20).of(text_frame(b"x" * size))
    assert made is not None
    client = PerMessageDeflate(True, True, made.window_bits, 15)
    body = made.frame[4 if made.frame[1] == 126 else 2 :]
    frame = client.decode(Frame(Opcode.TEXT, body, rsv1=made.frame[0] == 0xC1))
    assert frame.data == b"x" * size


def test_what_is_short_or_does_not_shrink_goes_plain() -> None:
    once = Once(bytes_min=20)
    assert once.of(text_frame(b"x" * 19)) is None
    assert once.of(text_frame(bytes(range(32, 127)))) is None


# -- what comes in ------------------------------------------------------------------------------


def hear(*pieces: bytes) -> tuple[list[bytes], int]:
    """Messages and close code of a viewer who negotiated."""
    reader = FrameReader(LIMITS)
    messages: list[bytes] = []
    unfinished = None
    for piece in pieces:
        received, unfinished = reader.read(unfinished, piece, inflates=True)
        messages += received.messages
        if received.close_code:
            return messages, received.close_code
    return messages, 0


def test_a_deflated_message_is_heard() -> None:
    text = "早安 good morning".encode()
    assert hear(masked(deflated(text), rsv1=True)) == ([text], 0)


def test_plain_and_deflated_may_alternate() -> None:
    frames = [masked(deflated(b"one"), rsv1=True), masked(b"two"), masked(b"\x00", rsv1=True)]
    assert hear(*frames, b"".join(frames)) == ([b"one", b"two", b""] * 2, 0)


@PROPERTY
@given(st.text(max_size=90), st.lists(st.integers(0, 100), max_size=5), st.booleans())
def test_a_deflated_message_in_any_fragments_and_pieces_is_heard(
    text: str, cuts: list[int], byte_by_byte: bool
) -> None:
    data = deflated(text.encode())
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    parts = [data[a:b] for a, b in pairwise(places)] or [data]
    frames = b"".join(
        masked(
            part,
            Opcode.CONT if number else Opcode.TEXT,
            fin=number == len(parts) - 1,
            rsv1=not number,
        )
        for number, part in enumerate(parts)
    )
    pieces = [bytes((byte,)) for byte in frames] if byte_by_byte else [frames]
    assert hear(*pieces, masked(b"next")) == ([text.encode(), b"next"], 0)


@PROPERTY
@given(st.binary(max_size=60), st.booleans())
def test_the_quick_path_for_deflated_frames_agrees_with_the_judge(
    noise: bytes, is_deflate: bool
) -> None:
    data = masked(deflated(noise) if is_deflate else noise, rsv1=True)
    quick = FrameReader(LIMITS).plain_deflated(data)
    if quick is not None:
        assert hear(data) == ([quick], 0)
    elif is_deflate and noise.isascii():
        pytest.fail("the plainest deflated frame was not recognised")


BOMB = deflated(b"\x20" * 10_000_000)
BROKEN = {
    "a bomb": ([masked(BOMB, rsv1=True)], 1009),
    "a bomb in fragments": (
        [
            masked(BOMB[:20], rsv1=True, fin=False),
            masked(BOMB[20:], Opcode.CONT),
        ],
        1009,
    ),
    "one byte too many": ([masked(deflated(b"x" * 301), rsv1=True)], 1009),
    "noise": ([masked(b"\xff" * 20, rsv1=True)], 1002),
    "not UTF-8 inside": ([masked(deflated(b"\xff\xfe"), rsv1=True)], 1007),
    "the bit on a continuation": (
        [masked(deflated(b"x"), rsv1=True, fin=False), masked(b"", Opcode.CONT, rsv1=True)],
        1002,
    ),
    "the bit on a ping": ([masked(b"x", Opcode.PING, rsv1=True)], 1002),
    "the second bit": ([b"\xa1" + masked(b"x")[1:]], 1002),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_ends_with_its_code(what: str) -> None:
    frames, code = BROKEN[what]
    assert hear(*frames) == ([], code)
    assert FrameReader(LIMITS).plain_deflated(frames[0]) is None


def test_the_largest_message_fits_exactly() -> None:
    assert hear(masked(deflated(b"x" * 300), rsv1=True)) == ([b"x" * 300], 0)


def test_who_has_not_negotiated_may_not_deflate() -> None:
    received, _ = FrameReader(LIMITS).read(None, masked(deflated(b"x"), rsv1=True))
    assert received.close_code == 1002


def test_viewers_who_share_a_reader_share_no_context() -> None:
    reader = FrameReader(LIMITS)
    half = masked(deflated(b"first")[:3], rsv1=True, fin=False)
    _, mine = reader.read(None, half, inflates=True)
    received, _ = reader.read(None, masked(deflated(b"another's"), rsv1=True), inflates=True)
    assert received.messages == [b"another's"]
    received, _ = reader.read(None, masked(b"plain"), inflates=False)
    assert received.messages == [b"plain"]
    received, mine = reader.read(mine, masked(deflated(b"first")[3:], Opcode.CONT), inflates=True)
    assert received.messages == [b"first"]
    assert mine is None
