"""Frames: what a viewer may send, in whatever pieces it arrives."""

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.frames import Close, Frame, Opcode

from livestream.gateway.frames import FrameReader, Unfinished, close_frame, text_frame
from livestream.gateway.limits import AudienceLimits
from tests.livestream.gateway.house import close_payload, masked
from tests.properties import PROPERTY

LIMITS = AudienceLimits(message_bytes_max=300, fragments_max=8)


@dataclass
class Heard:
    """All that one viewer's bytes amounted to."""

    messages: list[bytes]
    answer: bytes
    close_code: int
    unfinished: Unfinished | None


def hear(pieces: list[bytes], reader: FrameReader | None = None) -> Heard:
    """Feed pieces as the audience does: the quick path if nothing is unfinished."""
    reader = reader or FrameReader(LIMITS)
    heard = Heard([], b"", 0, None)
    for piece in pieces:
        if heard.unfinished is None and (payload := reader.plain(piece)) is not None:
            heard.messages.append(payload)
            continue
        received, heard.unfinished = reader.read(heard.unfinished, piece)
        heard.messages += received.messages
        heard.answer += received.pongs + received.goodbye
        if received.close_code:
            heard.close_code = received.close_code
            break
    return heard


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(places)]


texts = st.text(max_size=60).map(str.encode) | st.binary(min_size=126, max_size=290).map(
    lambda data: data.hex().encode()[: len(data)]
)


@st.composite
def valid_frames(draw: st.DrawFn) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """Frames of a well-behaved client, the messages they carry, and the pings among them."""
    frames: list[bytes] = []
    messages: list[bytes] = []
    pings: list[bytes] = []

    def control() -> None:
        if draw(st.integers(0, 4)) == 0:
            payload = draw(st.binary(max_size=125))
            opcode = draw(st.sampled_from([Opcode.PING, Opcode.PONG]))
            frames.append(masked(payload, opcode))
            if opcode is Opcode.PING:
                pings.append(payload)

    for payload in draw(st.lists(texts, max_size=6)):
        pieces = split(payload, draw(st.lists(st.integers(0, 290), max_size=4))) or [b""]
        control()
        for number, piece in enumerate(pieces):
            opcode = Opcode.CONT if number else Opcode.TEXT
            frames.append(masked(piece, opcode, fin=number == len(pieces) - 1))
            control()
        messages.append(payload)
    return frames, messages, pings


@PROPERTY
@given(valid_frames(), st.lists(st.integers(0, 2_000), max_size=12))
def test_any_splitting_of_any_valid_frames_gives_the_same_messages(
    sent: tuple[list[bytes], list[bytes], list[bytes]], cuts: list[int]
) -> None:
    frames, messages, pings = sent
    pongs = b"".join(Frame(Opcode.PONG, payload).serialize(mask=False) for payload in pings)
    for pieces in (
        frames,
        split(b"".join(frames), cuts),
        [bytes((byte,)) for byte in b"".join(frames)],
    ):
        heard = hear(pieces)
        assert heard.messages == messages
        assert heard.answer == pongs
        assert heard.close_code == 0
        assert heard.unfinished is None


@PROPERTY
@given(st.lists(valid_frames(), min_size=2, max_size=5), st.randoms())
def test_viewers_who_share_a_reader_do_not_hear_each_other(
    crowd: list[tuple[list[bytes], list[bytes], list[bytes]]], random: object
) -> None:
    """Pieces of several viewers interleave in one reader, as they do in a gateway."""
    reader = FrameReader(LIMITS)
    streams = [split(b"".join(frames), list(range(0, 2_000, 7))) for frames, _, _ in crowd]
    states: list[Unfinished | None] = [None] * len(crowd)
    heard: list[list[bytes]] = [[] for _ in crowd]
    while any(streams):
        who = random.choice([i for i, stream in enumerate(streams) if stream])  # type: ignore[attr-defined]
        received, states[who] = reader.read(states[who], streams[who].pop(0))
        heard[who] += received.messages
        assert received.close_code == 0
    assert heard == [messages for _, messages, _ in crowd]


