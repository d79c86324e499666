"""The servers that the fan-out benchmark compares, each in a process of its own.

Owns how each library is set up at its leanest: no compression, no pings, no logging, uvloop.
Refuses to measure anything but its own process: CPU time and memory.
"""

from __future__ import annotations

import asyncio
import gc
import os
import select
import socket
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from typing import Any, Protocol

from loadtest.bench import fanout_programs

TICKET_KEY = "a benchmark's key, of thirty-two bytes"
#: asyncio and uvloop would listen again with 100, and a SYN too many costs its client a second.
_BACKLOG = 4_096
#: The servers take turns, and every byte is counted: nobody is pinged while the others have theirs.
PING_IDLE_MS = 24 * 3_600_000
LIBRARIES = ("websockets", "aiohttp", "picows")


class Server(Protocol):
    async def start(self, sock: socket.socket) -> None: ...

    async def broadcast(self, payload: bytes) -> None:
        """Return when every write has been made."""

    def viewers(self) -> int: ...


def run(control: Connection, kind: str, cores: set[int]) -> None:
    """Serve one kind until told to stop; the first thing said is the port."""
    os.sched_setaffinity(0, cores)
    sock = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
    if kind == "floor":
        Floor(sock).serve(control)
        return
    if kind in fanout_programs.PROGRAMS:
        fanout_programs.serve(control, kind, sock)
        return
    import uvloop

    makers: dict[str, Callable[[], Server]] = {
        "ours": Ours,
        "ours+ticket": lambda: Ours(ticket=True),
        "ours+instruments": _measured,
        "websockets": Websockets,
        "aiohttp": Aiohttp,
        "picows": Picows,
    }
    uvloop.run(_serve(makers[kind](), sock, control))


def _measured() -> Server:
    # Here, for it brings all of a gateway with it, which the others need not carry.
    from loadtest.bench.fanout_measured import Measured

    return Measured()


async def _serve(server: Server, sock: socket.socket, control: Connection) -> None:
    port = sock.getsockname()[1]
    await server.start(sock)
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    commands: asyncio.Queue[Any] = asyncio.Queue()

    def readable() -> None:
        try:
            commands.put_nowait(control.recv())
        except EOFError:
            stopped.set()
            commands.put_nowait(("stop",))

    loop.add_reader(control.fileno(), readable)
    control.send(port)
    while True:
        command = await commands.get()
        if command[0] == "stop":
            return
        control.send(await _obey(command, server.broadcast, server.viewers))


async def _obey(
    command: tuple[Any, ...],
    broadcast: Callable[[bytes], Awaitable[None]],
    viewers: Callable[[], int],
) -> Any:
    """Answer ("broadcast", payload) with ns of CPU and by the clock, ("cpu",) with CPU ns,
    ("memory",) with bytes.
    """
    if command[0] == "broadcast":
        before, began = time.process_time_ns(), time.perf_counter_ns()
        await broadcast(command[1])
        return time.process_time_ns() - before, time.perf_counter_ns() - began
    if command[0] == "viewers":
        return viewers()
    return _measure(command[0])


def _measure(what: str) -> int:
    if what == "cpu":
        return time.process_time_ns()
    gc.collect()
    return fanout_programs.resident_bytes("self")


