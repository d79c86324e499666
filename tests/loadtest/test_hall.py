# ruff: noqa: E402 - gevent is asked for first
"""The crowd's sockets against a server that sends what it likes, in the pieces it likes."""

import json
import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha1
from types import SimpleNamespace
from typing import Any

import pytest

gevent = pytest.importorskip("gevent", reason="locust is not here: make load")

from loadtest import frames
from loadtest import hall as hall_module
from loadtest.chunks import Chunk, Chunks
from loadtest.figures import Figures, ServerClock
from loadtest.hall import Hall, Seat

Script = Callable[[socket.socket, bytes], None]


def framed(message: dict[str, Any]) -> bytes:
    payload = json.dumps(message).encode()
    assert len(payload) < 126
    return bytes((0x81, len(payload))) + payload


def upgraded(request: bytes) -> bytes:
    key = request.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
    accept = b64encode(sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    return b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"


WELCOME = framed({"type": "welcome", "seq": 1})
CARD = framed({"type": "card.pinned", "seq": 2, "at_ms": 5, "card_id": None})
CHAT = framed({"type": "chat", "messages": [], "skipped": 0})


@contextmanager
def serving(script: Script) -> Iterator[tuple[str, int]]:
    """Each connection gets `script(connection, request)` in a thread, and is then closed."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):  # the crowd hangs up without a word
            script(connection, connection.recv(4096))
            connection.settimeout(5)
            connection.recv(1)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


class Guests:
    """A party that writes down what happens to it."""

    source = "127.9.9.9"

    def __init__(self, peer: tuple[str, int]) -> None:
        self.peer = peer
        self.entries = 0
        self.kinds: list[str] = []
        self.private: list[str] = []
        self.losses: list[tuple[int, bool]] = []
        self.hall: Hall | None = None

    def request(self, seat: Seat) -> bytes:
        return frames.upgrade_request("here", "/live/room", seat.rest)

    def entered(self, seat: Seat, welcome: dict[str, Any]) -> None:
        self.entries += 1

    def heard(self, seat: Seat, chunk: Chunk) -> None:
        self.kinds += [heard.kind for heard in chunk.heard]

    def told(self, seat: Seat, frame: dict[str, Any], size: int) -> None:
        self.private.append(frame["type"])

    def lost(self, seat: Seat, code: int, was_here: bool, age_ms: float) -> bool:
        self.losses.append((code, was_here))
        if self.hall is not None:
            gevent.spawn_later(0.01, self.hall.enter, seat)
        return self.hall is not None


@contextmanager
def crowded(script: Script, seats: int = 1) -> Iterator[tuple[Hall, Guests, Figures]]:
    unheard: Any = SimpleNamespace(events=SimpleNamespace(request=SimpleNamespace(fire=None)))
    figures = Figures(unheard)
    chunks = Chunks(figures, ServerClock())
    with serving(script) as peer:
        hall, guests = Hall(chunks), Guests(peer)
        try:
            for number in range(seats):
                hall.enter(Seat(guests, number, timed=False))
            yield hall, guests, figures
            chunks.count()
        finally:
            hall.close()


def until(true: Callable[[], bool]) -> None:
    with gevent.Timeout(5):
        while not true():
            gevent.sleep(0.005)


def test_all_come_in_and_all_hear_what_is_said_to_all() -> None:
    def script(connection: socket.socket, request: bytes) -> None:
        connection.sendall(upgraded(request) + WELCOME)
        connection.sendall(CARD + CHAT)

    with crowded(script, seats=30) as (hall, guests, figures):
        until(lambda: len(guests.kinds) == 60)
        assert (hall.here, guests.entries) == (30, 30)
    assert figures.frames == {"private": 30, "commerce": 30, "chat": 30}, "each is counted"


def test_a_frame_may_come_in_pieces_and_so_may_the_handshake() -> None:
    def script(connection: socket.socket, request: bytes) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        whole = upgraded(request) + WELCOME + CARD + framed({"type": "reply", "to": "1"})
        for at in range(0, len(whole), 17):
            connection.sendall(whole[at : at + 17])
            threading.Event().wait(0.002)

    with crowded(script) as (_, guests, _):
        until(lambda: guests.private == ["reply"])
        assert guests.kinds == ["card.pinned"]


def test_a_refusal_sends_the_viewer_round_again() -> None:
    turns = iter((b"HTTP/1.1 503 Service Unavailable\r\n\r\n",))

    def script(connection: socket.socket, request: bytes) -> None:
        connection.sendall(next(turns, b"") or upgraded(request) + WELCOME)

    with crowded(script) as (hall, guests, _):
        guests.hall = hall
        until(lambda: hall.here == 1)
        assert guests.losses == [(1006, False)]


def test_a_close_is_told_with_its_code() -> None:
    def script(connection: socket.socket, request: bytes) -> None:
        connection.sendall(upgraded(request) + WELCOME + b"\x88\x02" + (1012).to_bytes(2))

    with crowded(script) as (hall, guests, _):
        until(lambda: guests.losses == [(1012, True)])
        assert hall.here == 0


def test_a_connection_that_the_server_gave_up_unheard_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In repair mode a socket is closed without a packet (tcp(7), CAP_NET_ADMIN): as if the reset
    had been lost on its way.
    """
    repair = 19
    with socket.socket() as tried:
        try:
            tried.setsockopt(socket.IPPROTO_TCP, repair, 1)
        except PermissionError:
            pytest.skip("only an administrator can give a connection up unheard")
    quick = {socket.TCP_KEEPIDLE: 1, socket.TCP_KEEPINTVL: 1}
    keepalive = [
        (level, option, quick.get(option, value)) for level, option, value in hall_module._KEEPALIVE
    ]
    monkeypatch.setattr(hall_module, "_KEEPALIVE", keepalive)

    def script(connection: socket.socket, request: bytes) -> None:
        connection.sendall(upgraded(request) + WELCOME)
        threading.Event().wait(0.2)  # until the welcome was acknowledged
        connection.setsockopt(socket.IPPROTO_TCP, repair, 1)
        connection.close()

    with crowded(script) as (hall, guests, _):
        until(lambda: hall.here == 1)
        until(lambda: guests.losses == [(1006, True)])
        assert hall.here == 0


def test_who_says_something_says_it_masked() -> None:
    said: list[bytes] = []

    def script(connection: socket.socket, request: bytes) -> None:
        connection.sendall(upgraded(request) + WELCOME)
        said.append(connection.recv(100))

    with crowded(script) as (hall, guests, _):
        until(lambda: hall.here == 1)
        (seat,) = hall._seats.values()
        assert hall.say(seat, b"hello")
        until(lambda: bool(said))
    assert said == [b"\x81\x85\x00\x00\x00\x00hello"]
    assert guests.private == []