@PROPERTY
@given(st.binary(min_size=1, max_size=400))
@example(b"\x81\x80\x01\x02\x03\x04")
@example(b"\x81\xfe\x00\x05\x01\x02\x03\x04hello")
def test_the_quick_path_never_says_anything_else_than_the_judge(data: bytes) -> None:
    reader = FrameReader(LIMITS)
    quick = reader.plain(data)
    if quick is not None:
        received, unfinished = reader.read(None, data)
        assert received.messages == [quick]
        assert not received.close_code
        assert unfinished is None


@PROPERTY
@given(st.binary(max_size=600), st.lists(st.integers(0, 600), max_size=5))
def test_no_bytes_at_all_can_raise_or_be_kept_beyond_the_bound(
    data: bytes, cuts: list[int]
) -> None:
    heard = hear(split(data, cuts))
    if heard.unfinished is not None:
        kept = len(heard.unfinished.tail) + sum(map(len, heard.unfinished.pieces))
        assert kept <= 2 * LIMITS.message_bytes_max + 14
    assert all(len(message) <= LIMITS.message_bytes_max for message in heard.messages)


BROKEN = {
    "unmasked": (b"\x81\x05hello", 1002),
    "unmasked, header only": (b"\x81\x05", 1002),
    "reserved bit": (masked(b"hello", rsv1=True), 1002),
    "unknown opcode": (b"\x83" + masked(b"x")[1:], 1002),
    "unknown control opcode": (b"\x8b" + masked(b"x")[1:], 1002),
    "fragmented ping": (masked(b"x", Opcode.PING, fin=False), 1002),
    "long ping": (masked(b"x" * 126, Opcode.PING), 1002),
    "continuation of nothing": (masked(b"x", Opcode.CONT), 1002),
    "text within a text": (masked(b"x", fin=False) + masked(b"y"), 1002),
    "close of one byte": (masked(b"\x03", Opcode.CLOSE), 1002),
    "close with a code nobody may send": (masked((1005).to_bytes(2), Opcode.CLOSE), 1002),
    "close with a reason that is not UTF-8": (masked(b"\x03\xe8\xff", Opcode.CLOSE), 1007),
    "binary": (masked(b"hello", Opcode.BINARY), 1003),
    "binary in fragments": (masked(b"hello", Opcode.BINARY, fin=False), 1003),
    "not UTF-8": (masked(b"\xff\xfe"), 1007),
    "a surrogate": (masked(b"\xed\xa0\x80"), 1007),
    "half a character": (masked("早".encode()[:2]), 1007),
    "not UTF-8 in fragments": (masked(b"a", fin=False) + masked(b"\xff", Opcode.CONT), 1007),
    "too long": (masked(b"x" * 301), 1009),
    "too long, header only": (b"\x81\xff" + (2**63 - 1).to_bytes(8), 1009),
    "too long in fragments": (
        masked(b"x" * 200, fin=False) + masked(b"x" * 101, Opcode.CONT),
        1009,
    ),
    "endless fragments": (
        masked(b"", fin=False) + masked(b"", Opcode.CONT, fin=False) * 8,
        4009,
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_broken_frames_get_their_code_after_what_was_right(what: str) -> None:
    data, code = BROKEN[what]
    for pieces in ([masked(b"fine") + data], [masked(b"fine"), *(bytes((b,)) for b in data)]):
        heard = hear(pieces)
        assert heard.messages == [b"fine"]
        assert heard.close_code == code
        assert heard.answer[0] == 0x88
        assert Close.parse(heard.answer[2:]).code == code


def test_after_a_broken_viewer_the_reader_serves_the_next_one() -> None:
    reader = FrameReader(LIMITS)
    for data, code in BROKEN.values():
        assert hear([data], reader).close_code == code
        assert hear([masked("早".encode())], reader).messages == ["早".encode()]


def test_nothing_after_a_close_is_heard() -> None:
    heard = hear([masked(b"x") + masked(close_payload(1000), Opcode.CLOSE) + masked(b"y")])
    assert heard.messages == [b"x"]
    assert heard.close_code == 1000


@PROPERTY
@given(st.binary(max_size=70_000))
@example(b"x" * 125)
@example(b"x" * 126)
@example(b"x" * 65_535)
@example(b"x" * 65_536)
def test_outgoing_text_is_what_the_library_would_send(payload: bytes) -> None:
    assert text_frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)


def test_a_long_reason_is_cut_between_characters() -> None:
    frame = close_frame(4003, "早" * 60)
    assert len(frame) <= 2 + 125
    assert Close.parse(frame[2:]).reason == "早" * 41