class Floor:
    """No server at all: raw descriptors and an `os.write` loop."""

    def __init__(self, sock: socket.socket) -> None:
        self._listener = sock
        self._fds: list[int] = []

    def serve(self, control: Connection) -> None:
        epoll = select.epoll()
        epoll.register(self._listener.fileno(), select.EPOLLIN)
        epoll.register(control.fileno(), select.EPOLLIN)
        self._listener.setblocking(False)
        self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        control.send(self._listener.getsockname()[1])
        while True:
            for fd, _ in epoll.poll():
                if fd == control.fileno():
                    command = control.recv()
                    if command[0] == "stop":
                        return
                    control.send(self._obey(command))
                elif fd == self._listener.fileno():
                    self._accept(epoll)
                else:
                    self._read(fd)

    def _obey(self, command: tuple[Any, ...]) -> Any:
        if command[0] == "viewers":
            return len(self._fds)
        if command[0] != "broadcast":
            return _measure(command[0])
        from websockets.frames import TEXT, Frame

        frame = Frame(TEXT, command[1]).serialize(mask=False)
        fds = self._fds
        before, began = time.process_time_ns(), time.perf_counter_ns()
        write = os.write
        for fd in fds:
            write(fd, frame)
        return time.process_time_ns() - before, time.perf_counter_ns() - began

    def _accept(self, epoll: select.epoll) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                return
            connection.setblocking(False)
            fd = connection.detach()
            self._fds.append(fd)
            epoll.register(fd, select.EPOLLIN)

    def _read(self, fd: int) -> None:
        if os.read(fd, 8192):
            os.write(fd, b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        else:
            self._fds.remove(fd)
            os.close(fd)


class Ours:
    """The audience on raw descriptors, with the simplest owner."""

    def __init__(self, ticket: bool = False) -> None:
        self._ticket = ticket
        self._joined = 0

    async def start(self, sock: socket.socket) -> None:
        from livestream.gateway.audience import Audience
        from livestream.gateway.doorkeeper import parse_query
        from livestream.gateway.frames import text_frame
        from livestream.gateway.lanes import Lane
        from livestream.gateway.limits import AudienceLimits
        from livestream.tickets import Ticket, read_ticket

        self._parse_query, self._read_ticket, self._good = parse_query, read_ticket, Ticket
        self._frame = text_frame
        self._lane = Lane.COMMERCE
        # One who asks without a pause is no flooder here (`slices`).
        limits = AudienceLimits(
            ping_idle_ms=PING_IDLE_MS, frames_per_s=100_000, frames_burst=100_000
        )
        self._audience = Audience(asyncio.get_running_loop(), self, limits)
        self._group = self._audience.group("bench")
        self._audience.listen(sock)

    async def broadcast(self, payload: bytes) -> None:
        self._audience.broadcast(self._group, self._frame(payload), self._lane)
        while self._audience.broadcasts_pending:  # noqa: ASYNC110 - the next slice is what we wait for
            await asyncio.sleep(0)

    def viewers(self) -> int:
        return len(self._audience)

    def answer(self, request: Any) -> Any:
        from livestream.gateway.door import HttpReply

        return HttpReply(404)

    def admit(self, request: Any) -> Any:
        from livestream.gateway.door import Admission

        if self._ticket:
            token = self._parse_query(request.query)["ticket"]
            ticket = self._read_ticket(TICKET_KEY, token, "bench", time.time_ns() // 1_000_000)
            assert isinstance(ticket, self._good), ticket
        self._joined += 1
        return Admission(self._group, f"viewer-{self._joined}", "wechat")

    def joined(self, viewer: Any) -> None: ...

    def heard(self, viewer: Any, payload: bytes) -> None:
        self._audience.send(viewer, self._frame(payload))

    def left(self, viewer: Any, code: int) -> None: ...


class Websockets:
    async def start(self, sock: socket.socket) -> None:
        import logging

        from websockets.asyncio.server import ServerConnection, broadcast, serve
        from websockets.typing import Subprotocol

        quiet = logging.getLogger("bench.websockets")
        quiet.setLevel(logging.CRITICAL)
        self._connections: set[Any] = set()
        self._broadcast = broadcast

        async def handler(connection: ServerConnection) -> None:
            self._connections.add(connection)
            try:
                await connection.wait_closed()
            finally:
                self._connections.discard(connection)

        await serve(
            handler,
            sock=sock,
            backlog=_BACKLOG,
            compression=None,
            ping_interval=None,
            logger=quiet,
            subprotocols=[Subprotocol("livestream.v1")],
        )

    async def broadcast(self, payload: bytes) -> None:
        self._broadcast(self._connections, payload.decode())

    def viewers(self) -> int:
        return len(self._connections)


class Aiohttp:
    async def start(self, sock: socket.socket) -> None:
        from aiohttp import web

        self._sockets: set[Any] = set()

        async def handler(request: web.Request) -> web.WebSocketResponse:
            ws = web.WebSocketResponse(compress=False, protocols=("livestream.v1",))
            await ws.prepare(request)
            self._sockets.add(ws)
            try:
                async for _ in ws:
                    pass
            finally:
                self._sockets.discard(ws)
            return ws

        app = web.Application()
        app.router.add_get("/live/{room}", handler)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.SockSite(runner, sock, backlog=_BACKLOG).start()

    async def broadcast(self, payload: bytes) -> None:
        text = payload.decode()
        for ws in self._sockets:
            await ws.send_str(text)

    def viewers(self) -> int:
        return len(self._sockets)


class Picows:
    async def start(self, sock: socket.socket) -> None:
        import picows

        self._transports: set[Any] = set()
        transports = self._transports

        class Listener(picows.WSListener):
            def on_ws_connected(self, transport: Any) -> None:
                transports.add(transport)

            def on_ws_disconnected(self, transport: Any) -> None:
                transports.discard(transport)

        self._text = picows.WSMsgType.TEXT
        self._server = await picows.ws_create_server(
            lambda _: Listener(), sock=sock, backlog=_BACKLOG, enable_auto_ping=False
        )

    async def broadcast(self, payload: bytes) -> None:
        for transport in self._transports:
            transport.send(self._text, payload)

    def viewers(self) -> int:
        return len(self._transports)
