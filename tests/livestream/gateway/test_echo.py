"""The websocket shell apart from the room, to the letter of RFC 6455: the sections of
Autobahn|Testsuite as cases of our own, and clients that other people wrote.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.frames import Close, Opcode

from livestream.gateway.echo import Echo
from tests.livestream.gateway.house import Peer, close_payload, deflated, masked

TEXT, BINARY, CONT = Opcode.TEXT, Opcode.BINARY, Opcode.CONT
PING, PONG, CLOSE = Opcode.PING, Opcode.PONG, Opcode.CLOSE
GREEK = "κόσμε".encode()


class Case(NamedTuple):
    """What is sent, in these pieces; what comes back, and with which code it then ends. None: it
    does not end before we end it.
    """

    sent: list[bytes]
    back: list[tuple[Opcode, bytes]]
    code: int | None = None


def byte_by_byte(data: bytes) -> list[bytes]:
    return [bytes((byte,)) for byte in data]


def header(first: int, second: int, payload: bytes = b"") -> bytes:
    """A frame's two first bytes as they are, a mask of zeros, and the payload."""
    return bytes((first, 0x80 | second)) + b"\0\0\0\0" + payload


def sizes() -> Iterator[tuple[str, Case]]:
    for opcode in (TEXT, BINARY):
        for size in (0, 125, 126, 127, 128, 65_535, 65_536):
            payload = b"*" * size
            yield f"1 {opcode.name} of {size}", Case([masked(payload, opcode)], [(opcode, payload)])
        frame = masked(b"*" * 65_536, opcode)
        pieces = [frame[at : at + 997] for at in range(0, len(frame), 997)]
        yield f"1 {opcode.name} in pieces", Case(pieces, [(opcode, b"*" * 65_536)])


