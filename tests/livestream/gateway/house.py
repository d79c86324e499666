"""A house for tests: an audience with the plainest owner, and peers who speak raw bytes to it."""

from __future__ import annotations

import asyncio
import socket
import zlib
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self

from websockets.frames import Close, Opcode

from livestream.arrivals import Arrival
from livestream.gateway.audience import Audience
from livestream.gateway.door import Admission, HandshakeRequest, HttpReply, refusal
from livestream.gateway.frames import text_frame
from livestream.gateway.groups import Group
from livestream.gateway.lanes import Lane
from livestream.gateway.limits import AudienceLimits
from livestream.gateway.viewer import Viewer

SECONDS_MAX = 5.0
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = (
    "Host: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n"
)


def request_bytes(path: str = "/live/room", headers: str = UPGRADE) -> bytes:
    return f"GET {path} HTTP/1.1\r\n{headers}\r\n".encode()


def masked(
    payload: bytes, opcode: Opcode = Opcode.TEXT, fin: bool = True, rsv1: bool = False
) -> bytes:
    """A client's frame. Nothing about it is checked."""
    head = bytes((fin << 7 | rsv1 << 6 | opcode,))
    size = len(payload)
    if size < 126:
        head += bytes((0x80 | size,))
    elif size < 65_536:
        head += b"\xfe" + size.to_bytes(2)
    else:
        head += b"\xff" + size.to_bytes(8)
    mask = b"\x01\x02\x03\x04"
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def deflated(payload: bytes) -> bytes:
    """What a client that deflates puts into a frame."""
    deflater = zlib.compressobj(wbits=-15)
    return (deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]


def close_payload(code: int, reason: str = "") -> bytes:
    return Close(code, reason).serialize()


async def eventually(condition: Callable[[], object], seconds_max: float = SECONDS_MAX) -> None:
    """Wait until something holds, as it must soon."""
    async with asyncio.timeout(seconds_max):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.005)


class House:
    """An audience on a port of its own. Its door writes down all it is told."""

    def __init__(self, **limits: Any) -> None:
        self.heard_messages: list[tuple[str, bytes]] = []
        self.left_codes: list[tuple[str, int]] = []
        self.requests: list[HandshakeRequest] = []
        self.viewers: dict[str, Viewer] = {}
        self.refuse: HttpReply | None = None
        self.welcome: Callable[[Viewer], None] = lambda viewer: None
        self.on_message: Callable[[Viewer, bytes], None] = lambda viewer, payload: None
        self.on_left: Callable[[Viewer, int], None] = lambda viewer, code: None
        self.promised: asyncio.Future[HttpReply] = asyncio.get_running_loop().create_future()
        self.broadcast_times: list[tuple[Lane, float, int]] = []
        loop = asyncio.get_running_loop()
        limits.setdefault("sweep_ms", 20)
        self.audience = Audience(
            loop, self, AudienceLimits(**limits), lambda *done: self.broadcast_times.append(done)
        )
        self.group: Group = self.audience.group("room")
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = listener.getsockname()[1]
        self.audience.listen(listener)

    @property
    def stats(self) -> Any:
        return self.audience.stats

    def messages_of(self, viewer_id: str) -> list[bytes]:
        return [payload for viewer, payload in self.heard_messages if viewer == viewer_id]

    def say(
        self, payload: bytes, lane: Lane = Lane.COMMERCE, arrival: Arrival | None = None
    ) -> None:
        self.audience.broadcast(self.group, text_frame(payload), lane, arrival)

    async def said(self) -> None:
        """Every broadcast has been written."""
        await eventually(lambda: not self.audience.broadcasts_pending)

    # The door.

    def answer(self, request: HandshakeRequest) -> HttpReply | asyncio.Future[HttpReply]:
        self.requests.append(request)
        if request.path == "/livez":
            return HttpReply(200, b"alive\n")
        if request.path == "/slow":
            return self.promised
        if request.path == "/large":
            return HttpReply(200, b"x" * 300_000)
        return HttpReply(404, b"no such page\n")

    def admit(self, request: HandshakeRequest) -> Admission | HttpReply:
        self.requests.append(request)
        if self.refuse is not None:
            return self.refuse
        if not request.path.startswith("/live/"):
            return refusal(404, "no such room")
        name = request.query.partition("name=")[2] or f"viewer-{len(self.viewers) + 1}"
        return Admission(self.group, name, "wechat", state=self)

    def joined(self, viewer: Viewer) -> None:
        self.viewers[viewer.id] = viewer
        self.welcome(viewer)

    def heard(self, viewer: Viewer, payload: bytes) -> None:
        self.heard_messages.append((viewer.id, payload))
        self.on_message(viewer, payload)

    def left(self, viewer: Viewer, code: int) -> None:
        self.left_codes.append((viewer.id, code))
        self.on_left(viewer, code)


