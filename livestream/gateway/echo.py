"""The gateway's websocket shell without a room: it sends back what it hears.

    python -m livestream.gateway.echo [--host 127.0.0.1] [--port 9001]

For conformance suites from outside: handshake, frames, compression, sending and closing are the
gateway's own. Only the bounds are others, since such suites send messages of 16 MiB, in tens of
thousands of fragments, as fast as they can.

Owns this glue. Refuses to be of use for anything else: it has no tickets, no rooms and no limits
worth the name.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
from itertools import count
from typing import Final

import uvloop
from websockets.frames import Opcode

from livestream.gateway import deflate
from livestream.gateway.audience import Audience
from livestream.gateway.door import Admission, HandshakeRequest, HttpReply, refusal
from livestream.gateway.frames import Binary, binary_frame, deflated_frame, text_frame
from livestream.gateway.limits import DEFLATE_BYTES_MIN, AudienceLimits
from livestream.gateway.viewer import Viewer
from livestream.messages import CloseCode
from livestream.stopping import stop_event

_MIB: Final = 1024 * 1024
LIMITS: Final = AudienceLimits(
    message_bytes_max=32 * _MIB,
    fragments_max=1_000_000,
    frames_per_s=1_000_000,
    frames_burst=1_000_000,
    takes_binary=True,
    backlog_bytes_max=128 * _MIB,
    slow_ms_max=60_000,
    send_buffer_bytes=_MIB,
)


class Echo:
    """The door of an audience in which everybody talks to oneself."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: AudienceLimits = LIMITS) -> None:
        self.audience = Audience(loop, self, limits)
        self._everybody = self.audience.group("everybody")
        self._names = count(1)

    def answer(self, request: HandshakeRequest) -> HttpReply:
        return refusal(426, "this is a websocket address")

    def admit(self, request: HandshakeRequest) -> Admission:
        return Admission(self._everybody, f"viewer-{next(self._names)}", "echo")

    def joined(self, viewer: Viewer) -> None: ...

    def heard(self, viewer: Viewer, payload: bytes) -> None:
        """The same back, deflated if that was negotiated and the message is worth it."""
        is_binary = isinstance(payload, Binary)
        if len(payload) < DEFLATE_BYTES_MIN or viewer.window_bits < deflate.fits(len(payload)):
            frame = binary_frame(payload) if is_binary else text_frame(payload)
        else:
            opcode = Opcode.BINARY if is_binary else Opcode.TEXT
            frame = deflated_frame(deflate.deflate(payload), opcode)
        self.audience.send(viewer, frame)

    def left(self, viewer: Viewer, code: int) -> None: ...


async def serve(sock: socket.socket) -> None:
    """Echo on a listening socket until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stopping = stop_event()
    echo = Echo(loop)
    echo.audience.listen(sock)
    print(f"echo on ws://{sock.getsockname()[0]}:{sock.getsockname()[1]}", flush=True)
    await stopping.wait()
    await echo.audience.drain(CloseCode.GOING_AWAY, lambda: "the echo ends", over_ms=0)
    echo.audience.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m livestream.gateway.echo", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9001, help="0: the kernel chooses")
    options = parser.parse_args()
    uvloop.run(serve(socket.create_server((options.host, options.port), backlog=1_024)))


if __name__ == "__main__":
    main()