CASES: dict[str, Case] = {
    **dict(sizes()),
    # 2: pings and pongs
    "2 ping without payload": Case([masked(b"", PING)], [(PONG, b"")]),
    "2 ping with payload": Case([masked(b"Hello", PING)], [(PONG, b"Hello")]),
    "2 ping of any bytes": Case([masked(b"\x00\xff\xfe", PING)], [(PONG, b"\x00\xff\xfe")]),
    "2 ping of 125": Case([masked(b"\xfe" * 125, PING)], [(PONG, b"\xfe" * 125)]),
    "2 ping of 126": Case([masked(b"\xfe" * 126, PING)], [], 1002),
    "2 ping byte by byte": Case(byte_by_byte(masked(b"\xfe" * 125, PING)), [(PONG, b"\xfe" * 125)]),
    "2 pong that nobody asked for": Case([masked(b"x", PONG)], []),
    "2 pong, then ping": Case([masked(b"x", PONG) + masked(b"y", PING)], [(PONG, b"y")]),
    "2 ten pings": Case(
        [b"".join(masked(b"%d" % n, PING) for n in range(10))],
        [(PONG, b"%d" % n) for n in range(10)],
    ),
    # 3: reserved bits
    **{
        f"3 reserved bit {bit:#x} on {opcode.name}": Case(
            [masked(b"before"), header(0x80 | bit | opcode, 0)], [(TEXT, b"before")], 1002
        )
        for bit in (0x40, 0x20, 0x10, 0x70)
        for opcode in (TEXT, BINARY, PING, CLOSE)
    },
    # 4: opcodes that mean nothing
    **{
        f"4 opcode {opcode:#x}": Case(
            [masked(b"before") + header(0x80 | opcode, len(payload), payload) + masked(b"", PING)],
            [(TEXT, b"before")],
            1002,
        )
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
        for payload in (b"", b"x")
    },
    # 5: fragments
    "5 fragmented ping": Case([masked(b"a", PING, fin=False) + masked(b"b", CONT)], [], 1002),
    "5 fragmented pong": Case([masked(b"a", PONG, fin=False) + masked(b"b", CONT)], [], 1002),
    "5 two fragments": Case([masked(b"a", fin=False), masked(b"b", CONT)], [(TEXT, b"ab")]),
    "5 two fragments at once": Case(
        [masked(b"a", fin=False) + masked(b"b", CONT)], [(TEXT, b"ab")]
    ),
    "5 two fragments byte by byte": Case(
        byte_by_byte(masked(b"a", fin=False) + masked(b"b", CONT)), [(TEXT, b"ab")]
    ),
    "5 ping between fragments": Case(
        [masked(b"a", fin=False) + masked(b"p", PING) + masked(b"b", CONT)],
        [(PONG, b"p"), (TEXT, b"ab")],
    ),
    "5 empty fragments": Case(
        [masked(b"", fin=False) + masked(b"", CONT, fin=False) + masked(b"", CONT)], [(TEXT, b"")]
    ),
    "5 a continuation of nothing": Case([masked(b"a", CONT) + masked(b"b")], [], 1002),
    "5 an unfinished continuation of nothing": Case([masked(b"a", CONT, fin=False)], [], 1002),
    "5 text within a text": Case([masked(b"a", fin=False) + masked(b"b")], [], 1002),
    "5 binary in many fragments, with pings": Case(
        [
            masked(b"0", BINARY, fin=False),
            *(masked(b"%d" % n, CONT, fin=False) + masked(b"p", PING) for n in range(1, 9)),
            masked(b"9", CONT),
        ],
        [*[(PONG, b"p")] * 8, (BINARY, b"0123456789")],
    ),
    # 6: UTF-8
    "6 text of many planes": Case(
        [masked("Hello-µ@ßöäüàá-\U0001f90c".encode())],
        [(TEXT, "Hello-µ@ßöäüàá-\U0001f90c".encode())],
    ),
    "6 a character in two fragments": Case(
        [masked(GREEK[:1], fin=False), masked(GREEK[1:], CONT)], [(TEXT, GREEK)]
    ),
    "6 a character per byte and fragment": Case(
        [
            *(masked(GREEK[n : n + 1], CONT if n else TEXT, fin=False) for n in range(len(GREEK))),
            masked(b"", CONT),
        ],
        [(TEXT, GREEK)],
    ),
    **{
        f"6 not UTF-8: {text.hex()}": Case([masked(GREEK + text + b"edited")], [], 1007)
        for text in (
            b"\xed\xa0\x80",  # a surrogate
            b"\xed\xbf\xbf",
            b"\xf4\x90\x80\x80",  # beyond U+10FFFF
            b"\xf8\x88\x80\x80\x80",  # five bytes
            b"\xc0\xaf",  # longer than need be
            b"\xe0\x80\xaf",
            b"\xf0\x80\x80\xaf",
            b"\x80",
            b"\xfe",
            b"\xff",
        )
    },
    "6 half a character at the end": Case([masked(GREEK[:-1])], [], 1007),
    "6 half a character at the end of all fragments": Case(
        [masked(GREEK, fin=False), masked(GREEK[:1], CONT)], [], 1007
    ),
    # Nothing more is sent: the end comes although the message could go on.
    "6 fails within the message": Case(
        [masked(GREEK, fin=False), masked(b"\xf4\x90\x80\x80", CONT, fin=False)], [], 1007
    ),
    "6 fails within the frame": Case(
        [masked(GREEK + b"\xf4\x90\x80\x80edited" + b"x" * 50)[: 6 + len(GREEK) + 4]], [], 1007
    ),
    "6 fails within a frame that continues": Case(
        [masked(GREEK, fin=False), masked(GREEK * 30 + b"\xff" + b"x" * 50, CONT)[:-40]], [], 1007
    ),
    "6 fails at the first byte that is wrong": Case(
        byte_by_byte(masked(b"ab\xffcdef")[: 6 + 3]), [], 1007
    ),
    "6 binary may be anything": Case([masked(b"\xff\xfe", BINARY)], [(BINARY, b"\xff\xfe")]),
    # 7: closing
    "7 close without a code": Case([masked(b"", CLOSE)], [(CLOSE, b"")], 0),
    "7 close of one byte": Case([masked(b"\x03", CLOSE)], [], 1002),
    "7 close with a reason": Case(
        [masked(close_payload(1000, "x" * 123), CLOSE)],
        [(CLOSE, close_payload(1000, "x" * 123))],
        0,
    ),
    "7 close with 126 bytes": Case([masked(close_payload(1000) + b"x" * 124, CLOSE)], [], 1002),
    "7 close with a reason that is not UTF-8": Case(
        [masked(close_payload(1000) + b"\xce\xba\xff", CLOSE)], [], 1007
    ),
    "7 a message, then close": Case(
        [masked(b"x") + masked(close_payload(1001), CLOSE)],
        [(TEXT, b"x"), (CLOSE, close_payload(1001))],
        0,
    ),
    "7 nothing is heard after close": Case(
        [masked(close_payload(1000), CLOSE) + masked(b"x") + masked(b"", PING)],
        [(CLOSE, close_payload(1000))],
        0,
    ),
    "7 two closes": Case(
        [masked(close_payload(1000), CLOSE) * 2], [(CLOSE, close_payload(1000))], 0
    ),
    "7 close between fragments": Case(
        [masked(b"a", fin=False) + masked(close_payload(1000), CLOSE)],
        [(CLOSE, close_payload(1000))],
        0,
    ),
    **{
        f"7 close {code}": Case(
            [masked(close_payload(code), CLOSE)], [(CLOSE, close_payload(code))], 0
        )
        for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
    },
    **{
        f"7 close {code}, which nobody may send": Case([masked(code.to_bytes(2), CLOSE)], [], 1002)
        for code in (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65_535)
    },
    # Masks
    "a frame without a mask": Case([b"\x81\x05hello"], [], 1002),
    "a mask of zeros": Case([header(0x81, 5, b"hello")], [(TEXT, b"hello")]),
    # 9: limits
    "9 a text of 1 MiB": Case([masked(b"x" * 2**20)], [(TEXT, b"x" * 2**20)]),
    "9 4,000 fragments": Case(
        [
            masked(b"", BINARY, fin=False),
            masked(b"x" * 64, CONT, fin=False) * 3_998,
            masked(b"", CONT),
        ],
        [(BINARY, b"x" * 64 * 3_998)],
    ),
    "9 a header that promises more than the bound": Case(
        [b"\x82\xff" + (2**40).to_bytes(8)], [], 1009
    ),
}