class HasPort(Protocol):
    """What a peer connects to."""

    port: int


class Peer:
    """A client that sends the bytes it is given and understands frames, no more."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._received = b""
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def connect(
        cls, house: HasPort, receive_buffer_bytes: int | None = None, source: str | None = None
    ) -> Self:
        sock = socket.socket()
        if source is not None:
            sock.bind((source, 0))
        if receive_buffer_bytes is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", house.port))
        except OSError:
            sock.close()
            raise
        return cls(sock)

    @classmethod
    async def join(
        cls,
        house: HasPort,
        name: str = "",
        receive_buffer_bytes: int | None = None,
        offers: str | None = None,
    ) -> Self:
        """A peer who is a viewer. `offers`: the extensions it asks for, which must be accepted."""
        peer = await cls.connect(house, receive_buffer_bytes)
        headers = UPGRADE + (f"Sec-WebSocket-Extensions: {offers}\r\n" if offers else "")
        await peer.send(request_bytes(f"/live/room?name={name}" if name else "/live/room", headers))
        status, answered = await peer.response()
        assert status == 101
        assert ("Sec-WebSocket-Extensions" in answered) == bool(offers)
        return peer

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.sock.close()

    async def send(self, data: bytes) -> None:
        async with asyncio.timeout(SECONDS_MAX):
            await self._loop.sock_sendall(self.sock, data)

    async def say(self, payload: bytes) -> None:
        await self.send(masked(payload))

    async def response(self) -> tuple[int, dict[str, str]]:
        """Status and headers of an HTTP answer; what follows stays to be read."""
        while b"\r\n\r\n" not in self._received:
            assert await self._more(), f"hung up after {self._received!r}"
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        status_line, *lines = head.decode().split("\r\n")
        pairs = (line.partition(": ") for line in lines)
        return int(status_line.split(" ")[1]), {name: value for name, _, value in pairs}

    async def rest(self) -> bytes:
        """All that comes until the other end hangs up."""
        while await self._more():
            pass
        return self._received

    async def frame(self) -> tuple[int, bytes]:
        """The opcode and the payload of the next frame, which is not deflated."""
        first, payload = await self.raw_frame()
        assert first & 0xF0 == 0x80, "the server sends whole frames"
        return first & 0x0F, payload

    async def raw_frame(self) -> tuple[int, bytes]:
        """The first byte and the payload of the next frame as they came."""
        head = await self._exactly(2)
        assert not head[1] & 0x80, "the server does not mask"
        size = head[1]
        if size == 126:
            size = int.from_bytes(await self._exactly(2))
        elif size == 127:
            size = int.from_bytes(await self._exactly(8))
        return head[0], await self._exactly(size)

    async def message(self, window_bits: int = 15) -> tuple[bool, bytes]:
        """Whether the next message came deflated, and what it says."""
        first, payload = await self.raw_frame()
        if first & 0xF0 == 0x80:
            return False, payload
        assert first & 0xF0 == 0xC0
        inflater = zlib.decompressobj(-window_bits)
        return True, inflater.decompress(payload + b"\x00\x00\xff\xff")

    async def text(self) -> bytes:
        opcode, payload = await self.frame()
        assert opcode == Opcode.TEXT, (opcode, payload)
        return payload

    async def closing(self) -> tuple[int, str]:
        """The code and reason of the close frame, which must be the last thing before the end."""
        opcode, payload = await self.frame()
        while opcode == Opcode.TEXT:
            opcode, payload = await self.frame()
        assert opcode == Opcode.CLOSE, (opcode, payload)
        assert await self.rest() == b""
        close = Close.parse(payload)
        return int(close.code), close.reason

    async def _exactly(self, size: int) -> bytes:
        while len(self._received) < size:
            assert await self._more(), f"hung up after {self._received!r}"
        data, self._received = self._received[:size], self._received[size:]
        return data

    async def _more(self) -> bool:
        async with asyncio.timeout(SECONDS_MAX):
            data = await self._loop.sock_recv(self.sock, 65_536)
        self._received += data
        return bool(data)