class OnAPort:
    """An echo on a port of its own."""

    def __init__(self) -> None:
        self.echo = Echo(asyncio.get_running_loop())
        sock = socket.create_server(("127.0.0.1", 0))
        self.port: int = sock.getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}"
        self.echo.audience.listen(sock)


@pytest.fixture
async def echo() -> AsyncIterator[OnAPort]:
    on_a_port = OnAPort()
    yield on_a_port
    on_a_port.echo.audience.close()


@pytest.mark.parametrize("name", CASES)
async def test_the_shell_keeps_rfc_6455_to_the_letter(name: str, echo: OnAPort) -> None:
    sent, back, code = CASES[name]
    async with await Peer.join(echo) as peer:
        for piece in sent:
            await peer.send(piece)
            await asyncio.sleep(0)
        if code is None:
            await peer.send(masked(close_payload(1000), CLOSE))
            back = [*back, (CLOSE, close_payload(1000))]
        for expected in back:
            assert await peer.frame() == expected
        if code:
            opcode, payload = await peer.frame()
            assert opcode == CLOSE
            assert Close.parse(payload).code == code
        assert await peer.rest() == b"", "the server hangs up first, and says nothing more"


@pytest.mark.parametrize("window_bits", [8, 9, 12, 15])
@pytest.mark.parametrize("size", [0, 64, 256, 4_096, 131_072])
async def test_deflated_messages_come_back_deflated_if_they_fit(
    window_bits: int, size: int, echo: OnAPort
) -> None:
    payload = (b"compression, once and for all; " * 5_000)[:size]
    offer = f"permessage-deflate; server_max_window_bits={window_bits}"
    async with await Peer.join(echo, offers=offer) as peer:
        await peer.send(masked(deflated(payload), BINARY, rsv1=True))
        first, body = await peer.raw_frame()
        assert first & 0x0F == BINARY
        is_deflated = size >= 128 and (window_bits >= 12 or size <= 2**window_bits)
        assert bool(first & 0x40) == is_deflated
        assert (body == payload) != is_deflated


@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_the_websockets_library_hears_itself(compression: str | None, echo: OnAPort) -> None:
    async with connect(echo.url, compression=compression, max_size=None) as client:
        for message in ("早安", b"\xff\x00", "x" * 1_000_000, "", b""):
            await client.send(message)
            assert await client.recv() == message
        await client.send(["in ", "three ", "fragments"])
        assert await client.recv() == "in three fragments"
        await (await client.ping(b"there?"))
        await client.close(4321, "enough")
        assert client.close_code == 4321
        assert client.close_reason == "enough"


@pytest.mark.parametrize("compress", [0, 9, 15])
async def test_aiohttp_hears_itself(compress: int, echo: OnAPort) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(echo.url, compress=compress) as client,
    ):
        for text in ("早安", "x" * 100_000):
            await client.send_str(text)
            assert await client.receive_str() == text
        await client.send_bytes(b"\xff")
        assert await client.receive_bytes() == b"\xff"
        await client.close(code=1001)
        assert client.close_code == 1001


async def test_it_runs_from_the_command_line_until_it_is_told_to_stop() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "livestream.gateway.echo", "--port", "0"),
        env={name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            line = (await process.stdout.readline()).decode()
            async with connect(line.split()[-1]) as client:
                await client.send("hello")
                assert await client.recv() == "hello"
                process.send_signal(signal.SIGTERM)
                await client.wait_closed()
                assert client.close_code == 1001
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
